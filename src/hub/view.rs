//! Views: what a group of clients with the same rights and filters sees. The hub decides once per event
//! and view, never per client, and appends the event to the view's log.

mod carried;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrayvec::ArrayVec;
use bytes::BytesMut;
use slab::Slab;

use super::judge::Judge;
use super::kept::Kept;
use super::log::{LogPosition, ViewLog};
use super::mailbox::FellOff;
use super::session::SessionId;
use super::statistics::ViewCounts;
use crate::policy::class::Classes;
use crate::policy::event_filter::EventFilters;
use crate::policy::filter::table::{SetNumber, Verdicts};
use crate::protocol::frame::Frame;

/// Names a view while anybody refers to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ViewId(pub(super) usize);

/// What makes two clients members of one view.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ViewKey {
    /// The effective classes: the event mask within the user's read classes.
    pub(super) classes: Classes,
    /// Whether everybody's ActionIDs are shown in broadcast events (`actionids = all`).
    pub(super) all_action_ids: bool,
    /// Which of the events are sent.
    pub(super) filters: Arc<EventFilters>,
}

/// One view.
#[derive(Debug, Clone)]
pub(super) struct View {
    /// What its members have in common.
    pub(super) key: ViewKey,
    /// Its events.
    pub(super) log: ViewLog,
    /// No other view of this process ever has the same number, nor is one of another process likely to.
    pub(super) number: u64,
    /// The sessions that read it now and are swept, by their index.
    pub(super) members: Vec<u32>,
    /// Those that read it when they are asked to, by how far they have read.
    pub(super) polled: BTreeSet<(LogPosition, u32)>,
    /// Those of them that wait for its next event.
    pub(super) waiting: Vec<SessionId>,
    /// How many sessions have it as their latest view. Without any, nothing is appended.
    pub(super) subscribers: usize,
    /// How many mailboxes hold a switch to it, or read it.
    pub(super) references: usize,
    /// How many sessions are on their way from another view to this one.
    pub(super) expected: usize,
    /// Whether events stay for a while that everybody has read.
    pub(super) is_kept: bool,
    /// Whether something was appended since the last sweep.
    pub(super) grown: bool,
    /// Its filters among those that are judged together; `None` while they are judged by themselves.
    pub(super) set: Option<SetNumber>,
    /// Whether metrics show it by itself.
    pub(super) is_named: bool,
    /// What was decided for it.
    pub(super) counts: ViewCounts,
}

/// Most views that metrics show one by one. A view has its place until it goes; those made meanwhile are shown as one.
pub(super) const NAMED_MAX: usize = 100;

impl View {
    /// Appends one event, given in parts.
    pub(super) fn append(&mut self, parts: &[&[u8]]) {
        self.log.append(parts);
        self.grown = true;
        self.counts.deliveries += self.subscribers as u64;
    }

    /// What was decided for it.
    pub(super) fn counts(&self) -> ViewCounts {
        ViewCounts {
            events: self.log.event_count(),
            bytes: self.log.end().0,
            ..self.counts
        }
    }

    /// Whether somebody is still on the way into this view, and will need what was appended since.
    pub(super) const fn expects_readers(&self) -> bool {
        self.expected > 0
    }

    /// Whether it has a reader who wants to know of these classes.
    fn wants(&self, classes: Classes) -> bool {
        self.subscribers > 0 && self.key.classes.contains_all(classes)
    }

    /// Whether its filters let an event pass; `verdicts` are there if those of any view are judged together.
    fn passes(&self, event: Frame<'_>, verdicts: Option<Verdicts<'_>>) -> bool {
        self.key.filters.is_empty()
            || match (self.set, verdicts) {
                (Some(set), Some(verdicts)) => verdicts.pass(set),
                _ => self.key.filters.pass(event),
            }
    }

    /// Whether its filters decide anything now.
    fn is_filtered(&self) -> bool {
        self.subscribers > 0 && !self.key.filters.is_empty() && self.key.classes != Classes::NONE
    }
}

/// Most pieces of memory that are kept for logs to come.
pub(super) const SPARE_MAX: usize = 4;

/// All views of one Asterisk.
#[derive(Debug, Clone, Default)]
pub(super) struct Views {
    /// Memory that logs have no use for now.
    pub(super) spare: ArrayVec<BytesMut, SPARE_MAX>,
    pub(super) slab: Slab<View>,
    /// Those that have grown since the last sweep.
    pub(super) grown: Vec<ViewId>,
    /// Bytes kept in all logs.
    pub(super) retained_bytes: usize,
    pub(super) by_key: HashMap<ViewKey, ViewId>,
    /// The number of the next view.
    pub(super) next_number: u64,
    /// Those that are kept for followers.
    pub(super) kept: Kept,
    /// Judges events for all that have filters.
    pub(super) judge: Judge,
    /// How many have a place of their own in metrics.
    pub(super) named: usize,
    /// Those that were there once.
    pub(super) gone: Gone,
}

/// What was decided for views that are gone.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Gone {
    /// For those that metrics showed one by one.
    pub(super) named: ViewCounts,
    /// For the others.
    pub(super) others: ViewCounts,
}

impl Views {
    /// Numbers views from there on. Followers come back with a number, maybe to a later process: where each begins
    /// somewhere else, one of another process means no view.
    pub(super) fn numbered_from(first: u64) -> Self {
        Self {
            next_number: first,
            ..Self::default()
        }
    }

    /// The view of that key, made if there is none; the caller becomes a subscriber and a reference.
    pub(super) fn subscribe(&mut self, key: &ViewKey) -> ViewId {
        let id = self.by_key.get(key).copied().unwrap_or_else(|| {
            let id = ViewId(self.slab.insert(View {
                key: key.clone(),
                log: ViewLog::default(),
                number: self.next_number,
                members: Vec::new(),
                polled: BTreeSet::new(),
                waiting: Vec::new(),
                subscribers: 0,
                references: 0,
                expected: 0,
                is_kept: false,
                grown: false,
                set: self.judge.number(&key.filters),
                is_named: self.named < NAMED_MAX,
                counts: ViewCounts::default(),
            }));
            self.named += usize::from(self.named < NAMED_MAX);
            self.next_number = self.next_number.wrapping_add(1);
            self.by_key.insert(key.clone(), id);
            id
        });
        self.hold(id);
        id
    }

    /// One more subscriber and reference.
    pub(super) fn hold(&mut self, id: ViewId) {
        if let Some(view) = self.slab.get_mut(id.0) {
            view.subscribers += 1;
            view.references += 1;
            if view.is_filtered() && view.set.is_none() {
                self.judge.ask_for_build();
            }
        }
    }

    /// Hands every view that an event is for to `each`: an event of these classes, given as Asterisk sends it.
    pub(super) fn for_each_wanting(
        &mut self,
        classes: Classes,
        event: Frame<'_>,
        mut each: impl FnMut(ViewId, &mut View),
    ) {
        let together = |view: &View| view.set.is_some() && view.wants(classes);
        let verdicts = (!self.judge.is_empty() && self.slab.iter().any(|(_, view)| together(view)))
            .then(|| self.judge.judge(event));
        for (index, view) in &mut self.slab {
            if !view.wants(classes) {
                continue;
            }
            if view.passes(event, verdicts) {
                if view.log.is_bare()
                    && let Some(memory) = self.spare.pop()
                {
                    view.log.adopt(memory);
                }
                let (had_grown, before) = (view.grown, view.log.retained_bytes());
                each(ViewId(index), view);
                if view.grown && !had_grown {
                    self.grown.push(ViewId(index));
                }
                self.retained_bytes += view.log.retained_bytes().saturating_sub(before);
            } else {
                view.counts.filtered += 1;
            }
        }
    }

    /// The views that have grown since the last sweep; some may be gone.
    pub(super) fn grown(&self) -> &[ViewId] {
        &self.grown
    }

    /// Takes those who waited for an event of one of the views that have grown.
    pub(super) fn take_waiting(&mut self) -> Vec<SessionId> {
        let mut woken = Vec::new();
        for id in &self.grown {
            if let Some(view) = self.slab.get_mut(id.0) {
                woken.append(&mut view.waiting);
            }
        }
        woken
    }

    /// Ends a turn: what was appended becomes readable.
    pub(super) fn seal_grown(&mut self) {
        for id in &self.grown {
            if let Some(view) = self.slab.get_mut(id.0) {
                view.log.seal();
            }
        }
    }

    /// A sweep begins: takes the views that have grown. What was appended between two turns becomes readable.
    pub(super) fn take_grown(&mut self) -> Vec<ViewId> {
        for id in &self.grown {
            if let Some(view) = self.slab.get_mut(id.0) {
                view.log.seal();
                view.grown = false;
            }
        }
        std::mem::take(&mut self.grown)
    }

    /// The list that [`Views::take_grown`] gave, to be filled again.
    pub(super) fn reuse_grown(&mut self, mut list: Vec<ViewId>) {
        if self.grown.is_empty() {
            list.clear();
            self.grown = list;
        }
    }

    /// Logs were shortened: counts what is kept.
    pub(super) fn recount(&mut self) {
        let logs = self.slab.iter().map(|(_, view)| view.log.retained_bytes());
        self.retained_bytes = logs.sum();
    }

    /// Keeps memory for the next log that needs some.
    pub(super) fn keep_spare(&mut self, free: impl IntoIterator<Item = BytesMut>) {
        for memory in free {
            if self.spare.try_push(memory).is_err() {
                break;
            }
        }
    }

    /// The filters of all views, to be judged together from now on.
    pub(super) fn filters_in_use(&self) -> Vec<Arc<EventFilters>> {
        self.slab
            .iter()
            .filter(|(_, view)| view.is_filtered())
            .map(|(_, view)| Arc::clone(&view.key.filters))
            .collect()
    }

    /// Those who judge.
    pub(super) const fn judge(&self) -> &Judge {
        &self.judge
    }

    /// Those who judge, to be changed; call [`Views::judge_anew`] after that.
    pub(super) const fn judge_mut(&mut self) -> &mut Judge {
        &mut self.judge
    }

    /// Looks up every view's filters among those that are judged together.
    pub(super) fn judge_anew(&mut self) {
        for (_, view) in &mut self.slab {
            view.set = self.judge.number(&view.key.filters);
            if view.is_filtered() && view.set.is_none() {
                self.judge.ask_for_build();
            }
        }
    }

    /// The caller's latest view is another one now (its reference stays until it has read up to the switch).
    pub(super) fn unsubscribe(&mut self, id: ViewId) {
        if let Some(view) = self.slab.get_mut(id.0) {
            let was_filtered = view.is_filtered();
            view.subscribers = view.subscribers.saturating_sub(1);
            if was_filtered && view.subscribers == 0 {
                self.judge.note_leftovers();
            }
        }
    }

    /// The caller no longer reads the view, nor will.
    pub(super) fn release(&mut self, id: ViewId) {
        let Some(view) = self.slab.get_mut(id.0) else {
            return;
        };
        view.references = view.references.saturating_sub(1);
        if view.references == 0 {
            let view = self.slab.remove(id.0);
            self.named -= usize::from(view.is_named);
            let gone = if view.is_named {
                &mut self.gone.named
            } else {
                &mut self.gone.others
            };
            gone.add(view.counts());
            // One that another process left has no key.
            if self.by_key.get(&view.key) == Some(&id) {
                self.by_key.remove(&view.key);
            }
            self.retained_bytes = self
                .retained_bytes
                .saturating_sub(view.log.retained_bytes());
            self.grown.retain(|grown| *grown != id);
        }
    }

    /// A session is on its way to that view.
    pub(super) fn expect(&mut self, id: ViewId) {
        if let Some(view) = self.slab.get_mut(id.0) {
            view.expected += 1;
        }
    }

    /// It has arrived, or will not come.
    pub(super) fn arrive(&mut self, id: ViewId) {
        if let Some(view) = self.slab.get_mut(id.0) {
            view.expected = view.expected.saturating_sub(1);
        }
    }

    /// The view of that name.
    pub(super) fn get(&self, id: ViewId) -> Option<&View> {
        self.slab.get(id.0)
    }

    /// The view of that name, to be changed.
    pub(super) fn get_mut(&mut self, id: ViewId) -> Option<&mut View> {
        self.slab.get_mut(id.0)
    }

    /// The log of a view that a mailbox refers to.
    ///
    /// # Errors
    /// The view is gone; a reader of it has lost its place.
    pub(super) fn log(&self, id: ViewId) -> Result<&ViewLog, FellOff> {
        self.slab.get(id.0).map(|view| &view.log).ok_or(FellOff)
    }

    /// All views.
    pub(super) fn iter(&self) -> impl Iterator<Item = (ViewId, &View)> {
        self.slab.iter().map(|(index, view)| (ViewId(index), view))
    }

    /// All views, to be changed.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (ViewId, &mut View)> {
        self.slab
            .iter_mut()
            .map(|(index, view)| (ViewId(index), view))
    }

    /// How many views there are.
    pub(super) fn len(&self) -> usize {
        self.slab.len()
    }

    /// Every class that some view wants.
    pub(super) fn wanted_classes(&self) -> Classes {
        self.slab
            .iter()
            .filter(|(_, view)| view.subscribers > 0)
            .fold(Classes::NONE, |all, (_, view)| all.union(view.key.classes))
    }

    /// Bytes kept in all logs.
    pub(super) fn retained_bytes(&self) -> usize {
        debug_assert_eq!(
            self.retained_bytes,
            self.slab
                .iter()
                .map(|(_, view)| view.log.retained_bytes())
                .sum::<usize>()
        );
        self.retained_bytes
    }
}
