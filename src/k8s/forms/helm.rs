//! A Helm chart: the objects as templates, and as values what people change of them.
//!
//! With its own values it renders the objects as they are, in the namespace of the release.
//!
//! See <https://helm.sh/docs/topics/charts/>.

use serde_json::{Map, Value, json};

use crate::yaml::{self, WriteError};

use super::super::Object;
use super::super::names::dns_label;
use super::chart::{Values, Work};
use super::{File, project_of};

/// The sections of the values in their order, and what each is for.
const SECTIONS: [(&str, &str); 6] = [
    (
        "createNamespace",
        "Whether the chart makes the namespace of the release, with its labels; `helm install --create-namespace` makes one without.",
    ),
    ("services", "What runs. `$(` in values of `env` is written `$$(`: Kubernetes replaces `$(NAME)`."),
    ("volumes", "Claims; without a storage class they have the cluster's own one."),
    ("ingresses", "What leads in by host and path. `tlsSecret` is the Secret with the host's certificate."),
    ("routes", "What leads in by gateways."),
    (
        "secrets",
        "Secrets by the name that pods find them under. One that is in the cluster never changes: give a new value a new name.",
    ),
];

/// Values in which people may write what they like.
const OPEN: [&str; 6] = ["env", "resources", "annotations", "data", "sealed", "parents"];

/// What joins the parts of an image's name.
const HELPERS: &str = r#"{{- define "image" -}}
{{ .repository }}{{ with .tag }}:{{ . }}{{ end }}{{ with .digest }}@{{ . }}{{ end }}
{{- end }}
"#;

/// Returns the files of the chart.
pub(super) fn files(objects: &[Object]) -> Result<Vec<File>, WriteError> {
    let mut files = Vec::new();
    let mut values = Values::default();
    for object in objects {
        let Work { object: filled, template, head, condition, .. } = Work::of(object.to_json()?, &mut values);
        let mut text: String = head.iter().map(|line| format!("{line}\n")).collect();
        let body = template.write(filled)?;
        text += &match condition {
            None => body,
            Some(condition) => format!("{{{{- if {condition} }}}}\n{body}{{{{- end }}}}\n"),
        };
        files.push(File::new(format!("templates/{}", object.file_name()), text));
    }
    let Values(values) = values;
    files.push(File::new("templates/_helpers.tpl", HELPERS));
    files.push(File::new("templates/NOTES.txt", notes(objects, &values)));
    files.push(File::new("Chart.yaml", yaml::to_string(&chart(objects, &values))?));
    files.push(File::new("values.yaml", values_text(&values)?));
    let mut schema = schema(&values);
    schema["$schema"] = "http://json-schema.org/draft-07/schema#".into();
    // Charts that have this one as a part give it `global`.
    schema["additionalProperties"] = true.into();
    files.push(File::new("values.schema.json", format!("{schema:#}\n")));
    Ok(files)
}

/// Returns what the chart is. Its application's version is the tag that all images have, if there is one.
fn chart(objects: &[Object], values: &Map<String, Value>) -> Value {
    let services = values.get("services").and_then(Value::as_object).into_iter().flatten();
    let mut tags: Vec<&str> = services.filter_map(|(_, service)| service["image"]["tag"].as_str()).collect();
    tags.dedup();
    let version = match tags[..] {
        [tag] if !tag.is_empty() => tag,
        _ => "0.1.0",
    };
    json!({
        "apiVersion": "v2",
        // A chart's name has no `_`.
        "name": dns_label(project_of(objects), 63),
        "description": format!("{}, exported from its compose file", project_of(objects)),
        "type": "application",
        "version": "0.1.0",
        "appVersion": version,
    })
}

fn values_text(values: &Map<String, Value>) -> Result<String, WriteError> {
    let mut texts = Vec::new();
    for (section, about) in SECTIONS {
        if let Some(value) = values.get(section) {
            texts.push(format!("# {about}\n{}", yaml::to_string(&json!({ section: value }))?));
        }
    }
    Ok(texts.join("\n"))
}

/// Returns the schema of values like these. What is not known is a mistake, such as a misspelt service.
fn schema(values: &Map<String, Value>) -> Value {
    let of = |(key, value): (&String, &Value)| {
        let kind = match value {
            Value::Object(_) if key == "env" => {
                json!({ "type": "object", "additionalProperties": { "type": ["string", "number", "boolean"] } })
            }
            Value::Object(_) if OPEN.contains(&key.as_str()) => json!({ "type": "object" }),
            Value::Object(fields) => schema(fields),
            Value::Array(_) => json!({ "type": "array" }),
            Value::Bool(_) => json!({ "type": "boolean" }),
            Value::Number(_) => json!({ "type": "integer", "minimum": 0 }),
            Value::Null | Value::String(_) => json!({ "type": "string" }),
        };
        (key.clone(), kind)
    };
    let properties: Map<String, Value> = values.iter().map(of).collect();
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

/// Returns what Helm says after it has installed the chart: what the cluster must have that the chart does not make.
fn notes(objects: &[Object], values: &Map<String, Value>) -> String {
    let mut notes = "{{ .Chart.Name }} runs in namespace {{ .Release.Namespace }}.\n".to_owned();
    let namespace = objects.iter().find(|object| object.kind() == "Namespace");
    let labels = namespace.and_then(|namespace| namespace.metadata().labels.as_ref()).into_iter().flatten();
    let labels: Vec<String> = labels
        .filter(|(key, _)| !key.starts_with("app.kubernetes.io/"))
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    if !labels.is_empty() {
        notes += "{{- if not .Values.createNamespace }}\nLabel it: kubectl label namespace {{ .Release.Namespace }} ";
        notes += &format!("{}\n{{{{- end }}}}\n", labels.join(" "));
    }
    let secrets = values.get("secrets").and_then(Value::as_object).into_iter().flatten();
    for (name, _) in secrets.filter(|(name, _)| !is_made(objects, name)) {
        notes += &format!("Secret {{{{ (index .Values.secrets {name:?}).name }}}} must be there.\n");
    }
    notes
}

fn is_made(objects: &[Object], secret: &str) -> bool {
    objects.iter().any(|object| matches!(object.kind(), "Secret" | "SealedSecret") && object.name() == secret)
}
