//! The users of these tests: one for each class, none, all, and mixtures.

use amimux::policy::class::LABELS;

/// Mixtures of classes as applications have them, and as nobody should.
const MIXTURES: &[&str] = &[
    "call,originate",
    "system,call",
    "system,config",
    "command,system",
    "agent,user,reporting",
    "call,agi",
    "originate,agi",
    "reporting,cdr,dialplan",
    "config,command,message",
    "originate,agi,system",
];

/// One user.
pub(crate) struct User {
    /// Its name; the secret is the name and `-secret`.
    pub(crate) name: String,
    /// What stands behind `read =` and `write =`.
    pub(crate) classes: String,
}

/// All of them.
pub(crate) fn all() -> Vec<User> {
    let single = LABELS.iter().map(|(label, _)| *label);
    let classes = single.chain(["", "all"]).chain(MIXTURES.iter().copied());
    classes
        .map(|classes| User {
            name: match classes {
                "" => "has-none".to_owned(),
                some => format!("has-{}", some.replace(',', "-")),
            },
            classes: classes.to_owned(),
        })
        .collect()
}

/// Their sections, as both programs read them.
pub(crate) fn sections(users: &[User]) -> String {
    users
        .iter()
        .map(|User { name, classes }| {
            format!("\n[{name}]\nsecret = {name}-secret\nread = {classes}\nwrite = {classes}\nwritetimeout = 10000\n")
        })
        .collect()
}
