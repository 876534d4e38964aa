//! How images are built, and what `watch` does.

use super::Kubernetes::{Idle as Beside, Partly as Nearly};
use super::Up::{Honoured, Idle, Partly};
use super::table;

const BUILT_BEFORE: super::Kubernetes = Beside("it is about building, which is done before");
const MOUNT_SAYS: &str = "`RUN --mount=type=secret` says it; docker compose leaves it out, too";
const BY_BUILDX: &str = "by docker buildx, where it is installed";

table!(IMAGE below "services.*" {
    ".build" => Honoured, Nearly("the image's name: it has to be pushed where the cluster pulls it");
    ".build.additional_contexts" => Partly(BY_BUILDX), BUILT_BEFORE;
    ".build.args" => Honoured, BUILT_BEFORE;
    ".build.cache_from" => Honoured, BUILT_BEFORE;
    ".build.cache_to" => Partly("`type=inline`; others need docker buildx"), BUILT_BEFORE;
    ".build.context" => Honoured, BUILT_BEFORE;
    ".build.dockerfile" => Honoured, BUILT_BEFORE;
    ".build.dockerfile_inline" => Honoured, BUILT_BEFORE;
    ".build.entitlements" => Partly("`security.insecure` needs docker buildx; `network.host` is granted without being asked for"), BUILT_BEFORE;
    ".build.extra_hosts" => Honoured, BUILT_BEFORE;
    ".build.isolation" => Partly("by the engine's classic builder"), BUILT_BEFORE;
    ".build.labels" => Honoured, BUILT_BEFORE;
    ".build.network" => Honoured, BUILT_BEFORE;
    ".build.no_cache" => Honoured, BUILT_BEFORE;
    ".build.platforms" => Partly("`build` makes them all, which needs docker buildx if it is more than one; `up` makes the one that it runs"), BUILT_BEFORE;
    ".build.privileged" => Partly(BY_BUILDX), BUILT_BEFORE;
    ".build.provenance" => Partly(BY_BUILDX), BUILT_BEFORE;
    ".build.pull" => Honoured, BUILT_BEFORE;
    ".build.sbom" => Partly(BY_BUILDX), BUILT_BEFORE;
    ".build.secrets" => Partly("by BuildKit"), BUILT_BEFORE;
    ".build.secrets.gid" => Idle(MOUNT_SAYS), BUILT_BEFORE;
    ".build.secrets.mode" => Idle(MOUNT_SAYS), BUILT_BEFORE;
    ".build.secrets.uid" => Idle(MOUNT_SAYS), BUILT_BEFORE;
    ".build.shm_size" => Honoured, BUILT_BEFORE;
    ".build.ssh" => Partly("by BuildKit: agents; keys in files need docker buildx"), BUILT_BEFORE;
    ".build.tags" => Honoured, BUILT_BEFORE;
    ".build.target" => Honoured, BUILT_BEFORE;
    ".build.ulimits" => Honoured, BUILT_BEFORE;
    ".develop" => Idle("`watch` and `up --watch` do what it says"), Beside("it is for the developer's machine");
});
