//! What `top` shows: the processes of all containers in one table.

use super::align;
use crate::engine::look::{Listed, Processes};
use crate::plan::labels;

/// Returns the processes as a table; nothing if there are none. Engines may give containers different columns; the
/// command comes last, because it may be long.
pub fn table(all: &[(&Listed, Processes)]) -> String {
    let mut titles: Vec<&str> = vec!["SERVICE", "#"];
    for (_, processes) in all {
        for title in &processes.titles {
            if !titles.contains(&title.as_str()) {
                titles.push(title);
            }
        }
    }
    if let Some(at) = titles.iter().position(|title| *title == "CMD") {
        titles[at..].rotate_left(1);
    }
    let mut text = titles.join("\t") + "\n";
    let mut is_empty = true;
    for (listed, processes) in all {
        let container = &listed.container;
        let number = container.labels.get(labels::CONTAINER_NUMBER).map_or("", String::as_str);
        for row in &processes.rows {
            is_empty = false;
            let cell = |title: &&str| match *title {
                "SERVICE" => container.service.as_str(),
                "#" => number,
                title => {
                    let at = processes.titles.iter().position(|own| own == title);
                    at.and_then(|at| row.get(at)).map_or("-", String::as_str)
                }
            };
            text.push_str(&titles.iter().map(cell).collect::<Vec<_>>().join("\t"));
            text.push('\n');
        }
    }
    if is_empty { String::new() } else { align(&text, 4, 2) }
}

#[cfg(test)]
mod tests {
    use super::super::sample::listed;
    use super::*;

    #[test]
    fn containers_with_other_columns_share_a_table() {
        let processes = |titles: &[&str], row: &[&str]| Processes {
            titles: titles.iter().map(|title| (*title).to_owned()).collect(),
            rows: vec![row.iter().map(|cell| (*cell).to_owned()).collect()],
        };
        let (web, db) = (listed("web"), listed("db"));
        let table = table(&[
            (&db, processes(&["PID", "CMD"], &["7", "sleep 1"])),
            (&web, processes(&["PID", "TTY", "CMD"], &["8", "?", "httpd"])),
        ]);
        assert_eq!(
            table,
            "SERVICE  #   PID  TTY  CMD\ndb       1   7    -    sleep 1\nweb      1   8    ?    httpd\n"
        );
        assert_eq!(super::table(&[(&web, Processes::default())]), "");
    }
}
