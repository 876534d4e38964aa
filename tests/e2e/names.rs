//! Services find each other by name, as far as the file lets them, and with what it limits them to.

use crate::harness::{Project, answer, eventually, free_port, repository};

const SITES: &str = "
x-site: &site {build: '${DEMO}', stop_signal: SIGKILL}
services:
  web: {<<: *site, command: [serve, --name, web], scale: 2, networks: {front: {aliases: [www, shop.test]}}}
  api: {<<: *site, command: [serve, --name, api], networks: [front, back], links: ['db:store'], ports: ['${PORT}:8080']}
  db: {<<: *site, command: [serve, --name, db], networks: {back: {ipv4_address: 10.84.7.9}}}
  alone: {<<: *site, command: [serve, --name, alone], networks: [back], extra_hosts: ['elsewhere:10.84.7.9']}
  side: {image: busybox, command: sleep 1000, stop_signal: SIGKILL, network_mode: 'service:api'}
networks:
  front: {}
  back: {internal: true, ipam: {config: [{subnet: 10.84.7.0/24}]}}
";

#[test]
fn services_must_find_each_other_by_every_name_of_the_file() {
    let Some(mut project) = Project::with("names", SITES) else { return };
    let port = free_port();
    project.set("PORT", port.to_string());
    project.set("DEMO", repository().join("examples/quickstart/demo").display().to_string());
    project.up();
    // What answers, if anything does.
    let answer_from = |from: &str, host: &str| {
        let (code, said) = project.exec(from, &["/demo", "get", &format!("http://{host}:8080")]);
        (code == 0).then_some(said)
    };
    eventually("the sites answer", || answer_from("api-1", "web").and(answer_from("api-1", "db")));
    for (from, host, name) in [
        ("api-1", "web", "web"),
        ("api-1", "www", "web"),
        ("api-1", "shop.test", "web"),
        ("api-1", &project.full_name("web-2"), "web"),
        ("api-1", "store", "db"),
        ("api-1", "10.84.7.9", "db"),
        ("web-1", "api", "api"),
        ("alone-1", "elsewhere", "db"),
    ] {
        let answer = answer_from(from, host).unwrap_or_default();
        assert!(answer.contains(&format!("\"{name}\"")), "{from} asks {host}: {answer}");
    }
    for (from, host) in [("web-1", "db"), ("alone-1", "web"), ("web-1", "10.84.7.9"), ("alone-1", "www")] {
        // An engine lifts the walls between networks for a moment while another one is made or removed.
        eventually(&format!("{from} must not reach {host}"), || {
            answer_from(from, host).is_none().then_some(())
        });
    }
    // One shares the network of the other: what it fetches from itself comes from there.
    let (code, said) = project.exec("side-1", &["wget", "-q", "-O", "-", "http://127.0.0.1:8080/"]);
    assert!(code == 0 && said.contains("\"api\""), "{said}");
    assert!(answer(port, "/").contains("\"api\""));
    project.up_does_nothing();
}

#[test]
fn limits_and_rights_of_the_file_must_hold_in_the_container() {
    let file = "
services:
  web:
    image: busybox
    command: sleep 1000
    init: true
    user: '1000:7'
    read_only: true
    tmpfs: ['/scratch:size=1m,mode=1777']
    working_dir: /scratch
    hostname: my-host
    domainname: example.test
    mem_limit: 32m
    pids_limit: 20
    ulimits: {nofile: {soft: 100, hard: 200}}
    sysctls: {net.ipv4.ip_unprivileged_port_start: 70}
    cap_drop: [ALL]
    shm_size: 4m
    environment: {EMPTY: '', QUOTED: \"a 'b' $$c\"}
    volumes:
      - {type: bind, source: ./page, target: /page, read_only: true}
      - {type: tmpfs, target: /small, tmpfs: {size: 2m, mode: 0700}}
";
    let Some(project) = Project::with("limits", file) else { return };
    project.write("page", "hello\n");
    project.up();
    let said = |script: &str| project.exec("web-1", &["sh", "-c", script]).1.trim().to_owned();
    for (script, expected) in [
        ("id -u; id -g", "1000\n7"),
        ("pwd", "/scratch"),
        ("hostname", "my-host"),
        ("awk '/open files/ {print $4, $5}' /proc/1/limits", "100 200"),
        ("cat /proc/sys/net/ipv4/ip_unprivileged_port_start", "70"),
        ("grep CapEff /proc/self/status | tr -d '\\t'", "CapEff:0000000000000000"),
        ("cat /page", "hello"),
        ("echo \"$QUOTED\"; echo \"[$EMPTY]\"", "a 'b' $c\n[]"),
        ("touch /page 2>/dev/null || echo read-only", "read-only"),
        ("touch /x 2>/dev/null || echo read-only", "read-only"),
        ("df -k /dev/shm | tail -1 | awk '{print $2}'", "4096"),
        ("df -k /small | tail -1 | awk '{print $2}'", "2048"),
        ("cat /proc/1/comm", "docker-init"),
    ] {
        assert_eq!(said(script), expected, "{script}");
    }
    let host = project.container("web-1").host_config.unwrap();
    assert_eq!((host.memory, host.pids_limit), (Some(32 << 20), Some(20)));
    project.up_does_nothing();
}
