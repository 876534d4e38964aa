//! What only newer engines have, on the newest that Debian has.

use crate::harness::{PrivateEngine, Project, eventually, health};

#[test]
fn what_newer_engines_have_must_work_there() {
    let compose = r#"
services:
  maker:
    image: busybox
    command: sh -c "mkdir -p /data/inner && echo inner >/data/inner/word"
    volumes: ["data:/data"]
  six: {image: busybox, command: sleep 1000, stop_signal: SIGKILL, networks: [six]}
  app:
    image: busybox
    command: sleep 1000
    stop_signal: SIGKILL
    depends_on: {maker: {condition: service_completed_successfully}}
    networks:
      front: {interface_name: front0, gw_priority: 1, mac_address: "02:42:ac:11:65:43"}
      back: {interface_name: back0, gw_priority: 10}
    volumes:
      - {type: volume, source: data, target: /part, volume: {subpath: inner}}
      - {type: image, source: busybox, target: /image, image: {subpath: usr}}
    healthcheck: {test: [CMD, "true"], interval: 1m, start_period: 20s, start_interval: 200ms}
networks:
  front:
  back:
  six: {enable_ipv4: false, enable_ipv6: true, ipam: {config: [{subnet: "fd00:7:7::/64"}]}}
volumes: {data: {}}
"#;
    let Some(engine) = PrivateEngine::newest("newest", &["busybox"]) else { return };
    let project = Project::on(&engine, "newest", compose);
    project.up();
    let says = |command: &str| project.exec("app-1", &["sh", "-c", command]).1;
    assert!(says("ip link show front0").contains("02:42:ac:11:65:43"));
    assert!(says("ip addr show back0").contains("inet "));
    assert!(says("ip route show default").contains("dev back0"), "the higher priority has the way out");
    assert_eq!(says("cat /part/word"), "inner\n");
    assert!(says("ls /image/bin").contains("busybox"));
    eventually("it is healthy long before the interval ends", || {
        (health(&project.container("app-1")) == "healthy").then_some(())
    });
    let six = project.container("six-1").network_settings.unwrap().networks.unwrap();
    let six = &six[&format!("{}_six", project.name)];
    assert!(six.global_ipv6_address.as_deref().unwrap().starts_with("fd00:7:7::"), "{six:?}");
    assert_eq!(six.ip_address.as_deref(), Some(""), "{six:?}");
    project.up_does_nothing();
    project.topo(&["down", "-v"]).succeeds();
    project.is_nowhere();
}
