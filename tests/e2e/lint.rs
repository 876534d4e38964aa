//! What `lint` finds out from the engine.

use crate::harness::Project;

#[test]
fn lint_must_find_the_programs_that_images_lack_and_leave_nothing_behind() {
    let text = "services:
  good: {image: busybox, healthcheck: {test: 'wget -q -O /dev/null http://localhost || exit 1'}}
  path: {image: busybox, healthcheck: {test: [CMD, /bin/true]}}
  bad: {image: busybox, healthcheck: {test: curl --fail http://localhost}}
  bare: {image: 'topo-test/not-here:1', healthcheck: {test: [CMD, curl]}}
";
    let Some(project) = Project::with("lint", text) else { return };
    let said = project.topo(&["lint", "--images", "--group", "reliability"]).succeeds().stderr;
    assert!(said.contains("the health check of service `bad` runs `curl`, which its image lacks"), "{said}");
    assert_eq!(said.matches("absent-program").count(), 1, "{said}");
    assert_eq!(project.engine.count_named("topo-lint-"), 0);
}
