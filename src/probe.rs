//! Room 6: what topo asks from inside a container's network, and what it is answered: plain data that crosses the
//! container's standard input and output as JSON, a line each.
//!
//! `engine` carries it, `prober` answers it, `diagnose` makes the questions and reads the answers.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

/// The word that makes topo a prober, in place of a command.
pub const COMMAND: &str = "__probe";

/// Which packets are wished for, and how many of them at most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// The ports that they come from or go to; all if empty.
    pub ports: Vec<u16>,
    /// The addresses that they come from or go to; all if empty.
    pub peers: Vec<IpAddr>,
    /// How many.
    pub packets: Option<u64>,
    /// For how long, in seconds.
    pub seconds: u64,
    /// How many bytes the file may have, give or take a packet.
    pub bytes: u64,
}

/// What is asked. All questions of one line are answered at the same time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Question {
    /// What a file holds: of `/proc` and `/etc`, which are those of the network asked about.
    File(String),
    /// Where a link leads: `/proc/self/ns/net` tells networks apart.
    Link(String),
    /// What a name stands for, by `/etc/hosts` and then by the servers of `/etc/resolv.conf`.
    Resolve(String),
    /// Whether a name server answers at all.
    Server(IpAddr),
    /// Whether a TCP connection comes about.
    Tcp(SocketAddr),
    /// Whether a UDP port is refused. What answers nothing may be open.
    Udp(SocketAddr),
    /// Whether a neighbour on the link answers: the gateway.
    Neighbour(IpAddr),
    /// Which process listens at a TCP port. Only a prober that sees the host's processes knows.
    Holder(u16),
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// The text of a file, where a link leads, or the name of a process.
    Text(String),
    /// The addresses that a name stands for, sorted.
    Addresses(Vec<IpAddr>),
    /// There is no such name, file or process.
    Nothing,
    /// It is there: the connection came about, the server answered, the neighbour is known.
    Yes,
    /// It was refused: the packets got there, and nothing listens.
    Refused,
    /// No answer came in time: the packets are dropped, or nobody is there.
    Silence,
    /// There is no way there, in the system's words.
    NoWay(String),
    /// It could not be asked, in the system's words.
    Failed(String),
}

impl Answer {
    /// Returns whether packets got there and back, whatever they met.
    pub fn arrived(&self) -> bool {
        matches!(self, Self::Yes | Self::Refused)
    }

    /// Returns it in a few words, after a colon.
    pub fn words(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Addresses(addresses) => {
                addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
            }
            Self::Nothing => "there is none".to_owned(),
            Self::Yes => "it answers".to_owned(),
            Self::Refused => "connection refused".to_owned(),
            Self::Silence => "no answer".to_owned(),
            Self::NoWay(words) | Self::Failed(words) => words.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_and_answers_survive_the_way() {
        let questions = vec![
            Question::Resolve("db".to_owned()),
            Question::Tcp("[fd00::2]:80".parse().unwrap()),
            Question::Holder(80),
        ];
        let text = serde_json::to_string(&questions).unwrap();
        assert_eq!(text, r#"[{"resolve":"db"},{"tcp":"[fd00::2]:80"},{"holder":80}]"#);
        assert_eq!(serde_json::from_str::<Vec<Question>>(&text).unwrap(), questions);
        let answers = vec![Answer::Addresses(vec!["10.0.0.2".parse().unwrap()]), Answer::Nothing];
        let text = serde_json::to_string(&answers).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Answer>>(&text).unwrap(), answers);
    }
}
