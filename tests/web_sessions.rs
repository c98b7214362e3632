//! The way to a hub's thread for those who come over HTTP, before a simulated Asterisk: coming in, requests at the same
//! time, events that are waited for and followed, answers that nobody waits for any more, and the end.
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
use std::time::{Duration, Instant};

use amimux::config::settings::General;
use amimux::hub::SessionId;
use amimux::policy::class::Classes;
use amimux::policy::event_mask::EventMask;
use amimux::policy::user::User;
use amimux::session::registry::Registry;
use amimux::session::shell::Shell;
use amimux::session::web::{Answer, WebCall, WebError, WebHub};
use hub_harness::{messages, user, wire};
use support::Simulated;
use tokio::sync::mpsc;
use web_support::{entrant, on_hub_thread};

const WAIT_MAX: Duration = Duration::from_secs(20);

const WAITED: &str = "Response: Success|Message: Waiting for Event completed.";
const COMPLETE: &str = "Event: WaitEventComplete";

fn caller(name: &str) -> User {
    User {
        read: Classes::CALL,
        ..user(name)
    }
}

fn call(number: usize) -> String {
    format!("Event: Newstate|Privilege: call,all|N: {number}")
}

struct Web {
    hub: WebHub,
    shell: Rc<Shell>,
    registry: Registry,
    asterisk: Simulated,
}

impl Web {
    /// Runs `work` with the way to a hub.
    fn run<F: Future<Output = ()>>(work: impl FnOnce(Rc<Self>) -> F) {
        Self::run_with(|general| general, work);
    }

    fn run_with<F: Future<Output = ()>>(
        general_of: impl FnOnce(General) -> General,
        work: impl FnOnce(Rc<Self>) -> F,
    ) {
        let asterisk = Simulated::start();
        on_hub_thread(asterisk.port, general_of, |calls, shell| {
            let (hub, received) = WebHub::new();
            tokio::task::spawn_local(pass_on(received, calls));
            work(Rc::new(Self {
                hub,
                shell,
                registry: Registry::default(),
                asterisk,
            }))
        });
    }

    async fn enter(&self, user: User, events: EventMask) -> SessionId {
        // Comes back once its events are seen.
        let entrant = entrant(&self.registry, user, events);
        self.hub.enter(entrant).await.unwrap().listener
    }

    async fn ask(&self, listener: SessionId, message: &str) -> Result<Vec<String>, WebError> {
        let answer = self.hub.ask(listener, wire(message).into(), WAIT_MAX).await;
        answer.map(|answer| messages(&answer.bytes))
    }

    async fn fetch(&self, listener: SessionId) -> Result<Vec<String>, WebError> {
        let fetched = self.hub.fetch(listener, usize::MAX, WAIT_MAX).await;
        fetched.map(|fetched| messages(&fetched.bytes))
    }

    fn event(&self, message: &str) {
        self.asterisk
            .pbx
            .with(|pbx, _| pbx.broadcast(Classes::CALL, &wire(message)));
    }
}

async fn pass_on(mut received: mpsc::Receiver<WebCall>, calls: mpsc::Sender<WebCall>) {
    while let Some(call) = received.recv().await {
        if calls.send(call).await.is_err() {
            return;
        }
    }
}

/// What was asked before has reached the hub's thread, and what came of it is done.
async fn a_moment() {
    tokio::time::sleep(Duration::from_millis(30)).await;
}

#[test]
fn a_login_is_answered_and_requests_are_too() {
    Web::run(async |web| {
        let entrant = {
            let mut entrant = entrant(&web.registry, user("a"), EventMask::Everything);
            entrant.wants_answer = true;
            entrant.admission.action_id = Some(b"7".as_slice().into());
            entrant
        };
        let entered = web.hub.enter(entrant).await.unwrap();
        let answer = messages(&entered.answer);
        assert_eq!(
            answer[0],
            "Response: Success|ActionID: 7|Message: Authentication accepted"
        );
        assert!(answer[1].starts_with("Event: FullyBooted|"), "{answer:?}");
        let listener = entered.listener;
        let (channels, pong) = tokio::join!(
            web.ask(listener, "Action: CoreShowChannels|ActionID: 1"),
            web.ask(listener, "Action: Ping|ActionID: 2"),
        );
        let channels = channels.unwrap();
        assert!(channels[0].starts_with("Response: Success|ActionID: 1|EventList: start"));
        let last = channels.last().unwrap();
        assert!(
            last.starts_with("Event: CoreShowChannelsComplete|ActionID: 1|"),
            "{last}"
        );
        assert!(pong.unwrap()[0].starts_with("Response: Success|ActionID: 2|Ping: Pong"));
        let answer = web
            .ask(listener, "Action: Filter|Operation: Add|Filter: !x")
            .await;
        assert_eq!(answer.unwrap(), ["Response: Success|Message: Success"]);
    });
}

#[test]
fn events_are_waited_for_and_followed() {
    Web::run(async |web| {
        let listener = web.enter(caller("a"), EventMask::Everything).await;
        let (answer, ()) = tokio::join!(web.ask(listener, "Action: WaitEvent"), async {
            a_moment().await;
            web.event(&call(1));
        });
        assert_eq!(answer.unwrap(), [WAITED, &call(1), COMPLETE]);
        let (events, ()) = tokio::join!(web.fetch(listener), async {
            a_moment().await;
            web.event(&call(2));
        });
        assert_eq!(events.unwrap(), [call(2)]);
        web.event(&call(3));
        assert_eq!(web.fetch(listener).await.unwrap(), [call(3)]);
        let begin = Instant::now();
        let wait = Duration::from_millis(50);
        let nothing = web.hub.fetch(listener, 1, wait).await.unwrap();
        assert!(nothing.bytes.is_empty() && begin.elapsed() >= wait);
        let (older, newer) = tokio::join!(web.fetch(listener), async {
            a_moment().await;
            web.ask(listener, "Action: WaitEvent|Timeout: 0").await
        });
        assert_eq!(older.unwrap(), [""; 0]);
        assert_eq!(newer.unwrap(), [WAITED, COMPLETE]);
    });
}

#[test]
fn what_nobody_waits_for_any_more_is_given_up_and_loses_no_event() {
    Web::run_with(
        |general| General {
            max_queued: 2,
            ..general
        },
        async |web| {
            let listener = web.enter(caller("a"), EventMask::Everything).await;
            for _ in 0..5 {
                let wait = web.ask(listener, "Action: WaitEvent");
                let given_up = tokio::time::timeout(Duration::from_millis(20), wait).await;
                assert!(given_up.is_err());
                let fetch = web.fetch(listener);
                let given_up = tokio::time::timeout(Duration::from_millis(20), fetch).await;
                assert!(given_up.is_err());
            }
            web.event(&call(1));
            a_moment().await;
            let answer = web.ask(listener, "Action: WaitEvent").await;
            assert_eq!(answer.unwrap(), [WAITED, &call(1), COMPLETE]);
            let waits = [(); 2].map(|()| web.ask(listener, "Action: Originate|Channel: Local/nobody@nowhere|Application: Wait|Timeout: 30000"));
            let [first, second] = waits;
            let third = async {
                a_moment().await;
                let ping = web.ask(listener, "Action: Ping").await;
                assert_eq!(ping, Err(WebError::TooMany));
            };
            tokio::select! {
                _ = async { tokio::join!(first, second) } => panic!("they take longer"),
                () = third => {}
            }
            let ping = web.ask(listener, "Action: Ping").await;
            assert_eq!(ping.unwrap().len(), 1, "who gave up makes room at once");
        },
    );
}

#[test]
fn a_session_counts_as_a_login_until_it_ends() {
    Web::run(async |web| {
        let one = web.enter(caller("one"), EventMask::Off).await;
        let other = web.enter(caller("other"), EventMask::Off).await;
        assert!(web.registry.is_in_use(&caller("one")));
        let bytes = wire("Action: Logoff|ActionID: 3").into();
        let Answer { bytes, ended } = web.hub.ask(one, bytes, WAIT_MAX).await.unwrap();
        assert_eq!(
            messages(&bytes),
            ["Response: Goodbye|ActionID: 3|Message: Thanks for all the fish."]
        );
        assert!(ended);
        a_moment().await;
        assert!(!web.registry.is_in_use(&caller("one")));
        assert_eq!(
            web.ask(one, "Action: Ping").await,
            Err(WebError::SessionEnded)
        );
        assert_eq!(web.fetch(one).await, Err(WebError::SessionEnded));
        let (fetched, ()) = tokio::join!(web.fetch(other), async {
            a_moment().await;
            assert!(web.hub.leave(other));
        });
        assert_eq!(fetched, Err(WebError::SessionEnded));
        assert!(!web.registry.is_in_use(&caller("other")));
        let gone = web
            .hub
            .enter(entrant(&web.registry, caller("gone"), EventMask::Off));
        drop(Box::pin(gone));
        let mut unanswered = entrant(&web.registry, caller("gone"), EventMask::Everything);
        unanswered.wants_answer = true;
        let unwanted = web.hub.enter(unanswered);
        let mut unwanted = Box::pin(unwanted);
        std::future::poll_fn(|context| {
            let _ = unwanted.as_mut().poll(context);
            std::task::Poll::Ready(())
        })
        .await;
        drop(unwanted);
        a_moment().await;
        assert!(
            !web.registry.is_in_use(&caller("gone")),
            "nobody waits for it"
        );
    });
}

#[test]
fn one_that_comes_back_goes_on_where_it_was() {
    Web::run(async |web| {
        let first = web.enter(caller("a"), EventMask::Everything).await;
        web.event(&call(1));
        let fetched = web.hub.fetch(first, usize::MAX, WAIT_MAX).await.unwrap();
        assert_eq!(messages(&fetched.bytes), [call(1)]);
        assert!(web.hub.leave(first));
        a_moment().await;
        web.event(&call(2));
        a_moment().await;
        let mut entrant = entrant(&web.registry, caller("a"), EventMask::Everything);
        entrant.resume = fetched.ends.last().map(|(_, place)| *place);
        let again = web.hub.enter(entrant).await.unwrap().listener;
        assert_eq!(web.fetch(again).await.unwrap(), [call(2)]);
    });
}

#[test]
fn a_thousand_wait_for_the_same_event() {
    Web::run(async |web| {
        let mut waiting = tokio::task::JoinSet::new();
        for _ in 0..1000 {
            let listener = web.enter(caller("a"), EventMask::Everything).await;
            let web = Rc::clone(&web);
            waiting.spawn_local(async move { web.ask(listener, "Action: WaitEvent").await });
        }
        a_moment().await;
        web.event(&call(1));
        while let Some(answer) = waiting.join_next().await {
            assert_eq!(answer.unwrap().unwrap(), [WAITED, &call(1), COMPLETE]);
        }
    });
}

#[test]
fn at_the_end_everybody_is_told() {
    Web::run(async |web| {
        let listener = web.enter(caller("a"), EventMask::Everything).await;
        let follower = web.enter(caller("b"), EventMask::Everything).await;
        let (waited, fetched, ()) = tokio::join!(
            web.ask(listener, "Action: WaitEvent"),
            web.fetch(follower),
            async {
                a_moment().await;
                web.shell.close_all().await;
            }
        );
        assert_eq!(waited.unwrap(), [WAITED, COMPLETE]);
        assert_eq!(fetched, Err(WebError::ShuttingDown));
        let ping = web.ask(listener, "Action: Ping").await;
        assert_eq!(ping, Err(WebError::ShuttingDown));
        let late = web
            .hub
            .enter(entrant(&web.registry, caller("c"), EventMask::Off))
            .await;
        assert_eq!(late.unwrap_err(), WebError::ShuttingDown);
        assert!(!web.registry.is_in_use(&caller("a")));
    });
}
