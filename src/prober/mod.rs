//! Room 7: the prober: topo itself, started in a container of its own that is joined to another one's network. It reads
//! questions from standard input, a list a line, and writes the answers to standard output, until the input ends.
//!
//! It is the one room that speaks with the network itself. It uses threads and the standard library, because it waits
//! for many things that each take a moment, and ends.

pub mod capture;
mod dns;

use std::io::{self, BufRead, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use crate::probe::{Answer, Question};

/// How long an answer is waited for. Networks of containers answer within a millisecond; what needs longer is a name
/// server that asks others, and the third attempt to connect, which the kernel makes after three seconds.
const PATIENCE: Duration = Duration::from_millis(2500);

/// How many questions are asked at the same time, so that thousands do not need thousands of threads.
const AT_ONCE: usize = 256;

/// The stack of a thread that asks one question.
const STACK: usize = 256 * 1024;

/// Answers questions until there are no more.
pub fn run(input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    for line in input.lines() {
        let line = line?;
        let Ok(questions) = serde_json::from_str::<Vec<Question>>(&line) else {
            return Err(io::Error::other("that is no list of questions"));
        };
        serde_json::to_writer(&mut output, &answers(&questions))?;
        output.write_all(b"\n")?;
        output.flush()?;
    }
    Ok(())
}

fn answers(questions: &[Question]) -> Vec<Answer> {
    let mut answers = Vec::with_capacity(questions.len());
    for some in questions.chunks(AT_ONCE) {
        std::thread::scope(|scope| {
            let threads: Vec<_> = some
                .iter()
                .map(|question| {
                    let thread = std::thread::Builder::new().stack_size(STACK);
                    thread.spawn_scoped(scope, move || answer(question))
                })
                .collect();
            answers.extend(threads.into_iter().map(|thread| match thread {
                Ok(thread) => {
                    thread.join().unwrap_or_else(|_| Answer::Failed("the prober failed".to_owned()))
                }
                Err(error) => Answer::Failed(error.to_string()),
            }));
        });
    }
    answers
}

fn answer(question: &Question) -> Answer {
    match question {
        Question::File(path) => match read(path) {
            Ok(text) => Answer::Text(text),
            Err(error) => missing(&error),
        },
        Question::Link(path) => match std::fs::read_link(path) {
            Ok(target) => Answer::Text(target.to_string_lossy().into_owned()),
            Err(error) => missing(&error),
        },
        Question::Resolve(name) => dns::resolve(name, PATIENCE),
        Question::Server(server) => dns::is_answering(*server, PATIENCE),
        Question::Tcp(address) => match TcpStream::connect_timeout(address, PATIENCE) {
            Ok(_) => Answer::Yes,
            Err(error) => refusal(&error),
        },
        Question::Udp(address) => udp(*address),
        Question::Neighbour(address) => neighbour(*address),
        Question::Holder(port) => holder(*port),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "it looks around in a container, for which there is no other door"
)]
fn read(path: &str) -> io::Result<String> {
    std::fs::read_to_string(path)
}

fn missing(error: &io::Error) -> Answer {
    match error.kind() {
        io::ErrorKind::NotFound => Answer::Nothing,
        _ => Answer::Failed(error.to_string()),
    }
}

fn refusal(error: &io::Error) -> Answer {
    match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => Answer::Refused,
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Answer::Silence,
        io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::PermissionDenied
        | io::ErrorKind::AddrNotAvailable => Answer::NoWay(error.to_string()),
        _ => Answer::Failed(error.to_string()),
    }
}

/// Returns a socket that hears only from `peer`.
fn socket_to(peer: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr =
        if peer.is_ipv6() { "[::]:0" } else { "0.0.0.0:0" }.parse().map_err(io::Error::other)?;
    let socket = UdpSocket::bind(any)?;
    socket.connect(peer)?;
    Ok(socket)
}

fn udp(peer: SocketAddr) -> Answer {
    let ask = || -> io::Result<()> {
        let socket = socket_to(peer)?;
        // Most servers say nothing to an empty question; that a port is closed comes at once.
        socket.set_read_timeout(Some(Duration::from_millis(500)))?;
        socket.send(&[])?;
        socket.recv(&mut [0; 512]).map(|_| ())
    };
    match ask() {
        Ok(()) => Answer::Yes,
        Err(error) => refusal(&error),
    }
}

/// Makes the system look for a neighbour by sending it something, and reads whether it found it.
fn neighbour(address: IpAddr) -> Answer {
    // A port of the discard protocol. Whether it is open does not matter.
    if let Err(error) = socket_to(SocketAddr::new(address, 9)).and_then(|socket| socket.send(&[])) {
        return refusal(&error);
    }
    let steps = 10;
    for _ in 0..steps {
        std::thread::sleep(PATIENCE / steps / 2);
        let table = read("/proc/net/arp").unwrap_or_default();
        let is_it = |line: &&str| line.split_whitespace().next() == Some(&address.to_string());
        // The third field has the bit 2 of a complete entry.
        let state = table.lines().find(is_it).and_then(|line| line.split_whitespace().nth(2));
        let state = state.and_then(|state| u8::from_str_radix(state.trim_start_matches("0x"), 16).ok());
        if state.is_some_and(|state| state & 2 != 0) {
            return Answer::Yes;
        }
    }
    Answer::Silence
}

/// Finds the process that has a listening socket of this port.
fn holder(port: u16) -> Answer {
    let mut sockets = Vec::new();
    for file in ["/proc/1/net/tcp", "/proc/1/net/tcp6"] {
        for line in read(file).unwrap_or_default().lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let local = fields.get(1).and_then(|local| local.rsplit_once(':'));
            let is_port = local.is_some_and(|(_, hex)| u16::from_str_radix(hex, 16) == Ok(port));
            if is_port && fields.get(3) == Some(&"0A") {
                sockets.extend(fields.get(9).map(|inode| format!("socket:[{inode}]")));
            }
        }
    }
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    for process in processes {
        let files = std::fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten();
        let mut targets = files.filter_map(|file| std::fs::read_link(file.path()).ok());
        if targets.any(|target| sockets.iter().any(|socket| target.as_os_str() == socket.as_str())) {
            let name = read(&process.path().join("comm").to_string_lossy()).unwrap_or_default();
            return Answer::Text(format!(
                "{} (process {})",
                name.trim(),
                process.file_name().to_string_lossy()
            ));
        }
    }
    Answer::Nothing
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn ask(questions: &[Question]) -> Vec<Answer> {
        let input = serde_json::to_string(questions).unwrap();
        let mut output = Vec::new();
        run(input.as_bytes(), &mut output).unwrap();
        serde_json::from_slice(&output).unwrap()
    }

    #[test]
    fn ports_that_are_open_and_closed_are_told_apart() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap();
        let closed = {
            let gone = TcpListener::bind("127.0.0.1:0").unwrap();
            gone.local_addr().unwrap()
        };
        assert_eq!(ask(&[Question::Tcp(open), Question::Tcp(closed)]), [Answer::Yes, Answer::Refused]);
    }

    #[test]
    fn what_is_no_list_of_questions_ends_it() {
        assert!(run("what?\n".as_bytes(), Vec::new()).is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn files_links_and_holders_are_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let answers = ask(&[
            Question::Link("/proc/self/ns/net".to_owned()),
            Question::File("/proc/net/no-such-file".to_owned()),
            Question::File("/proc/net/route".to_owned()),
        ]);
        assert!(matches!(&answers[0], Answer::Text(text) if text.starts_with("net:[")), "{answers:?}");
        assert_eq!(answers[1], Answer::Nothing);
        assert!(matches!(&answers[2], Answer::Text(text) if text.starts_with("Iface")), "{answers:?}");
        drop(listener);
    }
}
