//! The commands: one file each, which turns arguments into options and hands results to [`crate::ui`].

mod attach;
mod attach_service;
mod check;
mod commit;
mod completions;
mod config;
mod converge;
mod cp;
mod down;
mod engine;
mod exec;
mod explain;
mod export;
mod export_container;
mod logs;
mod plan;
mod provide;
mod ps;
mod run;
mod schema;
mod session;
mod up;
mod version;

use std::process::ExitCode;

use clap::{Args, CommandFactory as _, Parser, Subcommand};
use topo::diagnostic::{Diagnostic, Diagnostics, Severity};
use topo::load::{self, Environment, Loaded, OsWorld, Request, World, load_without};
use topo::project::{self, Contents, Project, Selection, read_contents, resolve_without};
use topo::topology::{Topology, ports};

use crate::ui::{Ansi, Ui, report};

/// Brings compose topologies up on Docker Engine and exports them to Kubernetes, with a plan before the act.
///
/// It reads the same files as docker compose and manages the same running projects.
#[derive(Debug, Parser)]
#[command(
    name = "topo",
    version,
    max_term_width = 100,
    after_help = "Example: topo plan, then topo up -d, then topo ps\nExit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted"
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What stands before the command, as in docker compose.
#[derive(Args, Clone, Debug)]
pub(crate) struct Global {
    /// Compose file; several are merged in order, `-` is standard input
    #[arg(short, long = "file", value_name = "FILE")]
    files: Vec<String>,
    /// Project name
    #[arg(short = 'p', long, value_name = "NAME")]
    project_name: Option<String>,
    /// Profile to activate; `*` is all of them
    #[arg(long = "profile", value_name = "PROFILE")]
    profiles: Vec<String>,
    /// File to read variables from, in place of `.env`
    #[arg(long = "env-file", value_name = "FILE")]
    env_files: Vec<String>,
    /// Directory that relative paths start from; default: that of the first compose file
    #[arg(long, value_name = "DIRECTORY")]
    project_directory: Option<String>,
    /// Keep networks, volumes, configs and secrets that no service uses
    #[arg(long)]
    all_resources: bool,
    /// Colour and movement
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    ansi: Ansi,
    /// How to show progress
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    progress: crate::ui::Style,
}

#[derive(Debug, Subcommand)]
enum Command {
    Up(up::Up),
    Create(up::Create),
    Down(down::Down),
    Stop(down::Stop),
    Ps(ps::Ps),
    Logs(logs::Logs),
    Run(run::Run),
    Exec(exec::Exec),
    Attach(attach_service::Attach),
    Cp(cp::Cp),
    Commit(commit::Commit),
    Plan(plan::Plan),
    Config(config::Config),
    Check(check::Check),
    Explain(explain::Explain),
    Export(export::Export),
    Schema(schema::Schema),
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
    /// Loads and completes the project and checks its graph. Nothing is printed.
    fn checked(&self, services: &[String]) -> (Project, Topology, Loaded) {
        self.checked_without(services, load::Skip::default(), project::Skip::default())
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
        let project = resolve_without(&mut loaded, &selection, &self.world, completing);
        let mut found = Diagnostics::default();
        let topology = Topology::build(&project, &mut found);
        if !completing.consistency {
            loaded.diagnostics.push_all(found.sorted().into_iter().cloned());
        }
        (project, topology, loaded)
    }

    /// What the global options ask to load.
    pub(crate) fn request(&self) -> Request {
        let Global {
            files,
            project_name,
            profiles: _,
            env_files,
            project_directory,
            all_resources: _,
            ansi: _,
            progress: _,
        } = self.global.clone();
        Request { files, env_files, project_directory, project_name, trace: false }
    }

    /// Loads the project for printing it, and prints what there is to say. `None` ends the command.
    pub(crate) fn project(&self, services: &[String]) -> Option<Project> {
        let (project, _, loaded) = self.checked(services);
        self.printable(project, loaded)
    }

    fn printable(&self, project: Project, mut loaded: Loaded) -> Option<Project> {
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

    /// The project's name and the services of its file, for commands that work without a file if `-p` is given.
    pub(crate) fn name(&self) -> Option<(String, Option<Project>)> {
        let Named { name, project, environment: _ } = self.named()?;
        Some((name, project))
    }

    /// The same with the variables of the shell and of env files.
    pub(crate) fn named(&self) -> Option<Named> {
        let (project, _, loaded) = self.checked(&[]);
        let environment = loaded.environment.clone();
        if let Some(name) = &self.global.project_name
            && self.global.files.is_empty()
        {
            let project = (!loaded.diagnostics.has_errors()).then_some(project);
            return Some(Named { name: name.clone(), project, environment });
        }
        let project = self.printable(project, loaded)?;
        Some(Named { name: project.name.clone(), project: Some(project), environment })
    }
}

/// Runs the command that the arguments name.
pub(crate) fn run() -> Exit {
    let Cli { global, command } = Cli::parse();
    let world = OsWorld;
    let ui = Ui::new(global.ansi, global.progress, world.var("NO_COLOR").as_deref());
    let context = Context { world, ui, global };
    let Some(command) = command else {
        context.ui.data(&Cli::command().render_help().to_string());
        return Exit::Success;
    };
    match command {
        Command::Up(arguments) => up::run(&arguments, &context),
        Command::Create(arguments) => up::create(&arguments, &context),
        Command::Down(arguments) => down::run(&arguments, &context),
        Command::Stop(arguments) => down::stop(&arguments, &context),
        Command::Ps(arguments) => ps::run(&arguments, &context),
        Command::Logs(arguments) => logs::run(&arguments, &context),
        Command::Run(arguments) => run::run(&arguments, &context),
        Command::Exec(arguments) => exec::run(&arguments, &context),
        Command::Attach(arguments) => attach_service::run(&arguments, &context),
        Command::Cp(arguments) => cp::run(&arguments, &context),
        Command::Commit(arguments) => commit::run(&arguments, &context),
        Command::Plan(arguments) => plan::run(&arguments, &context),
        Command::Config(arguments) => config::run(&arguments, &context),
        Command::Check(arguments) => check::run(&arguments, &context),
        Command::Explain(arguments) => explain::run(&arguments, &context),
        Command::Export(arguments) => export::run(&arguments, &context),
        Command::Schema(arguments) => schema::run(&arguments, &context),
        Command::Completions(arguments) => completions::run(&arguments, &context),
        Command::Version(arguments) => version::run(&arguments, &context),
    }
}
