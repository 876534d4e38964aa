//! The commands that look show what docker compose shows, field by field, on the same running project.

use serde_json::Value;

use crate::harness::{Project, Run, Running, eventually, free_port};

const SERVICES: &str = r#"
services:
  web:
    image: busybox
    command: ["sh", "-c", "sleep 1000 & exec sleep 1000"]
    stop_signal: SIGKILL
    ports:
      - "127.0.0.1:${ONE}:80"
      - "${TWO}:443/udp"
      - "${TWO}:443/tcp"
    expose: [9000, 9001, "9002/udp"]
    volumes: ["data:/data", "./bound:/bound", /anonymous]
    labels: {com.example.text: "x<y> & z", tier: "1"}
    networks: [front, back]
    healthcheck: {test: ["CMD", "true"], interval: 1s}
  two:
    image: busybox:latest
    command: sleep 1000
    stop_signal: SIGKILL
    scale: 2
    ports: ["80"]
  job:
    image: busybox
    command: ["sh", "-c", "exit 3"]
networks: {front: {}, back: {}}
volumes: {data: {}}
"#;

fn looked_at(name: &str) -> Option<Project> {
    let mut project = Project::with(name, SERVICES)?;
    std::fs::create_dir(project.path("bound")).unwrap();
    for port in ["ONE", "TWO"] {
        project.set(port, free_port().to_string());
    }
    project.up();
    eventually("web is healthy and job has ended", || {
        let listed =
            project.topo(&["ps", "-a", "--format", "{{.Service}} {{.Health}} {{.State}}"]).succeeds();
        (listed.stdout.contains("web healthy") && listed.stdout.contains("job  exited")).then_some(())
    });
    Some(project)
}

/// Both print the same, at a second or third try at the latest: things go on between the two.
fn alike(project: &Project, arguments: &[&str], seen: impl Fn(&str) -> Vec<Value>) {
    for tries_left in (0..5).rev() {
        let (topo, peer) = (project.topo(arguments), project.peer(arguments));
        assert_eq!(topo.code, peer.code, "{arguments:?}: {topo:?} {peer:?}");
        let (ours, theirs) = (seen(&ageless(&topo.stdout)), seen(&ageless(&peer.stdout)));
        if ours == theirs && !topo.stdout.is_empty() {
            return;
        }
        assert!(tries_left > 0, "{arguments:?}:\n{ours:#?}\n{theirs:#?}");
    }
}

/// A text in which each age is as long as the others: `11 seconds ago` and `About a minute ago` become `AGE ago`.
fn ageless(text: &str) -> String {
    let mut words: Vec<&str> = Vec::new();
    // Each space and tab ends a word that it belongs to.
    for word in text.split_inclusive([' ', '"', '\n']) {
        let unit = word.trim_end_matches([' ', '"', '\n']).trim_end_matches('s');
        if !["second", "minute"].contains(&unit) {
            words.push(word);
            continue;
        }
        let is_of_age = |word: &str| {
            ["Less ", "than ", "About ", "a "].contains(&word) || word.trim_end().parse::<u32>().is_ok()
        };
        while words.last().is_some_and(|word| is_of_age(word)) {
            words.pop();
        }
        words.push("AGE ");
        words
            .extend(word.strip_prefix(&*format!("{unit}s")).or(word.strip_prefix(unit)).map(str::trim_start));
    }
    // The space behind an age depends on its length.
    let text = words.concat();
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n");
    if text.contains("AGE ") { lines.collect() } else { text }
}

#[test]
fn ages_must_be_told_from_all_else() {
    assert_eq!(ageless("a  3 seconds ago   Up About a minute (healthy)\n"), "a AGE ago Up AGE (healthy)\n");
    assert_eq!(ageless("{\"x\":\"Up 2 minutes\",\"y\":3}"), "{\"x\":\"Up AGE \",\"y\":3}\n");
    assert_eq!(ageless("a   b 7\n"), "a   b 7\n");
}

/// The lines of a text without spaces at their ends, and without empty lines.
fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| Value::from(line.trim_end())).filter(|line| *line != "").collect()
}

/// JSON objects, one a line or in a list, with what docker compose leaves to chance put in order.
fn objects(text: &str) -> Vec<Value> {
    let parsed = text.lines().filter(|line| !line.is_empty()).map(|line| serde_json::from_str(line).unwrap());
    let mut objects: Vec<Value> = parsed
        .flat_map(|value| match value {
            Value::Array(items) => items,
            other => vec![other],
        })
        .collect();
    for object in &mut objects {
        for key in ["Labels", "Mounts", "Networks"] {
            if let Some(joined) = object[key].as_str() {
                let mut parts: Vec<String> = joined.split(',').map(str::to_owned).collect();
                parts.sort();
                object[key] = parts.into();
            }
        }
        if let Some(publishers) = object["Publishers"].as_array_mut() {
            publishers.sort_by_key(ToString::to_string);
        }
    }
    objects.sort_by_key(|object| format!("{}{}{}", object["Name"], object["ContainerName"], object["time"]));
    objects
}

#[test]
fn lists_must_be_docker_composes() {
    let Some(project) = looked_at("lists") else { return };
    for arguments in [
        &["ps", "--format", "json"][..],
        &["ps", "-a", "--format", "json"],
        &["ps", "-a", "--no-trunc", "--format", "json"],
        &["ps", "--format", "{{json .}}", "web", "two"],
        &["images", "--format", "json"],
        &["images", "--format", "json", "job"],
        &["volumes", "--format", "json"],
        &["volumes", "--format", "json", "web"],
    ] {
        alike(&project, arguments, objects);
    }
    // An image that newer engines know no time of would be 292 years old in docker compose's table.
    project.engine.tag("busybox", "busybox:latest");
    for arguments in [
        &["ps"][..],
        &["ps", "-a"],
        &["ps", "-q"],
        &["ps", "-a", "--services"],
        &["ps", "--status", "exited"],
        &["ps", "--filter", "status=running"],
        &[
            "ps",
            "--format",
            r"table {{.Name}}\t{{.Health}}\t{{upper .State}}\t{{.Label `tier`}}\t{{truncate .ID 5}}",
        ],
        &["ps", "--format", "{{range .Publishers}}{{.URL}} {{.TargetPort}}/{{.Protocol}};{{end}}", "two"],
        &[
            "ps",
            "--format",
            r#"{{with .Health}}{{title .}}{{else}}{{printf "%-5s|" "no"}}{{end}}{{len .Name}}"#,
        ],
        &["images"],
        &["volumes"],
        &["volumes", "-q"],
        &["volumes", "--format", "raw"],
        &["top"],
        &["top", "web"],
        &["port", "web", "80"],
        &["port", "web", "443", "--protocol", "udp"],
        &["port", "--index", "2", "two", "80"],
    ] {
        alike(&project, arguments, lines);
    }
    for arguments in [
        &["ps", "nobody"][..],
        &["ps", "--format", "{{.Nonsense}}"],
        &["port", "web", "81"],
        &["port", "job", "80"],
        &["volumes", "nobody"],
    ] {
        let (topo, peer) = (project.topo(arguments), project.peer(arguments));
        assert_eq!((topo.code, peer.code), (Some(1), Some(1)), "{arguments:?}: {topo:?} {peer:?}");
        assert!(topo.stderr.starts_with("error: "), "{topo:?}");
    }
}

#[test]
fn projects_must_be_listed_with_what_runs_of_them() {
    let Some(project) = looked_at("projects") else { return };
    // Others come and go meanwhile: only this one is compared.
    let filter = format!("name=^{}$", project.name);
    for arguments in [&["ls"][..], &["ls", "-a"], &["ls", "-q"], &["ls", "-a", "--format", "json"]] {
        alike(&project, &[arguments, &["--filter", &filter]].concat(), lines);
    }
    let listed = project.topo_without_file(&["ls", "-a", "--filter", &filter]).succeeds();
    assert!(listed.stdout.contains("exited(1), running(3)"), "{listed:?}");
}

#[test]
fn usage_must_be_told_of_what_runs() {
    let Some(project) = looked_at("usage") else { return };
    let keys = |run: &Run| -> Vec<Vec<String>> {
        let of = |object: &Value| object.as_object().unwrap().keys().cloned().collect();
        objects(&run.stdout).iter().map(of).collect()
    };
    let arguments = ["stats", "--no-stream", "-a", "--format", "json"];
    let (topo, peer) = (project.topo(&arguments).succeeds(), project.peer(&arguments).succeeds());
    assert_eq!((keys(&topo).len(), keys(&topo)), (4, keys(&peer)));
    let job = &objects(&topo.stdout)[0];
    assert_eq!((&job["MemUsage"], &job["PIDs"]), (&"0B / 0B".into(), &"0".into()));

    let two = project.topo(&["stats", "--no-stream", "--format", "{{.Name}} {{.PIDs}}", "two"]).succeeds();
    assert_eq!(two.stdout, format!("{0}-two-1 1\n{0}-two-2 1\n", project.name));

    let mut live = Running::start(project.command(&["stats", "--format", "{{.Name}}", "two"]));
    let mut count = 0;
    let twice = live.reaches(|_| {
        count += 1;
        count == 4
    });
    assert!(twice, "both are shown twice");
    live.signal("INT");
    assert_eq!(live.finish().code(), Some(130));
    assert!(live.stdout.iter().all(|line| line.starts_with(&project.name)), "{:?}", live.stdout);
}

#[test]
fn events_must_be_told_as_they_happened() {
    let Some(project) = looked_at("events") else { return };
    let of_job = ["events", "--json", "--since", "10m", "--until", "0s", "job"];
    let job = project.topo(&of_job).succeeds();
    // At the end of the time docker compose says `EOF` and ends with 1. Engines forget what is long ago, and how much
    // happens meanwhile is up to other tests.
    let theirs = objects(&project.peer(&of_job).stdout);
    assert!(!theirs.is_empty() && objects(&job.stdout).ends_with(&theirs), "{job:?} {theirs:?}");
    let told = objects(&job.stdout);
    let actions: Vec<&str> = told.iter().map(|event| event["action"].as_str().unwrap()).collect();
    assert!(["create", "start", "die"].ends_with(&actions), "{actions:?}");

    // Its health is checked every second.
    let mut live = Running::start(project.command(&["events", "web"]));
    assert!(live.reaches(|line| line.contains(" container exec_start: true ")));
    live.signal("INT");
    assert_eq!(live.finish().code(), Some(130));
}

#[test]
fn what_goes_on_must_end_well_when_nobody_reads_it() {
    let Some(project) = looked_at("unread") else { return };
    for arguments in [&["events", "web"][..], &["stats"], &["ps"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = project.command(arguments).stdout(writer).output().unwrap();
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]), "{arguments:?}");
    }
}
