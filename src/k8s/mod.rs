//! Room 7: a project as Kubernetes objects that behave the same, and what of it could not be kept.
//!
//! Pure: it reads no file, asks no cluster, and gives the same bytes for the same project.

mod container;
mod files;
mod loss;
mod names;
mod network;
mod placement;
mod pod;
mod policy;
mod ports;
mod resources;
mod security;
mod storage;
mod workload;

use std::collections::BTreeMap;

use k8s_openapi::Metadata;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, PersistentVolumeClaim, Secret, Service};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use serde::{Serialize, Serializer};

use crate::diagnostic::Diagnostics;
use crate::project::{Contents, Project};
use crate::yaml::{self, WriteError};

use loss::Report;
use names::Names;
use network::Owners;
use storage::Users;

/// The label of all objects of a project.
const PART_OF: &str = "app.kubernetes.io/part-of";
/// The label that tells the services of a project apart.
const NAME: &str = "app.kubernetes.io/name";
/// The label that says who made an object.
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// What the user chooses about an export.
#[derive(Clone, Debug)]
pub struct Options {
    /// The namespace. Default: the project's name.
    pub namespace: Option<String>,
    /// How published ports are reached from outside of the cluster.
    pub published: Published,
    /// What becomes of secrets.
    pub secrets: Secrets,
    /// What volumes ask for, since compose's volumes have no size: a quantity such as `1Gi`.
    pub volume_size: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            namespace: None,
            published: Published::LoadBalancer,
            secrets: Secrets::Manifest,
            volume_size: "1Gi".to_owned(),
        }
    }
}

/// How published ports are reached from outside of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// By a load balancer of the cluster, on the ports that the file names.
    LoadBalancer,
    /// On a port of each node, from 30000 to 32767.
    NodePort,
}

/// What becomes of secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// They are written into the manifests.
    Manifest,
    /// They are expected in the cluster, under the name of the secret and with its key.
    External,
}

/// The objects, and what there is to say about them.
#[derive(Debug)]
pub struct Export {
    /// The objects in the order in which they are applied, those of one kind by name.
    pub objects: Vec<Object>,
    /// What was approximated or lost. All of them are warnings.
    pub diagnostics: Diagnostics,
}

impl Export {
    /// Writes all objects as one stream of documents.
    pub fn to_stream(&self) -> Result<String, WriteError> {
        let documents: Result<Vec<String>, _> = self.objects.iter().map(Object::to_yaml).collect();
        Ok(documents?.join("---\n"))
    }

    /// Writes each object as a file: its name and its text.
    pub fn to_files(&self) -> Result<Vec<(String, String)>, WriteError> {
        self.objects.iter().map(|object| Ok((object.file_name(), object.to_yaml()?))).collect()
    }
}

macro_rules! objects {
    ($($(#[doc = $doc:literal])+ $kind:ident,)+) => {
        /// A Kubernetes object of one of the kinds that an export has.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Object {
            $($(#[doc = $doc])+ $kind(Box<$kind>),)+
        }

        $(impl From<$kind> for Object {
            fn from(object: $kind) -> Self {
                Self::$kind(Box::new(object))
            }
        })+

        impl Object {
            /// Returns the kind, such as `Deployment`.
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$kind(_) => stringify!($kind),)+ }
            }

            fn metadata(&self) -> &ObjectMeta {
                match self { $(Self::$kind(object) => object.metadata(),)+ }
            }
        }

        impl Serialize for Object {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self { $(Self::$kind(object) => object.serialize(serializer),)+ }
            }
        }
    };
}

objects! {
    /// The namespace that all others are in.
    Namespace,
    /// A config.
    ConfigMap,
    /// A secret.
    Secret,
    /// A volume.
    PersistentVolumeClaim,
    /// A name in DNS, or the published ports of a service.
    Service,
    /// A service whose containers are alike.
    Deployment,
    /// A service whose containers keep storage of their own.
    StatefulSet,
    /// A service with one container on each node.
    DaemonSet,
    /// A service that ends.
    Job,
    /// Who may talk to whom.
    NetworkPolicy,
}

impl Object {
    /// Returns the name.
    pub fn name(&self) -> &str {
        self.metadata().name.as_deref().unwrap_or_default()
    }

    /// Returns the name of the file that it is written to: `<kind>-<name>.yaml`.
    pub fn file_name(&self) -> String {
        format!("{}-{}.yaml", self.kind().to_ascii_lowercase(), self.name())
    }

    /// Returns it as JSON.
    pub fn to_json(&self) -> Result<serde_json::Value, WriteError> {
        serde_json::to_value(self).map_err(<WriteError as serde::ser::Error>::custom)
    }

    /// Writes it as a YAML document.
    pub fn to_yaml(&self) -> Result<String, WriteError> {
        yaml::to_string(&names_first(self.to_json()?))
    }
}

/// Brings what tells objects and list items apart to the front, where people look for it.
fn names_first(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(names_first).collect()),
        Value::Object(mut fields) => {
            let mut ordered = serde_json::Map::new();
            for key in ["apiVersion", "kind", "metadata", "name", "namespace", "image"] {
                ordered.extend(fields.shift_remove(key).map(|field| (key.to_owned(), names_first(field))));
            }
            ordered.extend(fields.into_iter().map(|(key, field)| (key, names_first(field))));
            Value::Object(ordered)
        }
        scalar => scalar,
    }
}

/// What the parts of an export share.
struct Scope<'a> {
    project: &'a Project,
    contents: &'a Contents,
    options: &'a Options,
    names: Names,
    /// Who is found under each name.
    owners: Owners,
    /// Who mounts each volume.
    users: BTreeMap<&'a str, Users<'a>>,
    report: Report<'a>,
}

impl Scope<'_> {
    /// Returns the labels by which the pods of a service are selected. They never change, since a selector cannot.
    fn selector(&self, service: &str) -> BTreeMap<String, String> {
        BTreeMap::from([
            (NAME.to_owned(), self.names.services[service].clone()),
            (PART_OF.to_owned(), self.names.project.clone()),
        ])
    }

    /// Returns a selector of pods of this project that have a label set to `true`.
    fn labelled(&self, label: &str) -> LabelSelector {
        select([(label.to_owned(), "true".to_owned()), (PART_OF.to_owned(), self.names.project.clone())])
    }

    /// Returns the metadata of an object in the namespace; `service` is the one that it belongs to.
    fn metadata(&self, name: &str, service: Option<&str>) -> ObjectMeta {
        let mut labels = BTreeMap::from([
            (PART_OF.to_owned(), self.names.project.clone()),
            (MANAGED_BY.to_owned(), "topo".to_owned()),
        ]);
        labels.extend(service.map(|service| (NAME.to_owned(), self.names.services[service].clone())));
        ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(self.names.namespace.clone()),
            labels: Some(labels),
            ..ObjectMeta::default()
        }
    }
}

fn select(labels: impl IntoIterator<Item = (String, String)>) -> LabelSelector {
    LabelSelector { match_labels: Some(labels.into_iter().collect()), ..LabelSelector::default() }
}

/// Turns a project into Kubernetes objects. Nothing is dropped in silence: what is lost or only nearly the same
/// is a warning at its place in the file.
pub fn export(project: &Project, contents: &Contents, options: &Options) -> Export {
    let names = Names::of(project, options.namespace.as_deref());
    let owners = network::owners_of_names(project, &names);
    let users = storage::users_of_volumes(project);
    let report = Report::new(project);
    let mut scope = Scope { project, contents, options, names, owners, users, report };
    loss::report(&mut scope);

    let workloads = workload::workloads(&mut scope);
    let pods = workloads.iter().filter_map(workload::pod_spec);
    let namespace = security::namespace(&scope, pods);
    let storage = storage::objects(&mut scope);
    let services = network::services(&mut scope);
    let policies = policy::policies(&mut scope);

    let mut objects = vec![Object::from(namespace)];
    objects.extend(storage);
    objects.extend(services.into_iter().map(Object::from));
    objects.extend(workloads);
    objects.extend(policies.into_iter().map(Object::from));
    objects.sort_by(|one, other| (rank(one), one.name()).cmp(&(rank(other), other.name())));
    Export { objects, diagnostics: scope.report.into_diagnostics() }
}

/// Returns the place of a kind in the order in which objects are applied. Workloads of all kinds are one group.
fn rank(object: &Object) -> usize {
    match object {
        Object::Namespace(_) => 0,
        Object::ConfigMap(_) => 1,
        Object::Secret(_) => 2,
        Object::PersistentVolumeClaim(_) => 3,
        Object::Service(_) => 4,
        Object::Deployment(_) | Object::StatefulSet(_) | Object::DaemonSet(_) | Object::Job(_) => 5,
        Object::NetworkPolicy(_) => 6,
    }
}
