//! The labels that let docker compose and topo manage the same running project.
//!
//! They are docker compose's, as version 2.40 writes them.

/// The project's name.
pub const PROJECT: &str = "com.docker.compose.project";
/// The service's name.
pub const SERVICE: &str = "com.docker.compose.service";
/// The version of the tool that made the object.
pub const VERSION: &str = "com.docker.compose.version";
/// SHA-256 over the configuration that the object was made from.
pub const CONFIG_HASH: &str = "com.docker.compose.config-hash";
/// The number of a container within its service, from 1.
pub const CONTAINER_NUMBER: &str = "com.docker.compose.container-number";
/// `True` for containers made by `run`, `False` for the others.
pub const ONEOFF: &str = "com.docker.compose.oneoff";
/// 64 hexadecimal digits, on containers made by `run`.
pub const SLUG: &str = "com.docker.compose.slug";
/// `service:condition:restart`, comma-joined.
pub const DEPENDS_ON: &str = "com.docker.compose.depends_on";
/// The ID of the image.
pub const IMAGE: &str = "com.docker.compose.image";
/// The project directory.
pub const WORKING_DIR: &str = "com.docker.compose.project.working_dir";
/// The compose files, absolute, comma-joined.
pub const CONFIG_FILES: &str = "com.docker.compose.project.config_files";
/// The `--env-file` files, absolute, comma-joined.
pub const ENVIRONMENT_FILE: &str = "com.docker.compose.project.environment_file";
/// The name of the container that this one replaces.
pub const REPLACE: &str = "com.docker.compose.replace";
/// The key of a network in the file.
pub const NETWORK: &str = "com.docker.compose.network";
/// The key of a volume in the file.
pub const VOLUME: &str = "com.docker.compose.volume";

/// `pre_start` for containers that run before a service starts, as docker compose 5 has it.
pub const HOOK: &str = "com.docker.compose.hook";
/// What the configs and secrets held that a container was started with. It is topo's own, and docker compose lets it be.
pub const CONTENTS: &str = "topo.contents";

/// What topo writes as [`VERSION`]: the docker compose version whose behaviour it follows. docker compose
/// reads it to find out which conventions an object was made by.
pub const COMPOSE_VERSION: &str = "2.40.3";
