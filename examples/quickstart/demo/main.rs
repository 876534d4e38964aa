//! A small server to try networks with: it says who it is, and asks the next server in line who *that* is.
//!
//! One file, the standard library only, so that `rustc` alone makes a static binary that runs in an image built
//! `FROM scratch`, where there is no shell, no curl and no libc:
//!
//! ```sh
//! rustc --edition 2024 -O -C target-feature=+crt-static -C strip=symbols -o bin/demo main.rs
//! ```
//!
//! | command | what it does |
//! |---|---|
//! | `demo serve [--listen ADDR] [--name NAME] [--upstream URL] [--data DIR]` | serves `GET /` and `GET /healthz` |
//! | `demo health [URL or PORT]` | exit code 0 when the URL answers with 2xx: for a healthcheck |
//! | `demo get URL` | prints what the URL answers |
//! | `demo probe tcp HOST:PORT [--timeout 2s]` | whether a TCP connection can be made |
//! | `demo resolve NAME` | the addresses of a name, as this container sees them |
//!
//! The last four print one line and exit with 0 (yes), 1 (no) or 2 (wrong usage). They stand in for the tools that
//! the image lacks: `docker exec CONTAINER /demo probe tcp store:8080`.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

/// Time for one request to an upstream, from the name lookup to the last byte. Each server in a chain waits for the
/// next, so a client should wait longer than this.
const UPSTREAM_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest request head and response taken, so that nobody can fill the memory.
const MAX_HEAD: usize = 8 * 1024;
const MAX_RESPONSE: u64 = 1024 * 1024;

const USAGE: &str = "usage: demo serve [--listen ADDR] [--name NAME] [--upstream URL] [--data DIR]
       demo health [URL|PORT]
       demo get URL
       demo probe tcp HOST:PORT [--timeout 2s]
       demo resolve NAME";

fn main() -> ExitCode {
    end_on_signals();
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args.as_slice() {
        ["serve", options @ ..] => Server::from_options(options).and_then(Server::run),
        ["health"] => health("8080"),
        ["health", target] => health(target),
        ["get", url] => get(url),
        ["probe", "tcp", target] => probe_tcp(target, Duration::from_secs(2)),
        ["probe", "tcp", target, "--timeout", timeout] => {
            parse_duration(timeout).and_then(|timeout| probe_tcp(target, timeout))
        }
        ["resolve", name] => resolve_name(name),
        _ => Err(Failure::Usage("unknown command or options".to_owned())),
    };
    match result {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(Failure::No(line)) => {
            println!("{line}");
            ExitCode::from(1)
        }
        Err(Failure::Usage(message)) => {
            eprintln!("demo: {message}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// Why a command does not end well.
enum Failure {
    /// The answer is no: exit code 1.
    No(String),
    /// The question was wrong: exit code 2.
    Usage(String),
}

/// The server: its own name, the server behind it, and where it counts its visits.
struct Server {
    listen: SocketAddr,
    name: String,
    hostname: String,
    upstream: Option<Url>,
    /// A file with the number of visits, which outlives the container if it lies on a volume.
    visits: Option<Mutex<PathBuf>>,
}

impl Server {
    fn from_options(options: &[&str]) -> Result<Server, Failure> {
        let mut server = Server {
            listen: SocketAddr::from(([0, 0, 0, 0], 8080)),
            name: "demo".to_owned(),
            hostname: hostname(),
            upstream: None,
            visits: None,
        };
        for pair in options.chunks(2) {
            let [option, value] = pair else {
                return Err(Failure::Usage(format!("{} needs a value", pair[0])));
            };
            match *option {
                "--listen" => {
                    server.listen = value.parse().map_err(|_| {
                        Failure::Usage(format!("--listen takes an address like 0.0.0.0:8080, not {value}"))
                    })?;
                }
                "--name" => (*value).clone_into(&mut server.name),
                "--upstream" => server.upstream = Some(Url::parse(value)?),
                "--data" => server.visits = Some(Mutex::new(PathBuf::from(value).join("visits"))),
                _ => return Err(Failure::Usage(format!("unknown option {option}"))),
            }
        }
        Ok(server)
    }

    /// Serves each connection in a thread of its own, until a signal ends the process.
    fn run(self) -> Result<String, Failure> {
        let listener = TcpListener::bind(self.listen)
            .map_err(|error| Failure::No(format!("cannot listen on {}: {error}", self.listen)))?;
        println!("{} on {} listens on {}", self.name, self.hostname, self.listen);
        let server = Arc::new(self);
        for stream in listener.incoming().flatten() {
            let server = Arc::clone(&server);
            // A client that goes away early is no reason to stop.
            thread::spawn(move || drop(server.answer(stream)));
        }
        Ok("no more connections".to_owned())
    }

    fn answer(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.set_write_timeout(Some(Duration::from_secs(5)))?;
        let request_line = read_request_line(&mut stream)?;
        let mut words = request_line.split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let path = target.split('?').next().unwrap_or_default();

        let (status, body) = match (method, path) {
            ("GET" | "HEAD", "/healthz") => ("200 OK", "ok\n".to_owned()),
            ("GET" | "HEAD", "/") => self.introduce(),
            ("GET" | "HEAD", _) => ("404 Not Found", "not found: there are only / and /healthz\n".to_owned()),
            _ => ("405 Method Not Allowed", "only GET and HEAD\n".to_owned()),
        };
        if path != "/healthz" {
            println!("{method} {target} {status}");
        }
        let content_type = if path == "/" { "application/json" } else { "text/plain" };
        let length = body.len();
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
        )?;
        if method != "HEAD" {
            stream.write_all(body.as_bytes())?;
        }
        stream.shutdown(Shutdown::Write)
    }

    /// Who this server is, as JSON, with the answer of the next server in line inside.
    fn introduce(&self) -> (&'static str, String) {
        let mut status = "200 OK";
        let mut fields = vec![
            format!("\"name\":{}", json_string(&self.name)),
            format!("\"hostname\":{}", json_string(&self.hostname)),
        ];
        if let Some(visits) = &self.visits {
            match count_visit(visits) {
                Ok(count) => fields.push(format!("\"visits\":{count}")),
                Err(error) => {
                    status = "500 Internal Server Error";
                    fields
                        .push(format!("\"error\":{}", json_string(&format!("cannot count visits: {error}"))));
                }
            }
        }
        if let Some(upstream) = &self.upstream {
            match fetch(upstream, UPSTREAM_TIMEOUT) {
                Ok(response) => {
                    if !response.is_success() {
                        status = "502 Bad Gateway";
                    }
                    let body = response.body.trim();
                    // An upstream of another kind may answer with anything, which is quoted.
                    let looks_like_json = body.starts_with('{') && body.ends_with('}');
                    let body = if looks_like_json { body.to_owned() } else { json_string(body) };
                    fields.push(format!("\"upstream\":{body}"));
                }
                Err(error) => {
                    status = "502 Bad Gateway";
                    fields.push(format!(
                        "\"error\":{}",
                        json_string(&format!("cannot reach {}: {error}", upstream.text))
                    ));
                }
            }
        }
        (status, format!("{{{}}}\n", fields.join(",")))
    }
}

/// Adds one to the number in the file. The lock keeps two threads from reading the same number.
fn count_visit(file: &Mutex<PathBuf>) -> io::Result<u64> {
    let file = file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let before = match fs::read_to_string(&*file) {
        Ok(text) => text.trim().parse().unwrap_or(0),
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error),
    };
    let count: u64 = before + 1;
    fs::write(&*file, format!("{count}\n"))?;
    Ok(count)
}

/// Reads the head of a request and returns its first line.
fn read_request_line(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        let count = stream.read(&mut buffer)?;
        if count == 0 || head.len() + count > MAX_HEAD {
            return Err(io::ErrorKind::InvalidData.into());
        }
        head.extend_from_slice(&buffer[..count]);
    }
    let head = String::from_utf8_lossy(&head);
    Ok(head.lines().next().unwrap_or_default().to_owned())
}

/// The name of this container, or of this machine outside of one.
fn hostname() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname")
        .map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
}

fn health(target: &str) -> Result<String, Failure> {
    let is_port = target.parse::<u16>().is_ok();
    let url = if is_port { format!("http://127.0.0.1:{target}/healthz") } else { target.to_owned() };
    match fetch(&Url::parse(&url)?, UPSTREAM_TIMEOUT) {
        Ok(response) if response.is_success() => Ok(format!("{url}: {}", response.status)),
        Ok(response) => Err(Failure::No(format!("{url}: {}", response.status))),
        Err(error) => Err(Failure::No(format!("{url}: {error}"))),
    }
}

fn get(url: &str) -> Result<String, Failure> {
    match fetch(&Url::parse(url)?, UPSTREAM_TIMEOUT * 2) {
        Ok(response) if response.is_success() => Ok(response.body.trim_end().to_owned()),
        Ok(response) => Err(Failure::No(response.body.trim_end().to_owned())),
        Err(error) => Err(Failure::No(format!("{url}: {error}"))),
    }
}

fn probe_tcp(target: &str, timeout: Duration) -> Result<String, Failure> {
    let Some((host, port)) = split_host_port(target) else {
        return Err(Failure::Usage(format!("probe tcp takes HOST:PORT, not {target}")));
    };
    match connect(&host, port, Instant::now() + timeout) {
        Ok(stream) => {
            let address = stream.peer_addr().map_or_else(|_| "?".to_owned(), |address| address.to_string());
            Ok(format!("tcp {target}: open ({address})"))
        }
        Err(error) => Err(Failure::No(format!("tcp {target}: {error}"))),
    }
}

fn resolve_name(name: &str) -> Result<String, Failure> {
    match lookup(name, Instant::now() + UPSTREAM_TIMEOUT * 2) {
        Ok(addresses) => {
            let addresses: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
            Ok(format!("{name}: {}", addresses.join(" ")))
        }
        Err(error) => Err(Failure::No(format!("{name}: {error}"))),
    }
}

/// An `http://` URL, taken apart.
struct Url {
    text: String,
    host: String,
    port: u16,
    path: String,
}

impl Url {
    fn parse(text: &str) -> Result<Url, Failure> {
        let wrong = || Failure::Usage(format!("not an http:// URL: {text}"));
        let rest = text.strip_prefix("http://").ok_or_else(wrong)?;
        let (authority, path) = rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash));
        let has_port = authority.rsplit(']').next().is_some_and(|end| end.contains(':'));
        let authority = if has_port { authority.to_owned() } else { format!("{authority}:80") };
        let (host, port) = split_host_port(&authority).ok_or_else(wrong)?;
        Ok(Url { text: text.to_owned(), host, port, path: path.to_owned() })
    }
}

/// Takes `host:1234` or `[::1]:1234` apart.
fn split_host_port(text: &str) -> Option<(String, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if host.is_empty() { None } else { Some((host.to_owned(), port.parse().ok()?)) }
}

/// Takes `2s` or `500ms` apart.
fn parse_duration(text: &str) -> Result<Duration, Failure> {
    let wrong = || Failure::Usage(format!("not a duration like 2s or 500ms: {text}"));
    if let Some(number) = text.strip_suffix("ms") {
        number.parse().map(Duration::from_millis).map_err(|_| wrong())
    } else {
        text.strip_suffix('s')
            .and_then(|number| number.parse().ok())
            .map(Duration::from_secs)
            .ok_or_else(wrong)
    }
}

struct Response {
    /// Code and reason, such as `200 OK`.
    status: String,
    body: String,
}

impl Response {
    fn is_success(&self) -> bool {
        self.status.starts_with('2')
    }
}

/// One HTTP request. As HTTP/1.0, so the answer ends where the connection ends and is never chunked.
fn fetch(url: &Url, timeout: Duration) -> io::Result<Response> {
    let deadline = Instant::now() + timeout;
    let mut stream = connect(&url.host, url.port, deadline)?;
    stream.set_read_timeout(Some(time_left(deadline)?))?;
    stream.set_write_timeout(Some(time_left(deadline)?))?;
    write!(stream, "GET {} HTTP/1.0\r\nHost: {}:{}\r\n\r\n", url.path, url.host, url.port)?;
    let mut bytes = Vec::new();
    stream.take(MAX_RESPONSE).read_to_end(&mut bytes).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => io::Error::from(io::ErrorKind::TimedOut),
        _ => error,
    })?;
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").ok_or(io::ErrorKind::InvalidData)?;
    let status =
        head.lines().next().and_then(|line| line.split_once(' ')).ok_or(io::ErrorKind::InvalidData)?.1;
    Ok(Response { status: status.to_owned(), body: body.to_owned() })
}

/// Connects to the first of the name's addresses that answers.
fn connect(host: &str, port: u16, deadline: Instant) -> io::Result<TcpStream> {
    let mut last_error = io::Error::from(io::ErrorKind::NotFound);
    for address in lookup(host, deadline)? {
        match TcpStream::connect_timeout(&SocketAddr::new(address, port), time_left(deadline)?) {
            Ok(stream) => return Ok(stream),
            Err(error) => last_error = error,
        }
    }
    Err(last_error)
}

/// The addresses of a name. The lookup cannot be told when to end, so it runs in a thread that is left behind.
///
/// Inside a container the name server is Docker's, at 127.0.0.11. The C library's lookup works in a static binary
/// without any file but `/etc/resolv.conf` and `/etc/hosts`, which Docker provides: since glibc 2.34 the sources
/// `files` and `dns` are built in, and are the default where there is no `nsswitch.conf`.
fn lookup(host: &str, deadline: Instant) -> io::Result<Vec<IpAddr>> {
    let (sender, receiver) = mpsc::channel();
    let name = host.to_owned();
    thread::spawn(move || {
        let found =
            (name.as_str(), 0).to_socket_addrs().map(|found| found.map(|address| address.ip()).collect());
        // Nobody listens any more after the deadline.
        drop(sender.send(found));
    });
    let mut addresses: Vec<IpAddr> = receiver
        .recv_timeout(time_left(deadline)?)
        .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "name lookup timed out"))??;
    addresses.sort_unstable();
    addresses.dedup();
    Ok(addresses)
}

fn time_left(deadline: Instant) -> io::Result<Duration> {
    match deadline.saturating_duration_since(Instant::now()) {
        Duration::ZERO => Err(io::ErrorKind::TimedOut.into()),
        left => Ok(left),
    }
}

/// Quotes a text for JSON.
fn json_string(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            character if character.is_control() => {
                quoted.extend(format!("\\u{:04x}", u32::from(character)).chars());
            }
            character => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

/// Makes SIGTERM and SIGINT end the process.
///
/// The first process of a container is special: the kernel ignores for it every signal without a handler. Without
/// this, `docker stop` would wait ten seconds in vain and then kill.
fn end_on_signals() {
    unsafe extern "C" {
        fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
        fn _exit(code: i32) -> !;
    }
    extern "C" fn end(_signal: i32) {
        // SAFETY: `_exit` is one of the few functions that may be called in a signal handler.
        unsafe { _exit(0) }
    }
    const SIGINT: i32 = 2;
    const SIGTERM: i32 = 15;
    for number in [SIGINT, SIGTERM] {
        // SAFETY: the numbers are valid, and the handler has the type that `signal` asks for.
        unsafe { signal(number, end) };
    }
}
