//! When a changed option counts after a reload: at once, or for what begins from then on. One list for the reference
//! and for those who change what a reload does.

use super::options::Place;

/// From when on a changed value counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtReload {
    /// At once, for sessions that are there as well.
    AtOnce,
    /// For logins from then on.
    NextLogin,
    /// For connections from then on; those that are there go on as they began.
    NextConnection,
    /// The old port is closed and the new one opened; connections that are there stay.
    PortAnew,
    /// amimux ends its connection to this Asterisk and makes a new one.
    ConnectsAgain,
}

impl AtReload {
    /// Every case, in the order in which the reference explains them.
    pub const ALL: [Self; 5] = [
        Self::AtOnce,
        Self::NextLogin,
        Self::NextConnection,
        Self::PortAnew,
        Self::ConnectsAgain,
    ];

    /// In words, for a table.
    pub const fn words(self) -> &'static str {
        match self {
            Self::AtOnce => "at once",
            Self::NextLogin => "next login",
            Self::NextConnection => "next connection",
            Self::PortAnew => "port anew",
            Self::ConnectsAgain => "connects again",
        }
    }

    /// What the words mean.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::AtOnce => {
                "it counts from then on, for sessions that are there as well; whoever may not be there any more is disconnected"
            }
            Self::NextLogin => "it counts for logins from then on",
            Self::NextConnection => {
                "it counts for connections from then on; those that are there go on as they began"
            }
            Self::PortAnew => {
                "the old port is closed and the new one opened; connections that are there stay"
            }
            Self::ConnectsAgain => {
                "amimux ends its connection to that Asterisk and makes a new one"
            }
        }
    }
}

/// How TLS is spoken with clients.
const CLIENT_TLS: &[&str] = &[
    "tlscertfile",
    "tlsprivatekey",
    "tlscipher",
    "tlsservercipherorder",
    "tlsdisablev1",
    "tlsdisablev11",
    "tlsdisablev12",
    "tlsclientcert",
    "tlscafile",
];

/// The options whose change does not count at once.
const LISTS: &[(Place, AtReload, &[&str])] = &[
    (Place::General, AtReload::NextConnection, CLIENT_TLS),
    (Place::Http, AtReload::NextConnection, CLIENT_TLS),
    (
        Place::General,
        AtReload::PortAnew,
        &[
            "bindaddr",
            "port",
            "tlsenable",
            "tlsbindaddr",
            "webenabled",
            "metricsbindaddr",
            "controlsocket",
        ],
    ),
    (
        Place::General,
        AtReload::NextConnection,
        &["authtimeout", "authlimit", "proxyfrom", "banner"],
    ),
    (
        Place::General,
        AtReload::NextLogin,
        &[
            "allowmultiplelogin",
            "sessionlimit",
            "addresslimit",
            "failedlogins",
            "failedloginperiod",
        ],
    ),
    (
        Place::User,
        AtReload::NextLogin,
        &[
            "secret",
            "secretfile",
            "secrethash",
            "allowemptysecret",
            "tlsclientname",
            "webtoken",
            "webtokenfile",
            "authtype",
            "allowmultiplelogin",
            "sessionlimit",
        ],
    ),
    (
        Place::Upstream,
        AtReload::ConnectsAgain,
        &[
            "host",
            "port",
            "username",
            "secret",
            "secretfile",
            "authtype",
            "tls",
            "tlsservername",
            "tlsverify",
            "tlscafile",
            "tlsfingerprint",
            "tlscertfile",
            "tlsprivatekey",
        ],
    ),
    (
        Place::Http,
        AtReload::PortAnew,
        &[
            "enabled",
            "bindaddr",
            "bindport",
            "tlsenable",
            "tlsbindaddr",
        ],
    ),
    (
        Place::Http,
        AtReload::NextConnection,
        &["sessionlimit", "session_inactivity", "session_keep_alive"],
    ),
];

/// From when on a change of that option counts.
pub fn of(place: Place, name: &str) -> AtReload {
    let listed =
        |(at, _, names): &&(Place, AtReload, &[&str])| *at == place && names.contains(&name);
    LISTS
        .iter()
        .find(listed)
        .map_or(AtReload::AtOnce, |(_, when, _)| *when)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::options::documented;

    #[test]
    fn every_name_is_an_option_and_stands_in_one_list() {
        let options = documented();
        let mut seen = Vec::new();
        for (place, _, names) in LISTS {
            for name in *names {
                let known = options.iter().any(|option| {
                    option.place == *place && option.name == *name && option.supported
                });
                assert!(known, "{name} in {place:?}");
                assert!(
                    !seen.contains(&(*place, *name)),
                    "{name} in {place:?} twice"
                );
                seen.push((*place, *name));
            }
        }
        assert_eq!(of(Place::User, "read"), AtReload::AtOnce);
        assert_eq!(of(Place::User, "secret"), AtReload::NextLogin);
    }

    #[test]
    fn every_case_is_used_and_explained_once() {
        for case in AtReload::ALL {
            let used = documented()
                .iter()
                .any(|option| of(option.place, option.name) == case);
            assert!(used, "{case:?}");
            assert!(case.meaning().len() > case.words().len());
        }
    }
}
