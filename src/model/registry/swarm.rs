//! `deploy`: much of it is for a cluster. An engine without Swarm services has one node, and replaces containers itself.

use super::Kubernetes::{Kept, Lost, Partly as Nearly};
use super::Up::{Honoured, Idle, Partly};
use super::table;

const ONE_NODE: super::Up = Idle("there is one node");
const ROLLOUT: &str = "watch the rollout with `kubectl rollout status`";

table!(DEPLOY below "services.*.deploy" {
    "" => Honoured, Kept("the workload");
    ".endpoint_mode" => Idle("all containers are found by the name of the service, as with `dnsrr`"), Nearly("`vip`: one address, behind which the ports that are listed answer; else names lead to the pods");
    ".labels" => Idle("there is no object for a service: `labels` are those of containers"), Kept("labels of the workload, else annotations");
    ".mode" => ONE_NODE, Nearly("`global` makes a DaemonSet, a job a Job; a `global-job` runs once");
    ".placement" => ONE_NODE, Nearly("affinity and spread of the pods");
    ".placement.constraints" => ONE_NODE, Nearly("`nodeAffinity`; what is said of engines is lost");
    ".placement.max_replicas_per_node" => ONE_NODE, Lost("write `mode: global` for one on each node");
    ".placement.preferences" => ONE_NODE, Nearly("`topologySpreadConstraints`, for labels of nodes");
    ".replicas" => Honoured, Nearly("`replicas`; lost where there is one pod on each node");
    ".resources.limits.cpus" => Honoured, Kept("`resources.limits.cpu`");
    ".resources.limits.memory" => Honoured, Kept("`resources.limits.memory`");
    ".resources.limits.pids" => Honoured, Lost("set `podPidsLimit` in the kubelet's configuration");
    ".resources.reservations.cpus" => Idle("an engine keeps no processors free"), Kept("`resources.requests.cpu`");
    ".resources.reservations.devices" => Honoured, Nearly("a limit on `nvidia.com/gpu` or `amd.com/gpu`; which ones, and all of them, cannot be asked for");
    ".resources.reservations.generic_resources" => ONE_NODE, Lost("offer them by a device plugin or as extended resources of the nodes");
    ".resources.reservations.memory" => Honoured, Kept("`resources.requests.memory`");
    ".restart_policy.condition" => Honoured, Kept("the kind of workload");
    ".restart_policy.delay" => Idle("the engine waits longer each time"), Lost("leave it out: Kubernetes waits longer each time");
    ".restart_policy.max_attempts" => Honoured, Nearly("`backoffLimit` of a Job; lost for what is always started again");
    ".restart_policy.window" => Idle("it is for a Swarm"), Lost("leave it out: Kubernetes chooses it");
    ".rollback_config" => Partly("`max_failure_ratio` is not: the first failure counts, which is said"), Lost("use `kubectl rollout undo`");
    ".update_config" => Honoured, Nearly("how a Deployment replaces its pods");
    ".update_config.delay" => Honoured, Nearly("`minReadySeconds`; lost for Jobs");
    ".update_config.failure_action" => Honoured, Nearly("a rollout that fails stops, as with `pause`; others are lost");
    ".update_config.max_failure_ratio" => Partly("0 only: the first failure counts, which is said"), Lost(ROLLOUT);
    ".update_config.monitor" => Honoured, Lost(ROLLOUT);
    ".update_config.order" => Honoured, Nearly("`maxSurge` or `maxUnavailable` of a Deployment");
    ".update_config.parallelism" => Honoured, Nearly("`maxSurge` or `maxUnavailable` of a Deployment");
});
