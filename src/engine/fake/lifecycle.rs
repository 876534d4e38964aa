//! Calls of the engine in memory on running containers, and on images that were built for a project.

use std::collections::BTreeMap;

use super::state::{World, complete};
use super::{CallKind, FakeEngine};
use crate::engine::{Action, Cause, Engine as _, Result, Scope, Since};
use crate::observed::{ImageId, State};
use crate::plan::images::BuiltImage;
use crate::plan::labels;

use futures_util::StreamExt as _;

impl FakeEngine {
    pub(super) async fn wait_for_exit(&self, container: &str) -> Result<i64> {
        let doing = format!("wait for container {container} to end");
        let look = async || {
            self.call(CallKind::ExitCode, container, doing.clone(), |world| {
                let seen = &world.get(container)?.seen;
                Ok((seen.name.clone(), seen.state))
            })
            .await
        };
        let (name, _) = look().await?;
        let mut happenings = self.happenings(&Scope::Containers(vec![name]), Since::Now);
        loop {
            match look().await?.1 {
                State::Exited(code) => return Ok(code.unwrap_or_default()),
                State::Created => return Ok(0),
                _ => {}
            }
            happenings.next().await;
        }
    }

    pub(super) async fn wait_for_removal(&self, container: &str) -> Result<i64> {
        let doing = format!("wait for container {container} to be removed");
        let look = |world: &mut World| Ok(world.get(container)?.seen.name.clone());
        let name = self.call(CallKind::ExitCode, container, doing, look).await?;
        let mut happenings = self.happenings(&Scope::Containers(vec![name]), Since::Now);
        let mut code = 0;
        while let Some(happening) = happenings.next().await {
            match happening?.action {
                Action::Die(ended) => code = ended,
                Action::Destroy => break,
                _ => {}
            }
        }
        Ok(code)
    }
}

impl World {
    pub(super) fn restart(&mut self, container: &str) -> std::result::Result<(), Cause> {
        self.get(container)?;
        self.end(container, 143);
        self.start(container)
    }

    pub(super) fn kill(&mut self, container: &str, signal: &str) -> std::result::Result<(), Cause> {
        let (id, state) = self.identity(container)?;
        let name = signal.trim_start_matches("SIG");
        let code = match name {
            "KILL" | "9" => Some(137),
            "TERM" | "15" => Some(143),
            "INT" | "2" => Some(130),
            "HUP" | "1" | "USR1" | "10" | "USR2" | "12" | "WINCH" | "28" => None,
            _ => return Err(refused(400, format!("Invalid signal: {signal}"))),
        };
        if !matches!(state, State::Running | State::Paused) {
            return Err(refused(409, format!("Container {id} is not running")));
        }
        self.happen(&id, Action::Other("kill".to_owned()));
        if let Some(code) = code {
            self.end(&id, code);
        }
        Ok(())
    }

    pub(super) fn pause(&mut self, container: &str) -> std::result::Result<(), Cause> {
        match self.identity(container)? {
            (id, State::Running) => self.suspend(&id, State::Paused, "pause"),
            (id, State::Paused) => Err(refused(409, format!("Container {id} is already paused"))),
            (id, _) => Err(refused(409, format!("Container {id} is not running"))),
        }
    }

    pub(super) fn unpause(&mut self, container: &str) -> std::result::Result<(), Cause> {
        match self.identity(container)? {
            (id, State::Paused) => self.suspend(&id, State::Running, "unpause"),
            (id, _) => Err(refused(500, format!("Container {id} is not paused"))),
        }
    }

    fn identity(&self, container: &str) -> std::result::Result<(String, State), Cause> {
        let seen = &self.get(container)?.seen;
        Ok((seen.id.clone(), seen.state))
    }

    fn suspend(&mut self, id: &str, state: State, action: &str) -> std::result::Result<(), Cause> {
        let one = self.get_mut(id)?;
        one.seen.state = state;
        one.describe();
        self.happen(id, Action::Other(action.to_owned()));
        Ok(())
    }

    /// Keeps for which project an image was built.
    pub(super) fn note_built(&mut self, id: &str, own: &BTreeMap<String, String>) {
        let label = |name: &str| own.get(name).cloned().unwrap_or_default();
        self.built.insert(id.to_owned(), (label(labels::PROJECT), label(labels::SERVICE)));
    }

    pub(super) fn built_images(&self, project: &str) -> Vec<BuiltImage> {
        let of_project = |(name, id): (&String, &String)| {
            let (own, service) = self.built.get(id)?;
            let name = name.trim_start_matches("docker.io/").trim_start_matches("library/").to_owned();
            (own == project).then(|| BuiltImage { name, service: service.clone() })
        };
        self.images.iter().filter_map(of_project).collect()
    }

    pub(super) fn nameless_images(&self, project: &str) -> Vec<ImageId> {
        let of_project = self.built.iter().filter(|(_, (own, _))| own == project);
        let ids = of_project.map(|(id, _)| id.clone());
        ids.filter(|id| !self.images.values().any(|named| named == id)).collect()
    }

    pub(super) fn remove_image(&mut self, image: &str) -> std::result::Result<(), Cause> {
        let nameless = self.image(image).is_none() && self.built.contains_key(image);
        let id = self.image(image).cloned().or_else(|| nameless.then(|| image.to_owned()));
        let id = id.ok_or_else(|| Cause::NotFound { message: format!("No such image: {image}") })?;
        let is_last = self.images.values().filter(|other| **other == id).count() <= 1;
        if is_last && self.containers.iter().any(|one| one.seen.image == id) {
            let message = format!("conflict: unable to remove repository reference \"{image}\"");
            return Err(Cause::InUse { message });
        }
        self.images.remove(&complete(image));
        if nameless {
            self.built.remove(image);
        }
        Ok(())
    }
}

fn refused(status: u16, message: String) -> Cause {
    Cause::Other { status: Some(status), message }
}
