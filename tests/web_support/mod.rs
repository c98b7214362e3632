//! A hub's thread without a daemon around it: the shell, its tasks and the way in for those who come over HTTP, before
//! a simulated Asterisk.

use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use amimux::config::settings::{General, Upstream};
use amimux::hub::{Admission, Hub};
use amimux::policy::event_mask::EventMask;
use amimux::policy::secret::Secret;
use amimux::policy::user::User;
use amimux::session::registry::Registry;
use amimux::session::shell::{Clock, Shell};
use amimux::session::web::{Entrant, WebCall};
use bytes::BytesMut;
use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;

use crate::hub_harness::{NONCE, connection, general, upstream};

/// Runs `work` on the thread of a hub whose Asterisk is at that port, with the way in and the shell.
pub fn on_hub_thread<F: Future<Output = ()>>(
    port: u16,
    general_of: impl FnOnce(General) -> General,
    work: impl FnOnce(mpsc::Sender<WebCall>, Rc<Shell>) -> F,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let upstream = Arc::new(Upstream {
        host: "127.0.0.1".to_owned(),
        port,
        username: "upstream".to_owned(),
        secret: Secret::new("upstream-secret"),
        ..upstream()
    });
    let general = Arc::new(general_of(general()));
    let hub = Hub::new(general, upstream, NONCE);
    let (banner, mut seen) = watch::channel(None);
    let delay = Duration::from_millis(1);
    let shell = Rc::new(Shell::new(
        hub,
        Clock::start(),
        delay,
        "pbx".to_owned(),
        banner,
    ));
    let (calls, received) = mpsc::channel(64);
    let tasks = LocalSet::new();
    tasks.spawn_local(Rc::clone(&shell).run_timer());
    tasks.spawn_local(Rc::clone(&shell).run_upstream(None));
    tasks.spawn_local(Rc::clone(&shell).run_web(received));
    runtime.block_on(tasks.run_until(async move {
        seen.wait_for(|banner: &Option<String>| banner.is_some())
            .await
            .unwrap();
        tokio::time::timeout(Duration::from_secs(60), work(calls, shell))
            .await
            .unwrap();
    }));
}

/// One of that user who comes in.
pub fn entrant(registry: &Registry, user: User, events: EventMask) -> Entrant {
    let login = registry.log_in(&user, "192.0.2.7".parse().unwrap());
    Entrant {
        admission: Admission {
            account: user.name.as_bytes().into(),
            user: Arc::new(user),
            connection: connection(),
            action_id: None,
            events,
            challenge: None,
            challenge_random: 7,
            input: BytesMut::new(),
        },
        wants_answer: false,
        resume: None,
        login,
    }
}
