//! What the commands that list share: formats, the engine's clock, checks of names.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use topo::diagnostic::did_you_mean;
use topo::engine::{Engine, Since};
use topo::listing::containers::View;
use topo::listing::{Format, Layout, Row};
use topo::load::World as _;
use topo::project::Project;

use super::{Context, Exit};

/// The help of `--format`, in the words of docker compose.
pub(crate) const FORMAT_HELP: &str = "Output format: `table`, `table TEMPLATE`, `json`, or a Go template
such as `{{.Name}}: {{.Status}}`; see https://docs.docker.com/go/formatting/";

/// How a list without templates is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Form {
    /// For people.
    #[default]
    Table,
    /// For programs.
    Json,
}

impl Context {
    /// Parses a `--format`; where there is none, docker's own setting of that name counts. `None` ends the command.
    pub(crate) fn format(&self, given: Option<&str>, setting: &str, layout: &Layout) -> Option<Format> {
        let set = || self.docker_settings().remove(setting)?.as_str().map(str::to_owned);
        let text = given.filter(|text| !text.is_empty()).map(str::to_owned).or_else(set).unwrap_or_default();
        let parsed = Format::parse(&text, layout);
        parsed.map_err(|wrong| self.wrong_template(&wrong)).ok()
    }

    /// Prints rows as a format says. A terminal may be too narrow for all columns, unless they are to stay `whole`.
    pub(crate) fn list(&self, format: &Format, rows: &[Row], whole: bool) -> Exit {
        match format.write(rows, self.ui.width().filter(|_| !whole)) {
            Ok(text) => {
                self.ui.data(&text);
                Exit::Success
            }
            Err(wrong) => {
                self.wrong_template(&wrong);
                Exit::Failure
            }
        }
    }

    pub(crate) fn wrong_template(&self, wrong: &str) {
        self.ui.error(&format!("`--format` is no template that can be used: {wrong}"));
    }

    /// Parses a `--format` of `table` or `json`. `None` ends the command.
    pub(crate) fn form(&self, given: &str) -> Option<Form> {
        match given.to_ascii_lowercase().as_str() {
            "" | "table" | "pretty" => Some(Form::Table),
            "json" => Some(Form::Json),
            _ => {
                self.ui.error(&format!("`--format` takes `table` or `json`, not `{given}`"));
                None
            }
        }
    }

    /// Returns the settings in docker's `config.json`; none if it cannot be read.
    fn docker_settings(&self) -> BTreeMap<String, serde_json::Value> {
        let directory = self.world.var("DOCKER_CONFIG").filter(|path| !path.is_empty()).map(Into::into);
        let directory = directory.or_else(|| Some(self.world.home()?.join(".docker")));
        let text = directory.and_then(|directory| self.world.read(&directory.join("config.json")).ok());
        text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
    }

    /// Checks that a project has these services. Without its file, any may be there.
    pub(crate) fn has_services(&self, project: Option<&Project>, services: &[String]) -> bool {
        let Some(project) = project else { return true };
        let known =
            |name: &String| project.services.contains_key(name) || project.disabled.contains_key(name);
        let unknown = services.iter().find(|name| !known(name));
        if let Some(unknown) = unknown {
            self.ui.error(&format!("there is no service `{unknown}` in project `{}`", project.name));
            let names = project.services.keys().chain(project.disabled.keys()).map(String::as_str);
            if let Some(help) = did_you_mean(unknown, names) {
                self.ui.help(&help);
            }
        }
        unknown.is_none()
    }
}

/// Returns how the reader sees what the engine says now.
pub(crate) fn view(engine: &impl Engine, whole: bool) -> View {
    View { now: now(engine), zone: TimeZone::system(), whole }
}

/// Returns the present time in seconds since 1970, by the engine's clock: what it says is compared with that.
pub(crate) fn now(engine: &impl Engine) -> i64 {
    match engine.connected() {
        Since::After(nanoseconds) => nanoseconds / 1_000_000_000,
        Since::Now | Since::Earliest => jiff::Timestamp::now().as_second(),
    }
}
