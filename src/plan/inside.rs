//! The requests for what is done inside of containers.

use bollard::models::ExecConfig;

/// How a command is to be run in a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecOptions {
    /// The command and its arguments.
    pub command: Vec<String>,
    /// Variables, `NAME=VALUE` or `NAME`.
    pub env: Vec<String>,
    /// Whether nobody listens to it.
    pub detach: bool,
    /// Whether it reads what is typed.
    pub stdin: bool,
    /// Whether it has a terminal.
    pub tty: bool,
    /// Whether it has all rights at the host.
    pub privileged: bool,
    /// The user it runs as; the container's if `None`.
    pub user: Option<String>,
    /// The directory it runs in; the container's if `None`.
    pub workdir: Option<String>,
    /// The keys to leave with; the engine's own if `None`.
    pub detach_keys: Option<String>,
    /// The first size of its terminal: rows and columns.
    pub size: Option<(u16, u16)>,
}

/// Returns the request for a command. A variable without a value has it from `lookup`; one that is not set there is
/// left to the container, as docker compose does.
pub fn exec(options: &ExecOptions, lookup: impl Fn(&str) -> Option<String>) -> ExecConfig {
    let ExecOptions { command, env, detach, stdin, tty, privileged, user, workdir, detach_keys, size } =
        options;
    let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    ExecConfig {
        attach_stdin: Some(*stdin && !detach),
        attach_stdout: Some(!detach),
        attach_stderr: Some(!detach),
        console_size: size.map(|(rows, columns)| vec![usize::from(rows), usize::from(columns)]),
        detach_keys: text(detach_keys),
        tty: Some(*tty),
        env: (!env.is_empty()).then(|| env.iter().map(|variable| resolved(variable, &lookup)).collect()),
        cmd: Some(command.clone()),
        privileged: Some(*privileged),
        user: text(user),
        working_dir: text(workdir),
    }
}

/// Fills in the value of `NAME`.
fn resolved(variable: &str, lookup: impl Fn(&str) -> Option<String>) -> String {
    if variable.contains('=') {
        return variable.to_owned();
    }
    lookup(variable).map_or_else(|| variable.to_owned(), |value| format!("{variable}={value}"))
}
