//! Room 7: what is wrong with a project that runs, why, and which command mends it. It judges what the file says, what
//! the engine has, and what probers saw and met; all of that is handed to it.
//!
//! A cause is a row in [`CAUSES`] and a function in `findings/`; what probers are to be asked is in `questions`.

pub mod causes;
mod findings;
pub mod json;
pub mod matrix;
pub mod mentions;
pub mod questions;
pub mod text;
pub mod view;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use crate::diagnostic::Severity;
use crate::observed::live::{Live, Machine};
use crate::observed::{Network, PublishedPort};
use crate::probe::{Answer, Question};
use crate::project::Project;

pub use causes::{CAUSES, Cause};
pub use findings::diagnose;

use view::View;

/// A container of a service, and what was found out from inside its network.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The service.
    pub service: String,
    /// What the engine says of it.
    pub live: Live,
    /// What is in its network; `None` if it does not run or nobody could look.
    pub view: Option<View>,
    /// What was asked from there.
    pub answers: BTreeMap<Question, Answer>,
}

/// The engine's machine, as seen from its own network.
#[derive(Clone, Debug, Default)]
pub struct Host {
    /// What is in its network.
    pub view: View,
    /// What was asked from there.
    pub answers: BTreeMap<Question, Answer>,
}

/// A difference between file and engine that `up` would settle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// What would be touched: a container, network or volume by name.
    pub subject: String,
    /// The service, if it is a container of one.
    pub service: Option<String>,
    /// Why.
    pub cause: String,
}

/// A container of whatever project that publishes ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publisher {
    /// Its name.
    pub name: String,
    /// Its ports.
    pub ports: Vec<PublishedPort>,
}

/// All that is judged.
pub struct Input<'a> {
    /// The project.
    pub project: &'a Project,
    /// The services that are asked about; all if empty.
    pub services: &'a [String],
    /// Their containers, by service and number.
    pub containers: &'a [Seen],
    /// The engine's machine, where somebody could look.
    pub host: Option<&'a Host>,
    /// What the engine says of it.
    pub machine: &'a Machine,
    /// The engine's networks.
    pub networks: &'a [Network],
    /// What `up` would do.
    pub drift: &'a [Drift],
    /// All containers of the engine that publish ports.
    pub publishers: &'a [Publisher],
}

/// Something that is wrong, and what mends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Why.
    pub cause: &'static Cause,
    /// How grave it is.
    pub severity: Severity,
    /// The service that it is about, if it is about one.
    pub service: Option<String>,
    /// What is wrong, as a phrase.
    pub message: String,
    /// What was seen, a line each.
    pub seen: Vec<String>,
    /// A command, or a change of the file.
    pub mend: String,
}

impl Input<'_> {
    /// Returns the names of the services that are asked about.
    pub fn wanted(&self) -> impl Iterator<Item = &str> {
        let is_wanted = |name: &&String| self.services.is_empty() || self.services.contains(name);
        self.project.services.keys().filter(is_wanted).map(String::as_str)
    }

    /// Returns the containers of a service.
    pub fn of<'a>(&'a self, service: &'a str) -> impl Iterator<Item = &'a Seen> {
        self.containers.iter().filter(move |seen| seen.service == service)
    }

    /// Returns the first container of a service that was looked into.
    pub fn first<'a>(&'a self, service: &'a str) -> Option<(&'a Seen, &'a View)> {
        self.of(service).find_map(|seen| Some((seen, seen.view.as_ref()?)))
    }

    /// Returns what a published port answers to the host itself, if it was asked.
    pub fn from_host(&self, port: &PublishedPort) -> Option<&Answer> {
        let place = questions::at_host(port.host.as_ref()).filter(|_| port.protocol == "tcp")?;
        self.host?.answers.get(&Question::Tcp(place))
    }

    /// Returns the service that has a name in the engine's name server, by what the file says.
    pub fn service_of(&self, host: &str) -> Option<&str> {
        let named = |name: &&String| {
            let Some(service) = self.project.services.get(*name) else { return false };
            let is_own = name.as_str() == host
                || service.container_name.as_ref().is_some_and(|own| own.0 == host)
                || service.hostname.as_deref() == Some(host);
            let mut attachments =
                service.networks.0.values().filter_map(|attachment| attachment.0.as_deref());
            is_own
                || attachments.any(|attachment| attachment.aliases.0.iter().any(|alias| alias == host))
                || self.of(name).any(|seen| seen.live.name == host)
        };
        self.project.services.keys().find(named).map(String::as_str)
    }
}

impl Seen {
    /// Returns what was answered to a question, if it was asked.
    pub fn answer(&self, question: &Question) -> Option<&Answer> {
        self.answers.get(question)
    }

    /// Returns how a TCP connection went.
    pub fn tcp(&self, address: IpAddr, port: u16) -> Option<&Answer> {
        self.answer(&Question::Tcp(SocketAddr::new(address, port)))
    }
}
