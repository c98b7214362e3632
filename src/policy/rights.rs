//! What narrows a user's rights below its classes, and how strictly what happens inside actions is looked at.

use super::action_filter::ActionFilters;
pub use super::forced_header::ForcedHeader;

/// How the arguments of actions are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Guards {
    /// As Asterisk judges them, with the ways around its judgement closed.
    #[default]
    Safe,
    /// Exactly as Asterisk judges them.
    Asterisk,
}

/// Which commands of Asterisk's command line the action `Command` may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CommandRules {
    /// Those that only show something, and those that the user's `allowcommand` lines name.
    #[default]
    Safe,
    /// Everything but Asterisk's own short black list.
    Asterisk,
}

/// What becomes of actions that Asterisk lets everybody run, without any class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OpenActions {
    /// Everybody runs them.
    #[default]
    Asterisk,
    /// Everybody runs those that only read.
    Safe,
    /// Nobody runs any but those of the session itself (Ping, Events, Logoff and the like).
    None,
}

/// Which actions of a user are written to the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Audit {
    /// None; refusals are in the ordinary log all the same.
    #[default]
    Off,
    /// Those that were refused.
    Refused,
    /// Those that were refused, and those that may change something.
    Writes,
    /// All of them.
    All,
}

/// What a user's section says of its rights besides the classes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rights {
    /// `guards`.
    pub guards: Guards,
    /// `commandrules`.
    pub command_rules: CommandRules,
    /// `openactions`.
    pub open_actions: OpenActions,
    /// `allowfile`: names of protected configuration files that the user may reach all the same, in lower case.
    pub allowed_files: Vec<String>,
    /// `allowcommand`: the words with which a command may begin besides the safe ones.
    pub allowed_commands: Vec<Vec<String>>,
    /// `actionfilter`.
    pub action_filters: ActionFilters,
    /// `setheader`, in the order of the configuration.
    pub forced_headers: Vec<ForcedHeader>,
}
