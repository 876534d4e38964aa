//! Writes rows as `--format` says: a table, JSON, or a Go template.

use std::io::Write as _;

use tabwriter::TabWriter;

use super::template::{Template, escaped};
use super::{Column, Row};

/// How a listing is written, in general.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// The columns that a table has if nothing else is said, as a Go template.
    pub table: &'static str,
    /// The same for a terminal that is too narrow for it.
    pub narrow: Option<&'static str>,
    /// What `--format raw` means.
    pub raw: Option<&'static str>,
    /// The header of each field's column; a field may have none.
    pub columns: &'static [Column],
}

/// What a `--format` asks for.
pub struct Format {
    kind: Kind,
    columns: &'static [Column],
}

enum Kind {
    Json,
    Table { template: Box<Template>, narrow: Option<Box<Template>> },
    Lines(Box<Template>),
}

impl Format {
    /// Parses the value of `--format`: `table`, `json`, `table TEMPLATE` or `TEMPLATE`. Returns what is wrong with it,
    /// as a phrase.
    pub fn parse(text: &str, layout: &Layout) -> Result<Self, String> {
        let text = match (text, layout.raw) {
            ("" | "table", _) => layout.table,
            ("raw", Some(raw)) => raw,
            (other, _) => other,
        };
        // Shells hand over `\t` as two characters.
        let template = |source: &str| {
            let source = source.trim_matches(' ').replace("\\t", "\t").replace("\\n", "\n");
            Template::parse(&source).map(Box::new)
        };
        let kind = match (text, text.strip_prefix("table")) {
            ("json", _) => Kind::Json,
            (_, Some(columns)) => Kind::Table {
                template: template(columns)?,
                narrow: layout.narrow.filter(|_| text == layout.table).map(template).transpose()?,
            },
            (other, None) => Kind::Lines(template(other)?),
        };
        Ok(Self { kind, columns: layout.columns })
    }

    /// Returns whether it is a table, which people read.
    pub fn is_table(&self) -> bool {
        matches!(self.kind, Kind::Table { .. })
    }

    /// Writes the rows, each on a line of its own. `width` is that of the terminal that people read it on. Returns what
    /// is wrong with the template, if that shows only now.
    pub fn write(&self, rows: &[Row], width: Option<usize>) -> Result<String, String> {
        let lines = |template: &Template| {
            let line = |row: &Row| Ok(template.row(row)? + "\n");
            rows.iter().map(line).collect::<Result<String, String>>()
        };
        let table = |template: &Template| {
            let header = template.header(self.columns)?;
            Ok(align(&format!("{header}\n{}", lines(template)?), 10, 3))
        };
        match &self.kind {
            Kind::Json => {
                let line = |row: &Row| {
                    let json = serde_json::to_string(&row.fields).map_err(|error| error.to_string())?;
                    Ok(escaped(&json) + "\n")
                };
                rows.iter().map(line).collect()
            }
            Kind::Lines(template) => lines(template),
            Kind::Table { template, narrow } => {
                let text = table(template)?;
                match (narrow, width) {
                    (Some(narrow), Some(width)) if text.lines().any(|line| visible(line) > width) => {
                        table(narrow)
                    }
                    _ => Ok(text),
                }
            }
        }
    }
}

/// Returns how many characters of a line are seen: all but colours.
fn visible(line: &str) -> usize {
    let mut pieces = line.split('\x1b');
    let first = pieces.next().map_or(0, |text| text.chars().count());
    first
        + pieces.map(|piece| piece.split_once('m').map_or(0, |(_, text)| text.chars().count())).sum::<usize>()
}

/// Lines the cells of a table up, which tabs separate. Columns are at least `width` wide, the space after them included.
/// Colours count for nothing, and no line ends in spaces.
pub fn align(text: &str, width: usize, space: usize) -> String {
    let mut writer =
        TabWriter::new(Vec::new()).minwidth(width.saturating_sub(space)).padding(space).ansi(true);
    let written = writer.write_all(text.as_bytes()).and_then(|()| writer.flush());
    let aligned = writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok());
    // Writing to memory does not fail; if it did, unaligned text is better than none.
    let aligned = aligned.filter(|_| written.is_ok()).unwrap_or_else(|| text.to_owned());
    aligned.lines().flat_map(|line| [line.trim_end(), "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const LAYOUT: Layout = Layout {
        table: "table {{.Name}}\t{{.Status}}",
        narrow: Some("{{.Name}}"),
        raw: Some("name: {{.Name}}\nstate: {{- pad .State 1 0}}\n"),
        columns: &[("Name", "NAME"), ("Status", "STATUS"), ("ID", "CONTAINER ID"), ("State", "STATE")],
    };

    fn rows() -> Vec<Row> {
        let row = |name: &str, health: &str, ports: serde_json::Value| Row {
            fields: [
                ("Name", json!(name)),
                ("ID", json!("456f228f834d")),
                ("State", json!("running")),
                ("Status", json!("Up 2 seconds")),
                ("Health", json!(health)),
                ("ExitCode", json!(3)),
                ("Publishers", ports),
            ]
            .into(),
            labels: [("a.b".to_owned(), "x<y>".to_owned()), ("tier".to_owned(), "1".to_owned())].into(),
        };
        let port = json!({"URL": "::", "TargetPort": 80, "PublishedPort": 8080, "Protocol": "tcp"});
        vec![row("app-web-1", "healthy", json!([port])), row("app-job-1", "", json!([]))]
    }

    fn written(format: &str) -> Result<String, String> {
        Format::parse(format, &LAYOUT)?.write(&rows(), None)
    }

    /// Each right side is what docker compose 2.40 printed for such containers.
    #[test]
    fn templates_give_what_docker_compose_gives() {
        for (template, expected) in [
            ("{{.Name}}", "app-web-1\napp-job-1\n"),
            ("pretty", "pretty\npretty\n"),
            (r"{{.Name}}\t|\n", "app-web-1\t|\n\napp-job-1\t|\n\n"),
            ("{{with .Health}}{{.}}{{else}}-{{end}}", "healthy\n-\n"),
            (
                "{{range .Publishers}}{{.URL}} {{.PublishedPort}}{{end}};{{len .Publishers}}",
                ":: 8080;1\n;0\n",
            ),
            (r#"{{if eq .Name "app-job-1"}}job{{else if ne .ExitCode 3}}no{{end}}"#, "\njob\n"),
            (
                r#"{{join (split .Name "-") "+"}} {{index (split .Name "-") 1}}"#,
                "app+web+1 web\napp+job+1 job\n",
            ),
            (r#"{{title "so much"}}{{upper .State}}{{lower "A"}}"#, "So MuchRUNNINGa\nSo MuchRUNNINGa\n"),
            ("{{truncate .ID 5}}{{pad .Health 2 1}}|", "456f2  healthy |\n456f2|\n"),
            (r#"{{printf "%-4s|%3d" "ab" .ExitCode}}"#, "ab  |  3\nab  |  3\n"),
            (r#"{{.Name | upper | printf "%q"}}"#, "\"APP-WEB-1\"\n\"APP-JOB-1\"\n"),
            (r#"{{.Label "tier"}}{{$.Label "a.b"}}{{.Label "none"}}"#, "1x<y>\n1x<y>\n"),
            (r#"{{json (.Label "a.b")}}"#, "\"x<y>\"\n\"x<y>\"\n"),
            (
                "{{json .Publishers}}",
                concat!(r#"[{"URL":"::","TargetPort":80,"PublishedPort":8080,"Protocol":"tcp"}]"#, "\n[]\n"),
            ),
            (
                r#"{{define "t"}}<{{.}}>{{end}}{{template "t" .State}}{{$n := .ID}}{{len $n}}"#,
                "<running>12\n<running>12\n",
            ),
            ("raw", "name: app-web-1\nstate: running\n\nname: app-job-1\nstate: running\n\n"),
            ("", "NAME        STATUS\napp-web-1   Up 2 seconds\napp-job-1   Up 2 seconds\n"),
            (
                r#"table {{truncate .ID 3}}\t{{upper .Name}}\t{{.Health}}\t{{.Label "com.my-key"}}|"#,
                "CONTAINER ID   NAME        <no value>   my key|\n456            APP-WEB-1   healthy      |\n\
                 456            APP-JOB-1                |\n",
            ),
        ] {
            assert_eq!(written(template).as_deref(), Ok(expected), "{template}");
        }
    }

    #[test]
    fn a_row_as_json_is_the_same_by_both_ways() {
        let json = written("json").unwrap();
        assert_eq!(written("{{json .}}").unwrap(), json);
        let first = r#"{"ExitCode":3,"Health":"healthy","ID":"456f228f834d","Name":"app-web-1","Publishers":[{"URL":"::""#;
        assert!(json.starts_with(first), "{json}");
        let escaped = Row { fields: [("Ports", json!("8080->80 & \u{2028}"))].into(), ..Row::default() };
        let format = Format::parse("json", &LAYOUT).unwrap();
        assert_eq!(
            format.write(&[escaped], None).unwrap(),
            "{\"Ports\":\"8080-\\u003e80 \\u0026 \\u2028\"}\n"
        );
    }

    #[test]
    fn a_wrong_template_is_said() {
        let wrong = |template: &str| written(template).unwrap_err();
        assert!(wrong("{{.Name").contains("unclosed action"), "{}", wrong("{{.Name"));
        assert_eq!(wrong("{{nofn .Name}}"), "function \"nofn\" not defined");
        assert_eq!(wrong("{{if (nofn .Name)}}{{end}}"), "function \"nofn\" not defined");
        assert!(wrong("{{.Nam}}").starts_with("there is no field `Nam`; there are ExitCode, Health, "));
        assert_eq!(wrong("{{upper .ExitCode}}"), "wrong type for value; expected string; got uint");
        for stray in ["{{end}}", "a{{end}}b", "{{if .Name}}{{end}}{{end}}", "{{else}}", "a{{else}}b{{end}}"] {
            assert_eq!(wrong(stray), "unexpected {{end}} or {{else}}", "{stray}");
        }
        for open in
            ["{{if .Name}}", "{{range .Publishers}}{{else}}", "{{with 1}}{{if 2}}{{end}}", "{{/* x", "{{"]
        {
            assert!(written(open).is_err(), "{open}");
        }
        assert_eq!(wrong("{{upper}}"), "wrong number of args for upper: want 1 got 0");
    }

    #[test]
    fn a_terminal_that_is_too_narrow_gets_fewer_columns() {
        let written = |format: &str, width| {
            Format::parse(format, &LAYOUT).unwrap().write(&rows(), Some(width)).unwrap()
        };
        assert_eq!(written("table", 24), written("", 80));
        assert_eq!(written("table", 23), "NAME\napp-web-1\napp-job-1\n");
        assert_eq!(written(r"table {{.Name}}\t{{.Status}} ", 10).lines().next(), Some("NAME        STATUS"));
        assert_eq!(visible("a\x1b[32mb\x1b[0mé"), 3);
    }

    #[test]
    fn colours_do_not_count_when_columns_are_lined_up() {
        assert_eq!(align("A\tB\n\x1b[32mab\x1b[0m\tc\n", 4, 2), "A   B\n\x1b[32mab\x1b[0m  c\n");
    }
}
