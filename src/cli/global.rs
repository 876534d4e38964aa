//! What stands before the command, and the variables that stand in for it, as in docker compose.

use clap::{ArgAction, Args};
use topo::engine::apply::AT_ONCE;

use crate::ui::{Ansi, Style};

/// What stands before the command, as in docker compose.
#[derive(Args, Clone, Debug)]
pub(crate) struct Global {
    /// Compose file; several are merged in order, `-` is standard input
    #[arg(short, long = "file", value_name = "FILE")]
    pub(crate) files: Vec<String>,
    /// Project name
    #[arg(short = 'p', long, value_name = "NAME")]
    pub(crate) project_name: Option<String>,
    /// Profile to activate; `*` is all of them
    #[arg(long = "profile", value_name = "PROFILE")]
    pub(crate) profiles: Vec<String>,
    /// File to read variables from, in place of `.env`
    #[arg(long = "env-file", value_name = "FILE")]
    pub(crate) env_files: Vec<String>,
    /// Directory that relative paths start from; default: that of the first compose file
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) project_directory: Option<String>,
    /// Keep networks, volumes, configs and secrets that no service uses
    #[arg(long)]
    pub(crate) all_resources: bool,
    /// Show what would be done, and do nothing
    #[arg(long, global = true)]
    pub(crate) dry_run: bool,
    /// Calls to the engine at a time; -1 for no limit [default: 8]
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    parallel: Option<i64>,
    /// Name containers and images with `_` in place of `-`
    #[arg(long)]
    pub(crate) compatibility: bool,
    /// Colour and movement [default: auto]
    #[arg(long, value_enum, value_name = "WHEN")]
    ansi: Option<Ansi>,
    /// How to show progress [default: auto]
    #[arg(long, value_enum, value_name = "HOW")]
    progress: Option<Style>,
    /// Print the version
    #[arg(short = 'v', short_alias = 'V', long, action = ArgAction::Version)]
    version: Option<bool>,
    #[arg(long, hide = true, value_name = "DIRECTORY")]
    workdir: Option<String>,
    #[arg(long, hide = true)]
    no_ansi: bool,
    #[arg(long, hide = true)]
    verbose: bool,
    #[arg(long, hide = true, value_name = "REGISTRY")]
    insecure_registry: Vec<String>,
    // Those of the docker client, which it hands on to plugins and docker compose takes as well.
    #[arg(short = 'H', long, hide = true, value_name = "ADDRESS")]
    host: Option<String>,
    #[arg(short = 'c', long, hide = true, value_name = "CONTEXT")]
    context: Option<String>,
    #[arg(long, hide = true, value_name = "DIRECTORY")]
    config: Option<String>,
    #[arg(short = 'D', long, hide = true)]
    debug: bool,
    #[arg(short = 'l', long, hide = true, value_name = "LEVEL")]
    log_level: Option<String>,
    /// What variables say besides.
    #[arg(skip)]
    pub(crate) settings: Settings,
}

/// What options and variables come to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    pub(crate) ansi: Ansi,
    pub(crate) style: Style,
    /// How many calls the engine gets at a time.
    pub(crate) at_once: usize,
    /// Whether containers are removed whose services the file does not have.
    pub(crate) remove_orphans: bool,
    /// Whether nothing is said of such containers.
    pub(crate) ignore_orphans: bool,
    /// Whether progress goes to standard output.
    pub(crate) status_stdout: bool,
}

impl Global {
    /// Returns what an option says in place of a variable that leads to the engine.
    pub(crate) fn connection(&self, variable: &str) -> Option<String> {
        match variable {
            "DOCKER_HOST" => self.host.clone(),
            // An option wins over the variable that would otherwise win over it.
            "DOCKER_CONTEXT" => self.context.clone(),
            "DOCKER_CONFIG" => self.config.clone(),
            _ => None,
        }
    }

    /// Settles what was given as options, as variables of the shell, and, with `variable`, also in env files. What is
    /// out of use is said to be so; what contradicts itself is an error.
    pub(crate) fn settle(
        &mut self,
        shell: impl Fn(&str) -> Option<String>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Vec<String>, String> {
        let mut warnings = Vec::new();
        if let Some(workdir) = self.workdir.take() {
            if self.project_directory.is_some() {
                return Err(
                    "`--workdir` and `--project-directory` are the same: leave `--workdir` out".to_owned()
                );
            }
            warnings.push("`--workdir` is deprecated; use `--project-directory`".to_owned());
            self.project_directory = Some(workdir);
        }
        if self.no_ansi {
            if self.ansi.is_some() {
                return Err("`--no-ansi` and `--ansi` are the same: leave `--no-ansi` out".to_owned());
            }
            warnings.push("`--no-ansi` is deprecated; use `--ansi never`".to_owned());
            self.ansi = Some(Ansi::Never);
        }
        if self.host.is_some() && self.context.is_some() {
            return Err("`--host` and `--context` both say which engine is meant: leave one out".to_owned());
        }
        if self.debug || self.log_level.is_some() {
            warnings.push("`--debug` and `--log-level` do nothing: topo writes no log".to_owned());
        }
        if self.verbose {
            warnings.push(
                "`--verbose` does nothing; `--dry-run` and `topo plan` show what is done and why".to_owned(),
            );
        }
        if !self.insecure_registry.is_empty() {
            warnings.push(
                "`--insecure-registry` does nothing: topo reads no compose files from registries".to_owned(),
            );
        }
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let ansi = match (self.ansi, set("COMPOSE_ANSI").as_deref()) {
            (Some(ansi), _) => ansi,
            (None, None | Some("auto")) => Ansi::Auto,
            (None, Some("never")) => Ansi::Never,
            (None, Some("always")) => Ansi::Always,
            (None, Some(other)) => {
                warnings.push(format!("COMPOSE_ANSI is `never`, `always` or `auto`, not `{other}`"));
                Ansi::Auto
            }
        };
        let style = match (self.progress, set("COMPOSE_PROGRESS").as_deref()) {
            (Some(style), _) => style,
            (None, None | Some("auto")) => Style::Auto,
            (None, Some("tty")) => Style::Tty,
            (None, Some("plain")) => Style::Plain,
            (None, Some("json")) => Style::Json,
            (None, Some("quiet" | "none")) => Style::Quiet,
            (None, Some(other)) => {
                return Err(format!(
                    "COMPOSE_PROGRESS is `auto`, `tty`, `plain`, `json` or `quiet`, not `{other}`"
                ));
            }
        };
        match (style, ansi) {
            (Style::Tty, Ansi::Never) => {
                return Err("`--progress tty` moves lines, which `--ansi never` forbids".to_owned());
            }
            (Style::Plain, Ansi::Always) => {
                return Err("`--progress plain` has no colour, which `--ansi always` asks for".to_owned());
            }
            _ => {}
        }
        let parallel = match (self.parallel, set("COMPOSE_PARALLEL_LIMIT")) {
            (Some(number), _) => Some(number),
            (None, None) => None,
            (None, Some(text)) => match text.parse() {
                Ok(number) => Some(number),
                Err(_) => return Err(format!("COMPOSE_PARALLEL_LIMIT is a whole number, not `{text}`")),
            },
        };
        let at_once = match parallel {
            None | Some(0) => AT_ONCE,
            Some(number) => usize::try_from(number).unwrap_or(usize::MAX),
        };
        let is_true = |value: Option<String>| value.is_some_and(|value| says_yes(&value));
        self.compatibility |= is_true(set("COMPOSE_COMPATIBILITY"));
        if cfg!(windows) && is_true(set("COMPOSE_CONVERT_WINDOWS_PATHS")) {
            warnings.push(
                "COMPOSE_CONVERT_WINDOWS_PATHS does nothing; write paths as the engine takes them".to_owned(),
            );
        }
        self.settings = Settings {
            ansi,
            style,
            at_once,
            // docker compose looks for these two before it reads `.env`.
            remove_orphans: is_true(shell("COMPOSE_REMOVE_ORPHANS")),
            status_stdout: is_true(shell("COMPOSE_STATUS_STDOUT")),
            ignore_orphans: is_true(set("COMPOSE_IGNORE_ORPHANS")),
        };
        Ok(warnings)
    }
}

/// The words that docker compose takes for true.
fn says_yes(value: &str) -> bool {
    matches!(value.to_ascii_lowercase().as_str(), "1" | "true" | "t" | "yes" | "y" | "on")
}
