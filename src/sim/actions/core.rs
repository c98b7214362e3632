//! Actions about the PBX as a whole: state, settings, modules, commands of the CLI, user events.

use super::{Execution, Outcome};
use crate::policy::class::Classes;
use crate::sim::clock::{Moment, TimeOfDay};

const VERSION: &str = "22.10.1";

/// Modules that are loaded.
const MODULES: [&str; 6] = [
    "app_queue.so",
    "app_dial.so",
    "cdr_manager.so",
    "cel_manager.so",
    "chan_pjsip.so",
    "pbx_config.so",
];

/// Whether a module of that name, with or without `.so`, is loaded.
pub(super) fn is_loaded(module: &[u8]) -> bool {
    MODULES.iter().any(|known| {
        let bare = known.strip_suffix(".so").unwrap_or(known);
        module == known.as_bytes() || module == bare.as_bytes()
    })
}

pub(super) fn core_status(execution: &mut Execution<'_>) -> Outcome {
    let world = &*execution.world;
    let (start, reload) = (
        world.moment_of(world.started),
        world.moment_of(world.last_reload),
    );
    let (calls, processed) = (world.calls.len(), world.processed_calls);
    let response = execution
        .reply
        .bare()
        .header("Response", "Success")
        .action_id_in(150);
    let response = response
        .show("CoreStartupDate", start.date())
        .show("CoreStartupTime", start.time())
        .show("CoreReloadDate", reload.date())
        .show("CoreReloadTime", reload.time());
    response
        .show("CoreCurrentCalls", calls)
        .show("CoreProcessedCalls", processed)
        .end();
    Outcome::Done
}

pub(super) fn core_settings(execution: &mut Execution<'_>) -> Outcome {
    let version = execution.world.options.ami_version;
    let mut response = execution
        .reply
        .bare()
        .header("Response", "Success")
        .action_id_in(150);
    let settings = [
        ("AMIversion", version),
        ("AsteriskVersion", VERSION),
        ("SystemName", ""),
        ("CoreMaxCalls", "20000"),
        ("CoreMaxLoadAvg", "0.000000"),
        ("CoreRunUser", ""),
        ("CoreRunGroup", ""),
        ("CoreMaxFilehandles", "0"),
        ("CoreRealTimeEnabled", "No"),
        ("CoreCDRenabled", "Yes"),
        ("CoreHTTPenabled", "Yes"),
        ("SoundsSearchCustomDir", "No"),
    ];
    for (name, value) in settings {
        response = response.header(name, value);
    }
    response.end();
    Outcome::Done
}

pub(super) fn module_check(execution: &mut Execution<'_>) -> Outcome {
    if is_loaded(execution.get("Module")) {
        execution
            .reply
            .response("Success")
            .header("Version", "")
            .end();
    } else {
        execution.reply.error("Module not loaded");
    }
    Outcome::Done
}

pub(super) fn reload(execution: &mut Execution<'_>) -> Outcome {
    let module = execution.get("Module").to_vec();
    if !module.is_empty() && !is_loaded(&module) {
        execution.reply.error("No such module");
        return Outcome::Done;
    }
    execution.reply.success("Module Reloaded");
    let world = &mut *execution.world;
    world.last_reload = world.now;
    let module = if module.is_empty() {
        b"All".to_vec()
    } else {
        module
    };
    let event = world.outbox.event("Reload", Classes::SYSTEM);
    event.header("Module", module).header("Status", "0").end();
    Outcome::Done
}

/// Repeats every header but `Action` and `UserEvent`, in order and as written.
pub(super) fn user_event(execution: &mut Execution<'_>) -> Outcome {
    execution.reply.success("Event Sent");
    let name = execution.message.get("UserEvent").to_vec();
    let event = execution.world.outbox.event("UserEvent", Classes::USER);
    let mut event = event.header("UserEvent", name);
    for line in &execution.message.lines {
        let begins = |text: &str| {
            let head = line.get(..text.len());
            head.is_some_and(|head| head.eq_ignore_ascii_case(text.as_bytes()))
        };
        if !begins("UserEvent:") && !begins("Action:") {
            event = event.raw(line).raw(b"\r\n");
        }
    }
    event.end();
    Outcome::Done
}

pub(super) fn command(execution: &mut Execution<'_>) -> Outcome {
    let command = execution.get("Command");
    if command.is_empty() {
        execution.reply.error("No command provided");
        return Outcome::Done;
    }
    if is_blacklisted(command) {
        execution.reply.error("Command blacklisted");
        return Outcome::Done;
    }
    let command = String::from_utf8_lossy(command).into_owned();
    let words: Vec<&str> = command.split_whitespace().collect();
    let output = match words.as_slice() {
        ["core", "show", "channels"] => Some(show_channels(execution)),
        ["core", "show", "version"] => {
            let built = Moment(std::time::Duration::from_secs(
                execution.world.options.epoch_seconds,
            ));
            Some(vec![format!(
                "Asterisk {VERSION} (simulated) on {}",
                built.date_time()
            )])
        }
        ["core", "show", "uptime"] => {
            let since = |from| execution.world.now.saturating_sub(from).as_secs();
            Some(vec![
                format!("System uptime: {} seconds", since(execution.world.started)),
                format!(
                    "Last reload: {} seconds",
                    since(execution.world.last_reload)
                ),
            ])
        }
        _ => None,
    };
    let kind = if output.is_some() { "Success" } else { "Error" };
    let output = output.unwrap_or_else(|| {
        let help = words.get(..2).unwrap_or(&words).join(" ");
        let hint = format!("(type 'core show help {help}' for other possible commands)");
        vec![format!("No such command '{command}' {hint}")]
    });
    let mut response = execution
        .reply
        .response(kind)
        .header("Message", "Command output follows");
    for line in output {
        response = response.header("Output", line);
    }
    response.end();
    Outcome::Done
}

/// The first two words, split at the space character only.
fn is_blacklisted(command: &[u8]) -> bool {
    let mut words = command
        .split(|byte| *byte == b' ')
        .filter(|word| !word.is_empty());
    let (one, two) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    [
        ("module", "load"),
        ("module", "unload"),
        ("restart", "gracefully"),
    ]
    .iter()
    .any(|(first, second)| {
        one.eq_ignore_ascii_case(first.as_bytes()) && two.eq_ignore_ascii_case(second.as_bytes())
    })
}

fn show_channels(execution: &Execution<'_>) -> Vec<String> {
    let world = &*execution.world;
    let row = |channel: &str, location: &str, state: &str, application: &str| {
        format!("{channel:<64} {location:<32} {state:<7} {application:<30}")
    };
    let mut lines = vec![row("Channel", "Location", "State", "Application(Data)")];
    for channel in world.channels.values() {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let location = format!(
            "{}@{}:{}",
            text(&channel.extension),
            text(&channel.context),
            channel.priority
        );
        let application = format!(
            "{}({})",
            text(&channel.application),
            text(&channel.application_data)
        );
        lines.push(row(
            &text(&channel.name),
            &location,
            channel.state.texts().1,
            &application,
        ));
    }
    lines.push(format!("{} active channels", world.channels.len()));
    lines.push(format!("{} active calls", world.calls.len()));
    lines.push(format!("{} calls processed", world.processed_calls));
    lines
}

/// `00:00:02`, the age of something made at `created`.
pub(super) fn age(execution: &Execution<'_>, created: std::time::Duration) -> TimeOfDay {
    TimeOfDay(execution.world.now.saturating_sub(created).as_secs())
}
