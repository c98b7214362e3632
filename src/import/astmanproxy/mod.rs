//! astmanproxy's files: `astmanproxy.conf` says where it listens and which Asterisks it knows, `astmanproxy.users` who
//! may log in. Neither knows classes: whoever is in may do what astmanproxy's own user may, within a few rules.

mod dialect;
mod fence;
mod settings;
mod users;

use std::path::Path;

use super::findings::Group;
use super::{Draft, ImportError, Request, preamble};
use settings::Proxy;

/// Reads both files.
///
/// # Errors
/// Files that cannot be read.
pub(super) fn draft(path: &Path, request: &Request) -> Result<Draft, ImportError> {
    let lines = dialect::read(path)?;
    let users_path = path.with_extension("users");
    let users = if users_path.is_file() {
        dialect::read(&users_path)?
    } else {
        Vec::new()
    };
    let mut draft = Draft {
        main: preamble(path),
        ..Draft::default()
    };
    let mut proxy = Proxy::default();
    let names: Vec<&str> = users.iter().filter_map(|line| line.name()).collect();
    proxy.read(&lines, &names, &mut draft.findings);
    proxy.write_general(request, &lines, &mut draft);
    proxy.write_upstreams(&mut draft);
    users::add(&users, &proxy, &mut draft);
    if users.is_empty() {
        let what = format!(
            "there is no {}: nobody can log in; add a section for each application",
            users_path.display()
        );
        draft.findings.add(Group::MustLookAt, None, what);
    }
    for what in [
        "every user has read = all and write = all, as everybody had the rights of astmanproxy's own user: take away what \
         is not needed",
        "in manager.conf of each Asterisk, astmanproxy's user needs read = all, write = all and writetimeout = 10000",
    ] {
        draft.findings.add(Group::MustLookAt, None, what);
    }
    for what in [
        "everybody has to log in, and an answer goes to the session that asked, not to all",
        "messages have no header \"Server\", and \"ProxyAction\" is an action that does not exist",
    ] {
        draft.findings.add(Group::Differs, None, what);
    }
    Ok(draft)
}
