//! `topo up` and `topo create`: make the engine as the file says.

use std::time::Duration;

use clap::Args;
use topo::plan::up::UpOptions;
use topo::project::Selection;

pub(crate) use super::converge::{Planned, plan_up};

use super::attach::{OnEnd, Staying};
use super::converge::bring_up;
use super::{Context, Exit};

/// Create and start the containers of the project, with the networks and volumes they need
///
/// What is there and unchanged is left alone. Without -d the logs are shown until Ctrl-C, which stops all.
///
/// Example: topo up -d --wait
#[derive(Args, Debug)]
pub(crate) struct Up {
    /// Do not stay to show the logs
    #[arg(short, long)]
    detach: bool,
    /// Wait until all services run, and are healthy where they have a health check; implies -d
    #[arg(long)]
    wait: bool,
    /// Seconds after which the waiting is given up
    #[arg(long, value_name = "SECONDS")]
    wait_timeout: Option<u64>,
    /// Create, but do not start
    #[arg(long, conflicts_with_all = ["detach", "wait"])]
    no_start: bool,
    /// Stop all containers when one ends, and end with its code
    #[arg(long, conflicts_with_all = ["detach", "wait"])]
    abort_on_container_exit: bool,
    /// Stop all containers when one ends with another code than 0, and end with that code
    #[arg(long, conflicts_with_all = ["detach", "wait", "abort_on_container_exit"])]
    abort_on_container_failure: bool,
    /// End with the code of this service's container; implies --abort-on-container-exit
    #[arg(long, value_name = "SERVICE", conflicts_with_all = ["detach", "wait"])]
    exit_code_from: Option<String>,
    /// Show only the logs of this service; repeatable
    #[arg(long, value_name = "SERVICE", conflicts_with_all = ["detach", "wait", "attach_dependencies"])]
    attach: Vec<String>,
    /// Show the logs of the services that the named ones depend on, too
    #[arg(long, conflicts_with_all = ["detach", "wait"])]
    attach_dependencies: bool,
    /// Do not show the logs of this service; repeatable
    #[arg(long, value_name = "SERVICE")]
    no_attach: Vec<String>,
    /// Show logs without colour
    #[arg(long)]
    no_color: bool,
    /// Do not show which container wrote a line
    #[arg(long)]
    no_log_prefix: bool,
    /// Show when each line was written
    #[arg(long)]
    timestamps: bool,
    /// Watch files meanwhile, and do what `develop` says when they change; see `topo watch`
    #[arg(short, long, conflicts_with_all = ["detach", "wait", "no_start", "no_build"])]
    watch: bool,
    /// Accepted for docker compose's sake: topo has no shortcuts while it is attached
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    menu: Option<bool>,
    #[command(flatten)]
    how: How,
    #[command(flatten)]
    act: Act,
}

/// Create the containers of the project without starting them
///
/// Example: topo create --pull always
#[derive(Args, Debug)]
pub(crate) struct Create {
    #[command(flatten)]
    how: How,
    #[command(flatten)]
    act: Act,
}

/// What `up`, `create` and `plan` have in common.
#[derive(Args, Clone, Debug)]
pub(crate) struct How {
    /// Build images although they are there
    #[arg(long, conflicts_with = "no_build")]
    build: bool,
    /// Never build images
    #[arg(long)]
    no_build: bool,
    /// When to pull images, in place of `pull_policy`
    #[arg(long, value_name = "POLICY", value_parser = ["always", "missing", "never", "policy"])]
    pull: Option<String>,
    /// Replace containers although nothing changed
    #[arg(long, conflicts_with = "no_recreate")]
    force_recreate: bool,
    /// Replace the containers of services that the named ones depend on although nothing changed
    #[arg(long, conflicts_with = "no_recreate")]
    always_recreate_deps: bool,
    /// Leave containers as they are although something changed
    #[arg(long)]
    no_recreate: bool,
    /// Replace containers without handing their anonymous volumes on
    #[arg(short = 'V', long, conflicts_with = "no_recreate")]
    renew_anon_volumes: bool,
    /// Run tasks again that have succeeded and did not change, as docker compose does
    #[arg(long)]
    always_run_oneshots: bool,
    /// Remove containers of services that the file does not have
    #[arg(long)]
    remove_orphans: bool,
    /// How many containers a service is to have; repeatable
    #[arg(long, value_name = "SERVICE=NUMBER", value_parser = scale)]
    scale: Vec<(String, i64)>,
    /// Leave out what the named services depend on
    #[arg(long)]
    no_deps: bool,
    /// Seconds before a container that does not end is killed
    #[arg(short, long, value_name = "SECONDS", allow_negative_numbers = true)]
    timeout: Option<i32>,
    /// Services to bring up, with what they depend on; default: all
    #[arg(value_name = "SERVICE")]
    pub(crate) services: Vec<String>,
}

/// What `up` and `create` have in common beside that.
#[derive(Args, Clone, Copy, Debug)]
#[group(skip)]
pub(crate) struct Act {
    /// Say yes to all that topo asks before data could be lost
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Show no progress of pulls
    #[arg(long)]
    pub(crate) quiet_pull: bool,
    /// Show no progress of builds
    #[arg(long)]
    pub(crate) quiet_build: bool,
}

/// Reads `SERVICE=NUMBER`.
fn scale(text: &str) -> Result<(String, i64), String> {
    let read = |(service, number): (&str, &str)| {
        let number = number.parse().ok().filter(|number| *number >= 0)?;
        (!service.is_empty()).then(|| (service.to_owned(), number))
    };
    text.split_once('=').and_then(read).ok_or_else(|| "write SERVICE=NUMBER, such as web=3".to_owned())
}

impl How {
    pub(crate) fn options(&self, start: bool, wait: bool) -> UpOptions {
        let Self {
            build,
            no_build,
            pull,
            force_recreate,
            always_recreate_deps,
            no_recreate,
            renew_anon_volumes,
            always_run_oneshots,
            remove_orphans,
            scale: _,
            no_deps: _,
            timeout,
            services,
        } = self.clone();
        UpOptions {
            start,
            force_recreate,
            recreate_dependencies: always_recreate_deps,
            no_recreate,
            renew_anonymous_volumes: renew_anon_volumes,
            rerun_tasks: always_run_oneshots,
            build,
            no_build,
            pull: pull.filter(|policy| policy != "policy"),
            remove_orphans,
            wait,
            timeout,
            selected: services,
            ..UpOptions::default()
        }
    }

    /// Which part of the project it is about.
    pub(crate) fn selection(&self) -> Selection {
        Selection {
            services: self.services.clone(),
            alone: self.no_deps,
            scale: self.scale.clone(),
            ..Selection::default()
        }
    }
}

impl Up {
    /// How to stay, if that is asked for.
    fn staying(&self) -> Option<Staying> {
        if self.detach || self.wait || self.no_start {
            return None;
        }
        let on_end = match (&self.exit_code_from, self.abort_on_container_failure) {
            (_, true) => OnEnd::AbortOnFailure,
            (Some(_), false) => OnEnd::Abort,
            (None, false) if self.abort_on_container_exit => OnEnd::Abort,
            (None, false) => OnEnd::GoOn,
        };
        Some(Staying {
            attach: self.attach.clone(),
            no_attach: self.no_attach.clone(),
            with_dependencies: self.attach_dependencies,
            on_end,
            code_from: self.exit_code_from.clone(),
            timestamps: self.timestamps,
            prefix: !self.no_log_prefix,
            color: !self.no_color,
            watch: self.watch,
        })
    }
}

pub(crate) fn run(arguments: &Up, context: &Context) -> Exit {
    if arguments.menu == Some(true) {
        context.ui.warning("`--menu` does nothing: topo has no shortcuts while it is attached");
    }
    let options = UpOptions {
        patience: arguments.wait_timeout.map(Duration::from_secs),
        ..arguments.how.options(!arguments.no_start, arguments.wait)
    };
    let staying = arguments.staying();
    bring_up(options, &arguments.how.selection(), arguments.act, staying.as_ref(), context)
}

pub(crate) fn create(arguments: &Create, context: &Context) -> Exit {
    let options = arguments.how.options(false, false);
    bring_up(options, &arguments.how.selection(), arguments.act, None, context)
}

/// Resolves when the user or the system asks topo to end.
pub(crate) async fn interrupt() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let (Ok(mut interrupt), Ok(mut terminate)) =
            (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
