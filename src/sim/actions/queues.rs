//! Actions about queues: their state, and members that come, go and pause (`apps/app_queue.c`).

use super::{Execution, Outcome};
use crate::policy::class::Classes;
use crate::sim::channel::or_unknown;
use crate::sim::frame::Reply;
use crate::sim::queues::{Member, Queue};
use crate::sim::wire::is_true;
use crate::sim::world::World;

/// Most members of one queue.
const MEMBERS_MAX: usize = 10_000;

pub(super) fn status(execution: &mut Execution<'_>) -> Outcome {
    let (queue_filter, member_filter) = (
        execution.get("Queue").to_vec(),
        execution.get("Member").to_vec(),
    );
    let world = &*execution.world;
    let reply = &mut execution.reply;
    reply.list_start("Queue status will follow");
    let mut count = 0;
    for queue in world
        .queues
        .iter()
        .filter(|queue| matches(&queue_filter, &queue.name))
    {
        count += 1 + queue.waiting.len();
        params(reply, queue);
        for member in &queue.members {
            if matches(&member_filter, &member.interface) {
                member.write_item(reply.item("QueueMember"), &queue.name);
                count += 1;
            }
        }
        entries(reply, world, queue);
    }
    reply.list_end("QueueStatusComplete", count).end();
    Outcome::Done
}

fn matches(filter: &[u8], name: &[u8]) -> bool {
    filter.is_empty() || filter.eq_ignore_ascii_case(name)
}

fn params(reply: &mut Reply, queue: &Queue) {
    let item = reply
        .item("QueueParams")
        .header("Queue", &queue.name)
        .header("Max", "0")
        .header("Strategy", queue.strategy)
        .show("Calls", queue.waiting.len())
        .show("Holdtime", queue.hold_seconds)
        .show("TalkTime", queue.talk_seconds)
        .show("Completed", queue.completed)
        .show("Abandoned", queue.abandoned)
        .show("ServiceLevel", queue.service_level);
    let item = item
        .header("ServicelevelPerf", "0.0")
        .header("ServicelevelPerf2", "0.0");
    item.header("Weight", "0").action_id_in(256).end();
}

fn entries(reply: &mut Reply, world: &World, queue: &Queue) {
    for (position, waiting) in queue.waiting.iter().enumerate() {
        let Some(channel) = world.channels.get(&waiting.channel) else {
            continue;
        };
        let item = reply
            .item("QueueEntry")
            .header("Queue", &queue.name)
            .show("Position", position + 1)
            .header("Channel", &channel.name)
            .header("Uniqueid", &channel.unique_id)
            .header("CallerIDNum", or_unknown(&channel.caller_number))
            .header("CallerIDName", or_unknown(&channel.caller_name))
            .header("ConnectedLineNum", or_unknown(&channel.connected_number))
            .header("ConnectedLineName", or_unknown(&channel.connected_name));
        let wait = world.now.saturating_sub(waiting.since).as_secs();
        item.show("Wait", wait)
            .header("Priority", "0")
            .action_id_in(256)
            .end();
    }
}

pub(super) fn summary(execution: &mut Execution<'_>) -> Outcome {
    let filter = execution.get("Queue").to_vec();
    let world = &*execution.world;
    let reply = &mut execution.reply;
    reply.list_start("Queue summary will follow");
    let mut count = 0;
    for queue in world
        .queues
        .iter()
        .filter(|queue| matches(&filter, &queue.name))
    {
        let ready = queue.members.iter().filter(|member| !member.paused);
        let free = ready.filter(|member| member.active == 0).count();
        let waits = queue.waiting.iter();
        let longest = waits
            .map(|waiting| world.now.saturating_sub(waiting.since).as_secs())
            .max();
        let item = reply
            .item("QueueSummary")
            .header("Queue", &queue.name)
            .show("LoggedIn", queue.members.len())
            .show("Available", free)
            .show("Callers", queue.waiting.len())
            .show("HoldTime", queue.hold_seconds)
            .show("TalkTime", queue.talk_seconds);
        item.show("LongestHoldTime", longest.unwrap_or(0))
            .action_id_in(256)
            .end();
        count += 1;
    }
    reply.list_end("QueueSummaryComplete", count).end();
    Outcome::Done
}

/// `Queue` and `Interface`, or the error for the missing one.
fn place(execution: &mut Execution<'_>) -> Option<(Vec<u8>, Vec<u8>)> {
    let (queue, interface) = (
        execution.get("Queue").to_vec(),
        execution.get("Interface").to_vec(),
    );
    if queue.is_empty() {
        execution.reply.error("'Queue' not specified.");
        return None;
    }
    if interface.is_empty() {
        execution.reply.error("'Interface' not specified.");
        return None;
    }
    Some((queue, interface))
}

pub(super) fn add(execution: &mut Execution<'_>) -> Outcome {
    let Some((name, interface)) = place(execution) else {
        return Outcome::Done;
    };
    let member_name = execution.get("MemberName");
    let number = std::str::from_utf8(execution.get("Penalty")).ok();
    let member = Member {
        name: if member_name.is_empty() {
            interface.clone()
        } else {
            member_name.to_vec()
        },
        interface,
        dynamic: true,
        penalty: number.and_then(|text| text.parse().ok()).unwrap_or(0),
        calls_taken: 0,
        last_call: 0,
        last_pause: 0,
        login_time: execution.world.moment().seconds(),
        active: 0,
        paused: execution.message.is_true("Paused"),
        paused_reason: execution.get("Reason").to_vec(),
    };
    let world = &mut *execution.world;
    let Some(queue) = world.queues.iter_mut().find(|queue| queue.name == name) else {
        execution
            .reply
            .error("Unable to add interface to queue: No such queue");
        return Outcome::Done;
    };
    if queue.member(&member.interface).is_some() {
        execution
            .reply
            .error("Unable to add interface: Already there");
    } else if queue.members.len() >= MEMBERS_MAX {
        execution.reply.error("Out of memory");
    } else {
        execution.reply.success("Added interface to queue");
        member.write_event(
            world.outbox.event("QueueMemberAdded", Classes::AGENT),
            &name,
        );
        queue.members.push(member);
    }
    Outcome::Done
}

pub(super) fn remove(execution: &mut Execution<'_>) -> Outcome {
    let Some((name, interface)) = place(execution) else {
        return Outcome::Done;
    };
    let world = &mut *execution.world;
    let Some(queue) = world.queues.iter_mut().find(|queue| queue.name == name) else {
        execution
            .reply
            .error("Unable to remove interface from queue: No such queue");
        return Outcome::Done;
    };
    let there = |member: &Member| member.interface.eq_ignore_ascii_case(&interface);
    let Some(position) = queue.members.iter().position(there) else {
        execution
            .reply
            .error("Unable to remove interface: Not there");
        return Outcome::Done;
    };
    let member = queue.members.remove(position);
    execution.reply.success("Removed interface from queue");
    member.write_event(
        world.outbox.event("QueueMemberRemoved", Classes::AGENT),
        &name,
    );
    Outcome::Done
}

/// In one queue, or in all of them when none is named.
pub(super) fn pause(execution: &mut Execution<'_>) -> Outcome {
    let interface = execution.get("Interface").to_vec();
    let paused = execution.get("Paused").to_vec();
    let (filter, reason) = (
        execution.get("Queue").to_vec(),
        execution.get("Reason").to_vec(),
    );
    if interface.is_empty() || paused.is_empty() {
        execution
            .reply
            .error("Need 'Interface' and 'Paused' parameters.");
        return Outcome::Done;
    }
    let paused = is_true(&paused);
    let seconds = execution.world.moment().seconds();
    let world = &mut *execution.world;
    let mut found = false;
    for queue in world
        .queues
        .iter_mut()
        .filter(|queue| matches(&filter, &queue.name))
    {
        let name = queue.name.clone();
        let Some(member) = queue.member_mut(&interface) else {
            continue;
        };
        found = true;
        member.paused = paused;
        member.last_pause = seconds;
        member.paused_reason.clone_from(&reason);
        member.write_event(
            world.outbox.event("QueueMemberPause", Classes::AGENT),
            &name,
        );
    }
    match (found, paused) {
        (false, _) => execution.reply.error("Interface not found"),
        (true, true) => execution.reply.success("Interface paused successfully"),
        (true, false) => execution.reply.success("Interface unpaused successfully"),
    }
    Outcome::Done
}
