//! Has filters compiled beside the hub's thread, so that no event waits for it: those that a session adds, one after
//! the other, and those of all views together.

use std::rc::Rc;

use tracing::error;

use super::shell::Shell;
use crate::hub::FilterDraft;

impl Shell {
    /// Begins what there is to compile.
    pub(super) fn compile_filters(self: &Rc<Self>) {
        self.compile_draft();
        if self.hub.borrow().filter_build_at().is_some() {
            self.compile_together();
        }
    }

    fn compile_draft(self: &Rc<Self>) {
        if self.is_drafting.get() {
            return;
        }
        let Some(draft) = self.hub.borrow_mut().next_filter_draft() else {
            return;
        };
        self.is_drafting.set(true);
        let session = draft.session();
        let shell = Rc::clone(self);
        tokio::task::spawn_local(async move {
            let drafted = tokio::task::spawn_blocking(move || draft.run()).await;
            let drafted = drafted.unwrap_or_else(|error| {
                error!(name: "filter-failed", upstream = shell.name, %error, "a filter could not be compiled");
                FilterDraft::failed(session)
            });
            shell.is_drafting.set(false);
            let now = shell.now();
            shell.hub.borrow_mut().filter_drafted(now, drafted);
            shell.settle();
        });
    }

    fn compile_together(self: &Rc<Self>) {
        let now = self.now();
        let Some(build) = self.hub.borrow_mut().next_filter_build(now) else {
            return;
        };
        let shell = Rc::clone(self);
        tokio::task::spawn_local(async move {
            let built = tokio::task::spawn_blocking(move || build.run()).await;
            if let Err(error) = &built {
                error!(
                    name: "filters-failed",
                    upstream = shell.name,
                    %error,
                    "filters could not be compiled together; they are judged one by one"
                );
            }
            let now = shell.now();
            shell.hub.borrow_mut().filters_built(now, built.ok());
            shell.settle();
        });
    }
}
