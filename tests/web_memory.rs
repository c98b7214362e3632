//! What one costs who waits for an event over HTTP: many thousands may.

#![expect(
    unsafe_code,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "counting allocations takes an allocator, which is unsafe to write; the figure is worth knowing"
)]
#![allow(unreachable_pub, reason = "shared modules")]

mod hub_harness;
mod support;
mod web_support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use amimux::policy::class::Classes;
use amimux::policy::event_mask::EventMask;
use amimux::policy::user::User;
use amimux::session::registry::Registry;
use amimux::session::web::WebCall;
use hub_harness::{user, wire};
use tokio::sync::{mpsc, oneshot};
use web_support::{entrant, on_hub_thread};

const WAITING: usize = 10_000;

static LIVE: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged; counting is an atomic addition.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

async fn call<T>(
    calls: &mpsc::Sender<WebCall>,
    make: impl FnOnce(oneshot::Sender<T>) -> WebCall,
) -> oneshot::Receiver<T> {
    let (reply, result) = oneshot::channel();
    calls.send(make(reply)).await.unwrap();
    result
}

#[test]
fn one_that_waits_costs_little() {
    let asterisk = support::Simulated::start();
    on_hub_thread(
        asterisk.port,
        |general| general,
        async |calls, _shell| {
            let registry = Registry::default();
            let before = LIVE.load(Ordering::Relaxed);
            let (mut listeners, mut answers) = (Vec::new(), Vec::new());
            for _ in 0..WAITING {
                let user = User {
                    read: Classes::CALL,
                    ..user("a")
                };
                let entrant = Box::new(entrant(&registry, user, EventMask::Everything));
                let entered = call(&calls, |reply| WebCall::Enter(entrant, reply)).await;
                listeners.push(entered.await.unwrap().unwrap().listener);
            }
            let idle = LIVE.load(Ordering::Relaxed) - before;
            for listener in &listeners {
                let ask = |reply| WebCall::Ask {
                    listener: *listener,
                    request: wire("Action: WaitEvent").into(),
                    wait_max: Duration::from_secs(60),
                    reply,
                };
                answers.push(call(&calls, ask).await);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            let waiting = LIVE.load(Ordering::Relaxed) - before;
            println!(
                "{} bytes idle, {} waiting",
                idle / WAITING,
                waiting / WAITING
            );
            assert!(answers.iter_mut().all(|answer| answer.try_recv().is_err()));
            assert!(idle / WAITING < 3 * 1024, "{}", idle / WAITING);
            assert!(waiting / WAITING < 5 * 1024, "{}", waiting / WAITING);
        },
    );
}
