//! What `topo reach` says of a file is what the engine does with it.

use crate::harness::{Project, eventually, free_port};

/// One service for each way to be apart, and each listens on port 80, or on `$HOST_PORT` of the host.
const COMPOSE: &str = "services:
  one: {image: busybox, command: [httpd, -f, -p, '80'], stop_grace_period: 0s, networks: [a]}
  both: {image: busybox, command: [httpd, -f, -p, '80'], stop_grace_period: 0s, networks: [a, in]}
  open:
    image: busybox
    command: [httpd, -f, -p, '80']
    stop_grace_period: 0s
    networks: [b]
    ports: ['$OPEN_PORT:80', '127.0.0.1:$LOCAL_PORT:81']
  sealed: {image: busybox, command: [httpd, -f, -p, '80'], stop_grace_period: 0s, networks: [in], ports: ['$SEALED_PORT:80']}
  apart: {image: busybox, command: [httpd, -f, -p, '80'], stop_grace_period: 0s, networks: [apart]}
  none: {image: busybox, command: [httpd, -f, -p, '80'], stop_grace_period: 0s, network_mode: none}
  beside: {image: busybox, command: [httpd, -f, -p, '82'], stop_grace_period: 0s, network_mode: 'service:one'}
  host: {image: busybox, command: [httpd, -f, -p, '$HOST_PORT'], stop_grace_period: 0s, network_mode: host}
  other: {image: busybox, command: [httpd, -f, -p, '80'], stop_grace_period: 0s, networks: [apart]}
networks:
  a: {}
  b: {}
  in: {internal: true}
  apart: {driver_opts: {com.docker.network.bridge.enable_icc: 'false'}}
";

/// Connects from a container to a name or an address of its gateway.
fn connects(project: &Project, from: &str, target: &str, port: &str) -> bool {
    let command = match target {
        "gateway" => format!(
            "gateway=$(ip route | awk '/^default/ {{print $3}}'); \
             [ -n \"$gateway\" ] || gateway=$(ip route | awk '/src/ {{print $NF}}' | head -n 1 | sed 's/[0-9]*$/1/'); \
             nc -w 3 $gateway {port} </dev/null"
        ),
        name => format!("nc -w 3 {name} {port} </dev/null"),
    };
    let (code, _) = project.exec(&format!("{from}-1"), &["sh", "-c", &command]);
    code == 0
}

#[test]
fn what_reach_says_must_be_what_the_engine_does() {
    let Some(mut project) = Project::with("reach", COMPOSE) else { return };
    let ports: Vec<String> = (0..4).map(|_| free_port().to_string()).collect();
    let [open, local, sealed, host] = &ports[..] else { return };
    for (variable, port) in
        [("OPEN_PORT", open), ("LOCAL_PORT", local), ("SEALED_PORT", sealed), ("HOST_PORT", host)]
    {
        project.set(variable, port.clone());
    }
    project.up();
    for name in ["one", "both", "open", "sealed", "apart", "other", "beside", "host"] {
        let port = match name {
            "host" => host,
            "beside" => "82",
            _ => "80",
        };
        eventually("it listens", || connects(&project, name, "127.0.0.1", port).then_some(()));
    }
    // Who asks whom, at which port of the container; where and at which port that is tried.
    for (from, to, port, target, tried) in [
        ("one", "both", "80", "both", "80"),
        ("both", "one", "80", "one", "80"),
        ("both", "sealed", "80", "sealed", "80"),
        ("one", "sealed", "80", "gateway", sealed.as_str()),
        ("one", "open", "80", "gateway", open),
        ("one", "open", "81", "gateway", local),
        ("sealed", "open", "80", "gateway", open),
        ("sealed", "host", host, "gateway", host),
        ("one", "host", host, "gateway", host),
        ("none", "host", host, "gateway", host),
        ("apart", "other", "80", "other", "80"),
        ("apart", "open", "80", "gateway", open),
        ("beside", "one", "80", "localhost", "80"),
        ("one", "beside", "82", "localhost", "82"),
        ("both", "beside", "82", "one", "82"),
        ("host", "open", "80", "127.0.0.1", open),
    ] {
        let says = project.topo(&["reach", from, &format!("{to}:{port}")]).code == Some(0);
        let does = connects(&project, from, target, tried);
        assert_eq!(says, does, "{from} to {to}:{port}, tried at {target}:{tried}");
    }
    project.topo(&["down"]).succeeds();
    project.is_nowhere();
}
