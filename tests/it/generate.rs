//! Plausible compose projects out of any bytes: each byte is a choice among what the schema allows at a place, so that
//! an attribute that is new in the model is in the projects as well. The property tests and the fuzzer share it.
//!
//! Hand-written rather than derived with `arbitrary`: a generator for the types would make projects that are already
//! decoded, and what is to be tested is how they are written.

use std::sync::LazyLock;

use serde_json::{Map, Value};

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../schema/topo.schema.json")).expect("the schema is JSON")
});

/// Names of services, networks and all else: few, so that references meet definitions.
const NAMES: &[&str] = &["web", "db", "default", "x-own"];
/// Texts that mean something somewhere.
const TEXTS: &[&str] = &[
    "web",
    "db",
    "",
    "1",
    "true",
    "A=1",
    "A=${V}",
    "a:b",
    "8080:80",
    "80",
    "127.0.0.1:8000-8001:80-81/udp",
    "[::1]:1:1",
    "./data:/data:ro",
    "db:/data",
    "/run:/run:z",
    "~/x:/y",
    "10s",
    "1m30s",
    "64m",
    "1.5gb",
    "0.5",
    "50%",
    "service:web",
    "service:db",
    "container:x",
    "host",
    "none",
    "bridge",
    "overlay",
    "local",
    "always",
    "on-failure:3",
    "build",
    "linux/amd64",
    "10.0.0.0/24",
    "10.0.0.2",
    "fd00::/64",
    "0440",
    "rw",
    "volume",
    "bind",
    "tmpfs",
    "config",
    "secret",
    "file",
    "gpu",
    "web.env",
    "base.yaml",
    "part.yaml",
    ".",
    "/x",
    "../x",
    "C:\\x:/x",
    "CMD",
    "NONE",
    "sh -c 'a \"b\" $$c'",
    "a # b",
    "- a",
    "~",
    "null",
    "no",
    "0x10",
    "1e3",
    "2001-01-01",
    "ü\n\t\u{1f433}",
    "$V",
    "${V}",
    "${E:-d}",
    "${E-}",
    "${N:+x}",
    "${N?wanted}",
    "${V:-${N:-z}}",
    "$$V",
    "$",
    "${",
];

/// A file of a project: its name and its text.
pub(crate) type File = (&'static str, String);

/// Makes the files of a project.
pub(crate) fn project(bytes: &[u8]) -> Vec<File> {
    let mut writer = Writer { bytes, anchors: 0 };
    let mut files = vec![("compose.yaml", writer.file(Role::Main))];
    if writer.one_in(3) {
        files.push(("compose.override.yaml", writer.file(Role::Override)));
    }
    files.push(("base.yaml", writer.file(Role::Part)));
    files.push(("part.yaml", writer.file(Role::Part)));
    for name in [".env", "web.env"] {
        if writer.one_in(2) {
            let lines = writer.below(4);
            let line = |writer: &mut Writer<'_>| {
                format!("{}={}\n", writer.pick(&["V", "E", "A"]), writer.pick(TEXTS))
            };
            files.push((name, (0..lines).map(|_| line(&mut writer)).collect()));
        }
    }
    files
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Main,
    Override,
    Part,
}

struct Writer<'a> {
    bytes: &'a [u8],
    /// How many anchors the file has so far.
    anchors: usize,
}

impl Writer<'_> {
    /// Returns a number below `limit`; zero when there are no bytes left, which is the simplest choice everywhere.
    fn below(&mut self, limit: usize) -> usize {
        let Some((first, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
        usize::from(*first) % limit.max(1)
    }

    fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == chances - 1
    }

    fn pick<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.below(texts.len())]
    }

    fn file(&mut self, role: Role) -> String {
        self.anchors = 0;
        let mut text = String::new();
        if role == Role::Main && self.one_in(4) {
            text.push_str(&format!(
                "include: {}\n",
                self.pick(&["[part.yaml]", "[{path: [part.yaml, base.yaml]}]"])
            ));
        }
        for section in ["services", "networks", "volumes", "configs", "secrets", "models"] {
            // Those are all defined in most main files, so that references lead somewhere.
            if section != "services" && (role != Role::Main || self.one_in(4)) && !self.one_in(4) {
                continue;
            }
            let entries: Vec<String> = NAMES[..2]
                .iter()
                .filter_map(|name| {
                    (role == Role::Main || self.one_in(2))
                        .then(|| format!("{name}: {}", self.entry(section, role)))
                })
                .collect();
            text.push_str(&format!("{section}:\n"));
            entries.iter().for_each(|entry| text.push_str(&format!("  {entry}\n")));
        }
        if self.one_in(6) {
            let value = self.value(&Value::Bool(true), 3);
            text.push_str(&format!("x-own: {value}\n"));
        }
        text
    }

    fn entry(&mut self, section: &str, role: Role) -> String {
        match section {
            "services" => {
                let mut first = Vec::new();
                if role == Role::Main && !self.one_in(12) {
                    first.push("image: x".to_owned());
                }
                if self.one_in(8) {
                    let base = self.pick(&["{service: web, file: base.yaml}", "db", "{service: db}"]);
                    first.push(format!("extends: {base}"));
                }
                self.object(&SCHEMA["definitions"]["Service"], first, 5)
            }
            "configs" | "secrets" if !self.one_in(4) => "{file: ./x}".to_owned(),
            "models" => "{model: m}".to_owned(),
            _ => {
                let name = match section {
                    "networks" => "Network",
                    "volumes" => "Volume",
                    "configs" => "Config",
                    _ => "Secret",
                };
                if self.one_in(3) {
                    self.object(&SCHEMA["definitions"][name], Vec::new(), 4)
                } else {
                    String::new()
                }
            }
        }
    }

    /// Writes any value that a schema allows, and now and then one that it does not.
    fn value(&mut self, schema: &Value, depth: usize) -> String {
        let decoration = self.below(64);
        if decoration == 63 {
            return self.pick(&["!reset null", "!override []", "!reset []", "null", "[]", "{}"]).to_owned();
        }
        if decoration == 62 && self.anchors > 0 {
            return format!("*a{} ", self.below(self.anchors));
        }
        let plain = self.undecorated(schema, depth);
        match decoration {
            61 => {
                self.anchors += 1;
                format!("&a{} {plain}", self.anchors - 1)
            }
            60 => format!("!override {plain}"),
            _ => plain,
        }
    }

    fn undecorated(&mut self, schema: &Value, depth: usize) -> String {
        if let Some(name) = schema["$ref"].as_str() {
            let definition = &SCHEMA["definitions"][name.trim_start_matches("#/definitions/")];
            return self.undecorated(definition, depth);
        }
        for several in ["anyOf", "oneOf", "allOf"] {
            if let Some(choices) = schema[several].as_array().filter(|choices| !choices.is_empty()) {
                let at = self.below(choices.len());
                return self.undecorated(&choices[at], depth);
            }
        }
        if let Some(words) = schema["enum"].as_array().filter(|words| !words.is_empty()) {
            let at = self.below(words.len());
            return words[at].to_string();
        }
        let kind = match &schema["type"] {
            Value::String(kind) => kind.as_str(),
            Value::Array(kinds) if !kinds.is_empty() => {
                let at = self.below(kinds.len());
                kinds[at].as_str().unwrap_or("string")
            }
            _ => self.pick(&["string", "integer", "object", "array"]),
        };
        match kind {
            "object" if depth > 0 => self.object(schema, Vec::new(), depth),
            "array" if depth > 0 => {
                let items = self.below(4);
                let items: Vec<String> =
                    (0..items).map(|_| self.value(&schema["items"], depth - 1)).collect();
                format!("[{}]", items.join(", "))
            }
            "object" => "{}".to_owned(),
            "array" => "[]".to_owned(),
            "boolean" => self.pick(&["true", "false"]).to_owned(),
            "integer" => {
                self.pick(&["1", "0", "2", "80", "8080", "-1", "0440", "65536", "9999999999"]).to_owned()
            }
            "number" => self.pick(&["0.5", "1", "0", "-.5", "1e3", ".inf"]).to_owned(),
            "null" => "null".to_owned(),
            _ => self.text(schema),
        }
    }

    fn text(&mut self, schema: &Value) -> String {
        let examples = schema["examples"].as_array().map_or(&[][..], Vec::as_slice);
        let at = self.below(TEXTS.len() + 4 * examples.len());
        let text = match TEXTS.get(at) {
            Some(text) => (*text).to_owned(),
            None => examples[(at - TEXTS.len()) % examples.len()].as_str().unwrap_or("x").to_owned(),
        };
        Value::String(text).to_string()
    }

    /// Writes a mapping with some of the properties that the schema has.
    fn object(&mut self, schema: &Value, mut entries: Vec<String>, depth: usize) -> String {
        let none = Map::new();
        let properties = schema["properties"].as_object().unwrap_or(&none);
        let mut written: Vec<String> =
            entries.iter().filter_map(|entry| entry.split_once(':')).map(|(key, _)| key.to_owned()).collect();
        for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !written.iter().any(|key| key == required) {
                entries.push(format!(
                    "{required}: {}",
                    self.value(&properties[required], depth.saturating_sub(1))
                ));
                written.push(required.to_owned());
            }
        }
        let free = match (&schema["additionalProperties"], &schema["patternProperties"]) {
            (free @ Value::Object(_), _) => Some(free),
            (_, Value::Object(patterns)) if properties.is_empty() => patterns.values().next(),
            _ => None,
        };
        for _ in 0..self.below(5) {
            let (key, value) = match free {
                Some(free) if properties.is_empty() => (self.pick(NAMES).to_owned(), free),
                _ if properties.is_empty() => (self.pick(NAMES).to_owned(), &Value::Bool(true)),
                _ => {
                    let at = self.below(properties.len());
                    let (key, value) = properties.iter().nth(at).expect("below the length");
                    (key.clone(), value)
                }
            };
            if !written.contains(&key) {
                entries.push(format!("{key}: {}", self.value(value, depth.saturating_sub(1))));
                written.push(key);
            }
        }
        if self.anchors > 0 && self.one_in(40) {
            entries.push(format!("<<: *a{} ", self.below(self.anchors)));
        }
        format!("{{{}}}", entries.join(", "))
    }
}
