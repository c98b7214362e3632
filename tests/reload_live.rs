//! A reload and the end of a hub's thread with real sockets, before simulated Asterisks.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::large_futures,
    unreachable_pub,
    reason = "a test that cannot go on says so by a panic, and its futures live once"
)]

mod hub_harness;
mod support;
mod web_support;

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use amimux::config::settings::Upstream;
use amimux::hub::{Reload, SessionId};
use amimux::policy::event_mask::EventMask;
use amimux::policy::secret::Secret;
use amimux::policy::user::Users;
use amimux::session::registry::Registry;
use amimux::session::shell::Shell;
use amimux::session::web::{WebCall, WebError};
use hub_harness::{general, messages, upstream, user, wire};
use support::Simulated;
use tokio::sync::{mpsc, oneshot};
use web_support::{entrant, on_hub_thread};

/// The same settings, with the Asterisk at that port.
fn change(port: u16, reconnect_min: Duration, names: &[&str]) -> Reload {
    let mut users = Users::default();
    for name in names {
        users.insert(user(name));
    }
    Reload {
        general: Arc::new(general()),
        upstream: Arc::new(Upstream {
            host: "127.0.0.1".to_owned(),
            port,
            username: "upstream".to_owned(),
            secret: Secret::new("upstream-secret"),
            reconnect_min,
            ..upstream()
        }),
        users: Arc::new(users),
        keep_rights: false,
    }
}

async fn enter(calls: &mpsc::Sender<WebCall>) -> SessionId {
    let entrant = entrant(&Registry::default(), user("a"), EventMask::Everything);
    let (reply, entered) = oneshot::channel();
    let call = WebCall::Enter(Box::new(entrant), reply);
    calls.send(call).await.unwrap();
    entered.await.unwrap().unwrap().listener
}

async fn ask(
    calls: &mpsc::Sender<WebCall>,
    listener: SessionId,
    request: &str,
) -> Result<Vec<String>, WebError> {
    let (reply, answered) = oneshot::channel();
    let call = WebCall::Ask {
        listener,
        request: wire(request).into(),
        wait_max: Duration::from_secs(20),
        reply,
    };
    calls.send(call).await.unwrap();
    let answer = answered.await.unwrap();
    answer.map(|answer| messages(&answer.bytes))
}

/// Asks until Asterisk is there.
async fn ask_at_last(
    calls: &mpsc::Sender<WebCall>,
    listener: SessionId,
    request: &str,
) -> Vec<String> {
    loop {
        let answer = ask(calls, listener, request).await.unwrap();
        if !answer[0].contains("Asterisk is not connected") && !answer[0].contains("lost: ") {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

const PUT: &str = "Action: DBPut|Family: test|Key: where|Val: first";
const GET: &str = "Action: DBGet|Family: test|Key: where";

#[test]
fn other_settings_lead_to_another_asterisk_at_once() {
    let (one, two) = (Simulated::start(), Simulated::start());
    let long = Duration::from_secs(30);
    on_hub_thread(
        one.port,
        |general| general,
        |calls, shell: Rc<Shell>| async move {
            let listener = enter(&calls).await;
            ask(&calls, listener, PUT).await.unwrap();
            shell.reload(change(one.port, long, &["a"]));
            let same = ask(&calls, listener, GET).await.unwrap();
            assert!(same[0].starts_with("Response: Success"), "{same:?}");

            let began = Instant::now();
            shell.reload(change(two.port, long, &["a"]));
            let other = ask_at_last(&calls, listener, GET).await;
            assert_eq!(other, ["Response: Error|Message: Database entry not found"]);

            // While it waits to connect again, it hears of other settings as well.
            two.pbx.with(|pbx, _| pbx.shut_down());
            drop(two);
            while ask(&calls, listener, GET).await.unwrap()[0].contains("not found") {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            shell.reload(change(one.port, long, &["a"]));
            let back = ask_at_last(&calls, listener, GET).await;
            assert!(back[0].starts_with("Response: Success"), "{back:?}");
            assert!(began.elapsed() < Duration::from_secs(10));

            shell.reload(change(one.port, long, &[]));
            assert_eq!(
                ask(&calls, listener, GET).await,
                Err(WebError::SessionEnded)
            );
        },
    );
}

#[test]
fn asterisk_may_answer_before_the_end_but_not_for_ever() {
    for (thaws_after, expected) in [
        (Duration::from_millis(300), "Response: Success"),
        (
            Duration::from_secs(20),
            "Response: Error|Message: Connection ended: amimux is shutting down",
        ),
    ] {
        let asterisk = Simulated::start();
        on_hub_thread(
            asterisk.port,
            |general| general,
            |calls, shell: Rc<Shell>| async move {
                let listener = enter(&calls).await;
                asterisk.pbx.with(|pbx, _| pbx.freeze(true));
                let asking = tokio::task::spawn_local(async move {
                    (
                        ask(&calls, listener, PUT).await,
                        ask(&calls, listener, PUT).await,
                    )
                });
                // It is with Asterisk once this is over.
                tokio::time::sleep(Duration::from_millis(50)).await;
                let began = Instant::now();
                let thaw = async {
                    tokio::time::sleep(thaws_after).await;
                    asterisk.pbx.with(|pbx, now| {
                        pbx.freeze(false);
                        pbx.tick(now);
                    });
                };
                tokio::select! {
                    () = shell.close_all() => {}
                    () = async { thaw.await; std::future::pending::<()>().await } => {}
                }
                assert!(
                    began.elapsed() < Duration::from_millis(2800),
                    "{:?}",
                    began.elapsed()
                );
                let (first, later) = asking.await.unwrap();
                assert!(first.unwrap()[0].starts_with(expected), "{expected}");
                assert_eq!(later, Err(WebError::ShuttingDown));
            },
        );
    }
}
