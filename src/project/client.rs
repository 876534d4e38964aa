//! What docker's client adds to the file by its own settings: a platform and proxies for all that does not name any.

use std::collections::BTreeMap;

use super::Project;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::service::Service;
use crate::source::Span;

/// The variable that names the platform.
pub const DEFAULT_PLATFORM: &str = "DOCKER_DEFAULT_PLATFORM";

/// The settings of docker's client that containers and builds get. None is part of the file, so that `config` does
/// not print them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// `DOCKER_DEFAULT_PLATFORM`: `os[/arch[/variant]]` of the services that have no `platform`.
    pub platform: Option<String>,
    /// `proxies` of `config.json`, as variables with names in capitals: `HTTP_PROXY`.
    pub proxies: BTreeMap<String, String>,
}

impl Client {
    /// Returns the variables of a container besides its service's. Programs look for either spelling, so there are
    /// both.
    pub fn variables(&self) -> BTreeMap<String, String> {
        let both = |(name, value): (&String, &String)| {
            [(name.clone(), value.clone()), (name.to_lowercase(), value.clone())]
        };
        self.proxies.iter().flat_map(both).collect()
    }
}

impl Project {
    /// Returns the platform that a service runs on; the engine's own if `None`.
    pub fn platform_of(&self, service: &Service) -> Option<String> {
        service.platform.clone().or_else(|| self.client.platform.clone())
    }

    /// Reports a default platform that is none, or that a service is not built for. `place` is where it is set, if
    /// that is in a file.
    pub fn check_client(&self, place: Option<Span>, diagnostics: &mut Diagnostics) {
        let Some(platform) = &self.client.platform else { return };
        let at_its_place = |diagnostic: Diagnostic| match place {
            Some(place) => diagnostic.label(place, "it is set here"),
            None => diagnostic,
        };
        if !is_platform(platform) {
            let message = format!("{DEFAULT_PLATFORM} names no platform: `{platform}`");
            let help = "write os[/arch[/variant]], such as linux/amd64";
            diagnostics.push(at_its_place(Diagnostic::error(Code::InvalidValue, message)).help(help));
            return;
        }
        for (name, service) in &self.services {
            let Some(build) = service.build.as_ref().filter(|_| service.platform.is_none()) else { continue };
            if build.platforms.0.is_empty() || build.platforms.0.contains(platform) {
                continue;
            }
            let message =
                format!("service `{name}` is not built for `{platform}`, which {DEFAULT_PLATFORM} asks for");
            let span = self.span(&["services", name, "build", "platforms"]);
            let diagnostic =
                Diagnostic::error(Code::Conflict, message).label(span, "it is built for these platforms");
            diagnostics.push(
                at_its_place(diagnostic)
                    .help("add the platform, or give the service a `platform` of its own"),
            );
        }
    }
}

/// Returns whether it is `os[/arch[/variant]]`; a single word must be a known system or architecture.
pub(crate) fn is_platform(text: &str) -> bool {
    let parts: Vec<&str> = text.split('/').collect();
    let holds = |part: &&str| {
        let known = |one: char| one.is_ascii_alphanumeric() || "_.-".contains(one);
        !part.is_empty() && part.chars().all(known)
    };
    let is_known = |word: &str| {
        const KNOWN: [&str; 24] = [
            "linux", "windows", "darwin", "freebsd", "netbsd", "openbsd", "wasi", "amd64", "x86_64",
            "x86-64", "386", "i386", "arm64", "aarch64", "arm", "armhf", "armel", "ppc64le", "ppc64",
            "s390x", "riscv64", "mips64", "mips64le", "wasm",
        ];
        KNOWN.contains(&word.to_ascii_lowercase().as_str())
    };
    parts.len() <= 3 && parts.iter().all(holds) && (parts.len() > 1 || is_known(parts[0]))
}
