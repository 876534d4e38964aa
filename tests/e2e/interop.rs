//! Users switch between docker compose and topo on the same running project, in both directions, and lose nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::harness::{Project, answer, free_port};

/// Many attributes, in short and long forms. `@` stands for the third number of the subnet, so that two projects
/// can run at once.
const MANY_ATTRIBUTES: &str = r#"
x-common: &common
  image: busybox
  stop_signal: SIGKILL
  labels:
    com.example.text: 'quotes " and <angles> & $$dollars'

services:
  setup:
    <<: *common
    command: ["sh", "-c", "echo set up"]
    networks: [back]

  db:
    <<: *common
    entrypoint: ["sh", "-c"]
    command: ["echo up $$HOSTNAME; exec sleep 1000"]
    hostname: database
    container_name: ${DB_NAME}
    environment:
      TEXT: "with 'quotes' and $$dollars"
      NUMBER: 17
      FLAG: "true"
      EMPTY: ""
      FROM_HERE:
    volumes:
      - data:/data
      - /anonymous
      - ./bound:/bound:ro
      - type: volume
        source: data
        target: /again
        read_only: true
        volume:
          nocopy: true
      - type: bind
        source: ./made
        target: /made
        bind:
          create_host_path: true
    healthcheck:
      test: ["CMD-SHELL", "test -d /data || exit 1"]
      interval: 1s
      timeout: 2s500ms
      retries: 3
      start_period: 1s
    ulimits:
      nproc: 500
      nofile:
        soft: 1000
        hard: 2000
    networks:
      back:
        aliases: [store, db.example]
        ipv4_address: 10.83.@.10
    restart: unless-stopped
    stop_grace_period: 1m30s
    logging:
      driver: json-file
      options:
        max-size: "1m"
    shm_size: 8m
    cap_drop: [NET_RAW]
    cap_add: [SYS_NICE]
    security_opt: ["no-new-privileges:true"]

  web:
    <<: *common
    command: httpd -f -p 80 -h /site
    depends_on:
      db:
        condition: service_healthy
        restart: true
      setup:
        condition: service_completed_successfully
      worker:
        condition: service_started
        required: false
    ports:
      - "${WEB_PORT}:80"
      - "127.0.0.1:${LOCAL_PORT}:81/udp"
      - "82"
      - target: 83
        host_ip: 127.0.0.1
        published: "${LONG_PORT}"
        protocol: tcp
        mode: host
    expose: ["9000", 9001]
    configs:
      - source: page
        target: /site/index.html
      - page
    secrets:
      - word
      - source: word
        target: other
    networks:
      front:
        priority: 10
      back:
    env_file:
      - path: web.env
      - path: missing.env
        required: false
    sysctls:
      net.core.somaxconn: 1024
    tmpfs:
      - /run:size=1m
    extra_hosts:
      - "one.example:192.0.2.1"
      - "two.example=192.0.2.2"
    dns: [192.0.2.53]
    dns_search: example.org
    working_dir: /tmp
    restart: on-failure:3
    mem_limit: 64m
    pids_limit: 50

  worker:
    <<: *common
    command: sleep 1000
    scale: 2
    user: "1000:1000"
    group_add: ["100", "200"]
    read_only: true
    networks: [back]
    labels:
      - com.example.list=yes
    deploy:
      resources:
        limits:
          memory: 32M

  sidecar:
    <<: *common
    command: sleep 1000
    network_mode: service:db
    pid: service:db
    volumes_from: ["db:ro"]
    depends_on: [db]

  lonely:
    <<: *common
    command: sleep 1000
    network_mode: none

  plain:
    <<: *common
    command: sleep 1000
    annotations:
      com.example.note: text
    attach: false
    volumes:
      - type: tmpfs
        target: /scratch
        tmpfs:
          size: 1m
    tty: true
    stdin_open: true
    links: ["db:linked"]
    networks: [back]

  never:
    <<: *common
    profiles: [debug]

networks:
  front:
    driver_opts:
      com.docker.network.bridge.enable_icc: "true"
    labels:
      com.example.net: front
  back:
    internal: true
    attachable: true
    ipam:
      driver: default
      config:
        - subnet: 10.83.@.0/24
          ip_range: 10.83.@.128/25
          gateway: 10.83.@.1

volumes:
  data:
    labels:
      com.example.vol: data

configs:
  page:
    file: page.html

secrets:
  word:
    file: word.txt
"#;

fn project_of_many_attributes(name: &str, subnet: &str) -> Option<Project> {
    let mut project = Project::with(name, &MANY_ATTRIBUTES.replace('@', subnet))?;
    for (file, text) in [("page.html", "hello"), ("word.txt", "hush"), ("web.env", "A=1\nB='two words'\n")] {
        project.write(file, text);
    }
    std::fs::create_dir(project.path("bound")).unwrap();
    let db_name = project.full_name("db-1");
    project.set("DB_NAME", db_name);
    project.set("FROM_HERE", "a value of the shell");
    for port in ["WEB_PORT", "LOCAL_PORT", "LONG_PORT"] {
        project.set(port, free_port().to_string());
    }
    Some(project)
}

/// The names that `ps -a --format json` prints.
fn listed(json: &str) -> Vec<String> {
    let name = |line: &str| serde_json::from_str::<Value>(line).unwrap()["Name"].as_str().unwrap().to_owned();
    let mut names: Vec<_> = json.lines().map(name).collect();
    names.sort();
    names
}

/// IDs and start times, but for the one-shot: docker compose runs those again on each `up`, topo does not.
fn lives(project: &Project) -> BTreeMap<String, (String, Duration)> {
    let mut lives = project.lives();
    lives.get_mut("setup-1").unwrap().1 = Duration::ZERO;
    lives
}

#[test]
fn docker_compose_must_find_nothing_to_do_after_topo() {
    let Some(project) = project_of_many_attributes("topo-first", "1") else { return };
    project.up();
    assert_eq!(project.container_names().len(), 8, "{:?}", project.container_names());
    let before = lives(&project);

    let peer = project.peer(&["ps", "-a", "--format", "json"]).succeeds();
    let topo = project.topo(&["ps", "-a", "--format", "json"]).succeeds();
    assert_eq!(listed(&peer.stdout), listed(&topo.stdout));
    assert_eq!(listed(&peer.stdout).len(), 8);

    project.peer(&["up", "-d"]).succeeds();
    assert_eq!(lives(&project), before, "docker compose touched what topo made");
    project.up_does_nothing();

    project.peer(&["down", "-v"]).succeeds();
    project.is_nowhere();
}

#[test]
fn topo_must_find_nothing_to_do_after_docker_compose() {
    let Some(project) = project_of_many_attributes("peer-first", "2") else { return };
    project.peer(&["up", "-d"]).succeeds();
    assert_eq!(project.container_names().len(), 8, "{:?}", project.container_names());

    let plan = project.topo(&["plan", "--exit-code"]).ends_with(0);
    assert!(plan.stdout.contains("nothing to do"), "{plan:?}");
    project.up_does_nothing();

    project.topo(&["down", "-v"]).succeeds();
    project.is_nowhere();
}

#[test]
fn docker_compose_must_take_over_what_topo_built() {
    let Some(mut project) = Project::of_example("built", "quickstart") else { return };
    let port = free_port();
    project.set("WEB_PORT", port.to_string());
    project.up();
    answer(port, "/");
    let before = project.lives();
    project.peer(&["up", "-d"]).succeeds();
    assert_eq!(project.lives(), before);
    project.peer(&["down", "-v"]).succeeds();
    project.is_nowhere();
}
