//! The commands: one file each, which turns arguments into options and hands results to [`crate::ui`].

mod attach;
mod attach_service;
mod build;
mod capture;
mod check;
mod commit;
mod completions;
mod config;
mod connect;
mod converge;
mod cp;
mod diagnose;
mod diagnose_k8s;
mod down;
mod elsewhere;
mod engine;
mod events;
mod exec;
mod existing;
mod explain;
mod export;
mod export_container;
mod export_files;
mod global;
mod graph;
mod images;
mod inspect;
mod kill;
mod lint;
mod listing;
mod logs;
mod ls;
mod lsp;
mod pause;
mod plan;
mod plugin;
mod port;
mod program;
mod provide;
mod ps;
mod pull;
mod push;
mod reach;
mod rebuild;
mod restart;
mod rm;
mod run;
mod scale;
mod schema;
mod session;
mod start;
mod stats;
mod stop;
mod switches;
mod sync;
mod top;
mod up;
mod verify;
mod version;
mod volumes;
mod wait;
mod watch;
mod watching;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use topo::diagnostic::{Diagnostic, Diagnostics, Severity};
use topo::load::{self, Environment, Loaded, OsWorld, Request, World, load_without};
use topo::project::{self, Contents, Project, Selection, read_contents, resolve_without};
use topo::topology::{Topology, ports};

use self::global::Global;
use crate::ui::{Ui, report};

/// Brings compose topologies up on Docker Engine and exports them to Kubernetes, with a plan before the act.
///
/// It reads the same files as docker compose and manages the same running projects.
#[derive(Debug, Parser)]
#[command(
    name = "topo",
    version,
    disable_version_flag = true,
    // As in docker's command line, the last one wins where an option is given twice; lists still add up.
    args_override_self = true,
    max_term_width = 100,
    after_help = "Example: topo plan, then topo up -d, then topo ps\nExit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted"
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Up(up::Up),
    Create(up::Create),
    Down(down::Down),
    Start(start::Start),
    Stop(stop::Stop),
    Restart(restart::Restart),
    Watch(watch::Watch),
    Kill(kill::Kill),
    Rm(rm::Rm),
    Pause(pause::Pause),
    Unpause(pause::Unpause),
    Scale(scale::Scale),
    Wait(wait::Wait),
    Ps(ps::Ps),
    Ls(ls::Ls),
    Images(images::Images),
    Volumes(volumes::Volumes),
    Port(port::Port),
    Top(top::Top),
    Stats(stats::Stats),
    Events(events::Events),
    Logs(logs::Logs),
    Build(build::Build),
    Pull(pull::Pull),
    Push(push::Push),
    Run(run::Run),
    Exec(exec::Exec),
    Attach(attach_service::Attach),
    Cp(cp::Cp),
    Commit(commit::Commit),
    Plan(plan::Plan),
    Config(config::Config),
    Check(check::Check),
    Lint(lint::Lint),
    Reach(reach::Reach),
    Diagnose(diagnose::Diagnose),
    Graph(graph::Graph),
    Inspect(inspect::Inspect),
    Connect(connect::Connect),
    Disconnect(connect::Disconnect),
    Capture(capture::Capture),
    Explain(explain::Explain),
    Export(export::Export),
    Schema(schema::Schema),
    Lsp(lsp::Lsp),
    Completions(completions::Completions),
    Version(version::Version),
}

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All was done: 0.
    Success,
    /// Something was wrong, and has been said: 1.
    Failure,
    /// `plan --exit-code` found something to do: 2.
    Changes,
    /// The user interrupted it: 130.
    Interrupted,
    /// What ran in a container ended with this code.
    Code(u8),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Success => 0,
            Exit::Failure => 1,
            Exit::Changes => 2,
            Exit::Interrupted => 130,
            Exit::Code(code) => code,
        })
    }
}

/// What every command works with.
pub(crate) struct Context {
    pub(crate) world: OsWorld,
    pub(crate) ui: Ui,
    pub(crate) global: Global,
}

/// A project that is ready to be brought up or exported.
pub(crate) struct Prepared {
    pub(crate) project: Project,
    pub(crate) topology: Topology,
    pub(crate) contents: Contents,
    pub(crate) loaded: Loaded,
}

/// A project by its name, and what is known of it.
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) project: Option<Project>,
    pub(crate) environment: Environment,
}

impl Context {
    /// Loads and completes the project, as far as it matters to who makes no containers, and checks its graph. An env
    /// file of a service that is gone keeps nobody from stopping it. Nothing is printed.
    fn checked(&self, services: &[String]) -> (Project, Topology, Loaded) {
        let completing = project::Skip { service_files: true, ..project::Skip::default() };
        self.checked_without(services, load::Skip::default(), completing)
    }

    /// The same without some of the stages.
    pub(crate) fn checked_without(
        &self,
        services: &[String],
        loading: load::Skip,
        completing: project::Skip,
    ) -> (Project, Topology, Loaded) {
        let selection = Selection { services: services.to_vec(), ..Selection::default() };
        self.checked_as(selection, loading, completing)
    }

    /// The same of a selection, to which the active profiles are added.
    fn checked_as(
        &self,
        selection: Selection,
        loading: load::Skip,
        completing: project::Skip,
    ) -> (Project, Topology, Loaded) {
        let mut loaded = load_without(&self.world, &self.request(), loading);
        let selection = Selection { profiles: self.global.profiles.clone(), ..selection };
        let completing = project::Skip { unused: self.global.all_resources, ..completing };
        let mut project = resolve_without(&mut loaded, &selection, &self.world, completing);
        project.compatibility = self.global.compatibility;
        project.client = self.client(&loaded.environment);
        let mut found = Diagnostics::default();
        let topology = Topology::build(&project, &mut found);
        if !completing.consistency {
            loaded.diagnostics.push_all(found.sorted().into_iter().cloned());
        }
        (project, topology, loaded)
    }

    /// The same, without progress if `quiet` says so.
    pub(crate) fn with_quiet(&self, quiet: bool) -> Self {
        let ui = if quiet { Ui { style: crate::ui::Style::Quiet, ..self.ui } } else { self.ui };
        Self { world: self.world, ui, global: self.global.clone() }
    }

    /// What the global options ask to load.
    pub(crate) fn request(&self) -> Request {
        let global = &self.global;
        Request {
            files: global.files.clone(),
            env_files: global.env_files.clone(),
            project_directory: global.project_directory.clone(),
            project_name: global.project_name.clone(),
            ..Request::default()
        }
    }

    /// Loads the project for its images, and prints what there is to say. `None` ends the command.
    pub(crate) fn project(&self, services: &[String]) -> Option<Project> {
        self.project_without(services, project::Skip { service_files: true, ..project::Skip::default() })
    }

    /// Loads the project without some of the stages for printing it, and prints what there is to say. `None` ends the
    /// command.
    pub(crate) fn project_without(&self, services: &[String], completing: project::Skip) -> Option<Project> {
        let (project, _, mut loaded) = self.checked_without(services, load::Skip::default(), completing);
        for mut conflict in ports::conflicts(&project) {
            // It can be printed all the same: an override may be meant to move one of them.
            conflict.severity = Severity::Warning;
            loaded.diagnostics.push(conflict);
        }
        self.say(&loaded).then_some(project)
    }

    /// Loads the project for acting on it, and prints what there is to say. `None` ends the command.
    pub(crate) fn prepared(&self, services: &[String], start: bool) -> Option<Prepared> {
        self.prepared_as(Selection { services: services.to_vec(), ..Selection::default() }, start)
    }

    /// The same of a selection.
    pub(crate) fn prepared_as(&self, selection: Selection, start: bool) -> Option<Prepared> {
        let prepared = self.selected_to_start(selection, start);
        self.say(&prepared.loaded).then_some(prepared)
    }

    /// Loads the project for acting on it. What only keeps containers from starting is no error where they are not
    /// started. Nothing is printed.
    pub(crate) fn loaded_to_start(&self, services: &[String], start: bool) -> Prepared {
        self.selected_to_start(Selection { services: services.to_vec(), ..Selection::default() }, start)
    }

    fn selected_to_start(&self, selection: Selection, start: bool) -> Prepared {
        self.changed_to_start(selection, start, |_, _| ())
    }

    /// Loads the project for acting on it with what the command line changes of it. Nothing is printed.
    pub(crate) fn changed_to_start(
        &self,
        selection: Selection,
        start: bool,
        change: impl FnOnce(&mut Project, &mut Loaded),
    ) -> Prepared {
        let (mut project, topology, mut loaded) =
            self.checked_as(selection, load::Skip::default(), project::Skip::default());
        change(&mut project, &mut loaded);
        let mut found = Diagnostics::default();
        ports::conflicts(&project).into_iter().for_each(|conflict| found.push(conflict));
        let contents = read_contents(&project, &loaded.environment, &self.world, &mut found);
        self.check_client(&project, &loaded.environment, &mut found);
        for diagnostic in found.sorted() {
            let severity = if start { diagnostic.severity } else { Severity::Warning };
            loaded.diagnostics.push(Diagnostic { severity, ..diagnostic.clone() });
        }
        Prepared { project, topology, contents, loaded }
    }

    /// Prints the diagnostics. Returns whether the command may go on.
    pub(crate) fn say(&self, loaded: &Loaded) -> bool {
        report(self.ui, &loaded.diagnostics, &loaded.sources);
        !loaded.diagnostics.has_errors()
    }

    /// The project's name, and the project if there is a file to read.
    pub(crate) fn name(&self) -> Option<(String, Option<Project>)> {
        self.named(&[])
    }

    /// The same with the variables of the shell and of env files.
    pub(crate) fn named_with_variables(&self) -> Option<Named> {
        let (project, _, loaded) = self.checked(&[]);
        let environment = loaded.environment.clone();
        if let Some(name) = self.name_without_file() {
            return Some(Named { name, project: None, environment });
        }
        let named = Named { name: project.name.clone(), project: Some(project), environment };
        self.say(&loaded).then_some(named)
    }
}

/// Runs the command that the arguments name.
pub(crate) fn run() -> Exit {
    let words = OsWorld.arguments();
    let command = || elsewhere::add(Cli::command());
    if let Some(exit) = completions::answer(&words, command) {
        return exit;
    }
    if let Some(exit) = program::answer(&words) {
        return exit;
    }
    let words = match plugin::asked(words) {
        plugin::Asked::Command(words) => words,
        plugin::Asked::Metadata(text) => {
            Ui::default().data(&text);
            return Exit::Success;
        }
    };
    let matches = switches::parse(command, &words);
    let global = Global::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let mut context = Context { world: OsWorld, ui: Ui::default(), global };
    let environment = load::environment(&context.world, &context.request());
    let shell = |name: &str| context.world.var(name);
    let settled = context.global.settle(shell, |name| environment.get(name, &context.world));
    let settings = &context.global.settings;
    let no_color = context.world.var("NO_COLOR");
    context.ui = Ui::new(settings.ansi, settings.style, no_color.as_deref(), settings.status_stdout);
    match settled {
        Ok(warnings) => warnings.iter().for_each(|warning| context.ui.warning(warning)),
        Err(mistake) => {
            context.ui.error(&mistake);
            return Exit::Failure;
        }
    }
    let Some((name, _)) = matches.subcommand() else {
        context.ui.data(&command().render_help().to_string());
        return Exit::Success;
    };
    if let Some(exit) = elsewhere::answer(name, &context) {
        return exit;
    }
    let command = Command::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    match command {
        Command::Up(arguments) => up::run(&arguments, &context),
        Command::Create(arguments) => up::create(&arguments, &context),
        Command::Down(arguments) => down::run(&arguments, &context),
        Command::Start(arguments) => start::run(&arguments, &context),
        Command::Stop(arguments) => stop::run(&arguments, &context),
        Command::Restart(arguments) => restart::run(&arguments, &context),
        Command::Watch(arguments) => watch::run(&arguments, &context),
        Command::Kill(arguments) => kill::run(&arguments, &context),
        Command::Rm(arguments) => rm::run(&arguments, &context),
        Command::Pause(arguments) => pause::pause(&arguments, &context),
        Command::Unpause(arguments) => pause::unpause(&arguments, &context),
        Command::Scale(arguments) => scale::run(&arguments, &context),
        Command::Wait(arguments) => wait::run(&arguments, &context),
        Command::Ps(arguments) => ps::run(&arguments, &context),
        Command::Ls(arguments) => ls::run(&arguments, &context),
        Command::Images(arguments) => images::run(&arguments, &context),
        Command::Volumes(arguments) => volumes::run(&arguments, &context),
        Command::Port(arguments) => port::run(&arguments, &context),
        Command::Top(arguments) => top::run(&arguments, &context),
        Command::Stats(arguments) => stats::run(&arguments, &context),
        Command::Events(arguments) => events::run(&arguments, &context),
        Command::Logs(arguments) => logs::run(&arguments, &context),
        Command::Build(arguments) => build::run(&arguments, &context),
        Command::Pull(arguments) => pull::run(&arguments, &context),
        Command::Push(arguments) => push::run(&arguments, &context),
        Command::Run(arguments) => run::run(&arguments, &context),
        Command::Exec(arguments) => exec::run(&arguments, &context),
        Command::Attach(arguments) => attach_service::run(&arguments, &context),
        Command::Cp(arguments) => cp::run(&arguments, &context),
        Command::Commit(arguments) => commit::run(&arguments, &context),
        Command::Plan(arguments) => plan::run(&arguments, &context),
        Command::Config(arguments) => config::run(&arguments, &context),
        Command::Check(arguments) => check::run(&arguments, &context),
        Command::Lint(arguments) => lint::run(&arguments, &context),
        Command::Reach(arguments) => reach::run(&arguments, &context),
        Command::Diagnose(arguments) => diagnose::run(&arguments, &context),
        Command::Graph(arguments) => graph::run(&arguments, &context),
        Command::Inspect(arguments) => inspect::run(&arguments, &context),
        Command::Connect(arguments) => connect::connect(&arguments, &context),
        Command::Disconnect(arguments) => connect::disconnect(&arguments, &context),
        Command::Capture(arguments) => capture::run(&arguments, &context),
        Command::Explain(arguments) => explain::run(&arguments, &context),
        Command::Export(arguments) => export::run(&arguments, &context),
        Command::Schema(arguments) => schema::run(&arguments, &context),
        Command::Lsp(arguments) => lsp::run(&arguments, &context),
        Command::Completions(arguments) => completions::run(&arguments, &context),
        Command::Version(arguments) => version::run(&arguments, &context),
    }
}
