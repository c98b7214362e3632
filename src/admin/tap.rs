//! `MuxTap`, over the control socket only: after its answer the connection carries what clients send and are written,
//! secrets replaced, until the administrator sends another request or closes it. The class `system` is not enough for it
//! over AMI: it shows what other users' classes and filters would hide from the one who taps.

use std::io::Error;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tracing::info;

use super::administration::{Administration, Asker};
use super::compose::Composer;
use crate::hub::SessionId;
use crate::policy::action::TAP;
use crate::policy::redact;
use crate::protocol::request::Request;
use crate::session::tap::{
    Direction, TapBegin, TapOutput, TapReceiver, TapTarget, Tapped, channel,
};

/// Bytes that are written in one go.
const WRITE_BYTES: usize = 64 << 10;

/// Whether a request of that name is for here.
pub(super) fn is_meant(action: &[u8]) -> bool {
    action.eq_ignore_ascii_case(TAP.as_bytes())
}

/// A tap that runs; its end is logged.
struct Watch {
    by: String,
    whom: String,
    messages: u64,
    missed: u64,
}

impl Drop for Watch {
    fn drop(&mut self) {
        info!(
            name: "tap-ended",
            by = self.by,
            whom = self.whom,
            messages = self.messages,
            missed = self.missed,
            "a tap has ended"
        );
    }
}

impl Watch {
    /// Writes down one output.
    fn put(&mut self, asker: &Asker, output: &TapOutput, out: &mut BytesMut) {
        let mut composer = Composer::new(asker.action_id.as_deref());
        let missed = match output {
            TapOutput::Message(tapped) => tapped.missed_before,
            TapOutput::Missed(missed) => *missed,
        };
        if missed > 0 {
            self.missed += missed;
            composer.item("MuxTapMissed").put("Messages", missed).end();
        }
        if let TapOutput::Message(tapped) = output {
            self.messages += 1;
            put_message(&mut composer, tapped);
        }
        out.extend_from_slice(&composer.finish());
    }
}

fn put_message(composer: &mut Composer, tapped: &Tapped) {
    let direction = match tapped.direction {
        Direction::Sent => "Sent",
        Direction::Received => "Received",
    };
    let micros = tapped.at.subsec_micros();
    composer
        .item("MuxTapped")
        .put(
            "Session",
            format_args!("{}/{}", tapped.upstream, tapped.session),
        )
        .put("User", &tapped.user)
        .put("Direction", direction)
        .put("Time", format_args!("{}.{micros:06}", tapped.at.as_secs()))
        .put_each("Line", redact::lines(&tapped.message))
        .put_some("LeftOut", Some(tapped.left_out).filter(|bytes| *bytes > 0))
        .end();
}

/// Runs a tap to its end; requests that ended it are in `input` then.
pub(super) async fn run(
    administration: &Administration,
    asker: &Asker,
    request: Request<'_>,
    stream: &mut UnixStream,
    input: &mut BytesMut,
) -> Result<(), Error> {
    let mut composer = Composer::new(asker.action_id.as_deref());
    let begun = begin(administration, request, &mut composer).await;
    stream.write_all(&composer.finish()).await?;
    let Some((whom, mut receiver)) = begun else {
        return Ok(());
    };
    info!(name: "tap-begun", by = asker.name, whom, "a tap begins");
    let mut watch = Watch {
        by: asker.name.clone(),
        whom,
        messages: 0,
        missed: 0,
    };
    let (mut reader, mut writer) = stream.split();
    let mut out = BytesMut::new();
    loop {
        tokio::select! {
            read = reader.read_buf(input) => {
                if read? == 0 {
                    return Ok(());
                }
                break;
            }
            output = receiver.next() => {
                let Some(output) = output else { break };
                watch.put(asker, &output, &mut out);
            }
        }
        while out.len() < WRITE_BYTES
            && let Some(output) = receiver.ready()
        {
            watch.put(asker, &output, &mut out);
        }
        // One that takes its time is waited for; what is missed meanwhile is counted.
        writer.write_all(&out).await?;
        out.clear();
    }
    let mut composer = Composer::new(asker.action_id.as_deref());
    composer
        .item("MuxTapEnded")
        .put("Messages", watch.messages)
        .put("Missed", watch.missed)
        .end();
    writer.write_all(&composer.finish()).await
}

/// Begins a tap and writes the answer; whom, and what comes of it.
async fn begin(
    administration: &Administration,
    request: Request<'_>,
    out: &mut Composer,
) -> Option<(String, TapReceiver)> {
    let text = |name| String::from_utf8_lossy(request.get_or_empty(name)).into_owned();
    let (session, user) = (text("Session"), text("User"));
    let rules = administration.live.now();
    let (whom, targets) = match (session.is_empty(), user.is_empty()) {
        (false, true) => {
            let target = session.rsplit_once('/').and_then(|(upstream, id)| {
                let ways = rules.hubs.get(upstream)?;
                Some((upstream, ways, TapTarget::Session(SessionId::parse(id)?)))
            });
            let targets: Vec<_> = target.into_iter().collect();
            (format!("session {session}"), targets)
        }
        (true, false) if rules.users.get(user.as_bytes()).is_none() => {
            out.error("No such user").end();
            return None;
        }
        (true, false) => {
            let upstreams = rules.upstreams();
            let targets = upstreams
                .map(|(name, ways)| (name, ways, TapTarget::User(user.clone())))
                .collect();
            (format!("user {user}"), targets)
        }
        _ => {
            out.error("Name either a Session or a User").end();
            return None;
        }
    };
    let (sender, receiver) = channel();
    let (mut begun, mut silent) = (TapBegin::default(), Vec::new());
    for (upstream, ways, target) in targets {
        let call = ways.control.tap(target, sender.clone());
        match administration.within(call).await {
            Some(one) => {
                begun.followed += one.followed;
                begun.left_alone += one.left_alone;
            }
            None => silent.push(upstream),
        }
    }
    if user.is_empty() && begun == TapBegin::default() {
        out.error("No such session")
            .put_each("NotAnswering", silent)
            .end();
        return None;
    }
    out.success()
        .put("Message", "Messages will follow until the next request")
        .put("Sessions", begun.followed)
        .put("NotFollowed", begun.left_alone)
        .put_each("NotAnswering", silent)
        .end();
    Some((whom, receiver))
}
