//! Measures converging beside docker compose and beside the floor, on one engine and in one run: `up -d` cold, without
//! a change, with one service changed and along a chain of health checks; `ps` and `down`.
//!
//! `scripts/bench.sh` prepares what this needs and runs it. Three rounds, in each of which every tool has its turn, so
//! that a slow minute of the machine meets all; the table has the medians. Projects are named `topo-bench-*`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the table is what this is for")]

mod floor;

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use floor::Floor;

const ROUNDS: usize = 3;
/// The sizes of the projects without dependencies.
const SIZES: [usize; 3] = [1, 10, 50];
/// The services of the chain, each of which waits for the one before it to be healthy.
const CHAIN: usize = 10;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // `cargo test --benches` runs this, too; it measures only where it is asked to.
    let (Some(peer), Some(image)) = (env::var_os("TOPO_PEER_COMPOSE"), env::var_os("TOPO_BENCH_IMAGE"))
    else {
        println!("nothing is measured without TOPO_PEER_COMPOSE and TOPO_BENCH_IMAGE; run scripts/bench.sh");
        return;
    };
    let image = image.into_string().expect("images have plain names");
    let directory = tempfile::tempdir().expect("a directory of our own");
    let tools = [
        Tool::Program(peer.into()),
        Tool::Program(env!("CARGO_BIN_EXE_topo").into()),
        Tool::Floor(Floor::connect(&image)),
    ];
    let mut times: BTreeMap<(usize, String), [Vec<f64>; 3]> = BTreeMap::new();
    for _ in 0..ROUNDS {
        for (column, tool) in tools.iter().enumerate() {
            let mut note = |row: usize, title: String, time: f64| {
                times.entry((row, title)).or_default()[column].push(time);
            };
            for (at, count) in SIZES.into_iter().enumerate() {
                let bench = Bench::new(directory.path(), &image, count);
                for (step, act) in Act::IN_TURN.into_iter().enumerate() {
                    note(
                        step * SIZES.len() + at,
                        format!("{}, {count}", act.title()),
                        tool.time(act, &bench).await,
                    );
                }
            }
            let chain = Bench::chain(directory.path(), &image);
            let row = Act::IN_TURN.len() * SIZES.len();
            note(row, format!("up -d, chain of {CHAIN}"), tool.time(Act::Up, &chain).await);
            note(row + 1, format!("up -d again, chain of {CHAIN}"), tool.time(Act::Again, &chain).await);
            tool.time(Act::Down, &chain).await;
        }
    }
    print!("{}", table(times.into_iter().map(|((_, title), times)| (title, times.map(median)))));
}

/// What is measured, in the order in which it is done to a project.
#[derive(Clone, Copy, PartialEq)]
enum Act {
    Up,
    Again,
    Ps,
    Change,
    Down,
}

impl Act {
    const IN_TURN: [Self; 5] = [Self::Up, Self::Again, Self::Ps, Self::Change, Self::Down];

    fn title(self) -> &'static str {
        match self {
            Self::Up => "up -d",
            Self::Again => "up -d again",
            Self::Ps => "ps",
            Self::Change => "up -d, one changed",
            Self::Down => "down",
        }
    }
}

/// A project to measure with: services without ports on one network.
struct Bench {
    name: String,
    services: usize,
    is_chain: bool,
    file: PathBuf,
    /// The same, but for one service.
    changed: PathBuf,
}

impl Bench {
    fn new(directory: &Path, image: &str, services: usize) -> Self {
        Self::write(directory, services, false, |at, changed| {
            let environment = if changed && at == 0 { "{CHANGED: \"1\"}" } else { "{}" };
            format!("{{image: {image}, command: [serve], networks: [n], environment: {environment}}}")
        })
    }

    fn chain(directory: &Path, image: &str) -> Self {
        Self::write(directory, CHAIN, true, |at, _| {
            let waits = match at {
                0 => String::new(),
                at => format!(", depends_on: {{s{}: {{condition: service_healthy}}}}", at - 1),
            };
            let health = "{test: [CMD, /demo, health], interval: 1s}";
            format!("{{image: {image}, command: [serve], networks: [n], healthcheck: {health}{waits}}}")
        })
    }

    fn write(
        directory: &Path,
        services: usize,
        is_chain: bool,
        service: impl Fn(usize, bool) -> String,
    ) -> Self {
        let kind = if is_chain { "chain-" } else { "" };
        let name = format!("topo-bench-{}-{kind}{services}", std::process::id());
        let write = |changed: bool| {
            let path = directory.join(format!("{name}{}.yaml", if changed { "-changed" } else { "" }));
            let mut text = "networks: {n: {}}\nservices:\n".to_owned();
            for at in 0..services {
                writeln!(text, "  s{at}: {}", service(at, changed)).expect("a string takes all");
            }
            std::fs::write(&path, text).expect("the directory can be written to");
            path
        };
        Self { file: write(false), changed: write(true), name, services, is_chain }
    }
}

enum Tool {
    /// topo or docker compose.
    Program(PathBuf),
    Floor(Floor),
}

impl Tool {
    /// Does one thing to a project, and returns how many milliseconds it took.
    async fn time(&self, act: Act, bench: &Bench) -> f64 {
        let start = Instant::now();
        match self {
            Self::Program(path) => run(path, act, bench),
            Self::Floor(floor) => match act {
                Act::Up if bench.is_chain => floor.chain(&bench.name, bench.services).await,
                Act::Up => floor.up(&bench.name, bench.services).await,
                Act::Again => floor.again(&bench.name).await,
                Act::Ps => floor.ps(&bench.name).await,
                Act::Change => floor.change(&bench.name).await,
                Act::Down => floor.down(&bench.name).await,
            },
        }
        start.elapsed().as_secs_f64() * 1000.0
    }
}

fn run(program: &Path, act: Act, bench: &Bench) {
    let file = if act == Act::Change { &bench.changed } else { &bench.file };
    let arguments: &[&str] = match act {
        Act::Up | Act::Again | Act::Change => &["up", "-d"],
        Act::Ps => &["ps"],
        Act::Down => &["down", "-t", "0"],
    };
    let mut command = Command::new(program);
    command.args(["--progress", "quiet", "-p", &bench.name, "-f"]).arg(file).args(arguments);
    // An engine at work may say of a network that it is in use after its containers are gone. docker compose gives up
    // then, and its user calls it again: both calls count.
    let mut calls = if act == Act::Down { 3 } else { 1 };
    loop {
        let output = command.stdin(Stdio::null()).output().expect("the program starts");
        if output.status.success() {
            return;
        }
        let said = String::from_utf8_lossy(&output.stderr);
        calls -= 1;
        assert!(calls > 0, "{command:?} fails: {said}");
        eprintln!("{command:?} is called again after: {said}");
    }
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Formats a line for each measurement, in milliseconds.
fn table(rows: impl Iterator<Item = (String, [f64; 3])>) -> String {
    let mut text = format!(
        "{:<28} {:>12} {:>12} {:>12} {:>12} {:>10}\n",
        "", "compose", "topo", "floor", "vs compose", "vs floor"
    );
    for (title, [compose, topo, floor]) in rows {
        writeln!(
            text,
            "{title:<28} {compose:>9.1} ms {topo:>9.1} ms {floor:>9.1} ms {:>11.2}x {:>9.2}x",
            compose / topo,
            topo / floor
        )
        .expect("a string takes all");
    }
    text
}
