//! What an export cannot keep: the report that all parts write to, and what is lost by its row of `model::registry`.

use std::collections::{BTreeSet, HashMap};

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::network::Network;
use crate::model::registry::{Given, Kubernetes};
use crate::model::service::CgroupNamespace;
use crate::project::Project;
use crate::source::SourceMap;

use super::Scope;
use super::uses::uses_of;

/// The options of bridges that say who gets through, which policies do in their place.
const KEPT_OPTIONS: [&str; 3] = [
    "com.docker.network.bridge.enable_icc",
    "com.docker.network.bridge.enable_ip_masquerade",
    "com.docker.network.bridge.gateway_mode_ipv4",
];

/// Something that is lost, or expressed only nearly.
#[derive(Clone, Debug, PartialEq)]
pub struct Loss {
    /// The way to it in the file, such as `services.web.mac_address`.
    pub key: String,
    /// What is said of it, at its place.
    pub diagnostic: Diagnostic,
}

impl Loss {
    /// Returns it as an entry of a report: key, file, line and column, what becomes of it, why, and what to do.
    pub fn to_json(&self, sources: &SourceMap) -> serde_json::Value {
        let Self { key, diagnostic } = self;
        let place = diagnostic.labels.first().and_then(|label| sources.locate(label.span));
        serde_json::json!({
            "key": key,
            "file": place.as_ref().map(|place| place.file),
            "line": place.as_ref().map(|place| place.line),
            "column": place.as_ref().map(|place| place.column),
            "outcome": if diagnostic.code == Code::ExportLost { "lost" } else { "approximated" },
            "reason": diagnostic.message,
            "help": diagnostic.help,
        })
    }
}

/// Collects what is approximated or lost, each at its place in the file, and what else there is to know.
pub(super) struct Report<'a> {
    project: &'a Project,
    losses: Vec<Loss>,
    notes: BTreeSet<String>,
}

impl<'a> Report<'a> {
    pub(super) fn new(project: &'a Project) -> Self {
        Self { project, losses: Vec::new(), notes: BTreeSet::new() }
    }

    /// Says that something has no equivalent.
    pub(super) fn lost(&mut self, path: &[&str], message: impl Into<String>, help: impl Into<String>) {
        self.warn(Code::ExportLost, path, message, "this is lost", help);
    }

    /// Says that something is expressed, but not quite as Docker has it.
    pub(super) fn approximated(
        &mut self,
        path: &[&str],
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.warn(Code::ExportApproximated, path, message, "this is only nearly the same", help);
    }

    fn warn(
        &mut self,
        code: Code,
        path: &[&str],
        message: impl Into<String>,
        label: &str,
        help: impl Into<String>,
    ) {
        let span = self.project.span(path);
        self.push(path.join("."), Diagnostic::warning(code, message).label(span, label).help(help));
    }

    pub(super) fn push(&mut self, key: String, diagnostic: Diagnostic) {
        self.losses.push(Loss { key, diagnostic });
    }

    /// Says what a user should know of the manifests as a whole. It is no loss.
    pub(super) fn note(&mut self, note: impl Into<String>) {
        self.notes.insert(note.into());
    }

    /// Returns the losses in the order of the file, each once, and the notes.
    pub(super) fn finish(self) -> (Vec<Loss>, Diagnostics, Vec<String>) {
        let mut diagnostics = Diagnostics::default();
        self.losses.iter().for_each(|loss| diagnostics.push(loss.diagnostic.clone()));
        let mut keys: HashMap<&Diagnostic, &str> = HashMap::new();
        for loss in &self.losses {
            keys.entry(&loss.diagnostic).or_insert(&loss.key);
        }
        let key_of = |one: &Diagnostic| keys.get(one).copied().unwrap_or_default().to_owned();
        let losses = diagnostics.sorted().into_iter();
        let losses = losses.map(|one| Loss { key: key_of(one), diagnostic: one.clone() }).collect();
        (losses, diagnostics, self.notes.into_iter().collect())
    }
}

/// Reports what has no equivalent: whatever its value where its row says so, and the rest of what nothing is made of.
/// The parts that translate the others report what they cannot keep.
pub(super) fn report(scope: &mut Scope<'_>) {
    let (project, report) = (scope.project, &mut scope.report);
    project.each_given(&mut |Given { row, place, span, node, .. }| {
        let Kubernetes::Lost(help) = row.kubernetes else { return };
        let message = format!("`{place}` has no equivalent in Kubernetes");
        let mut diagnostic =
            Diagnostic::warning(Code::ExportLost, message).label(span, "this is lost").help(help);
        if let (true, Some(address)) = (row.path.ends_with("_address"), node.as_text()) {
            for used in uses_of(project, address) {
                diagnostic = diagnostic.label(used, "this address will not exist");
            }
        }
        report.push(place.to_string(), diagnostic);
    });
    for (name, service) in &project.services {
        if service.cgroup == Some(CgroupNamespace::Host) {
            let message = format!("`services.{name}.cgroup: host` has no equivalent in Kubernetes");
            let help = "leave it out: pods have a namespace of their own";
            report.lost(&["services", name, "cgroup"], message, help);
        }
    }
    for (key, network) in &project.networks {
        report_network(report, key, network);
    }
}

fn report_network(report: &mut Report<'_>, key: &str, network: &Network) {
    match network.driver.as_deref() {
        // Whoever is on the host's own network, or on none, says so.
        None | Some("" | "bridge" | "overlay" | "host" | "none" | "null") => {}
        Some(driver) => {
            let message =
                format!("network `{key}` of driver `{driver}` is exported as a network of the cluster");
            let help =
                "pods are not in the host's own network: publish the ports that are needed from outside";
            report.approximated(&["networks", key, "driver"], message, help);
        }
    }
    for option in network.driver_opts.0.keys() {
        let is_bridge = matches!(network.driver.as_deref(), None | Some("" | "bridge"));
        if !(is_bridge && KEPT_OPTIONS.contains(&option.as_str())) {
            let message = format!("`networks.{key}.driver_opts.{option}` has no equivalent in Kubernetes");
            let help = "leave it out: the cluster has one network for all pods";
            report.lost(&["networks", key, "driver_opts", option], message, help);
        }
    }
    if network.enable_ipv4 == Some(false) {
        let message = format!("`networks.{key}.enable_ipv4: false` has no equivalent in Kubernetes");
        let help = "choose the cluster's address families";
        report.lost(&["networks", key, "enable_ipv4"], message, help);
    }
}
