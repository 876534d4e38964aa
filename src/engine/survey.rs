//! Looks at a project that runs from all sides: what the engine says of its containers, and what probers see and meet in
//! their networks. What it means is judged in `diagnose`.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt;
use futures_util::future::{join, join_all};
use futures_util::stream;

use super::inside::Inside;
use super::look::ContainerQuery;
use super::probing::{Conversation, Place, Prober};
use super::{LogQuery, Result};
use crate::diagnose::matrix::Matrix;
use crate::diagnose::view::{self, View};
use crate::diagnose::{Drift, Host, Input, Publisher, Seen, questions};
use crate::observed::live::{Live, Machine};
use crate::observed::{Health, Observed, State};
use crate::probe::Question;
use crate::project::Project;
use crate::topology::reach::WORLD;

/// How many probers are started at the same time: engines start containers one after the other in the end.
const AT_ONCE: usize = 8;

/// How long after the first time what was not as the file says is asked again.
const DOUBT: std::time::Duration = std::time::Duration::from_millis(500);

/// How many of the last lines of a log are shown.
const LINES: u64 = 5;

/// What is looked at.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The project.
    pub project: &'a Project,
    /// The services that are asked about; all if empty.
    pub services: &'a [String],
    /// The engine.
    pub observed: &'a Observed,
    /// What `up` would do.
    pub drift: &'a [Drift],
}

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// The containers of the project.
    pub containers: Vec<Seen>,
    /// The engine's machine from its own network.
    pub host: Option<Host>,
    /// What the engine says of its machine.
    pub machine: Machine,
    /// Containers that publish ports.
    pub publishers: Vec<Publisher>,
    /// What could not be looked at, and why.
    pub unseen: Vec<String>,
}

impl Survey {
    /// Returns it as what is judged.
    pub fn input<'a>(&'a self, asked: Asked<'a>) -> Input<'a> {
        Input {
            project: asked.project,
            services: asked.services,
            containers: &self.containers,
            host: self.host.as_ref(),
            machine: &self.machine,
            networks: &asked.observed.networks,
            drift: asked.drift,
            publishers: &self.publishers,
        }
    }
}

/// Looks at all that belongs to a project; without a prober, only as the engine sees it.
pub async fn survey(engine: &impl Inside, asked: Asked<'_>, prober: Option<&Prober>) -> Result<Survey> {
    let of_project = asked
        .observed
        .containers
        .iter()
        .filter(|container| !container.oneoff && asked.project.services.contains_key(&container.service));
    let containers = of_project.map(|container| async {
        // One that has gone meanwhile is none.
        let mut live = engine.live(&container.id).await.ok()?;
        live.log = last_words(engine, &live).await;
        let (service, view) = (container.service.clone(), None);
        Some(((service.clone(), container.number), Seen { service, live, view, answers: BTreeMap::new() }))
    });
    let machine = engine.machine().await?;
    let query = ContainerQuery { project: None, all: false };
    let (containers, listed) = join(join_all(containers), engine.containers(&query)).await;
    let publisher = |one: super::look::Listed| Publisher { name: one.container.name, ports: one.ports };
    let mut containers: Vec<_> = containers.into_iter().flatten().collect();
    containers.sort_by(|(one, _), (other, _)| one.cmp(other));
    let containers = with_shared(containers.into_iter().map(|(_, seen)| seen).collect());
    let publishers = listed?.into_iter().map(publisher).collect();
    let mut survey = Survey { containers, machine, publishers, ..Survey::default() };
    if let Some(prober) = prober {
        probe(engine, asked, prober, &mut survey).await;
    }
    Ok(survey)
}

/// The last lines of a container that does not fare well.
async fn last_words(engine: &impl Inside, live: &Live) -> Vec<String> {
    let fares_well = match live.state {
        State::Running => live.restarts == 0 && live.health != Some(Health::Unhealthy),
        State::Created | State::Paused | State::Exited(Some(0)) => true,
        _ => false,
    };
    if fares_well {
        return Vec::new();
    }
    let query = LogQuery { tail: Some(LINES), ..LogQuery::default() };
    let lines = engine.logs(&live.id, &query);
    let lines =
        lines.filter_map(async |line| Some(String::from_utf8_lossy(&line.ok()?.text).trim_end().to_owned()));
    lines.filter(|line| std::future::ready(!line.is_empty())).collect().await
}

/// Gives containers on the interfaces of another one what that one has: the engine says it of that one alone.
fn with_shared(mut containers: Vec<Seen>) -> Vec<Seen> {
    for at in 0..containers.len() {
        let mode = &containers[at].live.network_mode;
        let Some(id) = mode.strip_prefix("container:").map(str::to_owned) else { continue };
        let owner = containers.iter().find(|other| other.live.id == id || other.live.name == id);
        if let Some(owner) = owner.map(|owner| owner.live.clone()) {
            let own = &mut containers[at].live;
            own.attachments = owner.attachments;
            own.ports = owner.ports;
        }
    }
    containers
}

async fn probe(engine: &impl Inside, asked: Asked<'_>, prober: &Prober, survey: &mut Survey) {
    let sees_processes = questions::needs_processes(&survey.input(asked));
    let places: Vec<(Option<usize>, String)> = [(None, String::new())]
        .into_iter()
        .chain(
            survey
                .containers
                .iter()
                .enumerate()
                .filter(|(_, seen)| seen.live.runs())
                .map(|(at, seen)| (Some(at), seen.live.id.clone())),
        )
        .collect();
    let begun = stream::iter(places.iter().enumerate().map(async |(number, (at, id))| {
        let place = if at.is_some() { Place::Container(id) } else { Place::Host(sees_processes) };
        let mut conversation = match prober.join(engine, place, number).await {
            // Not every engine shows its machine's processes.
            Err(_) if place == Place::Host(true) => prober.join(engine, Place::Host(false), number).await?,
            begun => begun?,
        };
        let answers = conversation.ask(&view::questions()).await?;
        Ok::<_, super::EngineError>((*at, conversation, View::read(&answers)))
    }))
    .buffer_unordered(AT_ONCE)
    .collect::<Vec<_>>()
    .await;
    let mut talking: Vec<(Option<usize>, Conversation)> = Vec::new();
    for begun in begun {
        match begun {
            Ok((at, conversation, view)) => {
                match at {
                    Some(at) => survey.containers[at].view = Some(view),
                    None => survey.host = Some(Host { view, ..Host::default() }),
                }
                talking.push((at, conversation));
            }
            Err(error) => survey.unseen.push(format!("failed to {error}")),
        }
    }
    for round in [Round::Second, Round::Third, Round::Again] {
        let mut doubtful = BTreeSet::new();
        if let Round::Again = round {
            let matrix = Matrix::of(&survey.input(asked));
            doubtful.extend(matrix.differences().map(|(from, ..)| from.to_owned()));
            if doubtful.is_empty() {
                break;
            }
            tokio::time::sleep(DOUBT).await;
        }
        let input = survey.input(asked);
        let is_tcp = |question: &Question| matches!(question, Question::Tcp(_));
        let asked_of = |at: Option<usize>| match (at, round) {
            (Some(at), Round::Second) => questions::of_container(&input, &input.containers[at]),
            (Some(at), Round::Third) => questions::of_names(&input, &input.containers[at]),
            (None, Round::Second) => {
                input.host.map(|host| questions::of_host(&input, &host.view)).unwrap_or_default()
            }
            (Some(at), Round::Again) if doubtful.contains(&input.containers[at].service) => {
                let answers = input.containers[at].answers.keys();
                answers.filter(|question| is_tcp(question)).cloned().collect()
            }
            (None, Round::Again) if doubtful.contains(WORLD) => {
                let answers = input.host.into_iter().flat_map(|host| host.answers.keys());
                answers.filter(|question| is_tcp(question)).cloned().collect()
            }
            (None, Round::Third) | (_, Round::Again) => Vec::new(),
        };
        let lists: Vec<Vec<Question>> = talking.iter().map(|(at, _)| asked_of(*at)).collect();
        let answered = talking.iter_mut().zip(lists).filter(|(_, list)| !list.is_empty());
        let answered = answered.map(async |((at, conversation), list)| {
            let answers = conversation.ask(&list).await;
            (*at, answers.map(|answers| list.into_iter().zip(answers)))
        });
        for (at, answers) in join_all(answered).await {
            let place = match at {
                Some(at) => Some(&mut survey.containers[at].answers),
                None => survey.host.as_mut().map(|host| &mut host.answers),
            };
            match (answers, place) {
                (Ok(answers), Some(place)) => place.extend(answers),
                (Ok(_), None) => {}
                (Err(error), _) => survey.unseen.push(format!("failed to {error}")),
            }
        }
    }
    join_all(talking.into_iter().map(|(_, conversation)| conversation.end())).await;
}

/// Names can be asked for only once it is known which there are, and addresses once names are known. What is not as the
/// file says is asked again: an engine that makes or removes a network of whatever project lifts the walls between its
/// networks for a moment.
#[derive(Clone, Copy)]
enum Round {
    Second,
    Third,
    Again,
}
