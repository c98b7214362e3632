//! Orders to a daemon that is not there, threads that give no answer, and many who ask at the same time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::LocalSet;
use tokio::time::Instant;

use super::administration::{Administration, Asker};
use super::order::{Order, OrderError, Reloaded};
use crate::protocol::request::Request;
use crate::session::control::{HubCall, HubControl};
use crate::session::live::{Live, fixtures};
use crate::session::registry::Registry;
use crate::session::shell::Clock;

/// What administers one Asterisk, whose thread reads no calls, and the other end of its orders.
fn administration() -> (
    Administration,
    mpsc::Receiver<Order>,
    mpsc::Receiver<HubCall>,
) {
    let live = fixtures::live("pbx", Arc::default());
    let mut rules = (*live.now()).clone();
    let (control, calls) = HubControl::new();
    rules.hubs.get_mut("pbx").unwrap().control = control;
    let (orders, to_do) = mpsc::channel(1);
    let (_, live) = Live::new(rules);
    let clock = Clock::start();
    let administration = Administration::new(live, Registry::default(), orders, clock);
    (administration, to_do, calls)
}

async fn ask(administration: &Administration, request: &str) -> String {
    let asker = Asker {
        name: "a test".to_owned(),
        session: None,
        action_id: Some(b"7".as_slice().into()),
    };
    let request = Request::new(request.as_bytes());
    let answer = administration.answer(&asker, request).await;
    assert!(!answer.ends_session);
    String::from_utf8(answer.messages.unwrap().to_vec()).unwrap()
}

/// Runs on a paused clock.
async fn within<T>(work: impl Future<Output = T>) -> T {
    LocalSet::new().run_until(work).await
}

#[tokio::test(start_paused = true)]
async fn a_thread_that_gives_no_answer_is_named() {
    let (administration, _orders, _calls) = administration();
    within(async {
        for (request, expected) in [
            ("Action: MuxStatus\r\n", "UpstreamsReady: 0\r\n"),
            ("Action: muxupstreams\r\n", "State: NotAnswering\r\n"),
            (
                "Action: MuxSessions\r\n",
                "ListItems: 0\r\nNotAnswering: pbx\r\n",
            ),
            (
                "Action: MuxCommands\r\n",
                "The thread of pbx gave no answer\r\n",
            ),
            (
                "Action: MuxKick\r\nUser: x\r\n",
                "Message: No such session\r\nNotAnswering: pbx\r\n",
            ),
        ] {
            let begin = Instant::now();
            let text = ask(&administration, request).await;
            assert!(text.contains(expected), "{request}: {text}");
            assert!(begin.elapsed() < Duration::from_secs(6), "{request}");
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn too_many_who_wait_for_such_a_thread_are_told_so() {
    let (administration, _orders, _calls) = administration();
    let administration = std::rc::Rc::new(administration);
    within(async {
        let asked: Vec<_> = (0..20)
            .map(|_| {
                let administration = std::rc::Rc::clone(&administration);
                tokio::task::spawn_local(async move {
                    ask(&administration, "Action: MuxViews\r\n").await
                })
            })
            .collect();
        let mut texts = Vec::new();
        for answer in asked {
            texts.push(answer.await.unwrap());
        }
        let is_busy = |text: &&String| text.contains("Too many administrative requests");
        let busy = texts.iter().filter(is_busy).count();
        assert!((8..=16).contains(&busy), "{busy}");
    })
    .await;
}

#[tokio::test]
async fn what_came_of_an_order_is_told() {
    let (administration, mut orders, _calls) = administration();
    let daemon = async move {
        let mut seen = Vec::new();
        while let Some(order) = orders.recv().await {
            match order {
                Order::Reload { dry_run, reply } => {
                    seen.push(format!("reload {dry_run}"));
                    let result = if dry_run {
                        Ok(Reloaded {
                            changes: vec!["user bob removed".to_owned()],
                            warnings: vec!["a.conf:1: odd\r\nEvent: X".to_owned()],
                        })
                    } else {
                        let errors = vec!["a.conf:1: one".to_owned(), "a.conf:2: two".to_owned()];
                        Err(OrderError::Configuration(errors))
                    };
                    drop(reply.send(result));
                }
                Order::SetLog { filter, reply } if filter == "debug" => {
                    drop(reply.send(Ok("info".to_owned())));
                }
                Order::SetLog { reply, .. } => {
                    drop(reply.send(Err(OrderError::Invalid("no such level".to_owned()))));
                }
            }
        }
        seen
    };
    let asks = async {
        for (request, expected) in [
            (
                "Action: MuxReload\r\nDryRun: yes\r\n",
                "Event: MuxChange\r\nActionID: 7\r\nChange: user bob removed\r\n\r\n\
                 Event: MuxWarning\r\nActionID: 7\r\nWarning: a.conf:1: odd  Event: X\r\n\r\n\
                 Event: MuxReloadComplete\r\nActionID: 7\r\nEventList: Complete\r\nListItems: 2\r\n\
                 Changes: 1\r\nWarnings: 1\r\n\r\n",
            ),
            (
                "Action: MuxReload\r\nDryRun: no\r\n",
                "Message: The configuration has errors: everything stays as it was\r\n\
                 Error: a.conf:1: one\r\nError: a.conf:2: two\r\n\r\n",
            ),
            (
                "Action: MuxSetLog\r\nFilter: debug\r\n",
                "Response: Success\r\nActionID: 7\r\nMessage: Log filter changed\r\nBefore: info\r\n\r\n",
            ),
            (
                "Action: MuxSetLog\r\nFilter: x\r\n",
                "Response: Error\r\nActionID: 7\r\nMessage: no such level\r\n\r\n",
            ),
            ("Action: MuxSetLog\r\n", "Message: Name a Filter"),
        ] {
            let text = ask(&administration, request).await;
            assert!(text.contains(expected), "{request}: {text}");
        }
        drop(administration);
    };
    let (seen, ()) = tokio::join!(daemon, asks);
    assert_eq!(seen, ["reload true", "reload false"]);
}

#[tokio::test(start_paused = true)]
async fn a_daemon_that_does_nothing_or_has_ended_keeps_nobody_waiting() {
    let (administration, orders, _calls) = administration();
    let text = ask(&administration, "Action: MuxReload\r\n").await;
    assert!(text.contains("It took too long"), "{text}");
    drop(orders);
    let text = ask(&administration, "Action: MuxSetLog\r\nFilter: info\r\n").await;
    assert!(text.contains("amimux is shutting down"), "{text}");
}
