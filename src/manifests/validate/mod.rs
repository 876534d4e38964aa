//! What is wrong with manifests, without a cluster: what schemas say, and what they do not.
//!
//! Everything that the API server would refuse is an error. What may be in the cluster already, such as a Secret that
//! the files do not have, is a warning.

mod forms;
mod kinds;
mod objects;
mod pod_security;
mod pods;
mod references;
mod rules;
mod walk;

use crate::diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean};
use crate::source::Span;
use crate::yaml::{Node, Value};

use forms::{ANY_NAME, CRON_JOB, Form, LABEL, SERVICE, SUBDOMAIN};
use walk::Typed;

/// Checks the documents of manifests, which may be of several files.
pub fn validate(documents: &[Node], diagnostics: &mut Diagnostics) {
    let mut objects = Vec::new();
    // Templates that make nothing leave a document with nothing in it.
    for document in documents.iter().filter(|document| document.value != Value::Null) {
        add(document, &mut objects, diagnostics);
    }
    references::check(&objects, diagnostics);
    pod_security::check(&objects, diagnostics);
}

/// An object, and the types of what is in it.
struct Object<'n> {
    kind: &'n str,
    name: &'n str,
    namespace: &'n str,
    node: &'n Node,
    /// Outer ones first.
    typed: Vec<Typed<'n>>,
}

impl<'n> Object<'n> {
    /// How messages call it.
    fn title(&self) -> String {
        format!("{}/{}", self.kind, self.name)
    }

    /// Returns the mappings of a type.
    fn of_type(&self, name: &'static str) -> impl Iterator<Item = &Typed<'n>> {
        self.typed.iter().filter(move |typed| typed.name == name)
    }
}

/// Collects what is wrong with one object.
struct Findings<'a> {
    /// How messages call the object.
    title: String,
    diagnostics: &'a mut Diagnostics,
}

impl Findings<'_> {
    fn push(&mut self, diagnostic: Diagnostic) {
        let message = format!("{}: {}", self.title, diagnostic.message);
        self.diagnostics.push(Diagnostic { message, ..diagnostic });
    }

    fn error(
        &mut self,
        code: Code,
        span: Span,
        message: &str,
        label: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(Diagnostic::error(code, message).label(span, label).help(help));
    }

    fn warning(
        &mut self,
        code: Code,
        span: Span,
        message: &str,
        label: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(Diagnostic::warning(code, message).label(span, label).help(help));
    }

    /// Checks that text at `path` has a form.
    fn form(&mut self, form: &Form, text: &str, span: Span, path: &str) {
        if !(form.holds)(text) {
            let message = format!("`{path}` cannot be `{text}`");
            self.error(Code::InvalidValue, span, &message, format!("this is not {}", form.what), form.help);
        }
    }

    fn repeated(&mut self, span: Span, first: Span, message: &str, help: &str) {
        let diagnostic = Diagnostic::error(Code::DuplicateKey, message);
        self.push(diagnostic.label(span, "again here").label(first, "first here").help(help));
    }

    fn conflict(&mut self, span: Span, other: Span, message: &str, help: &str) {
        let diagnostic = Diagnostic::error(Code::Conflict, message);
        self.push(diagnostic.label(span, "this excludes the other").label(other, "the other").help(help));
    }

    /// Returns where to point for what is not there: the first key of a mapping.
    #[expect(clippy::unused_self, reason = "all places are found through it")]
    fn start_of(&self, node: &Node) -> Span {
        let first = node.as_map().and_then(|map| map.values().next());
        first.map_or(node.span, |entry| entry.key)
    }
}

fn text<'n>(node: &'n Node, path: &[&str]) -> &'n str {
    node.at(path).and_then(Node::as_text).unwrap_or_default()
}

/// Adds an object, or the items of a list of them.
fn add<'n>(node: &'n Node, objects: &mut Vec<Object<'n>>, diagnostics: &mut Diagnostics) {
    let (version, kind) = (text(node, &["apiVersion"]), text(node, &["kind"]));
    if version == "v1" && kind == "List" {
        for item in node.get("items").and_then(|entry| entry.node.as_list()).unwrap_or_default() {
            add(item, objects, diagnostics);
        }
        return;
    }
    let namespace = Some(text(node, &["metadata", "namespace"])).filter(|namespace| !namespace.is_empty());
    let name = text(node, &["metadata", "name"]);
    let namespace = namespace.unwrap_or("default");
    let mut object = Object { kind, name, namespace, node, typed: Vec::new() };
    let title = if kind.is_empty() { "object".to_owned() } else { object.title() };
    let mut findings = Findings { title, diagnostics };
    if node.as_map().is_none() {
        let label = format!("this is {}", node.kind());
        findings.error(
            Code::WrongType,
            node.span,
            "an object is a mapping",
            label,
            "begin with `apiVersion:`",
        );
        return;
    }
    for field in ["apiVersion", "kind"] {
        if text(node, &[field]).is_empty() {
            let span = node.get(field).map_or(findings.start_of(node), |entry| entry.key);
            let help = format!("add `{field}`");
            findings.error(
                Code::MissingKey,
                span,
                &format!("the object lacks `{field}`"),
                "it is required here",
                help,
            );
        }
    }
    if version.is_empty() || kind.is_empty() {
        return;
    }
    if !kinds::hold(version, kind, node, &mut object.typed, &mut findings) {
        report_unknown(version, kind, node, &mut findings);
    }
    check_name(&object, &mut findings);
    for typed in &object.typed {
        rules::check(typed, &mut findings);
    }
    objects::check(&object, &mut findings);
    pods::check(&object, &mut findings);
    objects.push(object);
}

fn report_unknown(version: &str, kind: &str, node: &Node, findings: &mut Findings<'_>) {
    let span = |field: &str| node.get(field).map_or(node.span, |entry| entry.node.span);
    if let Some((release, new)) = kinds::removed(version, kind) {
        let message = format!("`{version}` of {kind} is served no more since Kubernetes {release}");
        let help = format!("write `apiVersion: {new}`, and the fields that it has");
        findings.error(Code::InvalidValue, span("apiVersion"), &message, "this version is gone", help);
        return;
    }
    // A kind of another group is a custom resource, of whose type nothing is known here.
    if !kinds::is_own(version) {
        return;
    }
    let elsewhere = kinds::KINDS.iter().find(|(_, kinds)| kinds.contains(&kind));
    let known = kinds::KINDS.iter().find(|(known, _)| *known == version);
    match (elsewhere, known) {
        (Some((right, _)), _) => {
            let message = format!("{kind} is not of `{version}`");
            let help = format!("write `apiVersion: {right}`");
            findings.error(Code::InvalidValue, span("apiVersion"), &message, "another version has it", help);
        }
        (None, Some((_, kinds))) if did_you_mean(kind, kinds.iter().copied()).is_some() => {
            let help = did_you_mean(kind, kinds.iter().copied()).unwrap_or_default();
            let message = format!("`{version}` has no kind `{kind}`");
            findings.error(Code::InvalidValue, span("kind"), &message, "there is no such kind", help);
        }
        // Rare kinds are taken as they are; what a cluster would say of them is not known.
        _ => findings.warning(
            Code::InvalidValue,
            span("kind"),
            &format!("`{kind}` of `{version}` is not checked"),
            "this kind is not known",
            "compare it with the reference of the API",
        ),
    }
}

fn check_name(object: &Object<'_>, findings: &mut Findings<'_>) {
    let Object { kind, name, node, .. } = object;
    let is_generated = !text(node, &["metadata", "generateName"]).is_empty();
    // What kustomize reads is no object of a cluster.
    let is_of_kustomize = text(node, &["apiVersion"]).starts_with("kustomize.config.k8s.io/");
    let Some(entry) = node.get("metadata").and_then(|entry| entry.node.get("name")) else {
        if !is_generated && !is_of_kustomize {
            let span = node.get("metadata").map_or(findings.start_of(node), |entry| entry.key);
            findings.error(
                Code::MissingKey,
                span,
                "`metadata` lacks `name`",
                "it is required here",
                "add `name`",
            );
        }
        return;
    };
    let form = match *kind {
        "Service" => &SERVICE,
        "Namespace" => &LABEL,
        "CronJob" => &CRON_JOB,
        "Role" | "RoleBinding" | "ClusterRole" | "ClusterRoleBinding" => &ANY_NAME,
        _ => &SUBDOMAIN,
    };
    if entry.node.as_text().is_some() {
        findings.form(form, name, entry.node.span, "metadata.name");
    }
}
