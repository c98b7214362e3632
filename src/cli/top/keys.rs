//! What keys change: the order of the clients, the filter by user, and whether it goes on.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Longest filter.
const FILTER_CHARACTERS_MAX: usize = 64;

/// Which clients stand first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Sort {
    /// The most bytes that wait for the client.
    Lag,
    /// The most bytes of events per second.
    Rate,
    /// The most actions that are with Asterisk.
    Inflight,
    /// By the user's name.
    User,
    /// By address.
    Address,
    /// Who logged in last.
    Login,
}

impl Sort {
    /// All, in the order in which a key goes through them.
    const ALL: [Self; 6] = [
        Self::Lag,
        Self::Rate,
        Self::Inflight,
        Self::User,
        Self::Address,
        Self::Login,
    ];

    /// How amimux calls it, if it can sort so.
    pub(super) const fn on_server(self) -> Option<&'static str> {
        match self {
            Self::Lag => Some("BehindBytes"),
            Self::Rate => None,
            Self::Inflight => Some("InFlight"),
            Self::User => Some("User"),
            Self::Address => Some("Address"),
            Self::Login => Some("LoggedInAt"),
        }
    }

    /// For people.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Lag => "lag",
            Self::Rate => "bytes/s",
            Self::Inflight => "in flight",
            Self::User => "user",
            Self::Address => "address",
            Self::Login => "login",
        }
    }

    /// The next one, or the one before.
    fn step(self, forward: bool) -> Self {
        let at = Self::ALL.iter().position(|sort| *sort == self).unwrap_or(0);
        let by = if forward { 1 } else { Self::ALL.len() - 1 };
        let next = Self::ALL.get((at + by) % Self::ALL.len());
        next.copied().unwrap_or(self)
    }
}

/// What the user wants to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wishes {
    pub(super) sort: Sort,
    pub(super) filter: String,
    /// The filter is being typed.
    pub(super) is_typing: bool,
    /// It is to end.
    pub(super) is_over: bool,
}

impl Wishes {
    pub(super) const fn new(sort: Sort, filter: String) -> Self {
        Self {
            sort,
            filter,
            is_typing: false,
            is_over: false,
        }
    }

    /// A key was pressed.
    pub(super) fn press(&mut self, key: KeyEvent) {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            match key.code {
                KeyCode::Char('c' | 'd') => self.is_over = true,
                KeyCode::Char('u') => self.filter.clear(),
                _ => {}
            }
            return;
        }
        if self.is_typing {
            self.type_filter(key.code);
            return;
        }
        match key.code {
            KeyCode::Char('q') => self.is_over = true,
            KeyCode::Char('/' | 'f') => self.is_typing = true,
            KeyCode::Esc => self.filter.clear(),
            KeyCode::Char('s' | '>') | KeyCode::Tab | KeyCode::Right => {
                self.sort = self.sort.step(true);
            }
            KeyCode::Char('S' | '<') | KeyCode::BackTab | KeyCode::Left => {
                self.sort = self.sort.step(false);
            }
            KeyCode::Char('l') => self.sort = Sort::Lag,
            KeyCode::Char('b') => self.sort = Sort::Rate,
            KeyCode::Char('i') => self.sort = Sort::Inflight,
            KeyCode::Char('u') => self.sort = Sort::User,
            KeyCode::Char('a') => self.sort = Sort::Address,
            KeyCode::Char('t') => self.sort = Sort::Login,
            _ => {}
        }
    }

    fn type_filter(&mut self, code: KeyCode) {
        match code {
            KeyCode::Enter => self.is_typing = false,
            KeyCode::Esc => {
                self.filter.clear();
                self.is_typing = false;
            }
            KeyCode::Backspace => drop(self.filter.pop()),
            KeyCode::Char(character)
                if !character.is_control()
                    && self.filter.chars().count() < FILTER_CHARACTERS_MAX =>
            {
                self.filter.push(character);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pressed(keys: &[KeyCode]) -> Wishes {
        let mut wishes = Wishes::new(Sort::Lag, String::new());
        for key in keys {
            wishes.press(KeyEvent::from(*key));
        }
        wishes
    }

    #[test]
    fn keys_choose_the_column() {
        use KeyCode::{BackTab, Char, Left, Right, Tab};
        for (keys, sort) in [
            (vec![], Sort::Lag),
            (vec![Char('s')], Sort::Rate),
            (vec![Tab, Right], Sort::Inflight),
            (vec![Left], Sort::Login),
            (vec![Char('>'), Char('<'), BackTab], Sort::Login),
            (vec![Tab; 6], Sort::Lag),
            (vec![Char('u')], Sort::User),
            (vec![Char('x'), Char('a')], Sort::Address),
        ] {
            assert_eq!(pressed(&keys).sort, sort, "{keys:?}");
        }
    }

    #[test]
    fn letters_are_text_while_the_filter_is_typed() {
        use KeyCode::{Backspace, Char, Enter, Esc};
        let keys = [Char('/'), Char('c'), Char('q'), Backspace, Char('s')];
        let wishes = pressed(&keys);
        assert_eq!((wishes.filter.as_str(), wishes.sort), ("cs", Sort::Lag));
        assert!(wishes.is_typing && !wishes.is_over);
        let done = pressed(&[&keys[..], &[Enter, Char('s')]].concat());
        assert_eq!((done.filter.as_str(), done.sort), ("cs", Sort::Rate));
        assert_eq!(pressed(&[&keys[..], &[Esc]].concat()).filter, "");
        assert!(pressed(&[Char('/'), Enter, Char('q')]).is_over);
        let long = pressed(&[vec![Char('/')], vec![Char('x'); 100]].concat());
        assert_eq!(long.filter.len(), FILTER_CHARACTERS_MAX);
    }

    #[test]
    fn control_c_ends_it_even_while_typing() {
        let mut wishes = pressed(&[KeyCode::Char('/')]);
        wishes.press(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL));
        assert!(wishes.is_over);
    }
}
