//! What is not of one service: the file itself, networks, volumes, configs, secrets and models.

use super::Kubernetes::{Idle as Beside, Kept, Lost, Partly as Nearly};
use super::Up::{Honoured, Idle, Partly, Refused};
use super::table;

const CREATE_YOURSELF: &str = "create the object with what it gives, and make this `external`";
const NO_TEMPLATES: &str = "is for a Swarm, which fills templates in";
const FAMILIES: &str = "choose the cluster's address families";

table!(FILE below "" {
    "version" => Idle("the current specification is always followed"), Beside("the current specification is always followed");
    "name" => Honoured, Kept("the namespace and labels");
    "services" => Honoured, Kept("workloads, Services and policies");
    "include" => Honoured, Kept("merged while loading");
    "x-topo" => Idle("it is for `export k8s`"), Kept("what it says: see [Kubernetes](kubernetes.md)");
    "x-topo.lint" => Idle("it is for `lint`"), Beside("it is for `lint`");
});

table!(SHARED below "" {
    "networks" => Honoured, Kept("a NetworkPolicy each");
    "volumes" => Honoured, Nearly("a PersistentVolumeClaim each, whose size is to be chosen");
    "configs" => Honoured, Kept("a ConfigMap each");
    "secrets" => Honoured, Nearly("a Secret each, which must be in the cluster, or is written with `--secrets`");
    "models" => Idle("they are used through `models` of services"), Lost("run the model as a service of its own, or give its address in `environment`");

    "networks.*.attachable" => Honoured, Lost("leave it out: give other pods the label of the network instead");
    "networks.*.driver" => Honoured, Nearly("all become networks of the cluster, but for `host` and `none`; `macvlan` and the like are not what they were");
    "networks.*.driver_opts" => Honoured, Nearly("what a bridge keeps from getting through, by `enable_icc`, `enable_ip_masquerade` and `gateway_mode_ipv4`; others are lost");
    "networks.*.enable_ipv4" => Partly("`false` since API 1.48 (Docker Engine 28)"), Nearly("the cluster's address families: `false` is lost");
    "networks.*.enable_ipv6" => Honoured, Lost(FAMILIES);
    "networks.*.external" => Honoured, Nearly("a NetworkPolicy for pods of all namespaces with its label");
    "networks.*.internal" => Honoured, Nearly("a NetworkPolicy without a way out, but to the cluster's DNS");
    "networks.*.ipam" => Honoured, Lost("leave it out: pods get their addresses from the cluster; use names");
    "networks.*.labels" => Honoured, Kept("annotations of the policy");
    "networks.*.name" => Honoured, Kept("the label that all projects on an external network share; others are called after their key");

    "volumes.*.driver" => Honoured, Nearly("`local` is whatever the cluster has; others are lost");
    "volumes.*.driver_opts" => Honoured, Lost("create a PersistentVolume for what they describe, such as an NFS share, and bind the claim to it");
    "volumes.*.external" => Honoured, Nearly("a claim that must be in the cluster");
    "volumes.*.labels" => Honoured, Kept("annotations of the claim");
    "volumes.*.x-topo" => Idle("it is for `export k8s`"), Kept("what it says: see [Kubernetes](kubernetes.md)");
    "volumes.*.name" => Honoured, Kept("the claim of an external volume; others are called after their key");

    "configs.*.content" => Honoured, Kept("`data` of a ConfigMap");
    "configs.*.environment" => Honoured, Kept("`data` of a ConfigMap");
    "configs.*.file" => Honoured, Kept("`data` or `binaryData` of a ConfigMap");
    "configs.*.external" => Partly("refused where a service reads it: an engine without Swarm keeps no configs"), Nearly("a ConfigMap that must be in the cluster");
    "configs.*.labels" => Idle("an engine without Swarm keeps no object for it"), Kept("annotations");
    "configs.*.name" => Idle("an engine without Swarm keeps no object for it"), Kept("the object of an external one; others are called after their key");
    "configs.*.template_driver" => Refused(NO_TEMPLATES, "fill it in yourself, or with variables in `content`"), Lost(CREATE_YOURSELF);

    "secrets.*.environment" => Honoured, Kept("`data` of a Secret");
    "secrets.*.file" => Honoured, Kept("`data` of a Secret");
    "secrets.*.driver" => Refused("is for a Swarm", "give its content with `file` or `environment`"), Lost(CREATE_YOURSELF);
    "secrets.*.driver_opts" => Refused("is for a Swarm", "give its content with `file` or `environment`"), Lost(CREATE_YOURSELF);
    "secrets.*.external" => Partly("refused where a service reads it: an engine without Swarm keeps no secrets"), Nearly("a Secret that must be in the cluster");
    "secrets.*.labels" => Idle("an engine without Swarm keeps no object for it"), Kept("annotations");
    "secrets.*.name" => Idle("an engine without Swarm keeps no object for it"), Kept("the object of an external one; others are called after their key");
    "secrets.*.template_driver" => Refused(NO_TEMPLATES, "fill it in yourself"), Lost(CREATE_YOURSELF);
});
