//! `extends`: a service that starts from the definition of another one, of the same file or of another.
//!
//! A chain is followed to its end and merged from there, without recursion, and each definition is completed once.
//! See <https://github.com/compose-spec/compose-spec/blob/main/05-services.md#extends>.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use indexmap::IndexSet;

use super::include::is_remote;
use super::{Loader, Scope, merge};
use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::model::Compose;
use crate::model::attribute::{Attribute, clean};
use crate::model::service::Service;
use crate::source::Span;
use crate::yaml::{Entry, Mapping, Node, Tag, Value};

/// The services of a file that definitions are taken from.
struct Layer {
    /// `None` for the document that is being read.
    path: Option<PathBuf>,
    /// The services, in their long form.
    services: Mapping,
}

/// A service of a layer.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Link {
    layer: usize,
    /// The service's place in the layer.
    service: usize,
}

impl Loader<'_> {
    /// Completes the services of a document that extend others. Services of other documents, and included
    /// ones, cannot be extended.
    pub(super) fn extend(&mut self, document: &mut Node, scope: &Scope) {
        let Value::Map(top) = &mut document.value else { return };
        let Some(Value::Map(services)) = top.get_mut("services").map(|entry| &mut entry.node.value) else {
            return;
        };
        if !services.values().any(|entry| entry.node.get("extends").is_some()) {
            return;
        }
        let mut layers = vec![Layer { path: None, services: std::mem::take(services) }];
        let mut done = HashSet::new();
        for service in 0..layers[0].services.len() {
            self.complete(Link { layer: 0, service }, &mut layers, &mut done, scope);
        }
        *services = layers.swap_remove(0).services;
    }

    /// Follows the chain from a service to the definition that extends no other, and merges it backwards.
    fn complete(&mut self, start: Link, layers: &mut Vec<Layer>, done: &mut HashSet<Link>, scope: &Scope) {
        let mut chain = IndexSet::from([start]);
        let mut last = start;
        while !done.contains(&last)
            && let Some((next, at)) = self.base_of(last, layers, scope)
        {
            if !chain.insert(next) {
                let from = chain.get_index_of(&next).unwrap_or_default();
                let cycle: Vec<Link> = chain.iter().skip(from).copied().collect();
                self.report_cycle(&cycle, at, layers);
                break;
            }
            last = next;
        }
        // The last one extends nothing, or what it extends has been complained of: it then keeps the attribute,
        // so that it is not said to lack an image as well.
        done.extend(&chain);
        let name = layers[start.layer].services.get_index(start.service).map(|(name, _)| name.clone());
        let path = ["services", name.as_deref().unwrap_or_default()];
        let mut base: Option<Node> = None;
        for link in chain.iter().rev() {
            let node = &mut entry_mut(layers, *link).node;
            if let Some(base) = base.take().filter(|base| base.as_map().is_some()) {
                if let Value::Map(attributes) = &mut node.value {
                    attributes.shift_remove("extends");
                }
                let span = node.span;
                let own = std::mem::replace(node, Node::new(Value::Null, span));
                *node = self.merge(base, own, Service::SHAPE, &path);
            }
            if *link != start {
                if let Err(passed) = self.room.take(node, node.span) {
                    self.diagnostics.push(passed.help("extend smaller services, or fewer times"));
                    return;
                }
                let mut copy = node.clone();
                merge::drop_resets(&mut copy);
                forget_tags(&mut copy);
                base = Some(copy);
            }
        }
    }

    /// Returns the service that a service extends, and where that is written.
    fn base_of(&mut self, link: Link, layers: &mut Vec<Layer>, scope: &Scope) -> Option<(Link, Span)> {
        let extends = &entry(layers, link).node.get("extends")?.node;
        let text = |key: &str| {
            let node = &extends.get(key)?.node;
            node.as_text().map(|text| (text.to_owned(), node.span))
        };
        let Some((name, at)) = text("service") else {
            if extends.tag != Tag::Reset {
                self.diagnostics.push(
                    Diagnostic::error(Code::MissingKey, "`extends` does not say which service")
                        .label(extends.span, "`service` is required here")
                        .help("write `extends: { service: NAME }`"),
                );
            }
            return None;
        };
        let layer = match text("file").filter(|(file, _)| !file.is_empty()) {
            None if extends.get("file").is_some_and(|file| !matches!(file.node.value, Value::Null)) => {
                let span = extends.span_of(&["file"]);
                let diagnostic = Diagnostic::error(Code::WrongType, "`extends.file` takes a string");
                self.diagnostics
                    .push(diagnostic.label(span, "this is none").help("write the path of a compose file"));
                return None;
            }
            None => link.layer,
            Some((file, span)) => self.layer_of_file(&file, span, layers, scope)?,
        };
        let services = &layers[layer].services;
        if let Some(service) = services.get_index_of(&name) {
            return Some((Link { layer, service }, at));
        }
        let place = match &layers[layer].path {
            Some(path) => format!("in {}", self.display_name(path)),
            None => "in this file".to_owned(),
        };
        let help = did_you_mean(&name, services.keys().map(String::as_str)).unwrap_or_else(|| match layer {
            0 => "define it here, or name its file: `extends: { file: FILE, service: NAME }`".to_owned(),
            _ => "name a service that the file defines itself".to_owned(),
        });
        self.diagnostics.push(
            Diagnostic::error(Code::UnknownReference, format!("there is no service `{name}` to extend"))
                .label(at, format!("not defined {place}"))
                .help(help),
        );
        None
    }

    /// Reads a file that a definition is taken from, or finds it among those that were read for this document.
    fn layer_of_file(
        &mut self,
        file: &str,
        at: Span,
        layers: &mut Vec<Layer>,
        scope: &Scope,
    ) -> Option<usize> {
        if is_remote(file) {
            self.diagnostics.push(
                Diagnostic::error(
                    Code::UnsupportedAttribute,
                    format!("`{file}` cannot be extended from: it is remote"),
                )
                .label(at, "only local files are read")
                .help("fetch it first, and name the local copy"),
            );
            return None;
        }
        let path = PathBuf::from(clean(&self.sources.base(at).join(file)));
        if let Some(known) = layers.iter().position(|layer| layer.path.as_ref() == Some(&path)) {
            return Some(known);
        }
        let base = path.parent().unwrap_or(Path::new("/")).to_path_buf();
        let mut merged = Node::map([], at);
        for document in self.read_documents(&path, &base, Some(at))? {
            let document = self.long_form(document, &scope.environment);
            merged = self.merge(merged, document, Compose::SHAPE, &[]);
        }
        let services = match merged.value {
            Value::Map(mut top) => top.shift_remove("services").map(|entry| entry.node.value),
            _ => None,
        };
        let services = if let Some(Value::Map(services)) = services { services } else { Mapping::new() };
        layers.push(Layer { path: Some(path), services });
        Some(layers.len() - 1)
    }

    /// Shows a cycle as a path: each edge has its own label.
    fn report_cycle(&mut self, cycle: &[Link], closing: Span, layers: &[Layer]) {
        let name =
            |link: &Link| layers[link.layer].services.get_index(link.service).map_or("", |(name, _)| name);
        let mut path: Vec<&str> = cycle.iter().map(name).collect();
        path.extend(cycle.first().map(name));
        let mut diagnostic = Diagnostic::error(
            Code::ExtendsCycle,
            format!("services extend each other: {}", path.join(" -> ")),
        );
        let mut targets: HashMap<usize, Span> = HashMap::new();
        for (at, link) in cycle.iter().enumerate() {
            let span = entry(layers, *link).node.span_of(&["extends", "service"]);
            targets.insert(at, if at + 1 == cycle.len() { closing } else { span });
        }
        for at in (0..cycle.len()).rev().take(1).chain(0..cycle.len().saturating_sub(1)) {
            let text = format!("`{}` extends `{}` here", path[at], path[at + 1]);
            diagnostic = diagnostic.label(targets[&at], text);
        }
        self.diagnostics
            .push(diagnostic.help("remove one `extends`, or move what they share into a service of its own"));
    }
}

fn entry(layers: &[Layer], link: Link) -> &Entry {
    &layers[link.layer].services[link.service]
}

fn entry_mut(layers: &mut [Layer], link: Link) -> &mut Entry {
    &mut layers[link.layer].services[link.service]
}

/// What a definition says to its own earlier files is not said again by those who extend it.
pub(super) fn forget_tags(node: &mut Node) {
    node.tag = Tag::None;
    match &mut node.value {
        Value::Map(map) => map.values_mut().for_each(|entry| forget_tags(&mut entry.node)),
        Value::List(list) => list.iter_mut().for_each(forget_tags),
        _ => {}
    }
}
