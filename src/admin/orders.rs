//! What administrators want of the daemon: a reload, another filter for the log.

use std::time::Duration;

use tokio::sync::oneshot;
use tracing::info;

use super::administration::{Administration, Asker};
use super::compose::Composer;
use super::order::{Order, OrderError, Reloaded};
use crate::config::value::is_true;
use crate::protocol::request::Request;

/// How long an order may take.
const DONE_WITHIN: Duration = Duration::from_secs(30);

/// Why it is not known what came of an order.
#[derive(Debug, thiserror::Error)]
enum NotDone {
    #[error("amimux is shutting down")]
    Ending,
    #[error("It took too long: see the log for what came of it")]
    Late,
}

impl Administration {
    /// `MuxReload`.
    pub(super) async fn reload(&self, asker: &Asker, request: Request<'_>, out: &mut Composer) {
        let dry_run = request.get_or_empty("DryRun");
        let dry_run = is_true(&String::from_utf8_lossy(dry_run));
        info!(name: "reload-ordered", by = asker.name, dry_run, "reload asked for");
        match self.order(|reply| Order::Reload { dry_run, reply }).await {
            Err(error) => out.error(error).end(),
            Ok(Ok(reloaded)) => list_changes(&reloaded, dry_run, out),
            Ok(Err(error)) => refuse(&error, out),
        }
    }

    /// `MuxSetLog`.
    pub(super) async fn set_log(&self, asker: &Asker, request: Request<'_>, out: &mut Composer) {
        let filter = String::from_utf8_lossy(request.get_or_empty("Filter")).into_owned();
        if filter.is_empty() {
            out.error("Name a Filter, such as info or amimux::session=debug")
                .end();
            return;
        }
        info!(
            name: "log-ordered",
            by = asker.name,
            filter, "another filter for the log asked for"
        );
        match self.order(|reply| Order::SetLog { filter, reply }).await {
            Err(error) => out.error(error).end(),
            Ok(Ok(before)) => out
                .success()
                .put("Message", "Log filter changed")
                .put("Before", before)
                .end(),
            Ok(Err(error)) => refuse(&error, out),
        }
    }

    /// Gives an order and waits until it was carried out.
    async fn order<T>(
        &self,
        order: impl FnOnce(oneshot::Sender<T>) -> Order,
    ) -> Result<T, NotDone> {
        let (reply, answer) = oneshot::channel();
        let done = async {
            let sent = self.orders.send(order(reply)).await;
            sent.map_err(|_| NotDone::Ending)?;
            answer.await.map_err(|_| NotDone::Ending)
        };
        let done = tokio::time::timeout(DONE_WITHIN, done).await;
        done.unwrap_or(Err(NotDone::Late))
    }
}

fn list_changes(reloaded: &Reloaded, dry_run: bool, out: &mut Composer) {
    out.start_list(if dry_run {
        "Changes would follow from a reload"
    } else {
        "Configuration reloaded"
    });
    for change in &reloaded.changes {
        out.item("MuxChange").put("Change", change).end();
    }
    for warning in &reloaded.warnings {
        out.item("MuxWarning").put("Warning", warning).end();
    }
    out.complete("MuxReloadComplete")
        .put("Changes", reloaded.changes.len())
        .put("Warnings", reloaded.warnings.len())
        .end();
}

fn refuse(error: &OrderError, out: &mut Composer) {
    match error {
        OrderError::Configuration(errors) => out
            .error("The configuration has errors: everything stays as it was")
            .put_each("Error", errors)
            .end(),
        OrderError::Unable(_) | OrderError::Invalid(_) => out.error(error).end(),
    }
}
