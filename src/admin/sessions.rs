//! What administrators are shown of sessions and users, and how they end sessions.

use std::cmp::Reverse;
use std::collections::HashMap;

use tracing::info;

use super::administration::{Administration, Asker, Busy, silent};
use super::compose::{Composer, Fields};
use crate::hub::survey::{SessionReport, Transport};
use crate::hub::{Kick, SessionId};
use crate::protocol::request::Request;

/// Sessions that are written down before others on this thread have their turn.
const ITEMS_PER_TURN: usize = 500;

/// The session of that hub, as administrators name it.
fn name_of(upstream: &str, id: SessionId) -> String {
    format!("{upstream}/{id}")
}

/// A number without sign.
fn number(text: &[u8]) -> Option<usize> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// In which order sessions are shown: names by the alphabet, numbers from the largest on.
#[derive(Debug, Clone, Copy)]
enum Sort {
    User,
    Address,
    InFlight,
    BehindBytes,
    LoggedInAt,
}

impl Sort {
    fn named(name: &[u8]) -> Option<Self> {
        let names = [
            ("User", Self::User),
            ("Address", Self::Address),
            ("InFlight", Self::InFlight),
            ("BehindBytes", Self::BehindBytes),
            ("LoggedInAt", Self::LoggedInAt),
        ];
        let mut names = names.into_iter();
        names
            .find(|(other, _)| other.as_bytes().eq_ignore_ascii_case(name))
            .map(|(_, sort)| sort)
    }

    fn apply(self, sessions: &mut [(&str, &SessionReport)]) {
        match self {
            Self::User => sessions.sort_by_cached_key(|(_, s)| s.user.to_ascii_lowercase()),
            Self::Address => sessions.sort_by_key(|(_, s)| s.address),
            Self::InFlight => sessions.sort_by_key(|(_, s)| Reverse((s.in_flight, s.pending))),
            Self::BehindBytes => sessions.sort_by_key(|(_, s)| Reverse(s.behind_bytes)),
            Self::LoggedInAt => sessions.sort_by_key(|(_, s)| Reverse(s.logged_in_at)),
        }
    }
}

impl Administration {
    /// `MuxSessions`: all, or those of a user or of an Asterisk, or whose user's name has a text in it; `Sort` says in
    /// which order, `Limit` how many at most.
    pub(super) async fn sessions(
        &self,
        request: Request<'_>,
        out: &mut Composer,
    ) -> Result<(), Busy> {
        let wanted = |name| request.get(name).filter(|value| !value.is_empty());
        let (user, upstream) = (wanted("User"), wanted("Upstream"));
        let part = wanted("UserContains").map(|part| part.to_ascii_lowercase());
        let limit = match wanted("Limit").map(number) {
            Some(None) => {
                out.error("Limit is not a number").end();
                return Ok(());
            }
            limit => limit.flatten().unwrap_or(usize::MAX),
        };
        let sort = wanted("Sort").map(Sort::named);
        if let Some(None) = sort {
            out.error("Sort is none of User, Address, InFlight, BehindBytes and LoggedInAt")
                .end();
            return Ok(());
        }
        let (_, surveyed) = self.survey(true, upstream).await?;
        let mut sessions: Vec<_> = surveyed
            .iter()
            .flat_map(|hub| {
                let sessions = hub.report.iter().flat_map(|report| &report.sessions);
                sessions.map(|session| (hub.name.as_str(), session))
            })
            .filter(|(_, session)| {
                user.is_none_or(|user| session.user.as_bytes().eq_ignore_ascii_case(user))
                    && part.as_ref().is_none_or(|part| {
                        let name = session.user.to_ascii_lowercase();
                        memchr::memmem::find(name.as_bytes(), part).is_some()
                    })
            })
            .collect();
        let found = sessions.len();
        if let Some(Some(sort)) = sort {
            sort.apply(&mut sessions);
        }
        sessions.truncate(limit);
        out.start_list("Sessions will follow");
        for (index, (upstream, session)) in sessions.into_iter().enumerate() {
            self.put_session(out.item("MuxSession"), upstream, session)
                .end();
            if index % ITEMS_PER_TURN == ITEMS_PER_TURN - 1 {
                tokio::task::yield_now().await;
            }
        }
        out.complete("MuxSessionsComplete")
            .put_each("NotAnswering", silent(&surveyed))
            .put("Found", found)
            .end();
        Ok(())
    }

    fn put_session<'c>(
        &self,
        fields: Fields<'c>,
        upstream: &str,
        session: &SessionReport,
    ) -> Fields<'c> {
        let transport = match session.transport {
            Transport::Tcp => "TCP",
            Transport::Tls => "TLS",
            Transport::Http => "HTTP",
        };
        let elapsed = self.clock.now().wall.saturating_sub(session.logged_in_at);
        fields
            .put("Session", name_of(upstream, session.id))
            .put("Upstream", upstream)
            .put("User", &session.user)
            .put("Transport", transport)
            .put("Address", session.address.ip().to_canonical())
            .put("Port", session.address.port())
            .put("LoggedInAt", session.logged_in_at.as_secs())
            .put("Elapsed", elapsed.as_secs())
            .put("Classes", session.classes)
            .put("ReadPerms", session.read.bits())
            .put("WritePerms", session.write.bits())
            .put("View", session.view)
            .put("Filters", session.filters)
            .put("InFlight", session.in_flight)
            .put("Pending", session.pending)
            .put("EventBytes", session.event_bytes)
            .put("BehindBytes", session.behind_bytes)
            .put_flag("SocketFull", session.is_blocked)
    }

    /// `MuxUsers`: all, or one.
    pub(super) async fn users(&self, request: Request<'_>, out: &mut Composer) -> Result<(), Busy> {
        let wanted = request.get("User").filter(|name| !name.is_empty());
        let (rules, surveyed) = self.survey(false, None).await?;
        let one = wanted.map(|name| rules.users.get(name));
        if let Some(None) = one {
            out.error("No such user").end();
            return Ok(());
        }
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for (user, count) in surveyed
            .iter()
            .flat_map(|hub| &hub.report)
            .flat_map(|report| &report.users)
        {
            *counts.entry(user).or_default() += count;
        }
        out.start_list("Users will follow");
        let one = one.flatten();
        for user in rules
            .users
            .iter()
            .filter(|user| one.is_none_or(|one| one.name == user.name))
        {
            let key = user.name.to_ascii_lowercase();
            let sessions = counts.get(key.as_str()).copied().unwrap_or_default();
            super::user::put(out.item("MuxUser"), user, sessions).end();
        }
        out.complete("MuxUsersComplete")
            .put_each("NotAnswering", silent(&surveyed))
            .end();
        Ok(())
    }

    /// `MuxKick`. Whether the session that asks is to be ended, too, once it has its answer.
    pub(super) async fn kick(
        &self,
        asker: &Asker,
        request: Request<'_>,
        out: &mut Composer,
    ) -> bool {
        let text = |name| String::from_utf8_lossy(request.get_or_empty(name)).into_owned();
        let (session, user) = (text("Session"), text("User"));
        let rules = self.live.now();
        let targets: Vec<_> = match (session.is_empty(), user.is_empty()) {
            (false, true) => session
                .rsplit_once('/')
                .and_then(|(upstream, id)| {
                    let ways = rules.hubs.get(upstream)?;
                    Some((upstream, ways, Kick::Session(SessionId::parse(id)?)))
                })
                .into_iter()
                .collect(),
            (true, false) => rules
                .upstreams()
                .map(|(name, ways)| (name, ways, Kick::User(user.clone())))
                .collect(),
            _ => {
                out.error("Name either a Session or a User").end();
                return false;
            }
        };
        let (mut kicked, mut ends_asker, mut silent) = (0, false, Vec::new());
        for (upstream, ways, which) in targets {
            let own = asker.session.as_ref();
            let spare = own.filter(|(own, _)| own == upstream).map(|(_, id)| *id);
            match self.within(ways.control.kick(which, spare)).await {
                Some(done) => {
                    kicked += done.sessions + usize::from(done.spared);
                    ends_asker |= done.spared;
                }
                None => silent.push(upstream),
            }
        }
        info!(name: "kicked", by = asker.name, session, user, kicked, "sessions ended");
        if kicked == 0 {
            out.error("No such session")
                .put_each("NotAnswering", silent)
                .end();
            return false;
        }
        out.success()
            .put("Message", "Sessions ended")
            .put("Kicked", kicked)
            .put_each("NotAnswering", silent)
            .end();
        ends_asker
    }
}
