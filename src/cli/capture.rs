//! `topo capture`: the packets of a service's network, for Wireshark and tcpdump to read.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;
use futures_util::StreamExt as _;
use tokio::io::AsyncWriteExt as _;
use topo::engine::docker::Docker;
use topo::engine::inside::Streams;
use topo::engine::probing::Place;
use topo::engine::{Cause, Engine as _, EngineError, LogSource, Query};
use topo::model::units::parse_bytes;
use topo::plan::target::Wanted;
use topo::probe::Wish;

use super::session::{Index, find};
use super::up::interrupt;
use super::{Context, Exit};
use crate::ui::terminal;

/// Write down the packets of a service's network, for Wireshark and tcpdump to read
///
/// It runs beside the container, in its network, until one of the bounds is reached or it is interrupted. Nothing is put
/// into the container.
///
/// Example: topo capture web -w - --port 80 | tcpdump -nr -
#[derive(Args, Debug)]
pub(crate) struct Capture {
    /// The file to write, `-` for standard output
    #[arg(short, long, value_name = "FILE")]
    write: PathBuf,
    /// Only packets from or to this port; repeatable
    #[arg(long, value_name = "PORT")]
    port: Vec<u16>,
    /// Only packets from or to this service or address; repeatable
    #[arg(long, value_name = "SERVICE|ADDRESS")]
    peer: Vec<String>,
    /// How many packets at most
    #[arg(short, long, value_name = "NUMBER")]
    count: Option<u64>,
    /// How long at most
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    seconds: u64,
    /// How large the file may get, such as 10m
    #[arg(long, value_name = "SIZE", default_value = "64m", value_parser = size)]
    bytes: u64,
    #[command(flatten)]
    index: Index,
    /// The service whose network it is
    #[arg(value_name = "SERVICE")]
    service: String,
}

/// Reads `64m`.
fn size(text: &str) -> Result<u64, String> {
    let bytes = parse_bytes(text)?;
    u64::try_from(bytes).map_err(|_| "it is less than nothing".to_owned())
}

pub(crate) fn run(arguments: &Capture, context: &Context) -> Exit {
    let is_stdout = arguments.write.as_os_str() == "-";
    if is_stdout && terminal::is_output_terminal() {
        context.ui.error("packets are nothing to look at on a terminal");
        context.ui.help("name a file with -w, or send them to another program");
        return Exit::Failure;
    }
    let Some((name, project)) = context.name() else { return Exit::Failure };
    context.with_engine(async |engine| {
        let wanted = Wanted {
            service: &arguments.service,
            index: arguments.index.number(),
            oneoffs: false,
            stopped: false,
        };
        let Some(found) = find(&engine, context, (&name, project.as_ref()), wanted).await? else {
            return Ok(Exit::Failure);
        };
        let Some(peers) = peers(&arguments.peer, &name, &engine, context).await? else {
            return Ok(Exit::Failure);
        };
        let prober = match context.prober(&engine).await {
            Ok(prober) => prober,
            Err(why) => {
                context.ui.error(&format!("cannot capture: {why}"));
                return Ok(Exit::Failure);
            }
        };
        let wish = Wish {
            ports: arguments.port.clone(),
            peers,
            packets: arguments.count,
            seconds: arguments.seconds,
            bytes: arguments.bytes,
        };
        let streams = prober.capture(&engine, Place::Container(&found[0].id), &wish).await?;
        let mut file: Box<dyn std::io::Write> = if is_stdout {
            Box::new(std::io::stdout())
        } else {
            match context.world.create(&arguments.write) {
                Ok(file) => Box::new(file),
                Err(error) => {
                    context.ui.error(&format!("cannot write {}: {error}", arguments.write.display()));
                    return Ok(Exit::Failure);
                }
            }
        };
        if !is_stdout {
            context.ui.say(&format!("capturing the packets of {}; Ctrl-C ends it", found[0].name));
        }
        let written = write(streams, &mut file).await?;
        context.ui.say(&format!("{written} bytes written to {}", arguments.write.display()));
        Ok(Exit::Success)
    })
}

/// Writes what comes to a file, until it ends or the user ends it.
async fn write(streams: Streams, file: &mut dyn std::io::Write) -> Result<u64, EngineError> {
    let broken =
        |message: String| EngineError::new("capture packets", Cause::Other { status: None, message });
    let Streams { mut input, mut output } = streams;
    let (mut written, mut errors) = (0, Vec::new());
    let mut is_ended = false;
    loop {
        let piece = tokio::select! {
            piece = output.next() => piece,
            () = interrupt(), if !is_ended => {
                // What is under way still comes.
                is_ended = true;
                let _ = input.shutdown().await;
                continue;
            }
        };
        match piece {
            None => break,
            Some(Err(error)) => return Err(broken(error.to_string())),
            Some(Ok((LogSource::Stderr, piece))) => errors.extend_from_slice(&piece),
            Some(Ok((LogSource::Stdout, piece))) => {
                // A reader that went away has seen enough.
                if file.write_all(&piece).and_then(|()| file.flush()).is_err() {
                    break;
                }
                written += piece.len() as u64;
            }
        }
    }
    match written {
        0 => Err(broken(String::from_utf8_lossy(&errors).trim().to_owned())),
        written => Ok(written),
    }
}

/// Returns the addresses of those who are named. `None` says that one is not known, which has been printed.
async fn peers(
    named: &[String],
    project: &str,
    engine: &Docker,
    context: &Context,
) -> Result<Option<Vec<IpAddr>>, EngineError> {
    let mut addresses = Vec::new();
    for peer in named {
        if let Ok(address) = peer.parse() {
            addresses.push(address);
            continue;
        }
        let observed = engine.observe(&Query { project: project.to_owned(), ..Query::default() }).await?;
        let before = addresses.len();
        for container in observed.containers.iter().filter(|container| container.service == *peer) {
            addresses.extend(engine.live(&container.id).await?.addresses());
        }
        if addresses.len() == before {
            context.ui.error(&format!("`{peer}` is no address, and no service that runs"));
            return Ok(None);
        }
    }
    Ok(Some(addresses))
}
