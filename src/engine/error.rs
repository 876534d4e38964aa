//! What can go wrong at the engine, told apart as far as advice differs.

use thiserror::Error;

/// What every call to the engine returns.
pub type Result<T> = std::result::Result<T, EngineError>;

/// A call to the engine that did not do what it was for. It reads on from "failed to".
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{doing}: {cause}")]
pub struct EngineError {
    /// What was being done: "create network `app_front`".
    pub doing: String,
    /// Why it did not succeed.
    pub cause: Cause,
}

/// Why a call did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Cause {
    /// No engine answers.
    #[error("none answers ({})", tried.join("; "))]
    NotReachable {
        /// The addresses that were tried, each with what it said.
        tried: Vec<String>,
    },
    /// The engine was there, and the connection to it broke.
    #[error("the connection to the engine broke: {message}")]
    Disconnected {
        /// What the transport said.
        message: String,
    },
    /// The engine did not answer in time.
    #[error("the engine did not answer in time")]
    TimedOut,
    /// topo cannot do this yet.
    #[error("{what} not supported yet")]
    Unsupported {
        /// What is not, with its verb: "connections over `ssh://` are".
        what: String,
    },
    /// The container, network or volume is not there.
    #[error("{message}")]
    NotFound {
        /// The engine's words.
        message: String,
    },
    /// The image is not there and this call does not fetch it.
    #[error("there is no image `{image}`")]
    ImageMissing {
        /// The reference, as far as the engine names it.
        image: String,
    },
    /// The registry did not give the image.
    #[error("{message}")]
    PullFailed {
        /// The registry's words, as the engine passes them on.
        message: String,
    },
    /// The registry did not take the image.
    #[error("{message}")]
    PushFailed {
        /// The registry's words, as the engine passes them on.
        message: String,
    },
    /// Another object has that name.
    #[error("{message}")]
    NameTaken {
        /// The engine's words; they name the other object.
        message: String,
    },
    /// Something else listens at that port of the host.
    #[error("{address} is in use already")]
    PortTaken {
        /// The address and port.
        address: String,
    },
    /// The subnet overlaps with another network's, or no free one is left.
    #[error("{message}")]
    SubnetTaken {
        /// The engine's words.
        message: String,
    },
    /// The object is in use, so it cannot go.
    #[error("{message}")]
    InUse {
        /// The engine's words.
        message: String,
    },
    /// The engine is no Swarm manager, so it cannot make overlay networks.
    #[error("the engine is not a Swarm manager")]
    SwarmOff,
    /// What is to be built cannot be read.
    #[error("{message}")]
    BuildContext {
        /// What is missing or unreadable.
        message: String,
    },
    /// A build step failed.
    #[error("{message}{}", after(output))]
    BuildFailed {
        /// The engine's words.
        message: String,
        /// The last lines of the build's output.
        output: Vec<String>,
    },
    /// A container ended while something waited for it.
    #[error("it exited with code {code}{}{}", because(reason), after(output))]
    Exited {
        /// Its exit code.
        code: i64,
        /// What the engine knows of the reason, such as `out of memory`.
        reason: String,
        /// The last lines of its log, or of its health check.
        output: Vec<String>,
    },
    /// A hook ended with another code than 0.
    #[error("it ended with code {code}{}", after(output))]
    HookFailed {
        /// Its exit code.
        code: i64,
        /// The last lines that it wrote.
        output: Vec<String>,
    },
    /// A container's health check failed as often as it may.
    #[error("its health check failed{}", after(output))]
    Unhealthy {
        /// What the last probe printed.
        output: Vec<String>,
    },
    /// A container was not in time as something needs it.
    #[error("not within {seconds} s{}", at_last(state))]
    NotInTime {
        /// How long it was waited for.
        seconds: u64,
        /// What was to be seen of it at the end.
        state: String,
    },
    /// A wait for health can never end: nothing checks it.
    #[error("it has no health check")]
    NoHealthcheck,
    /// Anything else.
    #[error("{message}")]
    Other {
        /// The HTTP status, where the engine answered.
        status: Option<u16>,
        /// The engine's words.
        message: String,
    },
}

impl EngineError {
    /// Makes an error of what was being done and why it failed.
    pub fn new(doing: impl Into<String>, cause: Cause) -> Self {
        Self { doing: doing.into(), cause }
    }

    /// Returns whether the object of the call is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self.cause, Cause::NotFound { .. })
    }

    /// Returns whether the engine gave no answer, so that another try may help.
    pub fn is_of_the_connection(&self) -> bool {
        matches!(self.cause, Cause::NotReachable { .. } | Cause::Disconnected { .. } | Cause::TimedOut)
    }
}

impl Cause {
    /// Tells the engine's answers apart by status and wording; the engine has no finer codes.
    pub fn from_answer(status: u16, message: &str) -> Self {
        let message = message.trim().to_owned();
        let lower = message.to_lowercase();
        if let Some(address) = taken_address(&message) {
            return Self::PortTaken { address };
        }
        if lower.contains("not a swarm manager") || lower.contains("cannot be used with swarm") {
            return Self::SwarmOff;
        }
        if lower.contains("overlaps with other one") || lower.contains("non-overlapping ipv4 address pool") {
            return Self::SubnetTaken { message };
        }
        let in_use =
            ["active endpoints", "is in use", "is using its referenced image", "image is being used by"];
        if in_use.into_iter().any(|words| lower.contains(words)) {
            return Self::InUse { message };
        }
        let is_taken = |words: &str| lower.contains(words);
        // Two networks of one name are ambiguous: someone else made the second at the same moment.
        if ["is already in use by container", "already exists", "is ambiguous"].into_iter().any(is_taken) {
            return Self::NameTaken { message };
        }
        if status == 404 || lower.contains("is not connected to") {
            return match message.split_once("No such image: ") {
                Some((_, image)) => Self::ImageMissing { image: image.trim().to_owned() },
                None => Self::NotFound { message },
            };
        }
        let message = if message.is_empty() { format!("the engine answered {status}") } else { message };
        Self::Other { status: Some(status), message }
    }
}

/// Returns the first of two addresses that are joined by a colon, `0.0.0.0:8080:172.17.0.2:80`.
fn first_address(pair: &str) -> Option<String> {
    let host = if pair.starts_with('[') { pair.find(']')? + 1 } else { pair.find(':')? };
    let port = pair.get(host + 1..)?;
    let digits = port.find(|one: char| !one.is_ascii_digit()).unwrap_or(port.len());
    Some(pair[..host + 1 + digits].to_owned())
}

/// Returns the address in the engine's complaints about a port of the host. Docker has one wording for ports of
/// other containers, another for those of other programs; rootless engines a third.
fn taken_address(message: &str) -> Option<String> {
    let between = |start: &str, end: &str| {
        let (_, rest) = message.split_once(start)?;
        let (address, _) = rest.split_once(end)?;
        Some(address.trim().to_owned())
    };
    if message.contains("port is already allocated") {
        return between("Bind for ", " failed").or_else(|| Some("a port".to_owned()));
    }
    if message.contains("address already in use") {
        return [
            "listen tcp4 ",
            "listen tcp6 ",
            "listen tcp ",
            "listen udp4 ",
            "listen udp6 ",
            "listen udp ",
        ]
        .iter()
        .find_map(|start| between(start, ": bind"))
        .or_else(|| between("failed to bind host port for ", "/").and_then(|pair| first_address(&pair)))
        .or_else(|| between("failed to bind host port ", "/"))
        .or_else(|| Some("an address".to_owned()));
    }
    None
}

fn after(lines: &[String]) -> String {
    match lines {
        [] => String::new(),
        [line] => format!(": {line}"),
        lines => format!(":\n  {}", lines.join("\n  ")),
    }
}

fn at_last(state: &str) -> String {
    if state.is_empty() { String::new() } else { format!("; it is {state}") }
}

fn because(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(" ({reason})") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart() {
        let port = "driver failed programming external connectivity on endpoint a-web-1 (3f): Bind for 0.0.0.0:8080 failed: port is already allocated";
        assert_eq!(Cause::from_answer(500, port), Cause::PortTaken { address: "0.0.0.0:8080".into() });
        let program = "driver failed programming external connectivity on endpoint a (3f): Error starting userland proxy: listen tcp4 0.0.0.0:80: bind: address already in use";
        assert_eq!(Cause::from_answer(500, program), Cause::PortTaken { address: "0.0.0.0:80".into() });
        // Docker Engine 28.
        for (pair, address) in
            [("0.0.0.0:80:172.17.0.2:8080", "0.0.0.0:80"), ("[::1]:80:[fd00::2]:8080", "[::1]:80")]
        {
            let answer = format!("failed to bind host port for {pair}/tcp: address already in use");
            assert_eq!(Cause::from_answer(500, &answer), Cause::PortTaken { address: address.into() });
        }
        let name = "Conflict. The container name \"/a\" is already in use by container \"3f\". You have to remove (or rename) that container to be able to reuse that name.";
        assert!(matches!(Cause::from_answer(409, name), Cause::NameTaken { .. }));
        assert_eq!(
            Cause::from_answer(404, "No such image: nginx:latest"),
            Cause::ImageMissing { image: "nginx:latest".into() }
        );
        assert!(matches!(Cause::from_answer(404, "No such container: a"), Cause::NotFound { .. }));
        let apart = "container 3f is not connected to network a_back";
        assert!(matches!(Cause::from_answer(403, apart), Cause::NotFound { .. }));
        let swarm = "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this node to swarm and try again.";
        assert_eq!(Cause::from_answer(503, swarm), Cause::SwarmOff);
        let busy = "error while removing network: network a_default id 3f has active endpoints";
        assert!(matches!(Cause::from_answer(403, busy), Cause::InUse { .. }));
        let image = "conflict: unable to remove repository reference \"app:1\" (must force) - container 3f is using its referenced image 4e";
        assert!(matches!(Cause::from_answer(409, image), Cause::InUse { .. }));
        assert_eq!(
            Cause::from_answer(500, "").to_string(),
            "the engine answered 500",
            "an empty answer still says something"
        );
    }

    #[test]
    fn errors_read_on_from_failed_to() {
        let error = EngineError::new(
            "wait for container app-db-1 to be healthy",
            Cause::Exited { code: 1, reason: String::new(), output: vec!["one".into(), "two".into()] },
        );
        assert_eq!(
            format!("failed to {error}"),
            "failed to wait for container app-db-1 to be healthy: it exited with code 1:\n  one\n  two"
        );
    }
}
