//! The page in the browser, before an amimux of its own.

use std::ops::Deref;

use amimux::policy::class::Classes;

use crate::browser::Browser;
use crate::site::Site;
use crate::support::until;

/// The items of the list of events.
pub(crate) const EVENTS: &str = "#events > li";

/// A browser that shows the page. The browser ends first, so that amimux has nobody to wait for.
pub(crate) struct Page {
    browser: Browser,
    pub(crate) site: Site,
}

impl Deref for Page {
    type Target = Browser;

    fn deref(&self) -> &Browser {
        &self.browser
    }
}

impl Page {
    /// The page, before anybody has logged in.
    pub(crate) fn open() -> Self {
        Self::with("")
    }

    /// With further lines in `[general]`.
    pub(crate) fn with(general: &str) -> Self {
        let site = Site::with(general, "webpage = yes\n");
        let browser = Browser::start();
        browser.open(&site.url("/"));
        Self { browser, site }
    }

    /// The page of Alice, who may do everything, with a stream of events.
    pub(crate) fn of_alice() -> Self {
        let page = Self::open();
        page.log_in("alice", "alice-secret");
        page.is_inside("alice");
        page
    }

    /// Fills the form and sends it.
    pub(crate) fn log_in(&self, user: &str, secret: &str) {
        self.fill("#username", user);
        self.fill("#secret", secret);
        self.click("#enter");
    }

    /// Waits until that user is logged in and connected.
    pub(crate) fn is_inside(&self, user: &str) {
        self.wait_for("#state", &format!("Logged in as {user}."));
        self.wait_for("#link", "Connected.");
    }

    /// Something happens in Asterisk: a message of these headers that users with those classes may read.
    pub(crate) fn happens(&self, classes: Classes, headers: &str) {
        let event = format!("{}\r\n\r\n", headers.replace('\n', "\r\n"));
        (self.site.asterisk.pbx).with(|pbx, _| pbx.broadcast(classes, event.as_bytes()));
    }

    /// Waits until the newest item of the list has that text, as it is shown.
    pub(crate) fn newest(&self, part: &str) {
        self.wait_for(&format!("{EVENTS}:first-child"), part);
    }

    /// The list as it is shown, the oldest first: what each item's line has behind `mark`.
    pub(crate) fn listed(&self, mark: &str) -> Vec<String> {
        let all = self.property("#events", "textContent");
        let all = all.as_str().expect("text");
        let mut found: Vec<String> = all
            .split(mark)
            .skip(1)
            .map(|rest| rest.split(';').next().unwrap_or_default().to_owned())
            .collect();
        found.reverse();
        found
    }

    /// Waits until that many items are listed.
    pub(crate) fn counts(&self, wanted: usize) {
        until(&format!("{wanted} events are listed"), || {
            (self.count(EVENTS) == wanted).then_some(())
        });
    }
}
