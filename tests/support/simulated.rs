//! A simulated Asterisk on a port of its own: for faults, floods and timing that a real one does not offer.

use amimux::policy::class::Classes;
use amimux::sim::server::PbxHandle;
use amimux::sim::{ConnectionId, Pbx, PbxOptions, SimUser};
use std::net::TcpListener;
use std::thread::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A running simulation; ends with the value.
pub(crate) struct Simulated {
    /// Where it speaks AMI.
    pub(crate) port: u16,
    /// The way to disturb it.
    pub(crate) pbx: PbxHandle,
    cancel: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Simulated {
    /// Starts one without calls of its own.
    pub(crate) fn start() -> Self {
        Self::start_with(PbxOptions {
            calls_per_second: 0.0,
            ..PbxOptions::default()
        })
    }

    /// Starts one with these options; the user is the tests' `upstream`.
    pub(crate) fn start_with(mut options: PbxOptions) -> Self {
        super::test_logs::keep_own_log();
        super::test_logs::is_secret("upstream-secret");
        options.users = vec![SimUser::new(
            "upstream",
            "upstream-secret",
            Classes::ALL,
            Classes::ALL,
        )];
        let pbx = PbxHandle::new(Pbx::new(options));
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        listener.set_nonblocking(true).expect("a port to wait on");
        let port = listener.local_addr().expect("its address").port();
        let cancel = CancellationToken::new();
        let (served, cancelled) = (pbx.clone(), cancel.clone());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                served.serve(listener, cancelled).await.expect("a PBX");
            });
        });
        Self {
            port,
            pbx,
            cancel,
            thread: Some(thread),
        }
    }

    /// The connections to it: amimux's own, where nothing else connects.
    pub(crate) fn connections(&self) -> Vec<ConnectionId> {
        self.pbx.with(|pbx, _| pbx.connections().collect())
    }
}

impl Drop for Simulated {
    fn drop(&mut self) {
        self.cancel.cancel();
        if let Some(thread) = self.thread.take() {
            // A panic there is a panic of the test already.
            let _ = thread.join();
        }
    }
}
