//! What is wrong with the engine's machine. These happen to an engine of the test's own, in namespaces of its own.

use std::process::{Child, Command};

use super::{PARTS, found, listens};
use crate::harness::{PrivateEngine, Project, eventually};

/// A name server outside of the engine's machine: one that knows no name.
const NAME_SERVER: &str = "
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(('', 53))
while True:
    question, client = server.recvfrom(512)
    server.sendto(question[:2] + b'\\x81\\x83' + question[4:], client)
";

/// A process in a network of its own, which ends with the test.
struct Neighbour(Child);

impl Neighbour {
    fn start(engine: &PrivateEngine) -> Self {
        let mut command = Command::new("unshare");
        command.args(["--net", "python3", "-c", NAME_SERVER]);
        let neighbour = Self(engine.beside(&command).spawn().unwrap());
        eventually("the neighbour listens in a network of its own", || neighbour.is_ready(engine));
        neighbour
    }

    #[expect(clippy::disallowed_methods, reason = "the system tells by files who listens")]
    fn is_ready(&self, engine: &PrivateEngine) -> Option<()> {
        let process = self.0.id().to_string();
        let network = |process: &str| std::fs::read_link(format!("/proc/{process}/ns/net")).ok();
        let own = network(&process)?;
        let sockets = std::fs::read_to_string(format!("/proc/{process}/net/udp")).ok()?;
        // At first it is in the network of this test, and then in that of the engine.
        let is_alone = [network("self")?, network(&engine.process)?].iter().all(|other| *other != own);
        (is_alone && sockets.contains(":0035 ")).then_some(())
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a command in the network of the engine's machine.
fn on_machine(engine: &PrivateEngine, words: &[&str]) {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).env("PATH", "/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin");
    let output = engine.beside(&command).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn what_is_wrong_with_the_machine_must_be_named() {
    let Some(engine) = PrivateEngine::start("dg-machine", &["busybox"]) else { return };
    let compose = format!(
        "{PARTS}services:
  web: {{<<: *web, environment: {{DB: 'http://db'}}, ports: ['8099:80']}}
  db: {{<<: *web}}
networks: {{default: {{ipam: {{config: [{{subnet: 10.9.0.0/24}}]}}, driver_opts: {{com.docker.network.bridge.name: tbr}}}}}}
"
    );
    let project = Project::on(&engine, "dg-machine", &compose);
    project.up();
    listens(&project, "web-1", "80");
    listens(&project, "db-1", "80");
    let causes =
        || found(&project).into_iter().map(|(cause, service, _)| (cause, service)).collect::<Vec<_>>();
    let has = |cause: &str, service: &str| {
        let causes = causes();
        assert!(
            causes.contains(&(cause.to_owned(), service.to_owned())),
            "no {cause} of `{service}` in {causes:?}"
        );
    };
    assert_eq!(causes(), []);

    // A firewall between two containers of one bridge.
    let db = project.container("db-1").network_settings.unwrap().networks.unwrap();
    let db = db.values().next().unwrap().ip_address.clone().unwrap();
    on_machine(&engine, &["sysctl", "-w", "net.bridge.bridge-nf-call-iptables=1"]);
    let rule = ["DOCKER-USER", "-d", db.as_str(), "-p", "tcp", "--dport", "80", "-j", "DROP"];
    on_machine(&engine, &[&["iptables", "-I"], &rule[..]].concat());
    has("packets-dropped", "web");
    on_machine(&engine, &[&["iptables", "-D"], &rule[..]].concat());
    assert_eq!(causes(), []);

    // A firewall before a published port.
    let rule = ["OUTPUT", "-p", "tcp", "--dport", "8099", "-j", "DROP"];
    on_machine(&engine, &[&["iptables", "-I"], &rule[..]].concat());
    has("port-silent", "web");
    on_machine(&engine, &[&["iptables", "-D"], &rule[..]].concat());

    on_machine(&engine, &["sysctl", "-w", "net.ipv4.ip_forward=0"]);
    has("forwarding-off", "");
    on_machine(&engine, &["sysctl", "-w", "net.ipv4.ip_forward=1"]);

    // A route of the host to addresses that the network has.
    on_machine(&engine, &["ip", "link", "add", "vpn0", "type", "veth", "peer", "name", "vpn1"]);
    on_machine(&engine, &["ip", "address", "add", "10.9.128.1/16", "dev", "vpn0"]);
    on_machine(&engine, &["ip", "link", "set", "vpn0", "up"]);
    has("subnet-overlap", "");
    on_machine(&engine, &["ip", "link", "delete", "vpn0"]);

    // A firewall between the containers and the outside, which the host itself reaches.
    let outside = Neighbour::start(&engine);
    let its_network = format!("--net=/proc/{}/ns/net", outside.0.id());
    on_machine(&engine, &["ip", "link", "add", "out0", "type", "veth", "peer", "name", "out1"]);
    on_machine(&engine, &["ip", "link", "set", "out1", "netns", &outside.0.id().to_string()]);
    on_machine(&engine, &["ip", "address", "add", "192.0.2.1/24", "dev", "out0"]);
    on_machine(&engine, &["ip", "link", "set", "out0", "up"]);
    on_machine(&engine, &["nsenter", &its_network, "ip", "address", "add", "192.0.2.2/24", "dev", "out1"]);
    on_machine(&engine, &["nsenter", &its_network, "ip", "link", "set", "out1", "up"]);
    on_machine(&engine, &["ip", "route", "add", "default", "via", "192.0.2.2", "dev", "out0"]);
    project.write("resolv.conf", "nameserver 192.0.2.2\n");
    let own_files = format!("--mount=/proc/{}/ns/mnt", engine.process);
    let file = project.path("resolv.conf").display().to_string();
    on_machine(&engine, &["nsenter", &own_files, "mount", "--bind", &file, "/etc/resolv.conf"]);
    assert_eq!(causes(), []);
    let rule = ["DOCKER-USER", "-d", "192.0.2.0/24", "-j", "DROP"];
    on_machine(&engine, &[&["iptables", "-I"], &rule[..]].concat());
    has("egress-blocked", "web");
    on_machine(&engine, &[&["iptables", "-D"], &rule[..]].concat());

    // A way out that takes smaller packets than the network has.
    let large = "networks: {large: {driver_opts: {com.docker.network.driver.mtu: '9000'}}}";
    let idle = "services: {idle: {<<: *idle, networks: [large]}}";
    let packets = Project::on(&engine, "dg-packets", &format!("{PARTS}{idle}\n{large}\n"));
    packets.up();
    assert!(found(&packets).iter().any(|(cause, service, _)| cause == "mtu" && service.is_empty()));

    // A gateway that has lost its address. A container that knew it believes in it for a minute; a new start forgets.
    on_machine(&engine, &["ip", "address", "flush", "dev", "tbr"]);
    project.topo(&["restart", "web"]).succeeds();
    has("gateway-silent", "web");
}
