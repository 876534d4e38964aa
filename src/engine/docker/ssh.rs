//! An engine on another machine, over the user's own ssh: `ssh HOST docker system dial-stdio`, as docker has it.
//!
//! bollard's feature for it starts a master process for each connection and takes no docker on the other side; here
//! the user's `~/.ssh/config` does as it does for docker.

use std::fmt;
use std::io::Error;
use std::pin::Pin;
use std::process::Stdio;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

/// `ssh://[USER@]HOST[:PORT][/SOCKET]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct There {
    user: Option<String>,
    host: String,
    port: Option<u16>,
    /// The socket on that machine, where it is not the usual one.
    socket: Option<String>,
}

impl There {
    /// Parses what follows `ssh://`, or says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (place, socket) = match text.split_once('/') {
            Some((place, socket)) => (place, (!socket.is_empty()).then(|| format!("/{socket}"))),
            None => (text, None),
        };
        let (user, place) = match place.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, place),
        };
        if user.is_some_and(|user| user.contains(':')) {
            return Err("a password has no place in the address; ssh asks for it, or uses a key".to_owned());
        }
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => {
                (host, Some(port.parse().map_err(|_| format!("`{port}` is no port"))?))
            }
            _ => (place, None),
        };
        let host = host.trim_matches(['[', ']']);
        // What begins with a dash would be an option of ssh.
        if host.is_empty() || host.starts_with('-') || user.is_some_and(|user| user.starts_with('-')) {
            return Err("it names no host".to_owned());
        }
        Ok(Self { user: user.map(str::to_owned), host: host.to_owned(), port, socket })
    }

    fn arguments(&self) -> Vec<String> {
        let mut words: Vec<String> = ["-o", "ConnectTimeout=30", "-T"].map(str::to_owned).into();
        for (option, value) in [("-l", self.user.clone()), ("-p", self.port.map(|port| port.to_string()))] {
            words.extend(value.into_iter().flat_map(|value| [option.to_owned(), value]));
        }
        words.extend(["--".to_owned(), self.host.clone(), "docker".to_owned()]);
        if let Some(socket) = &self.socket {
            // A shell reads this on the other side.
            let quoted = format!("'unix://{}'", socket.replace('\'', r"'\''"));
            words.extend(["--host".to_owned(), quoted]);
        }
        words.extend(["system".to_owned(), "dial-stdio".to_owned()]);
        words
    }
}

impl fmt::Display for There {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ssh://")?;
        if let Some(user) = &self.user {
            write!(formatter, "{user}@")?;
        }
        if self.host.contains(':') {
            write!(formatter, "[{}]", self.host)?;
        } else {
            formatter.write_str(&self.host)?;
        }
        if let Some(port) = self.port {
            write!(formatter, ":{port}")?;
        }
        formatter.write_str(self.socket.as_deref().unwrap_or_default())
    }
}

/// A running ssh, whose input and output are the connection. It ends when this is dropped.
pub(super) struct Connection {
    _process: Child,
    input: ChildStdin,
    output: ChildStdout,
    /// What it says of failures, until the engine has answered.
    complaints: Option<(ChildStderr, Vec<u8>)>,
}

/// Starts ssh. Whether it gets through shows when something is read.
pub(super) fn connect(there: &There) -> std::io::Result<Connection> {
    let mut command = Command::new("ssh");
    command.args(there.arguments()).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::other("the program `ssh` is not installed"),
        _ => error,
    })?;
    match (process.stdin.take(), process.stdout.take(), process.stderr.take()) {
        (Some(input), Some(output), Some(complaints)) => {
            Ok(Connection { _process: process, input, output, complaints: Some((complaints, Vec::new())) })
        }
        _ => Err(Error::other("ssh has no input or output")),
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.output).poll_read(context, buffer))?;
        let Some((complaints, said)) = &mut this.complaints else { return Poll::Ready(Ok(())) };
        if buffer.filled().len() > before {
            // It got through: from here on, an end is an end.
            this.complaints = None;
            return Poll::Ready(Ok(()));
        }
        loop {
            let mut bytes = [0; 1024];
            let mut piece = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut *complaints).poll_read(context, &mut piece))?;
            if piece.filled().is_empty() {
                let said = String::from_utf8_lossy(said);
                let last = said.lines().rfind(|line| !line.trim().is_empty());
                let reason = last.unwrap_or("ssh ended without an answer of the engine").trim();
                return Poll::Ready(Err(Error::other(reason.to_owned())));
            }
            said.extend_from_slice(piece.filled());
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.get_mut().input).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().input).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().input).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_arguments() {
        let words = |text: &str| There::parse(text).map(|there| there.arguments()[3..].join(" "));
        assert_eq!(words("me@far:2222").unwrap(), "-l me -p 2222 -- far docker system dial-stdio");
        assert_eq!(words("far/").unwrap(), "-- far docker system dial-stdio");
        assert_eq!(
            words("[fe80::1]/run/my socket").unwrap(),
            "-- fe80::1 docker --host 'unix:///run/my socket' system dial-stdio"
        );
        for text in ["me:hush@far", "", "-oProxyCommand=x", "far:none"] {
            assert!(There::parse(text).is_err(), "{text}");
        }
        for text in ["me@far:2222", "far/run/x.sock", "[fe80::1]:22"] {
            assert_eq!(There::parse(text).unwrap().to_string(), format!("ssh://{text}"));
        }
    }
}
