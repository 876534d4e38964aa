//! An engine in memory, for tests. It keeps the same contract as a real one: `tests/it/contract.rs` holds both to it.
//!
//! Tests prepare it ([`FakeEngine::add_image`], [`FakeEngine::on_start`]), disturb it ([`FakeEngine::fail_when`],
//! [`FakeEngine::hold_when`], [`FakeEngine::break_connections`]) and play the world ([`FakeEngine::end`],
//! [`FakeEngine::set_health`]) while topo works on it.

mod calls;
mod inside;
mod lifecycle;
mod look;
mod probing;
mod state;

use std::cell::RefCell;
use std::collections::BTreeMap;

use bollard::models::{ContainerCreateBody, EndpointSettings, NetworkCreateRequest, VolumeCreateRequest};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::sync::{Notify, mpsc};

pub use self::calls::{Behaviour, Call, CallKind};
pub use self::inside::Program;
use self::state::World;
use super::look::{
    ContainerQuery, HistoryQuery, ImageDetails, Listed, NetworkDetails, Occurrence, Processes, Usage,
    VolumeDetails,
};
use super::reference::Reference;
use super::{
    Cause, Engine, EngineError, Happening, Inspection, LogLine, LogQuery, LogSource, Progress, Query, Ran,
    Result, Scope, Since,
};
use crate::observed::live::{Live, Machine};
use crate::observed::{Health, ImageId, Network, Observed, State, Swarm, Volume};
use crate::plan::builder::Builders;
use crate::plan::changes::Origin;
use crate::plan::hooks::Inside;
use crate::plan::images::BuiltImage;
use crate::plan::{Build, File, labels};

/// An engine in memory.
#[derive(Default)]
pub struct FakeEngine {
    world: RefCell<World>,
    commands: RefCell<inside::Commands>,
    faults: RefCell<Vec<Fault>>,
    holds: RefCell<Vec<Hold>>,
    released: Notify,
    calls: RefCell<BTreeMap<CallKind, usize>>,
    under_way: RefCell<UnderWay>,
    probes: RefCell<Option<probing::Answers>>,
}

type Fault = Box<dyn Fn(&Call) -> Option<Cause>>;
type Hold = Box<dyn Fn(&Call) -> bool>;

#[derive(Default)]
struct UnderWay {
    now: usize,
    most: usize,
}

/// Counts a call as under way until it is dropped.
struct Counted<'a>(&'a FakeEngine);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.under_way.borrow_mut().now -= 1;
    }
}

impl FakeEngine {
    /// Makes an engine that has nothing but its three networks.
    pub fn new() -> Self {
        let engine = Self::default();
        engine.world.borrow_mut().add_builtin_networks();
        engine
    }

    /// Adds an image, as if it had been pulled before, and returns its ID.
    pub fn add_image(&self, reference: &str) -> ImageId {
        self.world.borrow_mut().add_image(reference)
    }

    /// Sets how long ago an image got its name.
    pub fn set_image_age(&self, reference: &str, age: std::time::Duration) {
        self.world.borrow_mut().image_ages.insert(reference.to_owned(), age);
    }

    /// Makes `reference` available to pulls. Others fail, as on a registry that does not have them.
    pub fn add_to_registry(&self, reference: &str) {
        self.world.borrow_mut().registry.insert(Reference::parse(reference).name());
    }

    /// Sets the engine's part in a Swarm.
    pub fn set_swarm(&self, swarm: Swarm) {
        self.world.borrow_mut().swarm = swarm;
    }

    /// Sets what the container of that name does when it is started.
    pub fn on_start(&self, container: &str, behaviour: Behaviour) {
        self.world.borrow_mut().behaviours.insert(container.to_owned(), behaviour);
    }

    /// Ends a running container, as if its process did.
    pub fn end(&self, container: &str, code: i64) {
        self.world.borrow_mut().end(container, code);
    }

    /// Sets a running container's health, as if a probe had printed `output`.
    pub fn set_health(&self, container: &str, health: Health, output: &str) {
        self.world.borrow_mut().set_health(container, health, output);
    }

    /// Writes a line to a container's log.
    pub fn write(&self, container: &str, line: &str) {
        self.world.borrow_mut().write(container, line);
    }

    /// Makes the calls fail for which `cause` returns something. They change nothing.
    pub fn fail_when(&self, cause: impl Fn(&Call) -> Option<Cause> + 'static) {
        self.faults.borrow_mut().push(Box::new(cause));
    }

    /// Makes the calls wait for which `held` is true, until [`FakeEngine::release`].
    pub fn hold_when(&self, held: impl Fn(&Call) -> bool + 'static) {
        self.holds.borrow_mut().push(Box::new(held));
    }

    /// Lets all held calls go on, and holds none any more.
    pub fn release(&self) {
        self.holds.borrow_mut().clear();
        self.released.notify_waiters();
    }

    /// Ends all subscriptions, as a restarting engine does.
    pub fn break_connections(&self) {
        self.world.borrow_mut().listeners.clear();
    }

    /// Returns how many calls of a kind there have been.
    pub fn count(&self, kind: CallKind) -> usize {
        self.calls.borrow().get(&kind).copied().unwrap_or(0)
    }

    /// Returns how many calls were under way at the same time, at most.
    pub fn most_at_once(&self) -> usize {
        self.under_way.borrow().most
    }

    /// Returns the names of the containers that run, sorted.
    pub fn running(&self) -> Vec<String> {
        let world = self.world.borrow();
        let running = world.containers.iter().filter(|one| one.seen.state == State::Running);
        let mut names: Vec<_> = running.map(|one| one.seen.name.clone()).collect();
        names.sort();
        names
    }

    /// Returns what a container was created from.
    pub fn body(&self, container: &str) -> Option<ContainerCreateBody> {
        Some(self.world.borrow().find(container)?.body.clone())
    }

    /// Returns the files that were copied into a container.
    pub fn files(&self, container: &str) -> Vec<File> {
        self.world.borrow().find(container).map(|one| one.files.clone()).unwrap_or_default()
    }

    /// Begins a call: counts it, holds it, and fails it if a test said so. Other tasks get their turn.
    async fn begin(&self, kind: CallKind, subject: &str, doing: &str) -> Result<Counted<'_>> {
        let call = self.note(kind, subject);
        let counted = {
            let mut under_way = self.under_way.borrow_mut();
            under_way.now += 1;
            under_way.most = under_way.most.max(under_way.now);
            Counted(self)
        };
        tokio::task::yield_now().await;
        while self.holds.borrow().iter().any(|held| held(&call)) {
            self.released.notified().await;
        }
        self.fault(&call, doing)?;
        Ok(counted)
    }

    fn note(&self, kind: CallKind, subject: &str) -> Call {
        let mut calls = self.calls.borrow_mut();
        let number = calls.entry(kind).or_default();
        *number += 1;
        Call { kind, subject: subject.to_owned(), number: *number }
    }

    fn fault(&self, call: &Call, doing: &str) -> Result<()> {
        let cause = self.faults.borrow().iter().find_map(|fault| fault(call));
        cause.map_or(Ok(()), |cause| Err(EngineError::new(doing, cause)))
    }

    async fn call<T>(
        &self,
        kind: CallKind,
        subject: &str,
        doing: String,
        act: impl FnOnce(&mut World) -> std::result::Result<T, Cause>,
    ) -> Result<T> {
        let _counted = self.begin(kind, subject, &doing).await?;
        act(&mut self.world.borrow_mut()).map_err(|cause| EngineError::new(doing, cause))
    }
}

impl Engine for FakeEngine {
    fn api(&self) -> (u32, u32) {
        (1, 44)
    }

    fn connected(&self) -> Since {
        Since::Earliest
    }

    async fn now(&self) -> Result<Since> {
        Ok(self.connected())
    }

    fn builders(&self) -> Builders {
        Builders { api: self.api(), buildkit: true, buildx: false }
    }

    async fn observe(&self, query: &Query) -> Result<Observed> {
        self.call(CallKind::Observe, &query.project, "list containers".to_owned(), |world| {
            Ok(world.observe(query, (1, 44)))
        })
        .await
    }

    async fn inspect(&self, container: &str) -> Result<Inspection> {
        let doing = format!("look at container {container}");
        self.call(CallKind::Inspect, container, doing, |world| Ok(world.get(container)?.inspection())).await
    }

    async fn origin(&self, container: &str) -> Result<Origin> {
        let doing = format!("look at container {container}");
        self.call(CallKind::Origin, container, doing, |world| {
            Ok(Origin { body: world.get(container)?.body.clone(), ..Origin::default() })
        })
        .await
    }

    async fn pull(&self, image: &str, _platform: Option<&str>, report: &dyn Fn(Progress)) -> Result<ImageId> {
        let doing = format!("pull image {image}");
        report(Progress { text: "Pulling".to_owned(), ..Progress::default() });
        self.call(CallKind::Pull, image, doing, |world| world.pull(image)).await
    }

    async fn digest(&self, image: &str) -> Result<String> {
        let doing = format!("find the digest of image {image}");
        self.call(CallKind::Digest, image, doing, |world| world.digest(image)).await
    }

    async fn build(&self, build: &Build, report: &dyn Fn(Progress)) -> Result<ImageId> {
        let doing = format!("build image {}", build.image);
        report(Progress { current: Some(1), total: Some(1), text: "Step 1/1 : FROM scratch".to_owned() });
        self.call(CallKind::Build, &build.image, doing, |world| {
            let id = world.add_image(&build.image);
            build.tags.iter().for_each(|tag| world.tag(tag, &id));
            world.note_built(&id, &build.labels);
            Ok(id)
        })
        .await
    }

    async fn push(&self, image: &str, report: &dyn Fn(Progress)) -> Result<()> {
        report(Progress { text: "Pushing".to_owned(), ..Progress::default() });
        self.call(CallKind::Push, image, format!("push image {image}"), |world| world.push(image)).await
    }

    async fn create_network(&self, request: &NetworkCreateRequest) -> Result<String> {
        let doing = format!("create network {}", request.name);
        self.call(CallKind::CreateNetwork, &request.name, doing, |world| {
            if world.networks.iter().any(|network| network.name == request.name) {
                let message = format!("network with name {} already exists", request.name);
                return Err(Cause::NameTaken { message });
            }
            let driver = request.driver.clone().unwrap_or_else(|| "bridge".to_owned());
            if driver == "overlay" && world.swarm != Swarm::Manager {
                return Err(Cause::SwarmOff);
            }
            let id = world.new_id();
            let scope = if driver == "overlay" { "swarm" } else { "local" };
            let labels = request.labels.clone().unwrap_or_default().into_iter().collect();
            let (name, request) = (request.name.clone(), request.clone());
            let scope = scope.to_owned();
            world.networks.push(Network { id: id.clone(), name, driver, scope, labels, request });
            Ok(id)
        })
        .await
    }

    async fn remove_network(&self, network: &str) -> Result<()> {
        let doing = format!("remove network {network}");
        self.call(CallKind::RemoveNetwork, network, doing, |world| {
            let id = world.network(network)?.id.clone();
            let joined = |one: &state::Container| one.seen.networks.iter().any(|(_, joined)| *joined == id);
            if world.containers.iter().any(|one| one.seen.state == State::Running && joined(one)) {
                let message = format!("network {network} has active endpoints");
                return Err(Cause::InUse { message });
            }
            world.networks.retain(|one| one.id != id);
            Ok(())
        })
        .await
    }

    async fn create_volume(&self, request: &VolumeCreateRequest) -> Result<()> {
        let name = request.name.clone().unwrap_or_default();
        self.call(CallKind::CreateVolume, &name, format!("create volume {name}"), |world| {
            let driver = request.driver.clone().unwrap_or_else(|| "local".to_owned());
            let labels = request.labels.clone().unwrap_or_default().into_iter().collect();
            let request = request.clone();
            world.add_volume(Volume { name: name.clone(), driver, labels, request });
            Ok(())
        })
        .await
    }

    async fn remove_volume(&self, volume: &str) -> Result<()> {
        self.call(CallKind::RemoveVolume, volume, format!("remove volume {volume}"), |world| {
            world.remove_volume(volume)
        })
        .await
    }

    async fn create_container(
        &self,
        name: &str,
        _platform: Option<&str>,
        body: &ContainerCreateBody,
    ) -> Result<String> {
        self.call(CallKind::CreateContainer, name, format!("create container {name}"), |world| {
            world.create(name, body)
        })
        .await
    }

    async fn connect_network(
        &self,
        network: &str,
        container: &str,
        _endpoint: &EndpointSettings,
    ) -> Result<()> {
        let doing = format!("connect container {container} to network {network}");
        self.call(CallKind::ConnectNetwork, container, doing, |world| {
            let found = world.network(network)?;
            let joined = (found.name.clone(), found.id.clone());
            let container = world.get_mut(container)?;
            if container.seen.networks.contains(&joined) {
                let message = format!("endpoint with name {} already exists", container.seen.name);
                return Err(Cause::NameTaken { message });
            }
            container.seen.networks.push(joined);
            container.seen.networks.sort();
            Ok(())
        })
        .await
    }

    async fn disconnect_network(&self, network: &str, container: &str) -> Result<()> {
        let doing = format!("disconnect container {container} from network {network}");
        self.call(CallKind::DisconnectNetwork, container, doing, |world| {
            let id = world.network(network)?.id.clone();
            world.get_mut(container)?.seen.networks.retain(|(_, joined)| *joined != id);
            Ok(())
        })
        .await
    }

    async fn copy_files(&self, container: &str, files: &[File]) -> Result<()> {
        let doing = format!("copy files into container {container}");
        self.call(CallKind::CopyFiles, container, doing, |world| {
            world.get_mut(container)?.files.extend_from_slice(files);
            Ok(())
        })
        .await
    }

    async fn start(&self, container: &str) -> Result<()> {
        let doing = format!("start container {container}");
        self.call(CallKind::Start, container, doing, |world| world.start(container)).await
    }

    async fn stop(&self, container: &str, _timeout: Option<i32>) -> Result<()> {
        self.call(CallKind::Stop, container, format!("stop container {container}"), |world| {
            world.get(container)?;
            world.end(container, 143);
            Ok(())
        })
        .await
    }

    async fn restart(&self, container: &str, _timeout: Option<i32>) -> Result<()> {
        self.call(CallKind::Restart, container, format!("restart container {container}"), |world| {
            world.restart(container)
        })
        .await
    }

    async fn kill(&self, container: &str, signal: &str) -> Result<()> {
        let doing = format!("kill container {container}");
        self.call(CallKind::Kill, container, doing, |world| world.kill(container, signal)).await
    }

    async fn pause(&self, container: &str) -> Result<()> {
        let doing = format!("pause container {container}");
        self.call(CallKind::Pause, container, doing, |world| world.pause(container)).await
    }

    async fn unpause(&self, container: &str) -> Result<()> {
        let doing = format!("unpause container {container}");
        self.call(CallKind::Unpause, container, doing, |world| world.unpause(container)).await
    }

    async fn exit_code(&self, container: &str) -> Result<i64> {
        self.wait_for_exit(container).await
    }

    async fn removal(&self, container: &str) -> Result<i64> {
        self.wait_for_removal(container).await
    }

    async fn built_images(&self, project: &str) -> Result<Vec<BuiltImage>> {
        let doing = format!("list images of project {project}");
        self.call(CallKind::BuiltImages, project, doing, |world| Ok(world.built_images(project))).await
    }

    async fn nameless_images(&self, project: &str) -> Result<Vec<ImageId>> {
        let doing = format!("list images of project {project}");
        self.call(CallKind::NamelessImages, project, doing, |world| Ok(world.nameless_images(project))).await
    }

    async fn remove_image(&self, image: &str) -> Result<()> {
        let doing = format!("remove image {image}");
        self.call(CallKind::RemoveImage, image, doing, |world| world.remove_image(image)).await
    }

    async fn remove_container(&self, container: &str, volumes: bool) -> Result<()> {
        let doing = format!("remove container {container}");
        self.call(CallKind::RemoveContainer, container, doing, |world| world.remove(container, volumes)).await
    }

    async fn rename(&self, container: &str, to: &str) -> Result<()> {
        let doing = format!("rename container {container} to {to}");
        self.call(CallKind::Rename, container, doing, |world| {
            world.check_name_is_free(to)?;
            let seen = &mut world.get_mut(container)?.seen;
            to.clone_into(&mut seen.name);
            Ok(())
        })
        .await
    }

    async fn run_inside(&self, container: &str, command: &Inside) -> Result<Ran> {
        let words = command.command.join(" ");
        self.call(
            CallKind::RunInside,
            container,
            format!("run `{words}` in container {container}"),
            |world| {
                if world.get(container)?.seen.state != State::Running {
                    let message = format!("Container {container} is not running");
                    return Err(Cause::Other { status: Some(409), message });
                }
                // As in a shell: `exit 3` ends with code 3.
                let code = words.rsplit_once("exit ").and_then(|(_, code)| code.parse().ok()).unwrap_or(0);
                world.write(container, &words);
                Ok(Ran { code, output: vec![words.clone()] })
            },
        )
        .await
    }

    fn logs(&self, container: &str, query: &LogQuery) -> BoxStream<'static, Result<LogLine>> {
        let doing = format!("read the log of container {container}");
        let call = self.note(CallKind::Logs, container);
        let mut world = self.world.borrow_mut();
        let found = self
            .fault(&call, &doing)
            .and_then(|()| world.get_mut(container).map_err(|cause| EngineError::new(&doing, cause)));
        let one = match found {
            Ok(one) => one,
            Err(error) => return stream::iter([Err(error)]).boxed(),
        };
        let tail = query.tail.and_then(|lines| usize::try_from(lines).ok()).unwrap_or(usize::MAX);
        let skipped = one.log.len().saturating_sub(tail);
        let past: Vec<_> = one.log[skipped..].to_vec();
        let timestamps = query.timestamps;
        let (sender, receiver) = mpsc::unbounded_channel();
        // As on a real engine, following a container that does not run ends at once.
        if query.follow && one.seen.state == State::Running {
            one.followers.push(sender);
        }
        stream::iter(past)
            .chain(received(receiver))
            .map(move |(number, text)| {
                let timestamp = timestamps.then(|| state::timestamp(number));
                Ok(LogLine { source: LogSource::Stdout, timestamp, text: text.into_bytes() })
            })
            .boxed()
    }

    fn happenings(&self, scope: &Scope, since: Since) -> BoxStream<'static, Result<Happening>> {
        let call = self.note(CallKind::Happenings, "");
        if let Err(error) = self.fault(&call, "follow the engine's events") {
            return stream::iter([Err(error)]).boxed();
        }
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut world = self.world.borrow_mut();
        world.listeners.push(sender);
        let past: Vec<_> = match since {
            Since::Now => Vec::new(),
            Since::Earliest => world.history.clone(),
            Since::After(time) => world.history.iter().filter(|one| one.time > time).cloned().collect(),
        };
        let scope = scope.clone();
        let wanted = move |one: &Happening| match &scope {
            Scope::Project(project) | Scope::ProjectAndStorage(project) => {
                one.attributes.get(labels::PROJECT) == Some(project)
            }
            Scope::Containers(names) => names.contains(&one.name),
        };
        let wanted = move |one: &Happening| std::future::ready(wanted(one));
        stream::iter(past).chain(received(receiver)).filter(wanted).map(Ok).boxed()
    }

    async fn live(&self, container: &str) -> Result<Live> {
        let doing = format!("look at container {container}");
        self.call(CallKind::Live, container, doing, |world| Ok(world.get(container)?.live())).await
    }

    async fn machine(&self) -> Result<Machine> {
        self.call(CallKind::Machine, "", "look at the engine".to_owned(), |_| Ok(probing::machine())).await
    }

    async fn import_image(&self, name: &str, _files: &[File]) -> Result<()> {
        self.call(CallKind::ImportImage, name, format!("make image {name}"), |world| {
            world.add_image(name);
            Ok(())
        })
        .await
    }

    async fn containers(&self, query: &ContainerQuery) -> Result<Vec<Listed>> {
        let doing = "list containers".to_owned();
        self.call(CallKind::Containers, "", doing, |world| Ok(world.listed(query))).await
    }

    async fn image(&self, image: &str) -> Result<ImageDetails> {
        let doing = format!("look at image {image}");
        self.call(CallKind::Image, image, doing, |world| world.image_details(image)).await
    }

    async fn volumes(&self, project: &str) -> Result<Vec<VolumeDetails>> {
        let doing = "list volumes".to_owned();
        self.call(CallKind::Volumes, project, doing, |world| Ok(world.volume_details(project))).await
    }

    async fn network(&self, network: &str) -> Result<NetworkDetails> {
        let doing = format!("look at network {network}");
        self.call(CallKind::Network, network, doing, |world| world.network_details(network)).await
    }

    async fn processes(&self, container: &str) -> Result<Processes> {
        let doing = format!("list the processes of container {container}");
        self.call(CallKind::Processes, container, doing, |world| world.processes(container)).await
    }

    fn usage(&self, container: &str, follow: bool) -> BoxStream<'static, Result<Usage>> {
        self.look_at_usage(container, follow)
    }

    fn history(&self, query: &HistoryQuery) -> BoxStream<'static, Result<Occurrence>> {
        self.look_at_history(query)
    }
}

fn received<T: Send + 'static>(receiver: mpsc::UnboundedReceiver<T>) -> BoxStream<'static, T> {
    stream::unfold(receiver, |mut receiver| async { Some((receiver.recv().await?, receiver)) }).boxed()
}
