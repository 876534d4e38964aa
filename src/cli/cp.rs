//! `topo cp`: files into containers and out of them.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::Args;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::io::AsyncReadExt as _;
use topo::engine::docker::{Docker, local};
use topo::engine::inside::{Archive, FileKind, Inside};
use topo::engine::{Cause, EngineError};
use topo::load::World as _;
use topo::observed::Container;
use topo::plan::copy::{Place, Side, There, follow, place, side, split};
use topo::plan::target::Wanted;

use super::session::{Index, by_name, find};
use super::{Context, Exit, export_container};

/// Copy files or directories into the containers of a service, or out of one
///
/// `-` in place of a local path is a tar archive on standard input or output. A directory goes into a directory that
/// is there, and becomes one that is not; `DIRECTORY/.` is what is in it.
///
/// Example: topo cp web:/etc/nginx .
#[derive(Args, Debug)]
#[command(
    override_usage = "topo cp [OPTIONS] SERVICE:PATH PATH|-\n       topo cp [OPTIONS] PATH|- SERVICE:PATH"
)]
pub(crate) struct Cp {
    /// Copy into containers made by `run`, too
    #[arg(long)]
    all: bool,
    /// Give files to the user of the container, if it has one
    #[arg(short, long)]
    archive: bool,
    /// Copy what a link leads to, not the link
    #[arg(short = 'L', long)]
    follow_link: bool,
    #[command(flatten)]
    index: Index,
    /// What to copy
    #[arg(value_name = "SOURCE", allow_hyphen_values = true)]
    source: String,
    /// Where to
    #[arg(value_name = "DESTINATION", allow_hyphen_values = true)]
    destination: String,
}

pub(crate) fn run(arguments: &Cp, context: &Context) -> Exit {
    let Cp { all, archive: _, follow_link: _, index, source, destination } = arguments;
    let (service, comes_out) = match (side(source), side(destination)) {
        (Side::Inside { service, .. }, Side::Local(_)) => (service, true),
        (Side::Local(_), Side::Inside { service, .. }) => (service, false),
        (Side::Inside { .. }, Side::Inside { .. }) => {
            context.ui.error("one side must be a path of this machine: containers cannot copy to each other");
            context.ui.help("copy to a local directory first");
            return Exit::Failure;
        }
        (Side::Local(_), Side::Local(_)) => {
            context.ui.error("one side must be in a service: write SERVICE:PATH");
            return Exit::Failure;
        }
    };
    let Some((name, project)) = context.name() else { return Exit::Failure };
    context.with_engine(async |engine| {
        let wanted = Wanted { service, index: index.number(), oneoffs: *all, stopped: true };
        let Some(found) = find(&engine, context, (&name, project.as_ref()), wanted).await? else {
            return Ok(Exit::Failure);
        };
        if let (true, Side::Inside { path, .. }) = (comes_out, side(source)) {
            let container = &found[0];
            let done = take_out(arguments, container, path, &engine, context).await;
            return done.map_err(|error| by_name(error, container));
        }
        let Side::Inside { path, .. } = side(destination) else { return Ok(Exit::Failure) };
        let mut typed = None;
        if source == "-" && found.len() > 1 {
            // It can be read only once.
            let pieces: io::Result<Vec<Bytes>> = stdin().try_collect().await;
            typed = Some(pieces.map_err(|error| broken("read standard input", &error))?);
        }
        for container in &found {
            let typed = || match &typed {
                Some(pieces) => stream::iter(pieces.clone().into_iter().map(Ok)).boxed(),
                None => stdin(),
            };
            put_in(arguments, container, path, typed, &engine, context)
                .await
                .map_err(|error| by_name(error, container))?;
        }
        Ok(Exit::Success)
    })
}

/// Copies out of a container.
async fn take_out(
    arguments: &Cp,
    container: &Container,
    path: &str,
    engine: &Docker,
    context: &Context,
) -> Result<Exit, EngineError> {
    let doing = format!("copy {path} from container {}", container.name);
    let mut source = path.to_owned();
    if arguments.follow_link
        && let Ok(link) = engine.look_at(&container.id, path).await
        && link.kind == FileKind::Link
    {
        source = follow(path, &link.link_target);
    }
    let (info, archive) = engine.pack(&container.id, &source).await?;
    if arguments.destination == "-" {
        return Ok(export_container::print(archive, context).await);
    }
    let destination = local_path(&arguments.destination, context);
    let there = local::look(Path::new(&destination));
    let Place { directory, name } = place(info.kind == FileKind::Directory, &destination, there)
        .map_err(|error| broken(&doing, &error))?;
    if local::look(Path::new(&directory)) != There::Directory {
        return Err(broken(&doing, &format!("there is no directory {directory}")));
    }
    let packed_as = split(&source).1;
    // What a link leads to goes by the name of the link.
    let own_name = split(path).1;
    let name = name.or_else(|| (own_name != packed_as).then_some(own_name));
    let names = name.as_deref().map(|name| (packed_as.as_str(), name));
    local::unpack(archive, Path::new(&directory), names).await.map_err(|error| broken(&doing, &error))?;
    context.ui.say(&format!("copied {}:{path} to {}", container.name, arguments.destination));
    Ok(Exit::Success)
}

/// Copies into a container.
async fn put_in(
    arguments: &Cp,
    container: &Container,
    path: &str,
    typed: impl Fn() -> Archive,
    engine: &Docker,
    context: &Context,
) -> Result<(), EngineError> {
    let Cp { source, archive, follow_link, .. } = arguments;
    let doing = format!("copy {source} to container {}", container.name);
    let mut destination = path.to_owned();
    let mut info = engine.look_at(&container.id, path).await;
    if let Ok(link) = &info
        && link.kind == FileKind::Link
    {
        destination = follow(path, &link.link_target);
        info = engine.look_at(&container.id, &destination).await;
    }
    let there = match info.map(|info| info.kind) {
        Ok(FileKind::Directory) => There::Directory,
        Ok(FileKind::File | FileKind::Link) => There::File,
        Ok(FileKind::Other) => {
            return Err(broken(&doing, &format!("{path} is neither a file nor a directory")));
        }
        // What the engine cannot look at it cannot write to either, and then it says why.
        Err(_) => There::Nothing,
    };
    if source == "-" {
        if there != There::Directory {
            return Err(broken(&doing, &format!("{path} is no directory")));
        }
        engine.unpack(&container.id, &destination, typed(), *archive).await?;
    } else {
        let written = local_path(source, context);
        let (parent, own_name) = split(&written);
        let is_content = own_name == ".";
        let at = if is_content { parent } else { topo::model::storage::clean_place(&written) };
        let must_be_directory = is_content || written.ends_with('/');
        let found = local::resolve(Path::new(&at), *follow_link || must_be_directory);
        let found: PathBuf = found.map_err(|error| broken(&doing, &error))?;
        let is_directory = local::is_directory(&found);
        if must_be_directory && !is_directory {
            return Err(broken(&doing, &"it is no directory"));
        }
        let Place { directory, name } =
            place(is_directory, &destination, there).map_err(|error| broken(&doing, &error))?;
        let packed = local::pack(found, name.unwrap_or(own_name));
        engine.unpack(&container.id, &directory, packed, *archive).await?;
    }
    context.ui.say(&format!("copied {source} to {}:{path}", container.name));
    Ok(())
}

/// The absolute path; a slash or `/.` at its end says something and stays.
fn local_path(written: &str, context: &Context) -> String {
    let path = context.world.cwd().join(written);
    let path = topo::model::storage::clean_place(&path.to_string_lossy());
    match written {
        "." => format!("{path}/."),
        _ if written.ends_with("/.") => format!("{path}/."),
        _ if written.ends_with('/') && path != "/" => format!("{path}/"),
        _ => path,
    }
}

fn stdin() -> Archive {
    stream::try_unfold(tokio::io::stdin(), async |mut stdin| {
        let mut piece = Vec::with_capacity(256 * 1024);
        let read = stdin.read_buf(&mut piece).await?;
        Ok((read > 0).then(|| (Bytes::from(piece), stdin)))
    })
    .boxed()
}

/// Says an error in the words of the system, without its number.
fn broken(doing: &str, error: &impl ToString) -> EngineError {
    let message = error.to_string();
    let message = message.split(" (os error").next().unwrap_or(&message).to_owned();
    EngineError::new(doing, Cause::Other { status: None, message })
}
