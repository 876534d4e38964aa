//! How images are built, and what `watch` does.

use super::Kubernetes::{Idle as Beside, Partly as Nearly};
use super::Up::{Honoured, Idle, Partly, Refused};
use super::{NOT_YET, table};

const BUILT_BEFORE: super::Kubernetes = Beside("it is about building, which is done before");
const BUILD_YOURSELF: &str = "build the image with `docker buildx build` and name it with `image`";

table!(IMAGE below "services.*" {
    ".build" => Honoured, Nearly("the image's name: it has to be pushed where the cluster pulls it");
    ".build.additional_contexts" => Refused(NOT_YET, BUILD_YOURSELF), BUILT_BEFORE;
    ".build.args" => Honoured, BUILT_BEFORE;
    ".build.cache_from" => Honoured, BUILT_BEFORE;
    ".build.cache_to" => Idle("the engine's own builder keeps its cache in the engine"), BUILT_BEFORE;
    ".build.context" => Honoured, BUILT_BEFORE;
    ".build.dockerfile" => Honoured, BUILT_BEFORE;
    ".build.dockerfile_inline" => Honoured, BUILT_BEFORE;
    ".build.entitlements" => Refused(NOT_YET, BUILD_YOURSELF), BUILT_BEFORE;
    ".build.extra_hosts" => Honoured, BUILT_BEFORE;
    ".build.isolation" => Idle("it is for Windows containers"), BUILT_BEFORE;
    ".build.labels" => Honoured, BUILT_BEFORE;
    ".build.network" => Honoured, BUILT_BEFORE;
    ".build.no_cache" => Honoured, BUILT_BEFORE;
    ".build.platforms" => Partly("the first, unless `platform` says which: the engine keeps one"), BUILT_BEFORE;
    ".build.privileged" => Refused(NOT_YET, BUILD_YOURSELF), BUILT_BEFORE;
    ".build.provenance" => Idle("the engine's own builder makes no attestations"), BUILT_BEFORE;
    ".build.pull" => Honoured, BUILT_BEFORE;
    ".build.sbom" => Idle("the engine's own builder makes no attestations"), BUILT_BEFORE;
    ".build.secrets" => Refused(NOT_YET, BUILD_YOURSELF), BUILT_BEFORE;
    ".build.shm_size" => Honoured, BUILT_BEFORE;
    ".build.ssh" => Refused(NOT_YET, BUILD_YOURSELF), BUILT_BEFORE;
    ".build.tags" => Honoured, BUILT_BEFORE;
    ".build.target" => Honoured, BUILT_BEFORE;
    ".build.ulimits" => Refused(NOT_YET, BUILD_YOURSELF), BUILT_BEFORE;
    ".develop" => Idle("it is for `watch`"), Beside("it is for the developer's machine");
});
