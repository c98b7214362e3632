//! From a file to settings: which section is what, and what only the whole can tell.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::access::NamedAcls;
use super::credentials;
use super::diagnostics::{Location, Report, quoted};
use super::general::{self, GeneralDraft};
use super::http;
use super::options::{self, Place};
use super::picture::{self, Picture};
use super::raw::{self, RawConfig, RawSection};
use super::secret_file::SecretFiles;
use super::settings::{Settings, Upstream};
use super::upstream;
use super::user::{self, Surroundings};
use crate::policy::user::Users;

/// What to write when there is no upstream section.
const UPSTREAM_EXAMPLE: &str = "add one:
  [asterisk]
  type = upstream
  host = 127.0.0.1
  username = NAME
  secret = SECRET";

/// Options whose value nobody else may know.
const SECRETS: [&str; 3] = ["secret", "secrethash", "webtoken"];

/// What the configuration may refer to and the process was started with.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// The directory with the credentials that systemd handed over (`$CREDENTIALS_DIRECTORY`), which is `%d` in
    /// `secretfile`; `None` when there is none.
    pub credentials_directory: Option<PathBuf>,
    /// What time it is, counted from 1970, for warnings of certificates that have expired; `None` for no such warnings.
    pub since_1970: Option<Duration>,
}

/// Reads a configuration file with everything that it includes, and the files that hold secrets. The settings are
/// missing when the report has an error.
pub fn load(path: &Path, environment: &Environment) -> (Option<Settings>, Report) {
    let mut report = Report::default();
    let config = raw::read(path, &mut report);
    let settings = interpret(path, &config, environment, &mut report);
    (settings.filter(|_| !report.has_errors()), report)
}

/// The sections by what they are.
#[derive(Default)]
struct Sorted<'a> {
    general: Option<&'a RawSection>,
    http: Option<&'a RawSection>,
    restrictions: Vec<&'a RawSection>,
    upstreams: Vec<&'a RawSection>,
    users: Vec<&'a RawSection>,
}

impl<'a> Sorted<'a> {
    /// All of them.
    fn by_place(&self) -> impl Iterator<Item = (Place, &'a RawSection)> {
        let single =
            |place, section: Option<&'a RawSection>| section.map(|section| (place, section));
        let several = |place, sections: &[&'a RawSection]| {
            let sections: Vec<_> = sections.iter().map(|section| (place, *section)).collect();
            sections
        };
        (single(Place::General, self.general).into_iter())
            .chain(single(Place::Http, self.http))
            .chain(several(Place::Restriction, &self.restrictions))
            .chain(several(Place::Upstream, &self.upstreams))
            .chain(several(Place::User, &self.users))
    }
}

fn interpret(
    path: &Path,
    config: &RawConfig,
    environment: &Environment,
    report: &mut Report,
) -> Option<Settings> {
    let whole = Location::whole_file(&path.display().to_string());
    // What a broken file might have said is not guessed at; an empty one says nothing.
    if config.sections.is_empty() && report.has_errors() {
        return None;
    }
    warn_of_exposure(config, report);
    let sorted = sort(config, report);
    let mut general = read_general(sorted.general, &whole, report);
    let secret_files = SecretFiles {
        directory: path.parent().unwrap_or_else(|| Path::new("")),
        credentials: environment.credentials_directory.as_deref(),
        since_1970: environment.since_1970,
    };
    general.finish_tls(&secret_files, report);
    let upstreams = read_upstreams(&sorted, &general, &secret_files, &whole, report);
    let acls = read_acls(path, &sorted, &general, report);
    general.finish_acl(&acls, report);
    let context = http::Context {
        general: &general,
        acls: &acls,
        files: &secret_files,
        restrictions: &sorted.restrictions,
    };
    let served = http::read(sorted.http, &context, report);
    let names: Vec<String> = names(&sorted.upstreams).map(str::to_owned).collect();
    let surroundings = Surroundings {
        general: &general,
        acls: &acls,
        secret_files: &secret_files,
        upstreams: &names,
        served: &served,
    };
    let users = read_users(&sorted, &surroundings, &whole, report);
    let looked_up = picture::Surroundings {
        files: &secret_files,
        acls: &acls,
    };
    let serves_http = served.http.is_some();
    let picture = Picture::take(sorted.by_place(), &looked_up, users.clone(), serves_http);
    Some(Settings {
        picture: Arc::new(picture),
        http: served.http,
        general: general.general,
        upstreams,
        users,
    })
}

fn sort<'a>(config: &'a RawConfig, report: &mut Report) -> Sorted<'a> {
    let mut sorted = Sorted::default();
    for section in config.sections.iter().filter(|section| !section.template) {
        if section.name.eq_ignore_ascii_case("general") {
            if sorted.general.is_some() {
                report.error(
                    &section.location,
                    "there is more than one [general], and Asterisk reads the first only",
                    "write [general](+) to add to it",
                );
            }
            sorted.general.get_or_insert(section);
            continue;
        }
        let kind = section.named("type").next_back();
        match kind
            .map(|option| option.value.to_ascii_lowercase())
            .as_deref()
        {
            None if section.name.eq_ignore_ascii_case("http") => {
                if sorted.http.is_some() {
                    report.error(
                        &section.location,
                        "there is more than one [http]",
                        "write [http](+) to add to it",
                    );
                }
                sorted.http.get_or_insert(section);
            }
            None | Some("user") => sorted.users.push(section),
            Some("upstream") => sorted.upstreams.push(section),
            Some("restriction") => sorted.restrictions.push(section),
            Some(other) => report.error(
                kind.map_or(&section.location, |option| &option.location),
                format!("type = {} is not a kind of section", quoted(other)),
                "write type = upstream, type = user or type = restriction",
            ),
        }
    }
    sorted
}

fn read_general(
    section: Option<&RawSection>,
    whole: &Location,
    report: &mut Report,
) -> GeneralDraft {
    let mut draft = GeneralDraft::default();
    for option in section.iter().flat_map(|section| &section.options) {
        options::apply(general::OPTIONS, Place::General, &mut draft, option, report);
    }
    let place = section.map_or(whole, |section| &section.location);
    draft.finish(place, report);
    draft
}

fn read_upstreams(
    sorted: &Sorted<'_>,
    general: &GeneralDraft,
    secret_files: &SecretFiles<'_>,
    whole: &Location,
    report: &mut Report,
) -> Vec<Upstream> {
    if sorted.upstreams.is_empty() {
        report.error(whole, "no section has type = upstream", UPSTREAM_EXAMPLE);
    }
    let mut upstreams = Vec::new();
    for (index, section) in sorted.upstreams.iter().enumerate() {
        let earlier = names(sorted.upstreams.get(..index).unwrap_or_default());
        if same_name(earlier, &section.name) {
            report.error(
                &section.location,
                format!("there is more than one upstream {}", quoted(&section.name)),
                "give each a name of its own, or add to the first with (+)",
            );
        }
        if let Some(upstream) = upstream::read(section, secret_files, report) {
            upstream::check_not_ourselves(&upstream, section, &general.general, report);
            upstreams.push(upstream);
        }
    }
    upstreams
}

fn read_acls(
    path: &Path,
    sorted: &Sorted<'_>,
    general: &GeneralDraft,
    report: &mut Report,
) -> NamedAcls {
    let directory = path.parent().unwrap_or_else(|| Path::new(""));
    let file = general.acl_conf.clone();
    let file = directory.join(file.unwrap_or_else(|| PathBuf::from("acl.conf")));
    let wanted_at = sorted
        .general
        .iter()
        .chain(&sorted.users)
        .chain(&sorted.restrictions)
        .find_map(|section| section.named("acl").next())
        .map(|option| &option.location);
    NamedAcls::read(&file, wanted_at, report)
}

fn read_users(
    sorted: &Sorted<'_>,
    surroundings: &Surroundings<'_>,
    whole: &Location,
    report: &mut Report,
) -> Users {
    if sorted.users.is_empty() {
        report.warning(
            whole,
            "there is no user section: nobody can log in",
            "add a section for each application, with secret, read and write",
        );
    }
    let mut users = Users::default();
    for (index, section) in sorted.users.iter().enumerate() {
        let name = quoted(&section.name);
        if same_name(names(&sorted.upstreams), &section.name) {
            report.error(
                &section.location,
                format!("{name} is a user and an upstream"),
                "give the user another name, or add to the upstream with (+)",
            );
        }
        let earlier = names(sorted.users.get(..index).unwrap_or_default());
        if same_name(earlier, &section.name) {
            report.warning(
                &section.location,
                format!(
                    "there is another user {name} above; this section takes its place, whereas Asterisk keeps what \
                     the earlier one says about secret, read and write where this one says nothing"
                ),
                "give each user a name of its own, or add to the first with (+)",
            );
        }
        if let Some(user) = user::read(section, surroundings, report) {
            credentials::check_token_is_own(&users, &user, section, report);
            users.insert(user);
        }
    }
    users
}

/// One warning for each file that holds a secret and can be read by everybody.
fn warn_of_exposure(config: &RawConfig, report: &mut Report) {
    let mut warned: Vec<&str> = Vec::new();
    let secrets = config
        .sections
        .iter()
        .flat_map(|section| &section.options)
        .filter(|option| {
            SECRETS
                .iter()
                .any(|name| option.name.eq_ignore_ascii_case(name))
        });
    for option in secrets.filter(|option| option.exposed) {
        let file = &*option.location.file;
        if !warned.contains(&file) {
            warned.push(file);
            report.warning(
                &Location::whole_file(file),
                "the file holds secrets and everybody on this machine can read it",
                "run chmod o-r on it",
            );
        }
    }
}

fn names<'a>(sections: &'a [&'a RawSection]) -> impl Iterator<Item = &'a str> {
    sections.iter().map(|section| section.name.as_str())
}

fn same_name<'a>(mut names: impl Iterator<Item = &'a str>, name: &str) -> bool {
    names.any(|other| other.eq_ignore_ascii_case(name))
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "load_report_tests.rs"]
mod report_tests;

#[cfg(test)]
#[path = "sample_tests.rs"]
mod sample_tests;
