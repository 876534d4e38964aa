//! What `ls` shows: the projects that the engine has containers of.

use std::collections::BTreeMap;

use serde::Serialize;

use super::align;
use super::containers::state_name;
use crate::engine::look::Listed;
use crate::plan::labels;

/// A project that the engine has containers of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Project {
    /// Its name.
    pub name: String,
    /// How many of its containers are in which state: `exited(1), running(3)`.
    pub status: String,
    /// The files that its containers were made from, comma-joined.
    pub config_files: String,
}

/// Returns the projects of these containers, by name.
pub fn projects(listed: &[Listed]) -> Vec<Project> {
    let mut of_project: BTreeMap<&str, Vec<&Listed>> = BTreeMap::new();
    for one in listed {
        let name = one.container.labels.get(labels::PROJECT).map_or("", String::as_str);
        of_project.entry(name).or_default().push(one);
    }
    let project = |(name, containers): (&str, Vec<&Listed>)| {
        let mut states: BTreeMap<&str, usize> = BTreeMap::new();
        let mut files: Vec<&str> = Vec::new();
        for one in &containers {
            *states.entry(state_name(one.container.state)).or_default() += 1;
            let of_container = one.container.labels.get(labels::CONFIG_FILES);
            for file in of_container.map_or("N/A", String::as_str).split(',') {
                if !files.contains(&file) {
                    files.push(file);
                }
            }
        }
        let states: Vec<String> = states.iter().map(|(state, number)| format!("{state}({number})")).collect();
        Project { name: name.to_owned(), status: states.join(", "), config_files: files.join(",") }
    };
    of_project.into_iter().map(project).collect()
}

/// Returns the projects as a table.
pub fn table(projects: &[Project]) -> String {
    let row = |project: &Project| format!("{}\t{}\t{}\n", project.name, project.status, project.config_files);
    let rows: String = projects.iter().map(row).collect();
    align(&format!("NAME\tSTATUS\tCONFIG FILES\n{rows}"), 20, 3)
}

/// Returns a test of names against the `name=` filters, of which one must match: a name or a regular expression.
/// Returns what is wrong with them, as a phrase.
pub fn name_filter(filters: &[String]) -> Result<impl Fn(&str) -> bool, String> {
    let mut patterns = Vec::new();
    for filter in filters {
        match filter.split_once('=') {
            Some((key, pattern)) if key.trim().eq_ignore_ascii_case("name") => {
                let regex = regex_automata::meta::Regex::new(pattern.trim());
                patterns.push(regex.map_err(|_| format!("`{pattern}` is no regular expression"))?);
            }
            Some((key, _)) => {
                return Err(format!("it takes `name=PATTERN`; `{key}` is no property of a project"));
            }
            None => return Err(format!("it takes `name=PATTERN`, not `{filter}`")),
        }
    }
    Ok(move |name: &str| patterns.is_empty() || patterns.iter().any(|pattern| pattern.is_match(name)))
}

#[cfg(test)]
mod tests {
    use super::super::sample::listed;
    use super::*;
    use crate::observed::State;

    #[test]
    fn containers_are_counted_by_project_and_state() {
        let (web, mut db, mut job, mut other) = (listed("web"), listed("db"), listed("job"), listed("x"));
        db.container
            .labels
            .insert(labels::CONFIG_FILES.to_owned(), "/app/compose.yaml,/app/more.yaml".to_owned());
        job.container.state = State::Exited(Some(0));
        other.container.labels.insert(labels::PROJECT.to_owned(), "other".to_owned());
        other.container.labels.remove(labels::CONFIG_FILES);
        let projects = projects(&[web, job, other, db]);
        let app = Project {
            name: "app".to_owned(),
            status: "exited(1), running(2)".to_owned(),
            config_files: "/app/compose.yaml,/app/more.yaml".to_owned(),
        };
        assert_eq!(projects[0], app);
        assert_eq!((projects[1].name.as_str(), projects[1].config_files.as_str()), ("other", "N/A"));
    }
}
