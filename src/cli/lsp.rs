//! `topo lsp`: the language server, which editors start.

use std::io::{BufReader, stdin, stdout};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::Args;
use topo::engine::docker::{self, Docker};
use topo::lsp::{Settings, Start, connect, serve};

use super::{Context, Exit};

/// How long an engine may take to say which images it has.
const PATIENCE: Duration = Duration::from_secs(5);

/// Serve an editor: mistakes as you type, completion, hover, definitions, renaming, fixes
///
/// It speaks the Language Server Protocol on standard input and output. Global options such as `-f`, `--env-file` and
/// `--profile` count for the project of the files that they name.
///
/// Example: topo lsp
#[derive(Args, Debug)]
pub(crate) struct Lsp {
    /// What many editors add; there is no other way to talk
    #[arg(long, hide = true)]
    stdio: bool,
}

pub(crate) fn run(arguments: &Lsp, context: &Context) -> Exit {
    let Lsp { stdio: _ } = arguments;
    let images = Images::ask(context.connection());
    let (connection, writer) = connect(BufReader::new(stdin()), stdout());
    let start = Start {
        disk: &context.world,
        settings: Settings { request: context.request(), profiles: context.global.profiles.clone() },
        images: &|| images.known(),
        version: env!("CARGO_PKG_VERSION"),
    };
    let served = serve(&connection, start);
    drop(connection);
    match served {
        Ok(true) => {
            // What was answered last is still being written. An editor that hung up reads nothing more.
            let _ = writer.join();
            Exit::Success
        }
        Ok(false) => Exit::Failure,
        Err(error) => {
            context.ui.error(&error.to_string());
            Exit::Failure
        }
    }
}

/// The images that the engine has, as far as it told. Nobody waits for it.
struct Images {
    known: Arc<Mutex<Vec<String>>>,
    ask: Sender<()>,
}

impl Images {
    /// Asks for the first time.
    fn ask(connection: docker::Connection) -> Self {
        let (ask, asked) = channel();
        let known: Arc<Mutex<Vec<String>>> = Arc::default();
        let told = Arc::clone(&known);
        // The thread ends with the process.
        std::thread::spawn(move || {
            loop {
                if let Some(names) = names(&connection) {
                    *told.lock().unwrap_or_else(PoisonError::into_inner) = names;
                }
                if asked.recv().is_err() {
                    return;
                }
                asked.try_iter().for_each(drop);
            }
        });
        Self { known, ask }
    }

    /// Returns what is known, and asks again, for the next time.
    fn known(&self) -> Vec<String> {
        let _ = self.ask.send(());
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Asks an engine. One that does not answer has no images.
fn names(connection: &docker::Connection) -> Option<Vec<String>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let asked = async { Docker::connect(connection).await?.image_names().await };
    let names = runtime.block_on(async { tokio::time::timeout(PATIENCE, asked).await.ok()?.ok() });
    runtime.shutdown_background();
    names
}
