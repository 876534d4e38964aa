//! `topo run`: one command of a service, in a container of its own.

use std::collections::BTreeMap;
use std::pin::pin;

use clap::Args;
use topo::engine::docker::Docker;
use topo::engine::inside::{Attach, Ending, Inside, Terminal};
use topo::engine::{Engine, EngineError};
use topo::load::{Loaded, read_arguments, read_variables};
use topo::model::command::split_words;
use topo::model::ports::Ports;
use topo::plan::run::{RunOptions, apply};
use topo::plan::up::UpOptions;
use topo::project::Selection;

use super::converge::{orphans_by_variables, plan_with};
use super::session::{Partner, check_terminal, code_of_removed, end_with, ended_with, keys, talk};
use super::{Context, Exit, up::interrupt};
use crate::ui::{Style, Ui, terminal};

/// Run one command of a service in a container of its own
///
/// What the service depends on is started first. No ports are published unless -P or -p says so. It gets a terminal
/// where there is one, and ends with the command's exit code. ctrl-p, ctrl-q leaves it running.
///
/// Example: topo run --rm web sh
#[derive(Args, Debug)]
#[command(override_usage = "topo run [OPTIONS] SERVICE [COMMAND [ARGUMENTS]...]")]
pub(crate) struct Run {
    /// Build images although they are there
    #[arg(long)]
    build: bool,
    /// Capability to add
    #[arg(long, value_name = "CAPABILITY")]
    cap_add: Vec<String>,
    /// Capability to drop
    #[arg(long, value_name = "CAPABILITY")]
    cap_drop: Vec<String>,
    /// Do not wait for the command; print the container's ID
    #[arg(short, long)]
    detach: bool,
    /// What to hand the command to, in place of the service's and the image's entrypoint
    #[arg(long, value_name = "COMMAND")]
    entrypoint: Option<String>,
    /// Variable for the command; without a value, that of the shell or `.env`
    #[arg(short, long = "env", value_name = "NAME[=VALUE]")]
    env: Vec<String>,
    /// File with variables for the command
    #[arg(long, value_name = "FILE")]
    env_from_file: Vec<String>,
    /// Pass standard input on; the default
    #[arg(short, long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    interactive: Option<bool>,
    /// Label of the container
    #[arg(short, long = "label", alias = "labels", value_name = "NAME=VALUE", value_parser = label)]
    labels: Vec<(String, String)>,
    /// Name of the container
    #[arg(long)]
    name: Option<String>,
    /// Go without a terminal; default where there is none
    #[arg(short = 'T', long = "no-TTY", alias = "no-tty", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    no_tty: Option<bool>,
    /// What `docker run -it` asks for is the default here
    #[arg(short, long, hide = true, conflicts_with = "no_tty", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    tty: Option<bool>,
    /// Do not start what the service depends on
    #[arg(long)]
    no_deps: bool,
    /// Port to publish: `[[ADDRESS:]PUBLISHED:]TARGET[/PROTOCOL]`
    #[arg(short, long, value_name = "PORT", conflicts_with = "service_ports")]
    publish: Vec<String>,
    /// When to pull images, in place of `pull_policy`
    #[arg(long, value_name = "POLICY", value_parser = ["always", "missing", "never", "policy"])]
    pull: Option<String>,
    /// Do not show how far things are
    #[arg(short, long)]
    quiet: bool,
    /// Do not show how far builds are
    #[arg(long)]
    quiet_build: bool,
    /// Do not show how far pulls are
    #[arg(long)]
    quiet_pull: bool,
    /// Remove containers of services that the file does not have
    #[arg(long)]
    remove_orphans: bool,
    /// Remove the container when it has ended
    #[arg(long)]
    rm: bool,
    /// Publish the service's ports
    #[arg(short = 'P', long)]
    service_ports: bool,
    /// Let others find the container by the names of the service
    #[arg(long)]
    use_aliases: bool,
    /// Run as this user: `name|uid[:group|gid]`
    #[arg(short, long)]
    user: Option<String>,
    /// What to mount: `[SOURCE:]TARGET[:MODE]`
    #[arg(short, long = "volume", alias = "volumes", value_name = "MOUNT")]
    volumes: Vec<String>,
    /// Directory to run in
    #[arg(short, long, value_name = "DIRECTORY")]
    workdir: Option<String>,
    /// The service, the command and its arguments
    #[arg(value_name = "SERVICE", required = true, num_args = 1.., trailing_var_arg = true)]
    words: Vec<String>,
}

fn label(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("it has no `=` between name and value")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl Run {
    /// Whether the command reads what is typed, and has a terminal; docker compose's defaults.
    fn channels(&self) -> (bool, bool) {
        let is_asked_for = self.no_tty.is_some() || self.tty.is_some() || self.interactive.is_some();
        let tty = match (self.tty, self.no_tty) {
            (Some(tty), _) => tty,
            (None, Some(no_tty)) => !no_tty,
            (None, None) => terminal::is_output_terminal() && (is_asked_for || terminal::is_input_terminal()),
        };
        (self.interactive.unwrap_or(true), tty)
    }

    fn up_options(&self) -> UpOptions {
        UpOptions {
            start: true,
            build: self.build,
            pull: self.pull.clone().filter(|policy| policy != "policy"),
            remove_orphans: self.remove_orphans,
            ..UpOptions::default()
        }
    }

    /// Says what is asked for. Mistakes go to what was loaded.
    fn options(
        &self,
        service: &str,
        command: &[String],
        context: &Context,
        loaded: &mut Loaded,
    ) -> RunOptions {
        let Loaded { environment, sources, diagnostics, .. } = loaded;
        let world = &context.world;
        let (stdin, tty) = self.channels();
        let published: Ports = read_arguments("--publish", &self.publish, world, sources, diagnostics);
        let environment =
            read_variables(&self.env, &self.env_from_file, environment, world, sources, diagnostics);
        let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        RunOptions {
            service: service.to_owned(),
            command: command.to_vec(),
            entrypoint: self.entrypoint.as_deref().map(|text| split_words(text).unwrap_or_default()),
            environment,
            labels: self.labels.iter().cloned().collect::<BTreeMap<_, _>>(),
            name: text(&self.name),
            user: text(&self.user),
            working_dir: text(&self.workdir),
            cap_add: self.cap_add.clone(),
            cap_drop: self.cap_drop.clone(),
            volumes: read_arguments("--volume", &self.volumes, world, sources, diagnostics),
            ports: (!self.service_ports).then_some(published),
            tty,
            stdin,
            remove: self.rm,
            use_aliases: self.use_aliases,
            slug: slug(),
        }
    }
}

/// Makes 64 hexadecimal digits that no other container has.
pub(super) fn slug() -> String {
    let mut bytes = [0; 32];
    // Without randomness the engine refuses the second container of that name, which is better than nothing.
    let _ = getrandom::fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn run(arguments: &Run, context: &Context) -> Exit {
    let Some((service, command)) = arguments.words.split_first() else { return Exit::Failure };
    if let Some(Err(why)) = arguments.entrypoint.as_deref().map(split_words) {
        context.ui.error(&format!("cannot split `--entrypoint` into words: {why}"));
        return Exit::Failure;
    }
    let selection =
        Selection { services: vec![service.clone()], alone: arguments.no_deps, ..Selection::default() };
    let mut options = RunOptions::default();
    let mut prepared = context.changed_to_start(selection, true, |project, loaded| {
        options = arguments.options(service, command, context, loaded);
        apply(project, &options);
    });
    if !context.say(&prepared.loaded) {
        return Exit::Failure;
    }
    if !arguments.detach && !check_terminal(context, options.stdin, options.tty) {
        return Exit::Failure;
    }
    let mut up_options = arguments.up_options();
    if !orphans_by_variables(&mut up_options, context) {
        return Exit::Failure;
    }
    let style = if arguments.quiet { Style::Quiet } else { context.ui.style };
    let ui = Ui { quiet_pull: arguments.quiet_pull, quiet_build: arguments.quiet_build, style, ..context.ui };
    let context = &Context { ui, world: context.world, global: context.global.clone() };
    context.with_engine(async |engine| {
        let Some(mut planned) =
            plan_with(&mut prepared, &up_options, Some(&options), &engine, context).await?
        else {
            return Ok(Exit::Failure);
        };
        let exit = planned.freshen(&up_options, &engine, context).await?;
        if exit != Exit::Success {
            return Ok(exit);
        }
        for note in &planned.plan.notes {
            context.ui.warning(note);
        }
        let outcome = planned.carry_out(&up_options, &engine, context, interrupt()).await?;
        let exit = context.conclude(&planned.plan, &outcome);
        let names = planned.one_off.iter().flat_map(|service| &service.containers);
        let Some(name) = names.map(|container| container.create.name.clone()).next() else {
            return Ok(Exit::Failure);
        };
        if exit != Exit::Success {
            return Ok(exit);
        }
        if arguments.detach {
            engine.start(&name).await?;
            context.ui.data(&format!("{}\n", engine.inspect(&name).await?.id));
            return Ok(Exit::Success);
        }
        attended(&name, &options, &engine, context).await
    })
}

/// Starts the container once all is heard, and stays until it has ended.
async fn attended(
    name: &str,
    options: &RunOptions,
    engine: &Docker,
    context: &Context,
) -> Result<Exit, EngineError> {
    let Some((keys, written_keys)) = keys(context, engine, None) else { return Ok(Exit::Failure) };
    let RunOptions { tty, stdin, remove, .. } = *options;
    let streams = engine.attach(name, Attach { tty, stdin, detach_keys: written_keys }).await?;
    let terminal = Terminal::Container(name.to_owned());
    let partner = Partner { terminal, tty, stdin, keys, signals: Some(name) };
    // One that goes by itself may be gone before it can be asked for its code.
    let mut gone = pin!(code_of_removed(name, engine));
    let mut talking = pin!(talk(engine, streams, partner, engine.start(name)));
    let mut code = None;
    let ending = loop {
        tokio::select! {
            biased;
            removed = &mut gone, if remove && code.is_none() => code = Some(removed),
            ending = &mut talking => break ending?,
        }
    };
    match ending {
        None => Ok(Exit::Interrupted),
        Some(Ending::Detached) => {
            context.ui.say(&format!("left container {name} running"));
            Ok(Exit::Success)
        }
        Some(Ending::Unheard) => Ok(Exit::Success),
        Some(Ending::Closed) => match code {
            Some(code) => Ok(ended_with(code?)),
            None if remove => end_with(gone).await,
            None => end_with(engine.exit_code(name)).await,
        },
    }
}
