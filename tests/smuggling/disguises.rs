//! Requests that look like one thing and might be read as another, made by hand: each way in which a proxy and
//! Asterisk can disagree about one request.

/// What no client of these tests may do, in the forms that a request can have.
const FORBIDDEN: &[&str] = &[
    "Action: Logoff",
    "Action: WaitEvent\r\nTimeout: 1",
    "Action: Events\r\nEventMask: off",
    "Action: Filter\r\nOperation: Add\r\nFilter: x",
    "Action: Login\r\nUsername: x\r\nSecret: y",
    "Action: DBPut\r\nFamily: a\r\nKey: b\r\nVal: c",
    "Action: ModuleLoad\r\nLoadType: load\r\nModule: x",
    "Action: Originate\r\nChannel: Local/1@x\r\nApplication: System\r\nData: id",
];

/// What each of them is hidden in: `§` stands for the forbidden request, `%` for its first line's value.
const HIDDEN: &[&str] = &[
    "§\r\n\r\n",
    "§\n\n",
    "\r\n\r\n§\r\n\r\n",
    "Action:\x01%\r\n\r\n",
    "Action:\x01\x02 \t%\r\n\r\n",
    "Action:%\r\n\r\n",
    "ACTION: %\r\n\r\n",
    "aCtIoN:\t%\r\n\r\n",
    "Action : %\r\n\r\n",
    " Action: %\r\n\r\n",
    "Action: %\r\r\n\r\n",
    "Action: \r\nAction: %\r\n\r\n",
    "Action:\r\n§\r\n\r\n",
    "Action: Ping\r\n§\r\n\r\n",
    "§\r\nAction: Ping\r\n\r\n",
    "Action: Ping\r\nX: y\0\r\n§\r\n\r\n",
    "Action: Ping\r\n\0\r\n§\r\n\r\n",
    "Action: Ping\r\n\0 anything\r\n§\r\n\r\n",
    "Action: Ping\0Pong\r\n§\r\n\r\n",
    "Action: Ping\r\nX: y\r§\r\n\r\n",
    "Action: Ping\r\nX: y\r\r\n\r\r\n§\r\n\r\n",
    "Action: QueueStatus\r\nQueue: a\r\n§\r\n\r\n",
    "Action: QueueStatus\r\nQueue: a\n\n§\r\n\r\n",
    "Action: UserEvent\r\nUserEvent: x\r\n§\r\n\r\n",
    "Action: UserEvent\r\nUserEvent: x\r\nActionID: a\r\nActionID: b\r\n§\r\n\r\n",
    "Action: QueueStatus\r\nActionID:\r\nActionID: 0123456789abcdef-o-1\r\n\r\n§\r\n\r\n",
    "ActionID: 0123456789abcdef-o-0\r\n§\r\n\r\n",
    "Action: Command\r\nCommand: core show version\r\n§\r\n\r\n",
    "Action: Getvar\r\nVariable: X\r\nVariable: SHELL(id)\r\n\r\n§\r\n\r\n",
    "Action: Getvar\r\nVariable:\x01SHELL(id)\r\n\r\n",
    "Action: Originate\r\nChannel: Local/1@x\r\nApplication:\x02System\r\n\r\n",
    "Action: Originate\r\nChannel: Local/1@x\r\nApplication: Wait\r\nVariable: A=1,F\\ILE(x)=1\r\n\r\n",
    "Action: Originate\r\nChannel: Local/1@x\r\nApplication: Wait\r\nVariable: \"FILE\"(x)=1\r\n\r\n",
    "Action: Originate\r\nChannel: Local/1@x\r\nContext: inside\r\nContext: outside\r\nExten: 1\r\nPriority: 1\r\nAccount: a\r\naccount: b\r\n\r\n",
    "Action: Originate\r\nAccount: x\r\nChannel: Local/1@x\r\nContext: outside\r\nContext: inside\r\nExten: 1\r\nPriority: 1\r\n\r\n",
    "Action: Originate\r\nChannel: Local/1@x\r\nApplication: Wait\r\nAsync: false\r\nAsync: true\r\n\r\n",
    "Action: Originate\r\nChannel: Local/1@x\r\nApplication: Wait\r\nAsync: true\r\nVariable: A=1,F\\ILE(x)=1\r\n\r\n",
    "Action: Originate\r\nChannel: Local/1@x\r\nApplication: Wait\r\nAsync: true\r\nVariable: x\r\nVariable: \"DB\"(x/y)=1\r\n\r\n",
    "Action: Originate\r\nChannel: Local/1@x\r\nContext: inside\r\nExten: 1\r\nPriority: 1\r\nAccount: boss\r\nACCOUNT:\x01boss\r\n\r\n",
    "Action: Originate\r\nAccount:\r\nChannel: Local/1@x\r\nContext: inside\r\nExten: 1\r\nPriority: 1\r\nAccount: boss\r\n\r\n",
    "Action: Redirect\r\nChannel: a\r\n\r\n",
    "Action: %\x0b\r\n\r\n",
    "Action: % \r\n\r\n",
];

/// All of them, as a client would send them.
pub fn all() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for forbidden in FORBIDDEN {
        let name = forbidden.strip_prefix("Action: ").unwrap_or(forbidden);
        for hidden in HIDDEN {
            all.push(
                hidden
                    .replace('§', forbidden)
                    .replace('%', name)
                    .into_bytes(),
            );
        }
        for length in [1020, 1021, 1022, 1023, 1024, 1025, 2046, 2047, 3069] {
            all.push(long_line(length, "\r\n", forbidden));
            all.push(long_line(length, "\n", forbidden));
        }
        for lines in [126, 127, 128, 129, 255] {
            all.push(
                format!(
                    "Action: QueueStatus\r\n{}{forbidden}\r\n\r\n",
                    "X: y\r\n".repeat(lines)
                )
                .into_bytes(),
            );
            all.push(format!("{}{forbidden}\r\n\r\n", "X: y\r\n".repeat(lines)).into_bytes());
        }
    }
    all
}

/// A harmless action with a line of so many bytes, behind which a forbidden one begins, in several ways.
fn long_line(length: usize, end: &str, forbidden: &str) -> Vec<u8> {
    let filler = "x".repeat(length.saturating_sub(3));
    format!("Action: QueueStatus{end}X: {filler}{end}{forbidden}\r\n\r\nAction: QueueStatus\r\nX: {filler}{forbidden}\r\n\r\n").into_bytes()
}
