//! Actions on channels: variables, hangup and redirect.

use super::{Execution, Outcome};
use crate::policy::class::Classes;
use crate::sim::events::Extra;
use crate::sim::world::World;

/// Most global variables.
const GLOBALS_MAX: usize = 100_000;

/// Whether a session without `system` may not read this: it could run a program or evaluate anything.
pub(super) fn is_dangerous(variables: &[u8]) -> bool {
    [&b"SHELL"[..], b"EVAL"]
        .iter()
        .any(|word| memchr::memmem::find(variables, word).is_some())
}

/// The value of a variable of a channel, or of one of the few functions known.
pub(super) fn read_variable(world: &World, key: u64, name: &[u8]) -> Vec<u8> {
    let Some(channel) = world.channels.get(&key) else {
        return Vec::new();
    };
    match name {
        b"CHANNEL(state)" => channel.state.texts().1.as_bytes().to_vec(),
        b"CHANNEL(name)" | b"CHANNEL" => channel.name.clone(),
        b"CALLERID(num)" | b"CDR(src)" => channel.caller_number.clone(),
        b"UNIQUEID" => channel.unique_id.clone().into_bytes(),
        _ => channel.variable(name).to_vec(),
    }
}

pub(super) fn getvar(execution: &mut Execution<'_>) -> Outcome {
    let (channel, variable) = (execution.get("Channel"), execution.get("Variable").to_vec());
    if variable.is_empty() {
        execution.reply.error("No variable specified");
        return Outcome::Done;
    }
    if !execution.session.write.contains_any(Classes::SYSTEM) && is_dangerous(&variable) {
        execution.reply.error("GetVar Access Forbidden: Variable");
        return Outcome::Done;
    }
    let value = if channel.is_empty() {
        execution
            .world
            .globals
            .get(&variable)
            .cloned()
            .unwrap_or_default()
    } else if let Some(key) = execution.world.find_channel(channel) {
        read_variable(execution.world, key, &variable)
    } else {
        execution.reply.error("No such channel");
        return Outcome::Done;
    };
    let response = execution.reply.response("Success");
    response
        .header("Variable", variable)
        .header("Value", value)
        .end();
    Outcome::Done
}

pub(super) fn setvar(execution: &mut Execution<'_>) -> Outcome {
    let (variable, value) = (
        execution.get("Variable").to_vec(),
        execution.get("Value").to_vec(),
    );
    let channel = execution.get("Channel").to_vec();
    let world = &mut *execution.world;
    if variable.is_empty() {
        execution.reply.error("No variable specified");
    } else if channel.is_empty() {
        if world.globals.len() < GLOBALS_MAX {
            world.globals.insert(variable.clone(), value.clone());
        }
        let event = world.outbox.event("VarSet", Classes::DIALPLAN);
        let event = event.header("Channel", "none").header("Uniqueid", "none");
        event
            .header("Variable", variable)
            .header("Value", value)
            .end();
        execution.reply.success("Variable Set");
    } else if let Some(key) = world.find_channel(&channel) {
        world.set_variable(key, &variable, &value);
        execution.reply.success("Variable Set");
    } else {
        execution.reply.error("No such channel");
    }
    Outcome::Done
}

pub(super) fn hangup(execution: &mut Execution<'_>) -> Outcome {
    let channel = execution.get("Channel").to_vec();
    let cause = std::str::from_utf8(execution.get("Cause")).ok();
    let cause = cause.and_then(|text| text.parse().ok()).unwrap_or(16);
    if channel.is_empty() {
        execution.reply.error("No channel specified");
        return Outcome::Done;
    }
    if let Some(pattern) = channel.strip_prefix(b"/") {
        hangup_matching(execution, pattern, cause);
        return Outcome::Done;
    }
    let Some(key) = execution.world.find_channel(&channel) else {
        execution.reply.error("No such channel");
        return Outcome::Done;
    };
    execution.reply.success("Channel Hungup");
    hang_up_call(execution.world, key, cause);
    Outcome::Done
}

fn hang_up_call(world: &mut World, key: u64, cause: u32) {
    if let Some(call) = world.call_of(key) {
        world.end_call(call, cause);
    }
}

/// A pattern between slashes. Real ones are regular expressions; here only `^`, `.*` at the end and `$` mean
/// anything, and the rest is plain text.
fn hangup_matching(execution: &mut Execution<'_>, pattern: &[u8], cause: u32) {
    let pattern = pattern.strip_suffix(b"/").unwrap_or(pattern);
    let pattern = pattern.strip_suffix(b"$").unwrap_or(pattern);
    let pattern = pattern.strip_suffix(b".*").unwrap_or(pattern);
    let anchored = pattern.strip_prefix(b"^");
    let matches = |name: &[u8]| match anchored {
        Some(start) => name.starts_with(start),
        None => memchr::memmem::find(name, pattern).is_some(),
    };
    let channels = execution.world.channels.iter();
    let keys: Vec<u64> = channels
        .filter(|(_, channel)| matches(&channel.name))
        .map(|(key, _)| *key)
        .collect();
    execution.reply.list_start("Channels hung up will follow");
    for key in &keys {
        let channel = execution.world.channels.get(key);
        let name = channel.map_or(&[][..], |channel| &channel.name);
        let item = execution
            .reply
            .item("ChannelHungup")
            .header("Channel", name);
        item.action_id_in(256).end();
    }
    let end = execution
        .reply
        .list_end("ChannelsHungupListComplete", keys.len());
    end.end();
    for key in keys {
        hang_up_call(execution.world, key, cause);
    }
}

pub(super) fn redirect(execution: &mut Execution<'_>) -> Outcome {
    let channel = execution.get("Channel").to_vec();
    let (context, extension) = (
        execution.get("Context").to_vec(),
        execution.get("Exten").to_vec(),
    );
    let priority = std::str::from_utf8(execution.get("Priority")).ok();
    let Some(priority) = priority.and_then(|text| text.parse().ok()) else {
        execution.reply.error("Invalid priority");
        return Outcome::Done;
    };
    if channel.is_empty() {
        execution.reply.error("Channel not specified");
        return Outcome::Done;
    }
    let world = &mut *execution.world;
    let found = world.find_channel(&channel);
    let Some((key, moved)) = found.and_then(|key| Some((key, world.channels.get_mut(&key)?)))
    else {
        execution
            .reply
            .error([b"Channel does not exist: ", &*channel].concat());
        return Outcome::Done;
    };
    (moved.context, moved.priority) = (context, priority);
    moved.extension.clone_from(&extension);
    let extra: Extra<'_> = &[
        ("Extension", &extension),
        ("Application", b"Wait"),
        ("AppData", b"3600"),
    ];
    world.channel_event("Newexten", Classes::DIALPLAN, key, extra);
    execution.reply.success("Redirect successful");
    Outcome::Done
}
