//! `topo reach`: who reaches whom over the networks of the project, and why not.

use clap::{Args, ValueEnum};
use topo::diagnostic::did_you_mean;
use topo::project::Project;
use topo::topology::reach::text::{Matrix, answer_text, lines_text, matrix_text};
use topo::topology::reach::{End, Port, WORLD, json, reach};

use super::{Context, Exit};

/// Say who reaches whom, over which network, name and port, or why not
///
/// Without arguments for all services, with one for that service, with two for the pair: the code is then 1 where the
/// second is out of reach. The outside is called `world`. Nothing is asked of an engine.
///
/// Example: topo reach web postgres:5432
#[derive(Args, Debug)]
pub(crate) struct Reach {
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Count only the ways over this network
    #[arg(long, value_name = "NETWORK")]
    network: Option<String>,
    /// Who asks: a service, or `world`
    #[arg(value_name = "SERVICE")]
    from: Option<String>,
    /// Who is to answer: a service, with a port if that is asked, or `world`
    #[arg(value_name = "SERVICE[:PORT[/PROTOCOL]]")]
    to: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    #[default]
    Table,
    Json,
}

pub(crate) fn run(arguments: &Reach, context: &Context) -> Exit {
    let (project, _, mut loaded) = context.checked(&[]);
    if !context.say(&loaded) {
        return Exit::Failure;
    }
    let network = arguments.network.as_deref();
    let known = |name: &str| project.networks.contains_key(name) || name == "bridge";
    if let Some(unknown) = network.filter(|name| !known(name)) {
        context.ui.error(&format!("no service of project `{}` is on network `{unknown}`", project.name));
        if let Some(help) = did_you_mean(unknown, project.networks.keys().map(String::as_str)) {
            context.ui.help(&help);
        }
        return Exit::Failure;
    }
    let from = arguments.from.as_deref().map(|from| end(from, &project, context));
    let to = arguments.to.as_deref().map(|to| end_with_port(to, &project, context));
    let (from, to) = match (from, to) {
        (Some(None), _) | (_, Some(None)) => return Exit::Failure,
        (from, to) => (from.flatten(), to.flatten()),
    };
    let (Some(from), Some((to, port))) = (from, to) else {
        let matrix = Matrix::of(&project, network);
        let text = match (arguments.format, from) {
            (Format::Json, about) => format!("{:#}\n", json::matrix(&project, &matrix, about)),
            (Format::Table, Some(about)) => lines_text(&project, &matrix, about),
            (Format::Table, None) => matrix_text(&project, &matrix, context.ui.width().unwrap_or(80)),
        };
        context.ui.data(&text);
        return Exit::Success;
    };
    let mut answer = reach(&project, from, to);
    if let Some(network) = network {
        answer = answer.over(&project, network);
    }
    let port = port.as_ref();
    let is_reachable = port.map_or_else(|| answer.is_reachable(), |port| answer.opens(port));
    match arguments.format {
        Format::Json => {
            context.ui.data(&format!("{:#}\n", json::answer(&project, from, to, port, &answer)));
        }
        Format::Table if is_reachable => {
            context.ui.data(&answer_text(&project, from, to, port, &answer));
        }
        Format::Table => {
            loaded.diagnostics = topo::diagnostic::Diagnostics::default();
            loaded.diagnostics.push(answer.explain(&project, from, to, port));
            context.say(&loaded);
        }
    }
    if is_reachable { Exit::Success } else { Exit::Failure }
}

/// Finds one end. `None` says that there is none, which has been printed.
fn end<'a>(text: &'a str, project: &Project, context: &Context) -> Option<End<'a>> {
    if project.services.contains_key(text) {
        return Some(End::Service(text));
    }
    if text == WORLD {
        return Some(End::World);
    }
    // A service whose profile is not active has no containers to ask about, and is said to be unknown all the same.
    context.ui.error(&format!("there is no service `{text}` in project `{}`", project.name));
    let names = project.services.keys().map(String::as_str).chain([WORLD]);
    let help = match project.disabled.get(text) {
        Some(service) => {
            let profiles = service.profiles.0.join("` or `");
            Some(format!("activate its profile: `--profile {profiles}`"))
        }
        None => did_you_mean(text, names),
    };
    if let Some(help) = help {
        context.ui.help(&help);
    }
    None
}

/// Finds the other end and the port that is asked for.
fn end_with_port<'a>(text: &'a str, project: &Project, context: &Context) -> Option<(End<'a>, Option<Port>)> {
    let Some((name, port)) = text.split_once(':') else { return Some((end(text, project, context)?, None)) };
    let (number, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
    let protocol = protocol.to_ascii_lowercase();
    let number = number.parse::<u16>().ok().filter(|number| *number > 0);
    let is_protocol = matches!(protocol.as_str(), "tcp" | "udp" | "sctp");
    let Some(number) = number.filter(|_| is_protocol) else {
        context.ui.error(&format!("`{port}` is no port"));
        context.ui.help("write a number from 1 to 65535, and a protocol if it is not tcp: 53/udp");
        return None;
    };
    Some((end(name, project, context)?, Some((protocol, number))))
}
