//! Single actions: of a user who may do everything, and of users who may not.

use crate::case::Case;
use crate::requests::action;

/// Single actions of a user who may do everything: name, further headers.
const ACTIONS: &[(&str, &str)] = &[
    ("Ping", ""),
    ("ListCommands", ""),
    ("CoreStatus", ""),
    ("CoreSettings", ""),
    ("CoreShowChannels", ""),
    ("CoreShowChannelMap", "Channel: Local/none-0\r\n"),
    ("Status", ""),
    ("Status", "AllVariables: true\r\n"),
    ("Status", "Channel: Local/none-0\r\n"),
    ("BridgeList", ""),
    ("BridgeTechnologyList", ""),
    ("DeviceStateList", ""),
    ("PresenceStateList", ""),
    ("ExtensionStateList", ""),
    ("ExtensionState", "Exten: 200\r\nContext: ami-test\r\n"),
    ("ExtensionState", "Exten: 999\r\nContext: ami-test\r\n"),
    ("QueueStatus", ""),
    ("QueueStatus", "Queue: support\r\n"),
    ("QueueStatus", "Queue: nosuch\r\n"),
    ("QueueSummary", ""),
    ("QueueRule", ""),
    ("QueueAdd", "Queue: nosuch\r\nInterface: Local/9@agents\r\n"),
    ("Command", "Command: core show help\r\n"),
    ("Command", "Command: manager show command Originate\r\n"),
    ("Command", "Command: no such command\r\n"),
    ("Command", "Command: module load nosuch\r\n"),
    ("Command", "Command: Module  UNLOAD nosuch\r\n"),
    ("Command", "Command: module \tload nosuch\r\n"),
    ("Command", "Command: module\tload nosuch\r\n"),
    ("Command", "Command: \"module\" load nosuch\r\n"),
    ("Setvar", "Variable: DB(a/b)\r\nValue: x\r\n"),
    (
        "Getvar",
        "Variable: AST_CONFIG(queues.conf,sales,strategy)\r\n",
    ),
    (
        "Getvar",
        "Variable: AST_CONFIG(manager.conf,app2,secret)\r\n",
    ),
    ("GetConfig", "Filename: voicemail.conf\r\n"),
    ("ModuleLoad", ""),
    ("ModuleLoad", "LoadType: other\r\nModule: nosuch\r\n"),
    ("ModuleLoad", "LoadType: load\r\nModule: nosuch\r\n"),
    ("ModuleLoad", "LoadType: load\r\nModule: ../nosuch\r\n"),
    (
        "MixMonitor",
        "Channel: Local/none-0\r\nFile: a,b\r\nCommand: id\r\n",
    ),
    ("Command", "Command:\r\n"),
    ("Command", ""),
    ("Getvar", "Variable: GREETING\r\n"),
    ("Getvar", "Variable: NOSUCH\r\n"),
    ("Getvar", "Channel: Local/none-0\r\nVariable: X\r\n"),
    ("Getvar", ""),
    (
        "Setvar",
        "Variable: GSET\r\nValue: some value: with colon\r\n",
    ),
    (
        "Setvar",
        "Channel: Local/none-0\r\nVariable: X\r\nValue: x\r\n",
    ),
    (
        "Redirect",
        "Channel: Local/none-0\r\nContext: ami-test\r\nExten: 102\r\nPriority: 1\r\n",
    ),
    ("Hangup", "Channel: Local/none-0\r\n"),
    ("Hangup", "Channel: /^Local/none.*/\r\n"),
    ("GetConfig", "Filename: queues.conf\r\n"),
    ("GetConfig", "Filename: nosuch.conf\r\n"),
    ("GetConfigJSON", "Filename: queues.conf\r\n"),
    ("ListCategories", "Filename: queues.conf\r\n"),
    ("ModuleCheck", "Module: app_queue.so\r\n"),
    ("ModuleCheck", "Module: nosuch.so\r\n"),
    ("ShowDialPlan", "Context: agents\r\n"),
    ("ShowDialPlan", "Context: nosuch\r\n"),
    ("Parkinglots", ""),
    ("ParkedCalls", ""),
    ("ConfbridgeListRooms", ""),
    ("ConfbridgeList", "Conference: nosuch\r\n"),
    ("Agents", ""),
    ("FAXStats", ""),
    ("MailboxCount", "Mailbox: 1001@default\r\n"),
    ("VoicemailUsersList", ""),
    ("UserEvent", "UserEvent: Mine\r\nX: y\r\n"),
    ("Events", "EventMask: on\r\n"),
    ("Events", "EventMask: off\r\n"),
    ("Events", "EventMask: call,user\r\n"),
    ("Events", "EventMask: 6\r\n"),
    ("Events", "EventMask: nonsense\r\n"),
    ("Events", ""),
    ("NoSuchAction", ""),
    ("No Such: Action", "X: y\r\n"),
    ("Challenge", "AuthType: MD5\r\n"),
    ("Filter", ""),
    ("Filter", "Operation: Remove\r\nFilter: x\r\n"),
    ("Filter", "Operation: Add\r\n"),
    ("Filter", "Operation: ADD\r\nFilter: Event: Newchannel\r\n"),
    ("Filter", "Operation: add\r\nFilter: !Event: Newchannel\r\n"),
    ("Filter", "Operation: Add\r\nFilter: !\r\n"),
    ("Filter", "Operation: Add\r\nFilter: a(b\r\n"),
    ("Filter", "Operation: Add\r\nFilter: [z-a]\r\n"),
    (
        "Filter",
        "Operation: Add\r\nMatchCriteria: name(Newchannel)\r\n",
    ),
    (
        "Filter",
        "Operation: Add\r\nMatchCriteria: action(exclude),name(Hangup),header(Cause),method(exact)\r\nFilter: 16\r\n",
    ),
    (
        "Filter",
        "Operation: Add\r\nMatchCriteria: header(Cause),method(exact)\r\n",
    ),
    (
        "Filter",
        "Operation: Add\r\nMatchCriteria: name(Hangup)\r\nFilter: 16\r\n",
    ),
    (
        "Filter",
        "Operation: Add\r\nMatchCriteria: action(other),name(Hangup)\r\n",
    ),
    (
        "Filter",
        "Operation: Add\r\nMatchCriteria: method(nonsense),name(Hangup)\r\nFilter: x\r\n",
    ),
    (
        "Filter",
        "Operation: Add\r\nMatchCriteria: nonsense(Hangup)\r\nFilter: x\r\n",
    ),
    (
        "Filter",
        "Operation: Add\r\nMatchCriteria: method(regex),header(Cause)\r\nFilter: (x\r\n",
    ),
];

/// Single actions of a user who may do everything.
pub(crate) fn cases() -> Vec<Case> {
    ACTIONS
        .iter()
        .map(|&(name, rest)| {
            Case::new(
                format!("{name} {}", rest.escape_debug()),
                action(name, rest),
            )
        })
        .collect()
}

/// What users with fewer rights may do.
pub(crate) fn of_lesser_users() -> Vec<Case> {
    let originate = |rest: &str| {
        action(
            "Originate",
            &format!("Channel: Local/100@ami-test\r\nAsync: true\r\n{rest}"),
        )
    };
    let table = [
        ("Ping", ""),
        ("CoreStatus", ""),
        ("Command", "Command: core show channels\r\n"),
        ("Hangup", "Channel: Local/none-0\r\n"),
        ("QueueStatus", "Queue: empty\r\n"),
        ("ListCommands", ""),
        ("Getvar", "Variable: GREETING\r\n"),
        ("UserEvent", "UserEvent: Mine\r\n"),
        ("Events", "EventMask: on\r\n"),
        ("NoSuchAction", ""),
        ("GetConfig", "Filename: queues.conf\r\n"),
    ];
    let users = ["callonly", "readonly", "nothing", "systemonly"];
    let mut cases: Vec<_> = users
        .into_iter()
        .flat_map(|user| {
            table.map(|(name, rest)| {
                Case::new(format!("{user}: {name}"), action(name, rest)).user(user)
            })
        })
        .collect();
    cases.push(
        Case::new(
            "callonly: application System",
            originate("Application: System\r\nData: true\r\n"),
        )
        .user("callonly"),
    );
    cases.push(
        Case::new(
            "callonly: SHELL in data",
            originate("Application: NoOp\r\nData: ${SHELL(true)}\r\n"),
        )
        .user("callonly"),
    );
    for data in [
        "q,,,,,script",
        "q,,,,, ",
        "q,,,,,\\\\",
        "q\\,,,,,,script",
        "q,(,),,,,script",
        "q,{,},,,script",
        "PROFILE",
    ] {
        let rest = format!("Application: xQUEUEx\r\nData: {data}\r\n");
        cases.push(Case::new(format!("callonly: {data}"), originate(&rest)).user("callonly"));
    }
    cases.push(
        Case::new(
            "callonly: application Wait",
            originate("Application: Wait\r\nData: 1\r\n"),
        )
        .user("callonly"),
    );
    cases
}
