//! Lists of channels, bridges and devices, and the state of single extensions and mailboxes.

use super::channels::{is_dangerous, read_variable};
use super::core::age;
use super::{Execution, Outcome};
use crate::policy::class::Classes;
use crate::sim::originate::split_arguments;

pub(super) fn core_show_channels(execution: &mut Execution<'_>) -> Outcome {
    let channels: Vec<_> = execution.world.channels.values().cloned().collect();
    execution.reply.list_start("Channels will follow");
    for channel in &channels {
        let duration = age(execution, channel.created);
        let item = execution.reply.item("CoreShowChannel").action_id_in(256);
        let item = item
            .channel("", channel)
            .header("Application", &channel.application)
            .header("ApplicationData", &channel.application_data);
        item.show("Duration", duration)
            .header("BridgeId", &channel.bridge)
            .end();
    }
    let end = execution
        .reply
        .list_end("CoreShowChannelsComplete", channels.len());
    end.end();
    Outcome::Done
}

pub(super) fn status(execution: &mut Execution<'_>) -> Outcome {
    let name = execution.get("Channel").to_vec();
    let variables = execution.get("Variables").to_vec();
    if !execution.session.write.contains_any(Classes::SYSTEM) && is_dangerous(&variables) {
        execution.reply.error("Status Access Forbidden: Variables");
        return Outcome::Done;
    }
    let keys: Vec<u64> = if name.is_empty() {
        execution.world.channels.keys().copied().collect()
    } else if let Some(key) = execution.world.find_channel(&name) {
        vec![key]
    } else {
        execution.reply.error("No such channel");
        return Outcome::Done;
    };
    let variables = if variables.is_empty() {
        Vec::new()
    } else {
        split_arguments(&variables)
    };
    execution.reply.list_start("Channel status will follow");
    for key in &keys {
        status_item(execution, *key, &variables);
    }
    let end = execution.reply.list_end("StatusComplete", keys.len());
    end.show("Items", keys.len()).end();
    Outcome::Done
}

fn status_item(execution: &mut Execution<'_>, key: u64, variables: &[Vec<u8>]) {
    let Some(channel) = execution.world.channels.get(&key) else {
        return;
    };
    let technology = channel.name.split(|byte| *byte == b'/').next();
    let seconds = execution
        .world
        .now
        .saturating_sub(channel.created)
        .as_secs();
    let item = execution.reply.item("Status").header("Privilege", "Call");
    let mut item = item
        .channel("", channel)
        .header("Type", technology.unwrap_or_default())
        .header("DNID", "")
        .header("EffectiveConnectedLineNum", &channel.connected_number)
        .header("EffectiveConnectedLineName", &channel.connected_name)
        .header("TimeToHangup", "0")
        .header("BridgeID", &channel.bridge)
        .header("Application", &channel.application)
        .header("Data", &channel.application_data)
        .header("Nativeformats", "(ulaw)")
        .header("Readformat", "ulaw")
        .header("Readtrans", "")
        .header("Writeformat", "ulaw")
        .header("Writetrans", "")
        .header("Callgroup", "0")
        .header("Pickupgroup", "0")
        .show("Seconds", seconds);
    for name in variables {
        let value = read_variable(execution.world, key, name);
        item = item.header("Variable", [name, &b"="[..], &value].concat());
    }
    item.action_id_in(256).end();
}

pub(super) fn bridge_list(execution: &mut Execution<'_>) -> Outcome {
    let bridges = &execution.world.bridges;
    execution.reply.list_start("Bridge listing will follow");
    for bridge in bridges.values() {
        let item = execution.reply.item("BridgeListItem").action_id();
        item.bridge(bridge).end();
    }
    execution
        .reply
        .list_end("BridgeListComplete", bridges.len())
        .end();
    Outcome::Done
}

pub(super) fn device_state_list(execution: &mut Execution<'_>) -> Outcome {
    let devices = &execution.world.devices;
    execution
        .reply
        .list_start("Device State Changes will follow");
    for (device, state) in devices {
        let item = execution.reply.item("DeviceStateChange").action_id();
        item.header("Device", device).header("State", state).end();
    }
    execution
        .reply
        .list_end("DeviceStateListComplete", devices.len())
        .end();
    Outcome::Done
}

/// Extensions 2001 and so on of the context `internal` have the device of the same number as their hint.
pub(super) fn extension_state(execution: &mut Execution<'_>) -> Outcome {
    let (extension, context) = (
        execution.get("Exten").to_vec(),
        execution.get("Context").to_vec(),
    );
    if extension.is_empty() {
        execution.reply.error("Extension not specified");
        return Outcome::Done;
    }
    let context = if context.is_empty() {
        b"default".to_vec()
    } else {
        context
    };
    let device = [b"PJSIP/", &*extension].concat();
    let state = execution
        .world
        .devices
        .get(&device)
        .filter(|_| context == b"internal");
    let (hint, number, text) = match state {
        Some(&"INUSE") => (device, "1", "InUse"),
        Some(&"RINGING") => (device, "8", "Ringing"),
        Some(_) => (device, "0", "Idle"),
        None => (Vec::new(), "-1", "Unknown"),
    };
    let response = execution
        .reply
        .response("Success")
        .header("Message", "Extension Status");
    let response = response
        .header("Exten", extension)
        .header("Context", context);
    let response = response.header("Hint", hint).header("Status", number);
    response.header("StatusText", text).end();
    Outcome::Done
}

pub(super) fn mailbox_count(execution: &mut Execution<'_>) -> Outcome {
    let mailbox = execution.get("Mailbox").to_vec();
    if mailbox.is_empty() {
        execution.reply.error("Mailbox not specified");
        return Outcome::Done;
    }
    let new = u32::from(mailbox.starts_with(b"1001"));
    let response = execution
        .reply
        .response("Success")
        .header("Message", "Mailbox Message Count");
    let response = response
        .header("Mailbox", mailbox)
        .header("UrgMessages", "0");
    response
        .show("NewMessages", new)
        .header("OldMessages", "0")
        .end();
    Outcome::Done
}
