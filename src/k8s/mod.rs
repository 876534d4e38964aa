//! Room 7: a project as Kubernetes objects that behave the same, and what of it could not be kept.
//!
//! Pure: it reads no file, asks no cluster, and gives the same bytes for the same project.

mod claims;
mod container;
mod copy_up;
mod files;
pub mod forms;
mod gateway;
mod istio;
mod kompose;
mod loss;
mod mesh;
mod names;
mod network;
mod older;
mod order;
mod placement;
mod pod;
mod policy;
mod ports;
mod probes;
mod resources;
mod routes;
mod scaling;
mod security;
mod services;
mod settings;
mod storage;
mod uses;
mod version;
mod workload;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::Metadata;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, PersistentVolumeClaim, Secret, Service};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use serde::{Serialize, Serializer};

use crate::diagnostic::Diagnostics;
use crate::model::service::Service as ComposeService;
use crate::model::x_topo::{Claim, WaitFor, Workload};
use crate::project::{Contents, Project};
use crate::yaml::{self, WriteError};

pub use loss::Loss;
pub use mesh::MeshKind;
pub use version::KubeVersion;

use claims::Users;
use files::SealedSecret;
use gateway::HTTPRoute;
use istio::{DestinationRule, VirtualService};
use loss::Report;
use names::Names;
use network::{Owners, SharedNames};
use pod::Members;
use settings::Settings;

/// The label of all objects of a project.
const PART_OF: &str = "app.kubernetes.io/part-of";
/// The label that tells the services of a project apart.
const NAME: &str = "app.kubernetes.io/name";
/// The label that says who made an object.
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// What the user chooses about an export.
#[derive(Clone, Debug)]
pub struct Options {
    /// The namespace. Default: that of the file's `x-topo`, else the project's name.
    pub namespace: Option<String>,
    /// How published ports are reached from outside of the cluster.
    pub published: Published,
    /// What becomes of secrets.
    pub secrets: Secrets,
    /// What volumes ask for, since compose's volumes have no size: a quantity such as `1Gi`.
    pub volume_size: String,
    /// Whether pods wait for those that they depend on.
    pub wait_for: WaitFor,
    /// What becomes of files and directories of this machine.
    pub binds: Binds,
    /// The mesh that the cluster has.
    pub mesh: Option<MeshKind>,
    /// The version of the cluster. What it lacks is left out or replaced, with a warning where that is a loss.
    pub kube_version: KubeVersion,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            namespace: None,
            published: Published::LoadBalancer,
            secrets: Secrets::External,
            volume_size: "1Gi".to_owned(),
            wait_for: WaitFor::None,
            binds: Binds::Report,
            mesh: None,
            kube_version: KubeVersion::NEWEST,
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
    /// They are expected in the cluster, under the name of the secret and with its key.
    External,
    /// They are written into the manifests, for everybody to read.
    Manifest,
    /// A SealedSecret is written for each, into which `kubeseal` has to write what it sealed.
    SealedPlaceholder,
}

/// What becomes of files and directories of this machine that services mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binds {
    /// What files hold is in ConfigMaps; directories are left out, with a warning.
    Report,
    /// They are those of the nodes, by the same path.
    HostPath,
}

/// The objects, and what there is to say about them.
#[derive(Debug)]
pub struct Export {
    /// The objects in the order in which they are applied, those of one kind by name.
    pub objects: Vec<Object>,
    /// What was approximated or lost. All of them are warnings.
    pub diagnostics: Diagnostics,
    /// The same with the way to each in the file.
    pub losses: Vec<Loss>,
    /// What else there is to know of the manifests; a sentence each.
    pub notes: Vec<String>,
}

impl Export {
    /// Writes all objects as one stream of documents.
    pub fn to_stream(&self) -> Result<String, WriteError> {
        let documents: Result<Vec<String>, _> = self.objects.iter().map(Object::to_yaml).collect();
        Ok(documents?.join("---\n"))
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
    /// A secret that is written into the manifests in sealed form.
    SealedSecret,
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
    /// A service that is started by the clock.
    CronJob,
    /// How many pods a service has, by what they use.
    HorizontalPodAutoscaler,
    /// How many pods of a service may be taken away.
    PodDisruptionBudget,
    /// Who may talk to whom.
    NetworkPolicy,
    /// What leads to services by host and path.
    Ingress,
    /// What gateways lead to a service.
    HTTPRoute,
    /// Where a mesh leads requests to a service.
    VirtualService,
    /// How a mesh spreads requests over the pods of a service.
    DestinationRule,
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
    /// The names that each service shares with others.
    shared_names: SharedNames,
    /// The services in the pods of each.
    members: Members<'a>,
    /// The services for whose end another one waits.
    waited_for: BTreeSet<&'a str>,
    /// Who mounts each volume.
    users: BTreeMap<&'a str, Users<'a>>,
    settings: &'a Settings,
    report: Report<'a>,
}

impl<'a> Scope<'a> {
    /// Returns what `x-topo` says of a service.
    fn settings(&self, service: &str) -> &'a Workload {
        &self.settings.services[service]
    }

    /// Returns what `x-topo` says of a volume.
    fn claim(&self, volume: &str) -> Option<&'a Claim> {
        self.settings.volumes.get(volume)
    }

    /// Returns the services that run in the cluster.
    fn running(&self) -> Vec<(&'a str, &'a ComposeService)> {
        let services = self.project.services.iter().filter(|(name, service)| self.runs(name, service));
        services.map(|(name, service)| (name.as_str(), &**service)).collect()
    }

    /// Returns whether a service runs in the cluster, and is not provided or found elsewhere.
    fn runs(&self, name: &str, service: &ComposeService) -> bool {
        self.settings.runs(name, service)
    }

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
    let cluster = project.x_topo.as_ref().and_then(|x_topo| x_topo.kubernetes.as_ref());
    let namespace = options.namespace.as_deref();
    let namespace = namespace.or_else(|| cluster.and_then(|cluster| cluster.namespace.as_deref()));
    let names = Names::of(project, namespace);
    let owners = network::owners_of_names(project, &names);
    let shared_names = network::shared_names(&owners);
    let (members, waited_for) = (pod::members(project), workload::waited_for(project));
    let mut report = Report::new(project);
    let settings = settings::settings(project, &mut report);
    let users = claims::users_of_volumes(project, &settings);
    let mut scope = Scope {
        project,
        contents,
        options,
        names,
        owners,
        shared_names,
        members,
        waited_for,
        users,
        settings: &settings,
        report,
    };
    loss::report(&mut scope);

    let mut workloads = workload::workloads(&mut scope);
    let pods = workloads.iter().filter_map(workload::pod_spec);
    let mut namespace = security::namespace(&scope, pods);
    mesh::inject(&mut scope, &mut namespace);
    workloads.iter_mut().for_each(|workload| older::suit(workload, options.kube_version));
    let mut objects = vec![Object::from(namespace)];
    objects.extend(workloads);
    objects.extend(claims::objects(&mut scope));
    objects.extend(services::services(&mut scope).into_iter().map(Object::from));
    objects.extend(scaling::objects(&mut scope));
    objects.extend(policy::policies(&mut scope).into_iter().map(Object::from));
    objects.extend(routes::objects(&mut scope));
    objects.extend(mesh::objects(&mut scope));
    objects.sort_by(|one, other| {
        (rank(one), one.name(), one.kind()).cmp(&(rank(other), other.name(), other.kind()))
    });
    let (losses, diagnostics, notes) = scope.report.finish();
    Export { objects, diagnostics, losses, notes }
}

/// Returns the place of a kind in the order in which objects are applied. Workloads of all kinds are one group.
fn rank(object: &Object) -> usize {
    match object {
        Object::Namespace(_) => 0,
        Object::ConfigMap(_) => 1,
        Object::Secret(_) | Object::SealedSecret(_) => 2,
        Object::PersistentVolumeClaim(_) => 3,
        Object::Service(_) => 4,
        Object::Deployment(_)
        | Object::StatefulSet(_)
        | Object::DaemonSet(_)
        | Object::Job(_)
        | Object::CronJob(_) => 5,
        Object::HorizontalPodAutoscaler(_) => 6,
        Object::PodDisruptionBudget(_) => 7,
        Object::NetworkPolicy(_) => 8,
        Object::Ingress(_) => 9,
        Object::HTTPRoute(_) => 10,
        Object::VirtualService(_) => 11,
        Object::DestinationRule(_) => 12,
    }
}
