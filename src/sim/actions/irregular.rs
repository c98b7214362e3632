//! Actions whose replies break the usual shape: no response, several, raw text, a line end inside a value, a blank
//! line too many. A reader has to survive them all.

use super::{Execution, Outcome, core};

/// The message of its error ends in a line feed. A list that is found is empty here.
pub(super) fn channel_map(execution: &mut Execution<'_>) -> Outcome {
    let channel = execution.get("Channel");
    if channel.is_empty() {
        execution.reply.error("Channel not specified\n");
    } else if execution.world.find_channel(channel).is_none() {
        execution.reply.error("Could not get channel snapshot\n");
    } else {
        execution.reply.list_start("Channel map will follow");
        execution
            .reply
            .list_end("CoreShowChannelMapComplete", 0)
            .end();
    }
    Outcome::Done
}

/// One frame, and a second blank line after it.
pub(super) fn queue_rule(execution: &mut Execution<'_>) -> Outcome {
    let response = execution
        .reply
        .response("Success")
        .header("RuleList", "rule1");
    let response = response
        .header("Rule", "30,+3,+0")
        .header("Rule", "60,10,2");
    response.raw(b"\r\n").end();
    Outcome::Done
}

/// No response and no ActionID: lines that end in a line feed alone, then one blank line.
pub(super) fn iax_netstats(execution: &mut Execution<'_>) -> Outcome {
    let row = b"IAX2/trunk-1          40  -1     0    -1      0   0      0     41    0     0     -1      0   0      0\n";
    execution.reply.bare().raw(row).end();
    Outcome::Done
}

/// Every mistake has an error of its own, so that one request may have three.
pub(super) fn module_load(execution: &mut Execution<'_>) -> Outcome {
    let (kind, module) = (
        execution.get("LoadType").to_vec(),
        execution.get("Module").to_vec(),
    );
    let is = |other: &str| kind.eq_ignore_ascii_case(other.as_bytes());
    if kind.is_empty() {
        execution.reply.error("Incomplete ModuleLoad action.");
    }
    if module.is_empty() && !is("reload") {
        execution.reply.error("Need module name");
    }
    let known = core::is_loaded(&module);
    if is("load") {
        let text = if known {
            "Module loaded."
        } else {
            "Module not found."
        };
        execution
            .reply
            .message(if known { "Success" } else { "Error" }, text);
    } else if is("unload") {
        execution.reply.error("Could not unload module.");
    } else if is("reload") && (known || module.is_empty()) {
        execution.reply.success("Module reloaded.");
    } else if is("reload") {
        execution.reply.error("No such module.");
    } else {
        execution.reply.error("Incomplete ModuleLoad action.");
    }
    Outcome::Done
}
