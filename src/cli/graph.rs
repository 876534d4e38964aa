//! `topo graph`: the project drawn.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use topo::diagnostic::did_you_mean;
use topo::engine::Engine as _;
use topo::engine::look::ContainerQuery;
use topo::listing::live::live;
use topo::load::World as _;
use topo::project::Project;
use topo::topology::render::{Filter, Graph as Drawn, Kind, LiveState, dot, html, json, mermaid, svg, tree};

use super::{Context, Exit};
use crate::ui::{Ui, paint_live};

/// Draw services, networks, published ports, volumes and who waits for whom
///
/// A picture or a page is one file that needs no other program and no network. With services, only those are drawn,
/// with those that they wait for and that wait for them.
///
/// Example: topo graph --format html -o graph.html
#[derive(Args, Debug)]
pub(crate) struct Graph {
    /// Output format; default: by the end of the file's name, else `tree`
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// File to write to; default, and `-`: standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Ask the engine what runs, and colour services by state and health
    #[arg(long)]
    live: bool,
    /// Draw only members of this network, and what binds them
    #[arg(long, value_name = "NETWORK")]
    network: Vec<String>,
    /// Draw only edges of these kinds
    #[arg(long, value_enum, value_name = "KIND", value_delimiter = ',')]
    edges: Vec<Edges>,
    /// Services to draw; default: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// Text for a terminal
    Tree,
    /// Graphviz
    Dot,
    /// A flowchart for Markdown
    Mermaid,
    /// A picture
    Svg,
    /// A page with search
    Html,
    /// For programs
    Json,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Edges {
    #[value(name = "depends_on", alias = "depends-on")]
    DependsOn,
    Networks,
    Ports,
    Volumes,
    Configs,
    Secrets,
}

pub(crate) fn run(arguments: &Graph, context: &Context) -> Exit {
    let (project, topology, loaded) = context.checked(&[]);
    if !context.say(&loaded) || !is_known(arguments, &project, context) {
        return Exit::Failure;
    }
    let filter = Filter {
        services: arguments.services.clone(),
        networks: arguments.network.clone(),
        kinds: arguments.edges.iter().map(|kind| Kind::from(*kind)).collect(),
    };
    let graph = Drawn::of(&project, &topology, &filter);
    if !arguments.live {
        return write(arguments, &graph, context);
    }
    context.with_engine(async |engine| {
        let query = ContainerQuery { project: Some(project.name.clone()), all: true };
        let listed = engine.containers(&query).await?;
        let containers: Vec<_> = listed.into_iter().map(|one| one.container).collect();
        Ok(write(arguments, &graph.with_live(live(&project, &containers)), context))
    })
}

/// Ends of names of files, with what is written there.
const ENDS: &[(&str, Format)] = &[
    ("txt", Format::Tree),
    ("dot", Format::Dot),
    ("gv", Format::Dot),
    ("mmd", Format::Mermaid),
    ("svg", Format::Svg),
    ("html", Format::Html),
    ("htm", Format::Html),
    ("json", Format::Json),
];

fn write(arguments: &Graph, graph: &Drawn, context: &Context) -> Exit {
    let output = arguments.output.as_deref().filter(|path| *path != Path::new("-"));
    let end = output.and_then(Path::extension).map(|end| end.to_string_lossy().to_ascii_lowercase());
    let by_name = match &end {
        None => Some(Format::Tree),
        Some(end) => ENDS.iter().find(|(one, _)| one == end).map(|(_, format)| *format),
    };
    let Some(format) = arguments.format.or(by_name) else {
        let ends: Vec<&str> = ENDS.iter().map(|(end, _)| *end).collect();
        context.ui.error(&format!("there is no format for `.{}` files", end.unwrap_or_default()));
        context.ui.help(&format!("name one with --format, or end the file's name in {}", ends.join(", ")));
        return Exit::Failure;
    };
    let ui = Ui { color_stdout: context.ui.color_stdout && output.is_none(), ..context.ui };
    let paint = |state: LiveState, text: &str| paint_live(ui, state, text);
    let text = match format {
        Format::Tree => tree::tree(graph, &paint),
        Format::Dot => dot::dot(graph),
        Format::Mermaid => mermaid::mermaid(graph),
        Format::Svg => svg::svg(graph),
        Format::Html => html::html(graph),
        Format::Json => format!("{:#}\n", json::json(graph)),
    };
    let Some(path) = output else {
        context.ui.data(&text);
        return Exit::Success;
    };
    if let Err(error) = context.world.write(&context.world.cwd().join(path), &text) {
        context.ui.error(&format!("{}: {error}", path.display()));
        return Exit::Failure;
    }
    context.ui.say(&format!("{}: {}", path.display(), graph.summary()));
    Exit::Success
}

/// Checks that what is to be drawn is there.
fn is_known(arguments: &Graph, project: &Project, context: &Context) -> bool {
    let (name, services, networks) = (&project.name, &project.services, &project.networks);
    if let Some(unknown) = arguments.services.iter().find(|name| !services.contains_key(*name)) {
        context.ui.error(&format!("there is no service `{unknown}` in project `{name}`"));
        let help = match project.disabled.get(unknown) {
            Some(service) => {
                Some(format!("activate its profile: `--profile {}`", service.profiles.0.join("` or `")))
            }
            None => did_you_mean(unknown, services.keys().map(String::as_str)),
        };
        help.inspect(|help| context.ui.help(help));
        return false;
    }
    if let Some(unknown) = arguments.network.iter().find(|key| !networks.contains_key(*key)) {
        context.ui.error(&format!("no service of project `{name}` is on network `{unknown}`"));
        let help = did_you_mean(unknown, networks.keys().map(String::as_str));
        help.inspect(|help| context.ui.help(help));
        return false;
    }
    true
}

impl From<Edges> for Kind {
    fn from(edges: Edges) -> Self {
        match edges {
            Edges::DependsOn => Self::DependsOn,
            Edges::Networks => Self::Networks,
            Edges::Ports => Self::Ports,
            Edges::Volumes => Self::Volumes,
            Edges::Configs => Self::Configs,
            Edges::Secrets => Self::Secrets,
        }
    }
}
