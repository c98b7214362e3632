//! What is known of Asterisk's actions before any Asterisk was asked: classes, the shape of the reply, the
//! event that ends a list. The rows are those of Asterisk's master branch and, below their last known
//! classes, actions that only older branches (11 to 23) have. A connected Asterisk's own list of actions
//! takes the place of the classes here (see `action.rs`); the shapes stay, since Asterisk does not tell them.
//! Source: the calls of `ast_manager_register` in Asterisk's tree, compared with recorded lists of 16, 22 and master.

use super::action::ReplyShape;
use super::class::Classes;

/// One action as built in.
pub(super) struct Row {
    /// The name as Asterisk registers it.
    pub(super) name: &'static str,
    /// Known for the actions answered here only; Asterisk tells the others.
    pub(super) synopsis: &'static str,
    /// Any of these classes may run it; none means that everybody may.
    pub(super) classes: Classes,
    /// What the reply looks like.
    pub(super) shape: ReplyShape,
    /// Whether it changes nothing, neither in Asterisk nor on a channel.
    pub(super) only_reads: bool,
    /// The event that ends the list, for actions that answer with one.
    pub(super) list_end: Option<&'static str>,
}

const AGENT: Classes = Classes::AGENT;
const AGI: Classes = Classes::AGI;
const AOC: Classes = Classes::AOC;
const CALL: Classes = Classes::CALL;
const CALL_REPORTING: Classes = Classes::CALL.union(Classes::REPORTING);
const COMMAND: Classes = Classes::COMMAND;
const CONFIG: Classes = Classes::CONFIG;
const CONFIG_REPORTING: Classes = Classes::CONFIG.union(Classes::REPORTING);
const MESSAGE: Classes = Classes::MESSAGE;
const NONE: Classes = Classes::NONE;
const ORIGINATE: Classes = Classes::ORIGINATE;
const REPORTING: Classes = Classes::REPORTING;
const SYSTEM: Classes = Classes::SYSTEM;
const SYSTEM_CALL: Classes = Classes::SYSTEM.union(Classes::CALL);
const SYSTEM_CALL_REPORTING: Classes = Classes::SYSTEM
    .union(Classes::CALL)
    .union(Classes::REPORTING);
const SYSTEM_CONFIG: Classes = Classes::SYSTEM.union(Classes::CONFIG);
const SYSTEM_REPORTING: Classes = Classes::SYSTEM.union(Classes::REPORTING);
const USER: Classes = Classes::USER;

/// An action answered with one response.
const fn plain(name: &'static str, classes: Classes) -> Row {
    Row {
        name,
        synopsis: "",
        classes,
        shape: ReplyShape::Ordinary,
        only_reads: false,
        list_end: None,
    }
}

/// An action answered with one response, which changes nothing.
const fn reads(name: &'static str, classes: Classes) -> Row {
    Row {
        only_reads: true,
        ..plain(name, classes)
    }
}

/// An action that changes nothing, answered with a list that ends in the event `list_end`.
const fn list(name: &'static str, classes: Classes, list_end: &'static str) -> Row {
    Row {
        list_end: Some(list_end),
        ..reads(name, classes)
    }
}

/// An action that changes something and is answered with a list.
const fn writing_list(name: &'static str, classes: Classes, list_end: &'static str) -> Row {
    Row {
        only_reads: false,
        ..list(name, classes, list_end)
    }
}

/// An action that changes nothing and whose reply follows no convention.
const fn irregular_reads(
    name: &'static str,
    classes: Classes,
    list_end: Option<&'static str>,
) -> Row {
    Row {
        only_reads: true,
        ..irregular(name, classes, list_end)
    }
}

/// An action whose reply follows no convention.
const fn irregular(name: &'static str, classes: Classes, list_end: Option<&'static str>) -> Row {
    Row {
        shape: ReplyShape::Irregular,
        list_end,
        ..plain(name, classes)
    }
}

/// An action of the session itself, answered here and offered even when Asterisk does not list it.
const fn own(name: &'static str, classes: Classes, synopsis: &'static str) -> Row {
    Row {
        synopsis,
        ..reads(name, classes)
    }
}

/// An action of amimux itself that changes something.
const fn own_writing(name: &'static str, classes: Classes, synopsis: &'static str) -> Row {
    Row {
        only_reads: false,
        ..own(name, classes, synopsis)
    }
}

/// The built-in actions, ordered by name ignoring case, as Asterisk orders them.
#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    plain("AbsoluteTimeout", SYSTEM_CALL),
    plain("AgentLogoff", AGENT),
    list("Agents", AGENT, "AgentsComplete"),
    plain("AGI", AGI),
    plain("AOCMessage", AOC),
    plain("Atxfer", CALL),
    plain("BlindTransfer", CALL),
    plain("Bridge", CALL),
    plain("BridgeDestroy", NONE),
    list("BridgeInfo", NONE, "BridgeInfoComplete"),
    plain("BridgeKick", NONE),
    list("BridgeList", NONE, "BridgeListComplete"),
    list("BridgeTechnologyList", NONE, "BridgeTechnologyListComplete"),
    plain("BridgeTechnologySuspend", NONE),
    plain("BridgeTechnologyUnsuspend", NONE),
    plain("CancelAtxfer", CALL),
    own("Challenge", NONE, "Generate Challenge for MD5 Auth."),
    plain("ChangeMonitor", CALL),
    plain("Command", COMMAND),
    plain("ConfbridgeKick", CALL),
    list("ConfbridgeList", REPORTING, "ConfbridgeListComplete"),
    list("ConfbridgeListRooms", REPORTING, "ConfbridgeListRoomsComplete"),
    plain("ConfbridgeLock", CALL),
    plain("ConfbridgeMute", CALL),
    plain("ConfbridgeSetSingleVideoSrc", CALL),
    plain("ConfbridgeStartRecord", SYSTEM),
    plain("ConfbridgeStopRecord", SYSTEM),
    plain("ConfbridgeUnlock", CALL),
    plain("ConfbridgeUnmute", CALL),
    plain("ControlPlayback", CALL),
    reads("CoreSettings", SYSTEM_REPORTING),
    irregular_reads("CoreShowChannelMap", SYSTEM_REPORTING, Some("CoreShowChannelMapComplete")),
    list("CoreShowChannels", SYSTEM_REPORTING, "CoreShowChannelsComplete"),
    reads("CoreStatus", SYSTEM_REPORTING),
    plain("CreateConfig", CONFIG),
    plain("DAHDIDialOffhook", NONE),
    plain("DAHDIDNDoff", NONE),
    plain("DAHDIDNDon", NONE),
    plain("DAHDIHangup", NONE),
    plain("DAHDIRestart", NONE),
    list("DAHDIShowChannels", NONE, "DAHDIShowChannelsComplete"),
    list("DAHDIShowStatus", NONE, "DAHDIShowStatusComplete"),
    plain("DAHDITransfer", NONE),
    reads("DataGet", NONE),
    plain("DBDel", SYSTEM),
    plain("DBDelTree", SYSTEM),
    list("DBGet", SYSTEM_REPORTING, "DBGetComplete"),
    list("DBGetTree", SYSTEM_REPORTING, "DBGetTreeComplete"),
    plain("DBPut", SYSTEM),
    list("DeviceStateList", CALL_REPORTING, "DeviceStateListComplete"),
    plain("DialplanExtensionAdd", SYSTEM),
    plain("DialplanExtensionRemove", SYSTEM),
    own("Events", NONE, "Control Event Flow."),
    reads("ExtensionState", CALL_REPORTING),
    list("ExtensionStateList", CALL_REPORTING, "ExtensionStateListComplete"),
    irregular_reads("FAXSession", CALL, Some("FAXSession")),
    list("FAXSessions", CALL, "FAXSessionsComplete"),
    irregular_reads("FAXStats", REPORTING, Some("FAXStats")),
    own("Filter", SYSTEM, "Dynamically add filters for the current manager session."),
    reads("GetConfig", SYSTEM_CONFIG),
    reads("GetConfigJSON", SYSTEM_CONFIG),
    plain("Getvar", CALL_REPORTING),
    writing_list("Hangup", SYSTEM_CALL, "ChannelsHungupListComplete"),
    irregular_reads("IAXnetstats", SYSTEM_REPORTING, None),
    list("IAXpeerlist", SYSTEM_REPORTING, "PeerlistComplete"),
    list("IAXpeers", SYSTEM_REPORTING, "PeerlistComplete"),
    list("IAXregistry", SYSTEM_REPORTING, "RegistrationsComplete"),
    irregular("JabberSend", SYSTEM, None),
    reads("ListCategories", CONFIG),
    own("ListCommands", NONE, "List available manager commands."),
    plain("LocalOptimizeAway", SYSTEM_CALL),
    plain("LoggerRotate", SYSTEM_REPORTING),
    own("Login", NONE, "Login Manager."),
    own("Logoff", NONE, "Logoff Manager."),
    reads("MailboxCount", CALL_REPORTING),
    reads("MailboxStatus", CALL_REPORTING),
    list("MeetmeList", REPORTING, "MeetmeListComplete"),
    list("MeetmeListRooms", REPORTING, "MeetmeListRoomsComplete"),
    plain("MeetmeMute", CALL),
    plain("MeetmeUnmute", CALL),
    plain("MessageSend", MESSAGE),
    plain("MixMonitor", SYSTEM),
    plain("MixMonitorMute", SYSTEM_CALL),
    reads("ModuleCheck", SYSTEM),
    irregular("ModuleLoad", SYSTEM, None),
    plain("Monitor", CALL),
    plain("MuteAudio", SYSTEM),
    own("MuxCommands", SYSTEM, "List the actions of an Asterisk and of amimux."),
    own("MuxFilters", SYSTEM, "List the event filters in force."),
    own_writing("MuxKick", SYSTEM, "End a session, or all sessions of a user."),
    own_writing("MuxReload", SYSTEM, "Read the configuration of amimux again."),
    own("MuxSessions", SYSTEM, "List the sessions of amimux."),
    own_writing("MuxSetLog", SYSTEM, "Change what amimux logs."),
    own("MuxSettings", SYSTEM, "List the settings in force."),
    own("MuxStatus", SYSTEM, "Show how amimux does."),
    own("MuxUpstreams", SYSTEM, "List the Asterisks of amimux."),
    own("MuxUsers", SYSTEM, "List the users of amimux and their rights."),
    own("MuxViews", SYSTEM, "List what groups of sessions see in common."),
    plain("MWIDelete", CALL),
    list("MWIGet", CALL_REPORTING, "MWIGetComplete"),
    plain("MWIUpdate", CALL),
    plain("Originate", ORIGINATE),
    plain("Park", CALL),
    list("ParkedCalls", CALL, "ParkedCallsComplete"),
    list("Parkinglots", CALL, "ParkinglotsComplete"),
    plain("PauseMonitor", CALL),
    own("Ping", NONE, "Keepalive command."),
    writing_list("PJSIPHangup", SYSTEM_CALL, "ChannelsHungupListComplete"),
    plain("PJSIPNotify", SYSTEM),
    plain("PJSIPQualify", SYSTEM_REPORTING),
    plain("PJSIPRegister", SYSTEM_REPORTING),
    plain("PJSIPSetMaintenance", SYSTEM),
    list("PJSIPShowAors", SYSTEM, "AorListComplete"),
    list("PJSIPShowAuths", SYSTEM, "AuthListComplete"),
    list("PJSIPShowContacts", SYSTEM, "ContactListComplete"),
    irregular_reads("PJSIPShowEndpoint", SYSTEM, Some("EndpointDetailComplete")),
    list("PJSIPShowEndpoints", SYSTEM, "EndpointListComplete"),
    list("PJSIPShowMaintenance", SYSTEM_REPORTING, "PJSIPMaintenanceStatusComplete"),
    list("PJSIPShowRegistrationInboundContactStatuses", SYSTEM, "ContactStatusDetailComplete"),
    list("PJSIPShowRegistrationsInbound", SYSTEM, "InboundRegistrationDetailComplete"),
    list("PJSIPShowRegistrationsOutbound", SYSTEM_REPORTING, "OutboundRegistrationDetailComplete"),
    list("PJSIPShowResourceLists", SYSTEM, "ResourceListDetailComplete"),
    list("PJSIPShowSubscriptionsInbound", SYSTEM, "InboundSubscriptionDetailComplete"),
    list("PJSIPShowSubscriptionsOutbound", SYSTEM, "OutboundSubscriptionDetailComplete"),
    plain("PJSIPUnregister", SYSTEM_REPORTING),
    plain("PlayDTMF", CALL),
    plain("PlayMF", CALL),
    reads("PresenceState", CALL_REPORTING),
    list("PresenceStateList", CALL_REPORTING, "PresenceStateListComplete"),
    plain("PRIDebugFileSet", SYSTEM),
    plain("PRIDebugFileUnset", NONE),
    irregular("PRIDebugSet", NONE, None),
    list("PRIShowSpans", NONE, "PRIShowSpansComplete"),
    plain("QueueAdd", AGENT),
    plain("QueueChangePriorityCaller", NONE),
    plain("QueueLog", AGENT),
    plain("QueueMemberRingInUse", AGENT),
    plain("QueuePause", AGENT),
    plain("QueuePenalty", AGENT),
    plain("QueueReload", NONE),
    plain("QueueRemove", AGENT),
    plain("QueueReset", NONE),
    reads("QueueRule", NONE),
    irregular_reads("Queues", NONE, None),
    list("QueueStatus", NONE, "QueueStatusComplete"),
    list("QueueSummary", NONE, "QueueSummaryComplete"),
    plain("QueueWithdrawCaller", NONE),
    plain("Redirect", CALL),
    plain("Reload", SYSTEM_CONFIG),
    plain("SendFlash", CALL),
    plain("SendText", CALL),
    plain("Setvar", CALL),
    irregular_reads("ShowDialPlan", CONFIG_REPORTING, Some("ShowDialPlanComplete")),
    plain("SIPnotify", SYSTEM),
    list("SIPpeers", SYSTEM_REPORTING, "PeerlistComplete"),
    list("SIPpeerstatus", SYSTEM, "SIPpeerstatusComplete"),
    plain("SIPqualifypeer", SYSTEM_REPORTING),
    reads("SIPshowpeer", SYSTEM_REPORTING),
    list("SIPshowregistry", SYSTEM_REPORTING, "RegistrationsComplete"),
    list("SKINNYdevices", SYSTEM_REPORTING, "DevicelistComplete"),
    list("SKINNYlines", SYSTEM_REPORTING, "LinelistComplete"),
    reads("SKINNYshowdevice", SYSTEM_REPORTING),
    reads("SKINNYshowline", SYSTEM_REPORTING),
    plain("SorceryMemoryCacheExpire", SYSTEM),
    plain("SorceryMemoryCacheExpireObject", SYSTEM),
    plain("SorceryMemoryCachePopulate", SYSTEM),
    plain("SorceryMemoryCacheStale", SYSTEM),
    plain("SorceryMemoryCacheStaleObject", SYSTEM),
    writing_list("Status", SYSTEM_CALL_REPORTING, "StatusComplete"),
    plain("StopMixMonitor", SYSTEM_CALL),
    plain("StopMonitor", CALL),
    plain("UnpauseMonitor", CALL),
    plain("UpdateConfig", CONFIG),
    plain("UserEvent", USER),
    list("VoicemailBoxSummary", CALL_REPORTING, "VoicemailBoxDetailComplete"),
    plain("VoicemailForward", USER),
    plain("VoicemailMove", USER),
    plain("VoicemailRefresh", USER),
    plain("VoicemailRemove", USER),
    list("VoicemailUsersList", CALL_REPORTING, "VoicemailUserEntryComplete"),
    list("VoicemailUserStatus", CALL_REPORTING, "VoicemailUserDetailComplete"),
    own("WaitEvent", NONE, "Wait for an event to occur."),
];
