//! Templates of Go made of objects: some of their values are holes, and all other text stands as it is.
//!
//! Holes are marks in the objects first, so that YAML is written by one writer; then the marks become actions.

use serde_json::Value;

use crate::yaml::{self, WriteError};

use super::super::names_first;

/// What a hole is filled with. Each has the expression of its value.
#[derive(Clone, Debug)]
pub(super) enum Hole {
    /// A number.
    Number(String),
    /// Text.
    Text(String),
    /// Text inside of other text.
    Part(String),
    /// An image, of the parts that the chart's helper joins.
    Image(String),
    /// Text; without any there is no field.
    MaybeText(String),
    /// A mapping or a list; without any there is no field.
    Maybe(String),
    /// Variables of a container, of a mapping.
    Variables(String),
    /// Data of a Secret, of a mapping of plain texts.
    Encoded(String),
    /// Hosts and secret of an Ingress's TLS, of the mapping that the Ingress has.
    Tls(String),
}

/// The holes of a file.
pub(super) struct Template {
    /// What marks begin with. It is nowhere in the objects.
    prefix: String,
    holes: Vec<Hole>,
}

impl Template {
    /// Starts a template of an object.
    pub(super) fn of(object: &Value) -> Self {
        let text = object.to_string();
        let mut prefix = "hole".to_owned();
        while text.contains(&prefix) {
            prefix.push('e');
        }
        Self { prefix, holes: Vec::new() }
    }

    /// Returns the value that stands for a hole until the object is text.
    pub(super) fn hole(&mut self, hole: Hole) -> Value {
        self.mark(hole).into()
    }

    /// Returns the text that stands for a hole.
    pub(super) fn mark(&mut self, hole: Hole) -> String {
        self.holes.push(hole);
        format!("{}{}x", self.prefix, self.holes.len() - 1)
    }

    /// Writes an object as a template.
    pub(super) fn write(&self, object: Value) -> Result<String, WriteError> {
        let text = yaml::to_string(&names_first(object))?;
        Ok(text.lines().map(|line| self.line(line)).collect())
    }

    /// Writes a line, which is several if a field may be missing.
    fn line(&self, line: &str) -> String {
        let mut line = line.replace("{{", "{{ \"{{\" }}");
        for (at, hole) in self.holes.iter().enumerate() {
            let mark = format!("{}{at}x", self.prefix);
            if !line.contains(&mark) {
                continue;
            }
            let field = line.split(&mark).next().unwrap_or_default().trim_end().to_owned();
            let indent = field.len() - field.trim_start().len();
            line = match hole {
                Hole::Number(value) => line.replace(&mark, &format!("{{{{ int {value} }}}}")),
                Hole::Text(value) => line.replace(&mark, &format!("{{{{ {value} | quote }}}}")),
                Hole::Part(value) => line.replace(&mark, &format!("{{{{ {value} }}}}")),
                Hole::Image(value) => {
                    line.replace(&mark, &format!("\"{{{{ template \"image\" {value} }}}}\""))
                }
                Hole::MaybeText(value) => with(indent, value, &[format!("{field} {{{{ . | quote }}}}")]),
                Hole::Maybe(value) => {
                    let inner = format!("{:indent$}  {{{{- toYaml . | nindent {} }}}}", "", indent + 2);
                    with(indent, value, &[field, inner])
                }
                Hole::Variables(value) => {
                    let lines = [
                        field,
                        format!("{:indent$}{{{{- range $name, $value := . }}}}", ""),
                        format!("{:indent$}- name: {{{{ $name | quote }}}}", ""),
                        format!("{:indent$}  value: {{{{ $value | quote }}}}", ""),
                        format!("{:indent$}{{{{- end }}}}", ""),
                    ];
                    with(indent, value, &lines)
                }
                Hole::Encoded(value) => {
                    let lines = [
                        field,
                        format!("{:indent$}  {{{{- range $key, $value := . }}}}", ""),
                        format!("{:indent$}  {{{{ $key | quote }}}}: {{{{ $value | b64enc | quote }}}}", ""),
                        format!("{:indent$}  {{{{- end }}}}", ""),
                    ];
                    with(indent, value, &lines)
                }
                Hole::Tls(value) => {
                    let lines = [
                        field,
                        format!("{:indent$}- secretName: {{{{ . | quote }}}}", ""),
                        format!("{:indent$}  {{{{- with {value}.host }}}}", ""),
                        format!("{:indent$}  hosts:", ""),
                        format!("{:indent$}  - {{{{ . | quote }}}}", ""),
                        format!("{:indent$}  {{{{- end }}}}", ""),
                    ];
                    with(indent, &format!("{value}.tlsSecret"), &lines)
                }
            };
        }
        line + "\n"
    }
}

/// Returns lines that are there only if there is a value, which is `.` in them.
fn with(indent: usize, value: &str, lines: &[String]) -> String {
    format!("{:indent$}{{{{- with {value} }}}}\n{}\n{:indent$}{{{{- end }}}}", "", lines.join("\n"), "")
}
