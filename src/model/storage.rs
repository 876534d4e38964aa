//! Volumes, what services mount, and the configs and secrets that services read.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use super::attribute::{
    Attribute, Decoder, Identity, Kind, Place, Shape, is_windows_path, record, unset_when_empty,
};
use super::network::External;
use super::schema::or_variable;
use super::values::{ByteSize, HostPath, KeyValues, Options, words};
use super::x_topo::{XTopoVolume, as_extension};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::source::Span;
use crate::yaml::{Entry, Mapping, Node, Value};

/// Tells apart items that go to a place in the container.
const BY_TARGET: Identity =
    Identity { by: "`target`", of: |node| node.get("target")?.node.scalar_text(), replace: true };
/// Tells apart items that come from a file.
pub(crate) const BY_PATH: Identity =
    Identity { by: "`path`", of: |node| node.get("path")?.node.scalar_text(), replace: true };

record! {
    /// A volume.
    ///
    /// See <https://github.com/compose-spec/compose-spec/blob/main/07-volumes.md>.
    #[derive(Default)]
    pub struct Volume {
        /// Its name in the engine. Default: `<project>_<key>`.
        #[example = "shop_data"]
        pub name: Option<String>,
        /// The driver.
        #[default = "local"]
        #[example = "vieux/sshfs"]
        pub driver: Option<String>,
        /// Options of the driver.
        #[example = { "type": "nfs", "o": "addr=10.0.0.2,rw", "device": ":/data" }]
        pub driver_opts: Options,
        /// The volume exists already and is not managed here.
        pub external: External,
        /// Labels.
        #[example = { "com.example.team": "shop" }]
        pub labels: KeyValues,
        /// What topo's own commands know of the volume.
        #[serde(skip)]
        pub x_topo as "x-topo": Option<XTopoVolume>,
    }
    check keep_written;
}

/// What is an extension for docker compose is printed as one.
fn keep_written(volume: &mut Volume, node: &Node, _: &Place<'_>, _: &mut Decoder<'_>) {
    volume.extensions.extend(as_extension(node));
}

record! {
    /// A config: a file that services read.
    #[derive(Default)]
    pub struct Config {
        /// Its name in the engine. Default: `<project>_<key>`.
        #[example = "shop_site"]
        pub name: Option<String>,
        /// The file that holds it.
        #[example = "./site.conf"]
        pub file: Option<HostPath>,
        /// The variable that holds it.
        #[example = "SITE_CONF"]
        pub environment: Option<String>,
        /// What it holds.
        #[example = "listen ${PORT}\n"]
        pub content: Option<String>,
        /// The config exists already and is not managed here.
        pub external: External,
        /// Labels.
        #[example = { "com.example.team": "shop" }]
        pub labels: KeyValues,
        /// The template driver.
        #[example = "golang"]
        pub template_driver: Option<String>,
    }
}

record! {
    /// A secret: a file that services read and that must not be shown.
    #[derive(Default)]
    pub struct Secret {
        /// Its name in the engine. Default: `<project>_<key>`.
        #[example = "shop_db_password"]
        pub name: Option<String>,
        /// The file that holds it.
        #[example = "./db_password.txt"]
        pub file: Option<HostPath>,
        /// The variable that holds it.
        #[example = "DB_PASSWORD"]
        pub environment: Option<String>,
        /// The secret exists already and is not managed here.
        pub external: External,
        /// Labels.
        #[example = { "com.example.team": "shop" }]
        pub labels: KeyValues,
        /// The secret driver.
        #[example = "vault"]
        pub driver: Option<String>,
        /// Options of the driver.
        #[example = { "path": "shop/db" }]
        pub driver_opts: Options,
        /// The template driver.
        #[example = "golang"]
        pub template_driver: Option<String>,
    }
}

/// The configs or secrets that a service reads.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct FileReferences(pub Vec<FileReference>);

record! {
    /// A config or secret that a service reads.
    pub struct FileReference {
        /// The key of the config or secret.
        #[example = "site"]
        pub source: String,
        /// The file in the container. Default: `/<source>` for configs, `/run/secrets/<source>` for secrets.
        #[example = "/etc/site.conf"]
        pub target: Option<String>,
        /// The file's owner.
        #[default = "0"]
        #[example = "1000"]
        pub uid: Option<String>,
        /// The file's group.
        #[default = "0"]
        #[example = "1000"]
        pub gid: Option<String>,
        /// The file's permissions, in octal.
        #[default = "0444"]
        #[example = "0440"]
        pub mode: Option<FileMode>,
    }
    short form reference_of_source, { "type": "string" };
}

fn reference_of_source(node: Node, _: &mut Diagnostics) -> Node {
    match &node.value {
        Value::Text(source) => Node::map([("source", Value::Text(source.clone()))], node.span),
        _ => node,
    }
}

impl Attribute for FileReferences {
    const SHAPE: &'static Shape = &Shape {
        kind: Kind::List(
            FileReference::SHAPE,
            Some(Identity {
                by: "`target`, else `source`",
                of: |node| {
                    let text = |key: &str| node.get(key).and_then(|entry| entry.node.scalar_text());
                    text("target").or_else(|| text("source"))
                },
                replace: true,
            }),
        ),
        expand: None,
    };

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        Vec::decode(node, place, decoder).map(Self)
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<FileReference>::schema(generator)
    }

    unset_when_empty!();
}

/// Permissions of a file. Text is octal; so is a number with a leading zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileMode(pub u32);

super::values::scalar!(
    FileMode,
    "permissions such as 0440",
    {
        "type": ["integer", "string"],
        "minimum": 0,
        "pattern": or_variable("[+]?[0-7]+"),
        "examples": ["0440"],
    },
    |node| match &node.value {
        Value::Int(mode) => Ok(u32::try_from(*mode).ok().map(Self)),
        Value::Text(text) => u32::from_str_radix(text, 8)
            .map(|mode| Some(Self(mode)))
            .map_err(|_| format!("`{text}` is no octal number")),
        _ => Ok(None),
    }
);

/// docker compose writes them as octal text with a leading zero.
impl Serialize for FileMode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("0{:o}", self.0))
    }
}

words! {
    /// What is mounted.
    pub enum MountType {
        /// A directory or file of the host.
        Bind = "bind",
        /// A volume.
        Volume = "volume",
        /// Memory.
        Tmpfs = "tmpfs",
        /// A Swarm cluster volume.
        Cluster = "cluster",
        /// A Windows named pipe.
        Npipe = "npipe",
        /// The content of an image.
        Image = "image",
    }
}

/// How a mount is written in its short form: the colon of a drive letter separates nothing.
const SHORT_MOUNT: &str = r"([a-zA-Z]:[\\/][^:]*|[^:]+)(:([a-zA-Z]:[\\/][^:]*|[^:]+)){0,2}";

/// What a service mounts.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Mounts(pub Vec<Mount>);

record! {
    /// Something mounted into the container.
    pub struct Mount {
        /// What is mounted.
        pub kind as "type": MountType,
        /// The volume's key, the host's path or the image. Left out for an anonymous volume.
        #[example = "data"]
        #[example = "./site"]
        pub source: Option<String>,
        /// Where it is mounted in the container.
        #[example = "/var/lib/data"]
        pub target: Option<String>,
        /// The container cannot write to it.
        pub read_only: bool,
        /// A hint on consistency that engines ignore.
        #[example = "consistent"]
        #[example = "cached"]
        #[example = "delegated"]
        pub consistency: Option<String>,
        /// Options of a bind mount.
        pub bind: Option<BindOptions>,
        /// Options of a volume.
        pub volume: Option<VolumeOptions>,
        /// Options of memory.
        pub tmpfs: Option<TmpfsOptions>,
        /// Options of an image mount.
        pub image: Option<ImageOptions>,
    }
    short form expand_mount, {
        "type": "string",
        "pattern": or_variable(SHORT_MOUNT),
        "errorMessage": "write [source:]target[:mode], such as \"data:/var/lib/data:ro\"",
        "examples": ["data:/var/lib/data", "./site:/site:ro"],
    };
    check complete_mount;
    as a schema {
        "if": { "properties": { "type": { "const": "bind" } }, "required": ["type"] },
        "then": { "required": ["source", "target"] },
        "else": {
            "if": {
                "properties": { "type": { "enum": ["volume", "tmpfs", "cluster", "image"] } },
                "required": ["type"]
            },
            "then": { "required": ["target"] }
        }
    };
}

record! {
    /// Options of a bind mount.
    #[derive(Default)]
    pub struct BindOptions {
        /// The SELinux label: `z` for a shared one, `Z` for a private one.
        #[example = "z"]
        #[example = "Z"]
        pub selinux: Option<String>,
        /// How mounts below it travel.
        #[default = "rprivate"]
        #[example = "rprivate"]
        #[example = "rshared"]
        #[example = "rslave"]
        #[example = "private"]
        #[example = "shared"]
        #[example = "slave"]
        pub propagation: Option<String>,
        /// Create the host's directory when it is not there.
        pub create_host_path: bool,
        /// Whether mounts below it come along.
        pub recursive: Option<Recursive>,
    }
}

words! {
    /// Whether mounts below a bind mount come along.
    pub enum Recursive {
        /// They do.
        Enabled = "enabled",
        /// They do not.
        Disabled = "disabled",
        /// They do, and stay writable in a read-only mount.
        Writable = "writable",
        /// They do, and must become read-only.
        Readonly = "readonly",
    }
}

record! {
    /// Options of a volume.
    #[derive(Default)]
    pub struct VolumeOptions {
        /// Labels of an anonymous volume.
        #[example = { "com.example.team": "shop" }]
        pub labels: KeyValues,
        /// Do not fill a new volume with what the image has at the target.
        pub nocopy: bool,
        /// Mount only this directory of the volume.
        #[example = "uploads"]
        pub subpath: Option<String>,
    }
}

record! {
    /// Options of memory.
    #[derive(Default)]
    pub struct TmpfsOptions {
        /// The most it may hold.
        #[minimum = 0]
        pub size: ByteSize,
        /// Its permissions, as a number: 1023 is `0o1777`.
        #[default = 1023]
        #[example = 1023]
        pub mode: i64,
    }
}

record! {
    /// Options of an image mount.
    #[derive(Default)]
    pub struct ImageOptions {
        /// Mount only this directory of the image.
        #[example = "usr/share"]
        pub subpath: Option<String>,
    }
}

impl Attribute for Mounts {
    const SHAPE: &'static Shape = &Shape { kind: Kind::List(Mount::SHAPE, Some(BY_TARGET)), expand: None };

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        Vec::decode(node, place, decoder).map(Self)
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<Mount>::schema(generator)
    }

    unset_when_empty!();
}

fn complete_mount(mount: &mut Mount, node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) {
    if mount.target.as_ref().is_none_or(String::is_empty) && mount.kind != MountType::Npipe {
        decoder.missing(node.span, place, "target");
    }
    if let Some(target) = &mut mount.target {
        *target = clean_target(target);
    }
    let source = node.get("source").map_or(node.span, |entry| entry.node.span);
    match (mount.kind, &mut mount.source) {
        (MountType::Bind, None) => decoder.missing(node.span, place, "source"),
        (MountType::Bind, Some(path)) => *path = decoder.absolute(path, source),
        _ => {}
    }
    if mount.tmpfs.as_ref().is_some_and(|tmpfs| tmpfs.size.0 < 0) {
        let place = place.key("tmpfs");
        decoder.invalid::<()>(node.span, &place, "the size is below 0", "write a size such as 64m");
    }
}

fn clean_target(target: &str) -> String {
    if target.is_empty() || is_windows_path(target) { target.to_owned() } else { clean_place(target) }
}

/// Takes `.`, `..` and doubled or trailing slashes out of a place in a container, without asking what is there.
pub fn clean_place(path: &str) -> String {
    let is_absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if is_absolute => {}
            part => parts.push(part),
        }
    }
    match (is_absolute, parts.join("/")) {
        (true, path) => format!("/{path}"),
        (false, path) if path.is_empty() => ".".to_owned(),
        (false, path) => path,
    }
}

/// Turns `[source:]target[:mode]` into the long form. A source that looks like a path is a bind mount.
///
/// See <https://github.com/compose-spec/compose-spec/blob/main/05-services.md#short-syntax-5>.
fn expand_mount(node: Node, diagnostics: &mut Diagnostics) -> Node {
    let Value::Text(text) = &node.value else { return node };
    match parse_short_mount(text, node.span) {
        Ok(mount) => mount,
        Err(why) => {
            diagnostics.push(
                Diagnostic::error(Code::InvalidValue, format!("`{text}` does not say what to mount"))
                    .label(node.span, why)
                    .help("write [source:]target[:mode], such as \"data:/var/lib/data:ro\""),
            );
            // A mount that decodes without a second word.
            let entries = [("type", Value::Text("tmpfs".into())), ("target", Value::Text(text.clone()))];
            Node::map(entries, node.span)
        }
    }
}

fn parse_short_mount(text: &str, span: Span) -> Result<Node, String> {
    // A drive letter's colon separates nothing.
    let skip = |part: &str| if is_windows_path(part) { 2 } else { 0 };
    let split = |part: &str| part[skip(part)..].find(':').map(|at| at + skip(part));
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = split(rest) {
        parts.push(&rest[..at]);
        rest = &rest[at + 1..];
    }
    parts.push(rest);
    if parts.iter().any(|part| part.trim().is_empty()) {
        return Err("a part between colons is empty".to_owned());
    }
    let (source, target, modes) = match parts[..] {
        [target] => (None, target, ""),
        [source, target] => (Some(source), target, ""),
        [source, target, modes] => (Some(source), target, modes),
        _ => return Err("there are too many colons".to_owned()),
    };
    let is_bind = source.is_some_and(|source| source.starts_with(['.', '/', '~']) || is_windows_path(source));
    let kind = if is_bind { MountType::Bind } else { MountType::Volume };
    let mut options = Mapping::default();
    let mut mount = Mapping::default();
    let entry = |value: Value| Entry { key: span, node: Node::new(value, span) };
    mount.insert("type".into(), entry(Value::Text(kind.word().into())));
    if let Some(source) = source {
        mount.insert("source".into(), entry(Value::Text(source.into())));
    }
    mount.insert("target".into(), entry(Value::Text(target.into())));
    if is_bind {
        options.insert("create_host_path".into(), entry(Value::Bool(true)));
    }
    for mode in modes.split(',') {
        let text = || entry(Value::Text(mode.into()));
        match mode {
            "ro" => {
                mount.insert("read_only".into(), entry(Value::Bool(true)));
            }
            "nocopy" if !is_bind => {
                options.insert("nocopy".into(), entry(Value::Bool(true)));
            }
            "z" | "Z" if is_bind => {
                options.insert("selinux".into(), text());
            }
            "private" | "rprivate" | "shared" | "rshared" | "slave" | "rslave" if is_bind => {
                options.insert("propagation".into(), text());
            }
            // docker compose passes over the others: `rw`, `cached`, `delegated` and whatever else.
            _ => {}
        }
    }
    mount.insert(kind.word().into(), entry(Value::Map(options)));
    Ok(Node::new(Value::Map(mount), span))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> String {
        parse_short_mount(text, Span::default()).map_or_else(|why| why, |node| node.to_json().to_string())
    }

    #[test]
    fn short_mounts() {
        for (text, expected) in [
            ("/data", r#"{"type":"volume","target":"/data","volume":{}}"#),
            (
                "db:/data:ro",
                r#"{"type":"volume","source":"db","target":"/data","read_only":true,"volume":{}}"#,
            ),
            ("./a:/b", r#"{"type":"bind","source":"./a","target":"/b","bind":{"create_host_path":true}}"#),
            (
                "C:\\a:/b",
                r#"{"type":"bind","source":"C:\\a","target":"/b","bind":{"create_host_path":true}}"#,
            ),
            (
                "db:/data:nocopy",
                r#"{"type":"volume","source":"db","target":"/data","volume":{"nocopy":true}}"#,
            ),
            (":/x", "a part between colons is empty"),
            ("data:/b:ro:x", "there are too many colons"),
        ] {
            assert_eq!(check(text), expected, "{text}");
        }
    }
}
