//! Every action that the simulated PBX knows, in the order of `ListCommands`, with the classes of Asterisk 22.

use super::{Entry, channels, core, database, irregular, lists, originate, queues, session};
use crate::policy::class::Classes;

const NONE: Classes = Classes::NONE;
const AGENT: Classes = Classes::AGENT;
const CALL: Classes = Classes::CALL;
const SYSTEM: Classes = Classes::SYSTEM;
const CALL_REPORTING: Classes = CALL.union(Classes::REPORTING);
const SYSTEM_CALL: Classes = SYSTEM.union(CALL);
const SYSTEM_CONFIG: Classes = SYSTEM.union(Classes::CONFIG);
const SYSTEM_REPORTING: Classes = SYSTEM.union(Classes::REPORTING);

macro_rules! entry {
    ($name:literal, $classes:expr, $synopsis:literal, $run:path) => {
        Entry {
            name: $name,
            classes: $classes,
            synopsis: $synopsis,
            run: $run,
        }
    };
}

/// The table; names in alphabetical order, ignoring case.
pub(super) static ACTIONS: &[Entry] = &[
    entry!("BridgeList", NONE, "Bridges there are.", lists::bridge_list),
    entry!(
        "Challenge",
        NONE,
        "Number for an MD5 login.",
        session::challenge
    ),
    entry!(
        "Command",
        Classes::COMMAND,
        "Run a command of the CLI.",
        core::command
    ),
    entry!(
        "CoreSettings",
        SYSTEM_REPORTING,
        "Settings of the core.",
        core::core_settings
    ),
    entry!(
        "CoreShowChannelMap",
        SYSTEM_REPORTING,
        "Channels connected to one.",
        irregular::channel_map
    ),
    entry!(
        "CoreShowChannels",
        SYSTEM_REPORTING,
        "Channels there are.",
        lists::core_show_channels
    ),
    entry!(
        "CoreStatus",
        SYSTEM_REPORTING,
        "State of the core.",
        core::core_status
    ),
    entry!("DBDel", SYSTEM, "Delete a database entry.", database::del),
    entry!(
        "DBGet",
        SYSTEM_REPORTING,
        "Read a database entry.",
        database::get
    ),
    entry!(
        "DBGetTree",
        SYSTEM_REPORTING,
        "Read database entries under a name.",
        database::get_tree
    ),
    entry!("DBPut", SYSTEM, "Write a database entry.", database::put),
    entry!(
        "DeviceStateList",
        CALL_REPORTING,
        "States of the devices.",
        lists::device_state_list
    ),
    entry!("Events", NONE, "Which events are sent.", session::events),
    entry!(
        "ExtensionState",
        CALL_REPORTING,
        "State of an extension.",
        lists::extension_state
    ),
    entry!(
        "Getvar",
        CALL_REPORTING,
        "Value of a variable or function.",
        channels::getvar
    ),
    entry!(
        "Hangup",
        SYSTEM_CALL,
        "Hang a channel up.",
        channels::hangup
    ),
    entry!(
        "IAXnetstats",
        SYSTEM_REPORTING,
        "Network figures of IAX2.",
        irregular::iax_netstats
    ),
    entry!(
        "ListCommands",
        NONE,
        "Actions that may be run.",
        session::list_commands
    ),
    entry!("Login", NONE, "Log in.", session::login),
    entry!("Logoff", NONE, "Log off.", session::logoff),
    entry!(
        "MailboxCount",
        CALL_REPORTING,
        "Messages in a mailbox.",
        lists::mailbox_count
    ),
    entry!(
        "ModuleCheck",
        SYSTEM,
        "Whether a module is loaded.",
        core::module_check
    ),
    entry!(
        "ModuleLoad",
        SYSTEM,
        "Load, unload or reload a module.",
        irregular::module_load
    ),
    entry!(
        "Originate",
        Classes::ORIGINATE,
        "Call somebody.",
        originate::originate
    ),
    entry!("Ping", NONE, "Sign of life.", session::ping),
    entry!("QueueAdd", AGENT, "Add a member to a queue.", queues::add),
    entry!(
        "QueuePause",
        AGENT,
        "Pause a member of a queue.",
        queues::pause
    ),
    entry!(
        "QueueRemove",
        AGENT,
        "Remove a member from a queue.",
        queues::remove
    ),
    entry!(
        "QueueRule",
        NONE,
        "Rules of the queues.",
        irregular::queue_rule
    ),
    entry!(
        "QueueStatus",
        NONE,
        "Queues, members and callers.",
        queues::status
    ),
    entry!(
        "QueueSummary",
        NONE,
        "Figures of the queues.",
        queues::summary
    ),
    entry!(
        "Redirect",
        CALL,
        "Send a channel elsewhere.",
        channels::redirect
    ),
    entry!(
        "Reload",
        SYSTEM_CONFIG,
        "Reload a module or everything.",
        core::reload
    ),
    entry!(
        "Setvar",
        CALL,
        "Set a variable or function.",
        channels::setvar
    ),
    entry!(
        "Status",
        SYSTEM_CALL.union(Classes::REPORTING),
        "State of channels.",
        lists::status
    ),
    entry!(
        "UserEvent",
        Classes::USER,
        "Send an event of one's own.",
        core::user_event
    ),
    entry!("WaitEvent", NONE, "Wait for an event.", session::wait_event),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_order_and_each_once() {
        for pair in ACTIONS.windows(2) {
            let (one, two) = (
                pair[0].name.to_ascii_lowercase(),
                pair[1].name.to_ascii_lowercase(),
            );
            assert!(one < two, "{one} {two}");
        }
    }
}
