//! What `watch` makes of changes: rules of a compose file and changed paths in, work out. And what a rebuild touches.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use topo::diagnostic::{Diagnostics, one_line};
use topo::load::{MemWorld, Request, load};
use topo::plan::copy::There;
use topo::plan::images::prune;
use topo::plan::up::{UpOptions, up};
use topo::plan::watch::{Change, Rule, Sync, Work, first_sync, ignore_files, judge, rules};
use topo::project::{Selection, resolve};

use crate::plan::{Bed, started};

/// Returns the rules of a project, and what there is to say of them. All paths are there but for `none`.
fn rules_of(text: &str, dockerignore: &str) -> (Vec<Rule>, Vec<String>) {
    let world = MemWorld::project([("compose.yaml", text)]);
    let mut loaded = load(&world, &Request::default());
    let project = resolve(&mut loaded, &Selection::default(), &world);
    assert!(!loaded.diagnostics.has_errors(), "{:?}", loaded.diagnostics.sorted());
    let find = |path: &Path| {
        let there = if path.ends_with("none") { There::Nothing } else { There::Directory };
        (path.to_owned(), there)
    };
    let ignored = project.services.keys().map(|name| (name.clone(), dockerignore.to_owned())).collect();
    let mut diagnostics = Diagnostics::default();
    let rules = rules(&project, &ignored, &find, &mut diagnostics);
    let said = diagnostics.sorted().into_iter().map(|one| one_line(one, &loaded.sources)).collect();
    (rules, said)
}

/// Returns the rules of one service that is built, and checks that there is nothing to say of them.
fn rules_for(watch: &str, dockerignore: &str) -> Vec<Rule> {
    let text = format!("services:\n  web:\n    build: .\n    develop:\n      watch: {watch}\n");
    let (rules, said) = rules_of(&text, dockerignore);
    assert_eq!(said, [""; 0]);
    rules
}

/// Reads changes: `+path` is a file, `path/` a directory, `-path` is gone. Paths are below the project directory.
fn changes(written: &[&str]) -> Vec<Change> {
    let change = |written: &&str| {
        let path = |path: &str| Path::new("/project").join(path.trim_end_matches('/'));
        match written.strip_prefix('-') {
            Some(gone) => Change { path: path(gone), there: There::Nothing },
            None if written.ends_with('/') => Change { path: path(written), there: There::Directory },
            None => Change { path: path(written), there: There::File },
        }
    };
    written.iter().map(change).collect()
}

/// Writes what is synced: `/place` is copied, `-/place` is deleted.
fn written(sync: &Sync) -> Vec<String> {
    let deleted = sync.delete.iter().map(|place| format!("-{place}"));
    sync.copy.keys().cloned().chain(deleted).collect()
}

/// Writes what is synced with `web`.
fn synced(rules: &[Rule], changed: &[&str]) -> Vec<String> {
    let Work { sync, rebuild, restart, exec } = judge(rules, &changes(changed));
    assert!(rebuild.is_empty() && restart.is_empty() && exec.is_empty());
    sync.get("web").map(written).unwrap_or_default()
}

#[test]
fn changes_go_where_the_target_is() {
    let rules = rules_for("[{path: ./src, action: sync, target: /app/}]", "");
    assert_eq!(
        synced(&rules, &["src/a", "src/d/", "src/d/b", "other", "srcs/a"]),
        ["/app/a", "/app/d", "/app/d/b"]
    );
    assert_eq!(synced(&rules, &["-src/a"]), ["-/app/a"]);
    assert_eq!(synced(&rules, &["-src/d", "-src/d/b", "-src/d/b/c", "-src/dd"]), ["-/app/d", "-/app/dd"]);
    assert_eq!(synced(&rules, &["src/"]), ["/app"]);
    assert_eq!(synced(&rules, &["other"]), [""; 0]);
    // A file by its own name, and into a directory.
    assert_eq!(synced(&rules_for("[{path: ./a.js, action: sync, target: /b.js}]", ""), &["a.js"]), ["/b.js"]);
    assert_eq!(synced(&rules_for("[{path: ./a.js, action: sync, target: /b/}]", ""), &["a.js"]), ["/b/a.js"]);
}

#[test]
fn a_container_is_never_deleted_as_a_whole() {
    let rules = rules_for("[{path: ./root, action: sync, target: /}]", "");
    assert_eq!(synced(&rules, &["-root", "-root/a"]), ["-/a"]);
}

#[test]
fn what_nobody_means_is_left_out() {
    let rules = rules_for(
        "[{path: ., action: sync, target: /app, ignore: [node_modules/, '*.log', '!keep.log']}]",
        "",
    );
    let noise = [
        ".git/HEAD",
        "lib/.git/index",
        ".idea/x",
        "a~",
        "d/.a.swp",
        "d/4913",
        ".#a",
        "a___jb_tmp___",
        "node_modules/x/y",
        "x.log",
    ];
    assert_eq!(synced(&rules, &noise), [""; 0]);
    assert_eq!(
        synced(&rules, &["keep.log", "d/x.log", ".gitignore"]),
        ["/app/.gitignore", "/app/d/x.log", "/app/keep.log"]
    );
    assert!(rules[0].enters(Path::new("/project/lib")) && rules[0].enters(Path::new("/project")));
    assert!(
        !rules[0].enters(Path::new("/project/node_modules")) && !rules[0].enters(Path::new("/project/.git"))
    );

    let rules = rules_for("[{path: ./src, action: sync, target: /app, include: ['*.js', lib]}]", "");
    assert_eq!(
        synced(&rules, &["src/a.js", "src/a.css", "src/lib/a.css", "src/d/a.js"]),
        ["/app/a.js", "/app/lib/a.css"]
    );
}

#[test]
fn what_stays_behind_in_a_build_is_not_synced() {
    let dockerignore = "*\n!src\nsrc/secret\nDockerfile\n";
    let watch = "[{path: ., action: sync, target: /app}, {path: ./Dockerfile, action: rebuild}]";
    let rules = rules_for(watch, dockerignore);
    assert_eq!(synced(&rules, &["src/a", "README.md", "src/secret", "src/secret/x"]), ["/app/src/a"]);
    assert!(rules[0].enters(Path::new("/project/src")) && !rules[0].enters(Path::new("/project/docs")));
    // What a rule names itself is meant.
    let work = judge(&rules, &changes(&["Dockerfile"]));
    assert!(work.rebuild.contains("web") && work.sync.is_empty());
}

#[test]
fn actions_come_to_work() {
    let rules = rules_for(
        "[{path: ./src, action: sync+restart, target: /app}, {path: ./conf, action: restart}, {path: ./make, action: sync+exec, target: /make, exec: {command: [make, all], user: root, environment: {A: b}}}, {path: ./Dockerfile, action: rebuild}]",
        "",
    );
    let work = judge(&rules, &changes(&["src/a"]));
    assert_eq!((work.restart.len(), work.sync["web"].changes(), work.exec.len()), (1, 1, 0));
    let work = judge(&rules, &changes(&["conf/a"]));
    assert_eq!((work.restart.len(), work.sync.len()), (1, 0));
    // The command runs once, however many files there are.
    let work = judge(&rules, &changes(&["make/a", "make/b"]));
    let command = &work.exec["web"];
    assert_eq!((command.len(), work.sync["web"].changes(), work.restart.len()), (1, 2, 0));
    assert_eq!(
        (command[0].command.join(" "), command[0].environment.join(" ")),
        ("make all".into(), "A=b".into())
    );
    // What is replaced is not restarted as well.
    let work = judge(&rules, &changes(&["Dockerfile", "src/a"]));
    assert_eq!((work.rebuild.len(), work.restart.len(), work.sync.len()), (1, 0, 1));
    assert_eq!(judge(&rules, &changes(&["other"])), Work::default());
}

#[test]
fn a_first_sync_has_the_files_of_the_service_only() {
    let watch = "[{path: ., action: sync, target: /app, initial_sync: true, ignore: [x]}, {path: ./lib, action: sync, target: /lib}]";
    let rules = rules_for(watch, "");
    let found = changes(&[
        "a",
        "d/",
        "d/b",
        "lib/c",
        "x",
        "Dockerfile",
        "compose.yaml",
        "d/docker-compose.override.yml",
    ]);
    let syncs = first_sync(&rules, &found);
    assert_eq!(written(&syncs["web"]), ["/app/a", "/app/d/b", "/app/lib/c"]);
    assert!(first_sync(&rules, &[]).is_empty());
}

#[test]
fn what_cannot_work_is_said_at_its_line() {
    let text = "
services:
  web:
    image: app
    volumes: ['./mounted:/app']
    develop:
      watch:
        - {path: ./src, action: rebuild}
        - {path: ./src, action: sync+exec, target: /app}
        - {path: ./mounted/src, action: sync, target: /app/src}
        - {path: ./none, action: restart}
        - {path: ./src, action: sync, target: /app, ignore: ['[z-a]']}
        - {path: ./src, action: sync, target: /app, x-initialSync: true}
";
    let (rules, said) = rules_of(text, "");
    let expected = [
        "compose.yaml:8:25: error[conflict]: service `web` has no `build`, so it cannot be rebuilt",
        "compose.yaml:9:25: error[missing-key]: `sync+exec` of service `web` has no command",
        "compose.yaml:10:12: warning[conflict]: service `web` mounts `/project/mounted`, so that changes in it need no sync",
        "compose.yaml:11:12: warning[unreadable-file]: `/project/none` is not there",
        "compose.yaml:12:53: error[invalid-value]: `ignore` has a pattern that cannot be understood",
        "compose.yaml:13:53: warning[obsolete-attribute]: `x-initialSync` is obsolete",
    ];
    for expected in expected {
        assert!(said.iter().any(|line| line.contains(expected)), "`{expected}` is missing in {said:#?}");
    }
    assert_eq!(said.len(), expected.len(), "{said:#?}");
    let watched: Vec<&Path> = rules.iter().map(|rule| rule.path.as_path()).collect();
    assert_eq!(watched, ["/project/none", "/project/src"].map(Path::new), "what is not there is waited for");
    assert!(rules[1].initial_sync, "the old name counts");
}

#[test]
fn the_dockerfiles_own_dockerignore_comes_first() {
    let text = "services:\n  web:\n    build: {context: ./ctx, dockerfile: d/Other}\n  far:\n    build: https://host/repo.git\n";
    let world = MemWorld::project([("compose.yaml", text)]);
    let mut loaded = load(&world, &Request::default());
    let project = resolve(&mut loaded, &Selection::default(), &world);
    let expected = ["/project/ctx/d/Other.dockerignore", "/project/ctx/.dockerignore"];
    assert_eq!(ignore_files(&project.services["web"]), expected.map(PathBuf::from));
    assert!(ignore_files(&project.services["far"]).is_empty());
}

const THREE: &str = "
services:
  db: {image: db}
  api: {build: ., image: app, depends_on: [db]}
  web: {image: app, depends_on: {api: {condition: service_started, restart: true}}}
  job: {image: app, depends_on: [api]}
";

#[tokio::test]
async fn a_rebuild_touches_the_service_and_what_restarts_with_it() {
    let bed = Bed::new();
    bed.up(THREE).await;
    bed.engine.end("project-db-1", 1);
    bed.engine.end("project-job-1", 1);
    let desired = bed.desired(THREE).only(&["api".to_owned()], true);
    let selected = vec!["api".to_owned()];
    let options = UpOptions { force_recreate: true, build: true, selected, ..started() };
    let plan = bed.plan_of(&desired, &options).await;
    insta::assert_snapshot!("rebuild", plan);
}

#[tokio::test]
async fn images_without_a_name_go_unless_a_container_needs_them() {
    let bed = Bed::new();
    bed.up(THREE).await;
    let observed = bed.observe().await;
    let used = observed.containers[0].image.clone();
    let plan = prune(&["sha256:0123456789abcdef".to_owned(), used], &observed);
    assert_eq!(plan.to_string(), "#0 remove image 0123456789ab, a later build has its name\n");
    assert!(up(&bed.desired(THREE), &observed, &started()).is_ok());
}

proptest! {
    /// Whatever changes: only what is below a rule's path is synced, to a place below its target; nothing is both
    /// copied and deleted; and the order of the changes does not matter.
    #[test]
    fn syncs_stay_in_their_place(
        paths in proptest::collection::vec("(src|lib|src/(a|b|\\.git|x\\.log)(/(a|c|d~))?)", 0..12),
        kinds in proptest::collection::vec(0..3_u8, 12),
    ) {
        let rules = rules_for("[{path: ./src, action: sync, target: /app, ignore: ['*.log']}, {path: ./src/a, action: sync, target: /app/b}]", "");
        // A path has one state.
        let all: BTreeMap<&String, u8> = paths.iter().zip(kinds.iter().copied()).collect();
        let there = [There::Nothing, There::File, There::Directory];
        let change = |(path, kind): (&&String, &u8)| Change { path: Path::new("/project").join(path), there: there[usize::from(*kind)] };
        let mut changed: Vec<Change> = all.iter().map(change).collect();
        let work = judge(&rules, &changed);
        for sync in work.sync.values() {
            for place in sync.copy.keys().chain(&sync.delete) {
                prop_assert!(place == "/app" || place.starts_with("/app/"), "{place}");
                prop_assert!(!place.contains(".git") && !place.contains(".log") && !place.contains('~'), "{place}");
            }
            prop_assert!(sync.copy.keys().all(|place| !sync.delete.contains(place)));
            prop_assert!(sync.copy.values().all(|path| path.starts_with("/project/src")));
        }
        changed.reverse();
        prop_assert_eq!(judge(&rules, &changed), work);
    }
}
