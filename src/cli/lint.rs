//! `topo lint`: what is allowed in a project, and seldom meant.

use std::path::{Path, PathBuf};
use std::pin::pin;

use clap::Args;
use futures_util::future::join_all;
use topo::diagnostic::Diagnostics;
use topo::engine::EngineError;
use topo::engine::lack::lacking;
use topo::k8s::{Options, export};
use topo::lint::fix::fix;
use topo::lint::host::Host;
use topo::lint::levels::named;
use topo::lint::programs::{Programs, needed};
use topo::lint::{Group, Input, Level, Levels, RULES, Rule, lint};
use topo::load::World as _;
use topo::project::{Contents, read_binds};
use topo::source::SourceMap;

use super::check::{Format, print};
use super::up::interrupt;
use super::{Context, Exit, Prepared};

/// Find what is allowed in the project and seldom meant, and mend it with `--fix`
///
/// Fails if there is an error. `x-topo.lint` in the file, and comments such as `# topo: allow(RULE) REASON`, let things
/// pass. `topo explain RULE` says more of a rule.
///
/// Example: topo lint --rule security=error, or topo lint --fix
#[derive(Args, Debug)]
pub(crate) struct Lint {
    /// Output format; all but `text` go to standard output
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// How grave a rule is, or all of a group, or `all`: error, warn, note or off
    #[arg(long = "rule", value_name = "NAME=LEVEL", value_parser = level)]
    rules: Vec<Given>,
    /// Only rules of this group: network, security, reliability, style or kubernetes
    #[arg(long = "group", value_name = "GROUP", value_parser = group)]
    groups: Vec<Group>,
    /// Fail if there is a warning, too
    #[arg(long)]
    deny_warnings: bool,
    /// Mend what can be mended, in the files that were read
    #[arg(long)]
    fix: bool,
    /// Compare with this machine: its routes, and the ports that something listens on (Linux)
    #[arg(long)]
    host: bool,
    /// Look into the images that the engine has for the programs that health checks run
    #[arg(long)]
    images: bool,
    /// List the rules and their levels
    #[arg(long)]
    list: bool,
    /// Services to look at, with what they depend on; default: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

/// More than any file needs.
const PASSES: usize = 100;

type Given = (Vec<&'static Rule>, Level);

fn level(text: &str) -> Result<Given, String> {
    let (name, word) = text.split_once('=').ok_or("write NAME=LEVEL")?;
    let rules = named(name).map_err(|help| {
        let help = help.unwrap_or_else(|| "`topo lint --list` lists them".to_owned());
        format!("there is no rule `{name}`: {help}")
    })?;
    let level = Level::named(word).ok_or("the level is error, warn, note or off")?;
    Ok((rules, level))
}

fn group(text: &str) -> Result<Group, String> {
    let names: Vec<_> = Group::ALL.iter().map(|group| group.name()).collect();
    let group = Group::ALL.iter().copied().find(|group| group.name() == text);
    group.ok_or_else(|| format!("the groups are {}", names.join(", ")))
}

pub(crate) fn run(arguments: &Lint, context: &Context) -> Exit {
    let mut levels = Levels::default();
    levels.groups.clone_from(&arguments.groups);
    arguments.rules.iter().for_each(|(rules, level)| levels.set(rules, *level));
    if arguments.list {
        context.ui.data(&list(&levels));
        return Exit::Success;
    }
    let mut outside = Outside { host: arguments.host.then(|| this_host(context)), lacking: None };
    if arguments.images {
        let needed = needed(&context.loaded_to_start(&arguments.services, true).project);
        let asked = context.with_engine(async |engine| {
            let asked = needed.iter().enumerate().map(|(number, (image, programs))| {
                let engine = &engine;
                async move { Ok((image.clone(), lacking(engine, image, programs, number).await?)) }
            });
            // All of them end, also after a failure or an interrupt: they remove what they made.
            let mut asked = pin!(join_all(asked));
            let (found, exit) = tokio::select! {
                found = &mut asked => (found, Exit::Success),
                () = interrupt() => (asked.await, Exit::Interrupted),
            };
            outside.lacking = Some(found.into_iter().collect::<Result<_, EngineError>>()?);
            Ok(exit)
        });
        if asked != Exit::Success {
            return asked;
        }
    }
    let Looked { mut found, mut sources, .. } = look(arguments, &levels, &outside, context);
    if arguments.fix {
        let (mut mended, mut skipped) = (0, 0);
        // What meets a change of another is mended in a further pass; each of them changes something.
        for _ in 0..PASSES {
            let mut fixed = fix(&found.sorted(), &sources);
            // Not standard input.
            skipped = fixed.skipped;
            fixed.files.retain(|(path, _)| context.world.is_file(path));
            if fixed.files.is_empty() {
                break;
            }
            mended += fixed.mended;
            if context.global.dry_run {
                break;
            }
            for (path, text) in &fixed.files {
                if let Err(error) = context.world.write(path, text) {
                    context.ui.error(&format!("{} cannot be written: {error}", path.display()));
                    return Exit::Failure;
                }
            }
            let looked = look(arguments, &levels, &outside, context);
            if !looked.loads {
                return take_back(&fixed.files, &sources, context);
            }
            Looked { found, sources, .. } = looked;
        }
        context.ui.say(&match skipped {
            0 => format!("mended: {mended}"),
            _ => format!("mended: {mended}; left, since changes meet each other: {skipped}"),
        });
    }
    let exit = print(arguments.format, context, &found, &sources);
    let (_, warnings) = found.count();
    if arguments.deny_warnings && warnings > 0 { Exit::Failure } else { exit }
}

/// Writes files as they were before they were mended: a mend that does not load is none.
fn take_back(mended: &[(PathBuf, String)], before: &SourceMap, context: &Context) -> Exit {
    let mut what = String::new();
    for (path, _) in mended {
        let Some(file) = before.find(path) else { continue };
        if let Err(error) = context.world.write(path, &file.text) {
            context.ui.error(&format!("{} cannot be written: {error}", path.display()));
        }
        what = format!("{what} {}", file.name);
    }
    context.ui.error(&format!("the mended project would not load, so it is as it was:{what}"));
    context.ui.help("mend by hand; this is a mistake in topo, so please tell of it");
    Exit::Failure
}

/// What is known of where the project is to run.
struct Outside {
    host: Option<Host>,
    lacking: Option<Programs>,
}

/// What was found in a project.
struct Looked {
    found: Diagnostics,
    sources: SourceMap,
    /// Whether it loads without an error.
    loads: bool,
}

/// Loads the project, and looks at it if it has no error.
fn look(arguments: &Lint, levels: &Levels, outside: &Outside, context: &Context) -> Looked {
    let Prepared { project, contents, loaded, .. } = context.loaded_to_start(&arguments.services, true);
    if loaded.diagnostics.has_errors() {
        return Looked { found: loaded.diagnostics, sources: loaded.sources, loads: false };
    }
    let losses = || {
        let contents = Contents { binds: read_binds(&project, &context.world), ..contents.clone() };
        let losses = export(&project, &contents, &Options::default()).losses;
        losses.into_iter().map(|loss| loss.diagnostic).collect()
    };
    let (said, sources) = (&loaded.diagnostics, &loaded.sources);
    let Outside { host, lacking } = outside;
    let (host, lacking) = (host.as_ref(), lacking.as_ref());
    let input = Input { project: &project, sources, said, losses: &losses, host, lacking };
    Looked { found: lint(&input, levels), sources: loaded.sources, loads: true }
}

fn this_host(context: &Context) -> Host {
    let read = |name: &str| {
        let text = context.world.read(&Path::new("/proc/net").join(name)).unwrap_or_default();
        String::from_utf8_lossy(&text).into_owned()
    };
    let mut host = Host::default();
    host.read_routes(&read("route"));
    for (file, protocol) in [("tcp", "tcp"), ("tcp6", "tcp"), ("udp", "udp"), ("udp6", "udp")] {
        host.read_sockets(protocol, &read(file));
    }
    host
}

/// Writes the rules, one a line: name, group, level, and whether `--fix` mends it.
fn list(levels: &Levels) -> String {
    let width = RULES.iter().map(|rule| rule.name().len()).max().unwrap_or(0);
    let line = |rule: &&Rule| {
        let mends = if rule.has_fix { "--fix" } else { "" };
        let (name, group) = (rule.name(), rule.group.name());
        let line = format!("{name:width$}  {group:11}  {:5}  {mends}", levels.of(rule).word());
        line.trim_end().to_owned() + "\n"
    };
    RULES.iter().map(line).collect()
}
