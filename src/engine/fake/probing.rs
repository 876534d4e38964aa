//! What the engine in memory says of networks, and probers that answer what a test has them answer.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream;
use tokio::io::{AsyncBufReadExt, BufReader, duplex};

use super::FakeEngine;
use super::state::Container;
use crate::engine::LogSource;
use crate::engine::inside::Streams;
use crate::engine::probing::LABEL;
use crate::observed::live::{Attachment, Live, Machine};
use crate::probe::{Answer, Question};

/// What a prober answers, by the network mode of its container.
pub(super) type Answers = Arc<dyn Fn(&str, &Question) -> Answer + Send + Sync>;

/// What the machine of the engine in memory is like.
pub(super) fn machine() -> Machine {
    Machine { os: "linux".to_owned(), architecture: "amd64".to_owned(), forwards: true }
}

impl Container {
    /// Addresses are those of the order in which networks were joined.
    pub(super) fn live(&self) -> Live {
        let attachment = |(number, (network, id)): (u8, &(String, String))| Attachment {
            network: network.clone(),
            id: id.clone(),
            addresses: vec![std::net::Ipv4Addr::new(10, number, 0, 2).into()],
            gateways: vec![std::net::Ipv4Addr::new(10, number, 0, 1).into()],
            mac: String::new(),
            aliases: vec![self.seen.service.clone()],
        };
        let environment = self.body.env.iter().flatten().map(|line| {
            let (name, value) = line.split_once('=').unwrap_or((line, ""));
            (name.to_owned(), value.to_owned())
        });
        let inspection = self.inspection();
        Live {
            id: self.seen.id.clone(),
            name: self.seen.name.clone(),
            state: self.seen.state,
            reason: inspection.reason,
            restarts: 0,
            health: self.seen.health,
            health_output: inspection.health_output.unwrap_or_default(),
            network_mode: self.seen.networks.first().map(|(name, _)| name.clone()).unwrap_or_default(),
            attachments: (0..).zip(&self.seen.networks).map(attachment).collect(),
            wanted_ports: self.seen.ports.clone(),
            ports: self.seen.ports.clone(),
            dns: Vec::new(),
            environment: environment.collect(),
            log: Vec::new(),
        }
    }
}

impl FakeEngine {
    /// Sets what probers answer: they are asked with the network mode of their container.
    pub fn on_probe(&self, answer: impl Fn(&str, &Question) -> Answer + Send + Sync + 'static) {
        *self.probes.borrow_mut() = Some(Arc::new(answer));
    }

    /// Returns the ends of a conversation with a prober, if the container is one.
    pub(super) fn prober(&self, container: &str) -> Option<Streams> {
        let answers = self.probes.borrow().clone()?;
        let body = self.body(container)?;
        body.labels.as_ref()?.get(LABEL)?;
        let mode = body.host_config?.network_mode?;
        let (input, asked) = duplex(1 << 20);
        let lines = BufReader::new(asked).lines();
        let output = stream::try_unfold(lines, move |mut lines| {
            let (answers, mode) = (answers.clone(), mode.clone());
            async move {
                let Some(line) = lines.next_line().await? else { return Ok(None) };
                let questions: Vec<Question> = serde_json::from_str(&line).unwrap_or_default();
                let said: Vec<Answer> = questions.iter().map(|question| answers(&mode, question)).collect();
                let mut line = serde_json::to_vec(&said).unwrap_or_default();
                line.push(b'\n');
                Ok(Some(((LogSource::Stdout, line.into()), lines)))
            }
        });
        Some(Streams { input: Box::pin(input), output: output.boxed() })
    }
}
