//! What `watch` does when files change: the rules of a project, and what they make of a batch of changes. Pure.
//!
//! See <https://github.com/compose-spec/compose-spec/blob/main/develop.md>.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::copy::There;
use super::dockerignore::Dockerignore;
use super::hooks::{self, Inside};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::build::is_remote;
use crate::model::lifecycle::{Trigger, WatchAction};
use crate::model::service::Service;
use crate::model::storage::{MountType, clean_place};
use crate::project::Project;

/// What nobody wants to have synced: what editors keep beside a file while it is open, and what git keeps.
const NOISE: &str = "**/.git\n**/.idea\n**/*___jb_old___\n**/*___jb_tmp___\n**/.#*\n**/4913\n**/*~\n**/.*.swp\n**/.*.swx\n**/.*.swo\n**/.*.swn";

/// What a first sync leaves out beside that: what the project is made from, rather than the service.
const MADE_FROM: &str = "**/Dockerfile\n**/compose.yaml\n**/compose.yml\n**/docker-compose.yaml\n**/docker-compose.yml\n**/compose.override.yaml\n**/compose.override.yml\n**/docker-compose.override.yaml\n**/docker-compose.override.yml";

/// A path that is watched, and what its changes do.
#[derive(Debug)]
pub struct Rule {
    /// The service.
    pub service: String,
    /// The file or directory, absolute and without links. It need not be there yet.
    pub path: PathBuf,
    /// What is done.
    pub act: Act,
    /// Whether all files are synced once when watching starts.
    pub initial_sync: bool,
    /// The files that count; all if `None`. Relative to `path`.
    include: Option<Dockerignore>,
    /// The files that do not. Relative to `path`.
    ignore: Dockerignore,
    /// What stays behind when the service's image is built, and the directory that this is relative to.
    context: Option<(PathBuf, Dockerignore)>,
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Build the image, and replace the containers.
    Rebuild,
    /// Restart the containers.
    Restart,
    /// Copy what changed into the containers, and delete there what is gone here.
    Sync {
        /// Where `path` is in a container.
        target: String,
        /// What comes after it.
        then: Then,
    },
}

/// What comes after a sync.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Then {
    /// Nothing.
    Nothing,
    /// Restart the containers.
    Restart,
    /// Run a command in them.
    Exec(Inside),
}

/// A file, link or directory that was made, changed or removed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// Its absolute path.
    pub path: PathBuf,
    /// What is there now. A link is a file.
    pub there: There,
}

/// What is to be done, in this order: services are rebuilt, files are synced, containers restarted, commands run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// The services to build and replace.
    pub rebuild: BTreeSet<String>,
    /// What to sync, by service.
    pub sync: BTreeMap<String, Sync>,
    /// The services to restart.
    pub restart: BTreeSet<String>,
    /// The commands to run, by service.
    pub exec: BTreeMap<String, Vec<Inside>>,
}

/// What to sync with the containers of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sync {
    /// What to copy: paths of this machine by path in the container. Directories are made, without what is in them.
    pub copy: BTreeMap<String, PathBuf>,
    /// What to delete in the container, with all that is in it.
    pub delete: BTreeSet<String>,
}

impl Sync {
    /// Returns how many files are about to change.
    pub fn changes(&self) -> usize {
        self.copy.len() + self.delete.len()
    }
}

/// Returns the files that may say what stays behind in a build of the service; the first one that is there does.
pub fn ignore_files(service: &Service) -> Vec<PathBuf> {
    let Some((context, dockerfile)) = context(service) else { return Vec::new() };
    vec![context.join(format!("{dockerfile}.dockerignore")), context.join(".dockerignore")]
}

/// The directory that is sent to build a service, and the Dockerfile in it.
fn context(service: &Service) -> Option<(PathBuf, String)> {
    let build = service.build.as_ref()?;
    let context = build.context.as_ref().map_or("", |context| context.0.as_str());
    let dockerfile = build.dockerfile.clone().unwrap_or_else(|| "Dockerfile".to_owned());
    (!is_remote(context)).then(|| (PathBuf::from(context), dockerfile))
}

/// Returns the rules of all services. `ignored` has the text of the first of the [`ignore_files`] that is there, by
/// service; `find` says where a path really is, and what is there. What cannot work is reported at its line.
pub fn rules(
    project: &Project,
    ignored: &BTreeMap<String, String>,
    find: &dyn Fn(&Path) -> (PathBuf, There),
    diagnostics: &mut Diagnostics,
) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (name, service) in &project.services {
        let triggers = service.develop.iter().flat_map(|develop| &develop.watch).enumerate();
        for (at, trigger) in triggers {
            let at = at.to_string();
            let place = |key: &str| project.span(&["services", name, "develop", "watch", &at, key]);
            let mut mistake = |key: &str, found: Diagnostic, label: &str| {
                diagnostics.push(found.label(place(key), label));
            };
            let (path, there) = find(Path::new(&trigger.path.0));
            let Some(act) = act(name, service, trigger, &mut mistake) else { continue };
            let has_old_name = trigger.extensions.get("x-initialSync") == Some(&true.into());
            if has_old_name && !trigger.initial_sync {
                let found = Diagnostic::warning(Code::ObsoleteAttribute, "`x-initialSync` is obsolete");
                mistake(
                    "x-initialSync",
                    found.help("write `initial_sync`"),
                    "the old name of `initial_sync`",
                );
            }
            if there == There::Nothing {
                let message = format!("`{}` is not there", trigger.path.0);
                let found = Diagnostic::warning(Code::UnreadableFile, message);
                mistake(
                    "path",
                    found.help("make it: it is watched for all the same"),
                    "nothing to watch yet",
                );
            }
            let mut patterns = |key: &str, lines: &[String]| {
                Dockerignore::parse(&lines.join("\n")).map_err(|wrong| {
                    let message = format!("`{key}` has a pattern that cannot be understood: {wrong}");
                    mistake(key, Diagnostic::error(Code::InvalidValue, message), "in here");
                })
            };
            let include = patterns("include", &trigger.include.0);
            let own = [NOISE.to_owned()].into_iter().chain(trigger.ignore.0.iter().cloned());
            let ignore = patterns("ignore", &own.collect::<Vec<_>>());
            let text = ignored.get(name).map_or("", String::as_str);
            let stays = Dockerignore::parse(text).map_err(|wrong| {
                let message =
                    format!("the `.dockerignore` of service `{name}` cannot be understood: {wrong}");
                mistake("path", Diagnostic::error(Code::InvalidValue, message), "it applies here");
            });
            let (Ok(include), Ok(ignore), Ok(stays)) = (include, ignore, stays) else { continue };
            rules.push(Rule {
                service: name.clone(),
                path,
                act,
                initial_sync: trigger.initial_sync || has_old_name,
                include: (!trigger.include.0.is_empty()).then_some(include),
                ignore,
                context: context(service).map(|(root, _)| (find(&root).0, stays)),
            });
        }
    }
    rules
}

/// Returns what a trigger does, unless it cannot be done or is done already.
fn act(
    name: &str,
    service: &Service,
    trigger: &Trigger,
    mistake: &mut dyn FnMut(&str, Diagnostic, &str),
) -> Option<Act> {
    let Trigger { path, action, target, exec, include: _, ignore: _, initial_sync: _, extensions: _ } =
        trigger;
    let then = match action {
        WatchAction::Rebuild if service.build.is_none() => {
            let message = format!("service `{name}` has no `build`, so it cannot be rebuilt");
            let found = Diagnostic::error(Code::Conflict, message);
            mistake(
                "action",
                found.help("add `build`, or write `sync` or `restart`"),
                "there is nothing to build",
            );
            return None;
        }
        WatchAction::Rebuild => return Some(Act::Rebuild),
        WatchAction::Restart => return Some(Act::Restart),
        WatchAction::Sync => Then::Nothing,
        WatchAction::SyncRestart => Then::Restart,
        WatchAction::SyncExec => {
            let command = exec.as_ref().map(hooks::inside).unwrap_or_default();
            if command.command.is_empty() {
                let message = format!("`sync+exec` of service `{name}` has no command");
                let found = Diagnostic::error(Code::MissingKey, message);
                mistake(
                    "action",
                    found.help("add `exec: { command: ... }`, or write `sync`"),
                    "nothing to run",
                );
                return None;
            }
            Then::Exec(command)
        }
    };
    let is_around = |mount: &&str| Path::new(&path.0).starts_with(mount);
    let mounts = service.volumes.0.iter().filter(|mount| mount.kind == MountType::Bind);
    if let Some(mount) = mounts.filter_map(|mount| mount.source.as_deref()).find(is_around) {
        let message = format!("service `{name}` mounts `{mount}`, so that changes in it need no sync");
        mistake(
            "path",
            Diagnostic::warning(Code::Conflict, message).help("remove this rule, or the mount"),
            "this is not watched",
        );
        return None;
    }
    Some(Act::Sync { target: target.clone()?, then })
}

impl Rule {
    /// Returns whether a change of this path is meant.
    pub fn counts(&self, path: &Path) -> bool {
        let Ok(within) = path.strip_prefix(&self.path) else { return false };
        if within.as_os_str().is_empty() {
            // What is named itself is meant, also where builds leave it out.
            return self.include.is_none();
        }
        let is_included = self.include.as_ref().is_none_or(|include| include.excludes(within, false));
        is_included && !self.ignore.excludes(within, false) && !self.stays_behind(path)
    }

    /// Returns whether there may be something in this directory whose changes are meant.
    pub fn enters(&self, directory: &Path) -> bool {
        let is_closed = |patterns: &Dockerignore, within: &Path| {
            !within.as_os_str().is_empty()
                && patterns.excludes(within, true)
                && !patterns.may_keep_inside(within)
        };
        let Ok(within) = directory.strip_prefix(&self.path) else { return false };
        let context = self.context.as_ref();
        let in_context = context.and_then(|(root, stays)| Some((directory.strip_prefix(root).ok()?, stays)));
        !is_closed(&self.ignore, within) && in_context.is_none_or(|(within, stays)| !is_closed(stays, within))
    }

    fn stays_behind(&self, path: &Path) -> bool {
        let Some((root, stays)) = &self.context else { return false };
        path.strip_prefix(root).is_ok_and(|within| stays.excludes(within, false))
    }
}

/// Says what a batch of changes asks for.
pub fn judge(rules: &[Rule], changes: &[Change]) -> Work {
    let mut work = Work::default();
    for rule in rules {
        let mut counted = changes.iter().filter(|change| rule.counts(&change.path)).peekable();
        if counted.peek().is_none() {
            continue;
        }
        let service = || rule.service.clone();
        let Act::Sync { target, then } = &rule.act else {
            let services = if rule.act == Act::Rebuild { &mut work.rebuild } else { &mut work.restart };
            services.insert(service());
            continue;
        };
        let sync = work.sync.entry(service()).or_default();
        counted.for_each(|change| sync.add(rule, target, change));
        match then {
            Then::Nothing => {}
            Then::Restart => {
                work.restart.insert(service());
            }
            Then::Exec(command) => work.exec.entry(service()).or_default().push(command.clone()),
        }
    }
    // What is replaced starts anew anyway.
    work.restart.retain(|service| !work.rebuild.contains(service));
    work.sync.values_mut().for_each(Sync::settle);
    work
}

/// Says what to copy when watching starts, of all that there is below the paths of the rules that ask for it.
pub fn first_sync(rules: &[Rule], found: &[Change]) -> BTreeMap<String, Sync> {
    let made_from = Dockerignore::parse(MADE_FROM).unwrap_or_default();
    let mut syncs: BTreeMap<String, Sync> = BTreeMap::new();
    for rule in rules.iter().filter(|rule| rule.initial_sync) {
        let Act::Sync { target, .. } = &rule.act else { continue };
        let is_meant = |change: &&Change| {
            let within = change.path.strip_prefix(&rule.path).unwrap_or(&change.path);
            let is_file = change.there == There::File;
            is_file && rule.counts(&change.path) && !made_from.excludes(within, false)
        };
        let sync = syncs.entry(rule.service.clone()).or_default();
        found.iter().filter(is_meant).for_each(|change| sync.add(rule, target, change));
    }
    syncs.retain(|_, sync| sync.changes() > 0);
    syncs
}

impl Sync {
    fn add(&mut self, rule: &Rule, target: &str, change: &Change) {
        let within = change.path.strip_prefix(&rule.path).unwrap_or(&change.path);
        let names = within.components().map(|name| name.as_os_str().to_string_lossy());
        let within = names.collect::<Vec<_>>().join("/");
        let place = match rule.path.file_name() {
            // A file goes into what is written as a directory.
            Some(name) if within.is_empty() && target.ends_with('/') && change.there == There::File => {
                format!("{target}{}", name.to_string_lossy())
            }
            _ => format!("/{target}/{within}"),
        };
        let place = clean_place(&place);
        match change.there {
            There::Nothing => {
                self.delete.insert(place);
            }
            There::File | There::Directory => {
                self.copy.insert(place, change.path.clone());
            }
        }
    }

    /// Leaves out what goes with something else, and what several rules disagree on.
    fn settle(&mut self) {
        let is_below =
            |path: &str, other: &str| path.strip_prefix(other).is_some_and(|rest| rest.starts_with('/'));
        let all = std::mem::take(&mut self.delete);
        let is_meant = |path: &&String| {
            // A container without any file is never meant.
            path.as_str() != "/"
                && !self.copy.contains_key(*path)
                && !all.iter().any(|other| is_below(path, other))
        };
        self.delete = all.iter().filter(is_meant).cloned().collect();
    }
}
