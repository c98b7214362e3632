//! The events that Asterisk broadcasts, by the classes that one needs to read them: for explanations only.
//! What is delivered is decided by each event's own `Privilege`, never by this table.
//! Source: the calls of `manager_event` and the event messages of Asterisk's master branch and older ones.

use super::class::Classes;

/// Classes, all of which a reader needs, and the events that carry them, in alphabetical order.
#[rustfmt::skip]
pub(super) const EVENTS: &[(Classes, &[&str])] = &[
    (Classes::SYSTEM, &[
        "Alarm", "AlarmClear", "ContactStatus", "DeadlockStart", "DNDState", "FullyBooted", "Load",
        "LogChannel", "MobileStatus", "PeerStatus", "PJSIPMaintenanceStatus", "Registry", "Reload",
        "Shutdown", "SpanAlarm", "SpanAlarmClear", "Unload",
    ]),
    (Classes::SYSTEM.union(Classes::USER), &[
        "VoicemailPasswordChange",
    ]),
    (Classes::CALL, &[
        "AttendedTransfer", "BlindTransfer", "BridgeCreate", "BridgeDestroy", "BridgeEnter", "BridgeLeave",
        "BridgeMerge", "BridgeVideoSourceUpdate", "CEL", "ChannelTalkingStart", "ChannelTalkingStop",
        "ChanSpyStart", "ChanSpyStop", "ConfbridgeEnd", "ConfbridgeJoin", "ConfbridgeLeave", "ConfbridgeMute",
        "ConfbridgeRecord", "ConfbridgeStart", "ConfbridgeStopRecord", "ConfbridgeTalking",
        "ConfbridgeUnmute", "DAHDIChannel", "DeviceStateChange", "DialBegin", "DialEnd", "DialState",
        "ExtensionStatus", "FAXStatus", "Flash", "Hangup", "HangupRequest", "Hold", "LocalBridge",
        "LocalOptimizationBegin", "LocalOptimizationEnd", "MCID", "MeetmeEnd", "MeetmeJoin", "MeetmeLeave",
        "MeetmeMute", "MeetmeTalking", "MeetmeTalkRequest", "MessageWaiting", "MiniVoiceMail",
        "MixMonitorMute", "MixMonitorStart", "MixMonitorStop", "MusicOnHoldStart", "MusicOnHoldStop",
        "NewAccountCode", "NewCallerid", "Newchannel", "NewConnectedLine", "Newstate", "OriginateResponse",
        "ParkedCall", "ParkedCallGiveUp", "ParkedCallSwap", "ParkedCallTimeOut", "Pickup",
        "PresenceStateChange", "PresenceStatus", "ReceiveFAX", "Rename", "SendFAX", "SoftHangupRequest",
        "Unhold", "UnParkedCall", "Wink",
    ]),
    (Classes::AGENT, &[
        "AgentCalled", "AgentComplete", "AgentConnect", "AgentDump", "AgentLogin", "AgentLogoff",
        "AgentRingNoAnswer", "QueueCallerAbandon", "QueueCallerJoin", "QueueCallerLeave", "QueueMemberAdded",
        "QueueMemberPause", "QueueMemberPenalty", "QueueMemberRemoved", "QueueMemberRinginuse",
        "QueueMemberStatus",
    ]),
    (Classes::USER, &[
        "JabberStatus", "UserEvent",
    ]),
    (Classes::DTMF, &[
        "DTMFBegin", "DTMFEnd",
    ]),
    (Classes::REPORTING, &[
        "RTCPReceived", "RTCPSent", "TestEvent",
    ]),
    (Classes::CDR, &[
        "Cdr",
    ]),
    (Classes::DIALPLAN, &[
        "HangupHandlerPop", "HangupHandlerPush", "HangupHandlerRun", "Newexten", "VarSet",
    ]),
    (Classes::AGI, &[
        "AGIExecEnd", "AGIExecStart", "AsyncAGIEnd", "AsyncAGIExec", "AsyncAGIStart",
    ]),
    (Classes::CC, &[
        "CCAvailable", "CCCallerRecalling", "CCCallerStartMonitoring", "CCCallerStopMonitoring", "CCFailure",
        "CCMonitorFailed", "CCOfferTimerStart", "CCRecallComplete", "CCRequestAcknowledged", "CCRequested",
    ]),
    (Classes::AOC, &[
        "AOC-D", "AOC-E", "AOC-S",
    ]),
    (Classes::SECURITY, &[
        "AuthMethodNotAllowed", "ChallengeResponseFailed", "ChallengeSent", "FailedACL", "InvalidAccountID",
        "InvalidPassword", "InvalidTransport", "LoadAverageLimit", "MemoryLimit", "RequestBadFormat",
        "RequestNotAllowed", "RequestNotSupported", "SessionLimit", "SuccessfulAuth", "UnexpectedAddress",
    ]),
];
