//! What `topo diagnose` makes of what was seen: on projects that are made up, with what probers would meet there.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use bollard::models::ContainerCreateBody;
use topo::diagnose::matrix::Matrix;
use topo::diagnose::view::View;
use topo::diagnose::{CAUSES, Drift, Host, Input, Publisher, Seen, diagnose, json, questions, text};
use topo::engine::Engine as _;
use topo::engine::fake::{CallKind, FakeEngine};
use topo::engine::probing::{LABEL, Prober, Program};
use topo::engine::survey::{Asked, survey};
use topo::load::{MemWorld, Request, load};
use topo::observed::live::{Attachment, Live, Machine};
use topo::observed::proc::{Socket, Way};
use topo::observed::{Network, Observed, PublishedPort, State};
use topo::probe::{Answer, Question};
use topo::project::{Project, Selection, resolve};
use topo::topology::reach::known_ports;

use crate::cli::{project as folder, run};
use crate::generated::check;

/// What the page says of clusters.
const IN_A_CLUSTER: &str = "
## In a cluster

`topo diagnose --k8s -n NAMESPACE` does the same for a namespace of a Kubernetes cluster, with the user's kubeconfig. It only reads; with `--probe` it
also asks each Service from a short-lived pod, which is always removed.

| Symptom | Cause | What it means |
|---|---|---|
| Connections to a Service are refused or time out | `selector-matches-no-pod` | The selector of the Service has labels that no pod has. |
| | `no-ready-endpoint` | Its pods are there, and none is ready. |
| | `target-port-unknown`, `target-port-differs` | The Service leads to a port that its pods do not have. |
| | `no-selector-no-endpoints` | It has no selector, and no EndpointSlice either. |
| | `policies-let-nobody-in` | NetworkPolicies select its pods, and no rule lets anybody in. |
| | `does-not-answer` | A pod is ready and no policy refuses, but nothing answers (`--probe`). |
| A name is not known | `policies-refuse-dns` | NetworkPolicies keep the pods from the cluster's name server. |
| | `cluster-dns-down` | No pod of the cluster's name server is ready. |
| | `no-governing-service` | The Service that a StatefulSet names is not there. |
| | `external-name-is-address` | An ExternalName must be a name. |
| Nothing comes in from outside | `no-ingress-class` | Nothing handles the Ingress. |
| | `ingress-backend-missing`, `ingress-port-missing` | The Ingress leads to a Service or a port that is not there. |
| | `certificate-missing` | The Secret of its certificate is not there. |
| | `load-balancer-pending` | The cluster has nothing that gives Services addresses. |
| A pod does not run | `not-scheduled` | No node takes it: too little memory, a taint, a claim. |
| | `image-not-pulled` | The image is not there, or asks for a login. |
| | `container-not-made` | A Secret or ConfigMap that it names is not there. |
| | `volume-not-mounted`, `claim-pending` | Its volume is not there yet. |
| | `crash-loop` | Its process ends again and again: of memory, of its command, of an error of its own. |
| | `evicted`, `node-not-ready` | Its node put it out, or is lost. |
| A pod runs and is not ready | `probe-fails` | Its probe fails; what it met is told. |
| There are no pods | `rollout-failed` | A quota or an admission refuses them. |
| | `no-node-wanted`, `scaled-to-zero` | None is asked for. |
| A job does not end well | `job-failed` | Its pods failed more often than it allows. |
| Who should be kept out gets in | `policies-not-enforced` | The cluster's network does not enforce NetworkPolicies (`--probe`). |
";

fn project(services: &str) -> Project {
    let text = format!("name: app\n{services}");
    let world = MemWorld::project([("compose.yaml", text.as_str())]);
    let mut loaded = load(&world, &Request::default());
    let project = resolve(&mut loaded, &Selection::default(), &world);
    assert!(!loaded.diagnostics.has_errors(), "{:?}", loaded.diagnostics.sorted());
    project
}

/// A project that runs, and all that there is to know of it.
struct Scene {
    project: Project,
    containers: Vec<Seen>,
    host: Host,
    machine: Machine,
    networks: Vec<Network>,
    drift: Vec<Drift>,
    publishers: Vec<Publisher>,
}

impl Scene {
    /// Makes one in which all is well: each service listens at the ports that the file knows.
    fn new(services: &str) -> Self {
        let project = project(services);
        let keys: Vec<&String> = project.networks.keys().collect();
        let containers =
            project.services.keys().zip(2..).map(|(name, last)| seen(&project, &keys, name, last)).collect();
        let network = |(key, settings): (&String, &topo::model::network::Network)| Network {
            id: key.clone(),
            name: project.network_name(key).to_owned(),
            driver: "bridge".to_owned(),
            scope: "local".to_owned(),
            labels: BTreeMap::new(),
            request: bollard::models::NetworkCreateRequest {
                internal: Some(settings.internal),
                options: Some(settings.driver_opts.0.clone().into_iter().collect()),
                ipam: Some(bollard::models::Ipam {
                    config: Some(vec![bollard::models::IpamConfig {
                        subnet: Some(format!(
                            "10.{}.0.0/24",
                            keys.iter().position(|one| *one == key).unwrap()
                        )),
                        ..Default::default()
                    }]),
                    ..Default::default()
                }),
                ..Default::default()
            },
        };
        let networks = project.networks.iter().map(network).collect();
        let host = Host {
            view: View {
                namespace: "host".to_owned(),
                ways: vec![way("0.0.0.0/0", "eth0", Some([192, 0, 2, 1]))],
                ..View::default()
            },
            ..Host::default()
        };
        let machine = Machine { os: "linux".to_owned(), architecture: "amd64".to_owned(), forwards: true };
        let mut scene =
            Self { project, containers, host, machine, networks, drift: Vec::new(), publishers: Vec::new() };
        scene.ask();
        scene
    }

    fn input(&self) -> Input<'_> {
        Input {
            project: &self.project,
            services: &[],
            containers: &self.containers,
            host: Some(&self.host),
            machine: &self.machine,
            networks: &self.networks,
            drift: &self.drift,
            publishers: &self.publishers,
        }
    }

    /// Has probers ask what there is to be asked, in a world where packets pass between members of a network.
    fn ask(&mut self) {
        for at in 0..self.containers.len() {
            let asked = questions::of_container(&self.input(), &self.containers[at]);
            let from = &self.containers[at];
            let answers =
                asked.into_iter().map(|question| (question.clone(), self.answer(Some(from), &question)));
            let answers = answers.collect();
            self.containers[at].answers = answers;
            let more = questions::of_names(&self.input(), &self.containers[at]);
            let from = &self.containers[at];
            let more: Vec<_> = more
                .into_iter()
                .map(|question| (question.clone(), self.answer(Some(from), &question)))
                .collect();
            self.containers[at].answers.extend(more);
        }
        let asked = questions::of_host(&self.input(), &self.host.view);
        self.host.answers =
            asked.into_iter().map(|question| (question.clone(), self.answer(None, &question))).collect();
    }

    fn answer(&self, from: Option<&Seen>, question: &Question) -> Answer {
        let shares = |to: &Seen, address: IpAddr| {
            let of_address = to.live.attachments.iter().find(|one| one.addresses.contains(&address));
            let Some(network) = of_address.map(|one| &one.network) else { return false };
            from.is_none_or(|from| from.live.attachments.iter().any(|own| own.network == *network))
        };
        match question {
            Question::Tcp(address) => {
                let is_published = |seen: &&Seen| {
                    seen.live
                        .ports
                        .iter()
                        .any(|port| port.host.as_ref().is_some_and(|(_, own)| *own == address.port()))
                };
                let to = self.containers.iter().find(|to| to.live.addresses().any(|own| own == address.ip()));
                match to {
                    Some(to) if shares(to, address.ip()) => {
                        let view = to.view.as_ref().unwrap();
                        if view.is_open("tcp", address.port()) { Answer::Yes } else { Answer::Refused }
                    }
                    None if from.is_none() && self.containers.iter().any(|seen| is_published(&seen)) => {
                        Answer::Yes
                    }
                    Some(_) | None => Answer::Silence,
                }
            }
            Question::Resolve(name) => {
                let mut found: Vec<IpAddr> = Vec::new();
                for to in &self.containers {
                    for attachment in &to.live.attachments {
                        let shared = shares(to, attachment.addresses[0]);
                        if shared && attachment.aliases.contains(name) {
                            found.extend(&attachment.addresses);
                        }
                    }
                }
                if found.is_empty() { Answer::Nothing } else { Answer::Addresses(found) }
            }
            Question::File(_) => Answer::Text("1500\n".to_owned()),
            Question::Link(_) | Question::Holder(_) => Answer::Nothing,
            Question::Server(_) | Question::Udp(_) | Question::Neighbour(_) => Answer::Yes,
        }
    }

    fn seen(&mut self, service: &str) -> &mut Seen {
        self.containers.iter_mut().find(|seen| seen.service == service).unwrap()
    }

    /// Returns what is found: cause and service.
    fn found(&self) -> Vec<(&'static str, String)> {
        let findings = diagnose(&self.input());
        findings.into_iter().map(|one| (one.cause.name, one.service.unwrap_or_default())).collect()
    }
}

fn way(to: &str, interface: &str, gateway: Option<[u8; 4]>) -> Way {
    let gateway = gateway.map(|gateway| IpAddr::from(Ipv4Addr::from(gateway)));
    Way { to: to.parse().unwrap(), interface: interface.to_owned(), gateway }
}

fn seen(project: &Project, keys: &[&String], name: &str, last: u8) -> Seen {
    let settings = &project.services[name];
    let mut attachments = Vec::new();
    for (key, attachment) in &settings.networks.0 {
        let number = u8::try_from(keys.iter().position(|one| *one == key).unwrap()).unwrap();
        let aliases = attachment.0.iter().flat_map(|one| one.aliases.0.iter().cloned());
        attachments.push(Attachment {
            network: project.network_name(key).to_owned(),
            id: key.clone(),
            addresses: vec![Ipv4Addr::new(10, number, 0, last).into()],
            gateways: vec![Ipv4Addr::new(10, number, 0, 1).into()],
            mac: "02:42:0a:00:00:02".to_owned(),
            aliases: [name.to_owned()].into_iter().chain(aliases).collect(),
        });
    }
    let open = settings.networks.0.keys().find(|key| !project.networks[*key].internal);
    let gateway = open.map(|key| u8::try_from(keys.iter().position(|one| *one == key).unwrap()).unwrap());
    let sockets = known_ports(project, name).into_iter().map(|(protocol, port)| Socket {
        protocol: if protocol == "udp" { "udp" } else { "tcp" },
        port,
        address: Ipv4Addr::UNSPECIFIED.into(),
    });
    let port = |port: &topo::model::network::Port| PublishedPort {
        container: port.target.0,
        protocol: port.protocol().to_owned(),
        host: Some((
            port.host_ip.clone().unwrap_or_default(),
            port.published_range().map_or(0, |range| range.0),
        )),
    };
    let ports: Vec<PublishedPort> = settings.ports.0.iter().map(port).collect();
    Seen {
        service: name.to_owned(),
        live: Live {
            id: format!("id-{name}"),
            name: format!("app-{name}-1"),
            state: State::Running,
            reason: String::new(),
            restarts: 0,
            health: None,
            health_output: String::new(),
            network_mode: "app_default".to_owned(),
            attachments,
            wanted_ports: ports.clone(),
            ports,
            dns: settings.dns.0.clone(),
            environment: Vec::new(),
            log: Vec::new(),
        },
        view: Some(View {
            namespace: format!("of {name}"),
            sockets: sockets.collect(),
            ways: gateway
                .map(|number| way("0.0.0.0/0", "eth0", Some([10, number, 0, 1])))
                .into_iter()
                .collect(),
            servers: vec![Ipv4Addr::new(127, 0, 0, 11).into()],
            options: vec!["ndots:0".to_owned()],
            ..View::default()
        }),
        answers: BTreeMap::new(),
    }
}

const SHOP: &str = "services:
  web: {image: x, ports: ['8080:80'], networks: [front], environment: {API_URL: 'http://api:9000'}}
  api: {image: x, expose: [9000], networks: {front: , back: {aliases: [core]}}, environment: {DB_HOST: db}}
  db: {image: x, expose: [5432], networks: [back]}
networks: {front: , back: {internal: true}}
";

#[test]
fn nothing_is_found_where_all_is_as_the_file_says() {
    let scene = Scene::new(SHOP);
    assert_eq!(diagnose(&scene.input()), []);
    let matrix = Matrix::of(&scene.input());
    assert_eq!(matrix.differences().count(), 0);
    let expected = "       api  db  web  world
api         ✔    ✔     ✔
db      ✔        ·     ·
web     ✔   ·          ✔
world   ·   ·    p

✔ reaches every port   p reaches published ports   · does not reach
12 pairs tried, all as the file says
";
    assert_eq!(text::matrix(&matrix, 80), expected);
}

/// A way to break a scene, and what is then found, all of it.
type Broken = (&'static str, fn(&mut Scene), &'static [(&'static str, &'static str)]);

#[test]
fn what_is_broken_is_found_and_nothing_else() {
    let broken: &[Broken] = &[
        ("forwarding", |scene| scene.machine.forwards = false, &[("forwarding-off", "")]),
        (
            "forwarding, of which newer engines do not tell",
            |scene| {
                let file = Question::File("/proc/sys/net/ipv4/ip_forward".to_owned());
                scene.host.answers.insert(file, Answer::Text("0\n".to_owned()));
            },
            &[("forwarding-off", "")],
        ),
        (
            "a route of the host",
            |scene| scene.host.view.ways.push(way("10.0.0.0/16", "tun0", None)),
            &[("subnet-overlap", "")],
        ),
        (
            "bridges of the engine",
            |scene| {
                for bridge in ["br-0123456789ab", "docker0", "podman1", "cni-podman1"] {
                    scene.host.view.ways.push(way("10.0.0.0/24", bridge, None));
                }
            },
            &[],
        ),
        (
            "the packets' size",
            |scene| {
                let options = scene.networks[1].request.options.get_or_insert_default();
                options.insert("com.docker.network.driver.mtu".to_owned(), "9000".to_owned());
            },
            &[("mtu", "")],
        ),
        (
            "the gateway",
            |scene| {
                let gateway = scene.seen("web").view.as_ref().unwrap().gateway().unwrap();
                scene.seen("web").answers.insert(Question::Neighbour(gateway), Answer::Silence);
            },
            &[("gateway-silent", "web")],
        ),
        (
            "a firewall on the way out",
            |scene| {
                let server = [192, 0, 2, 53].into();
                scene.host.view.servers = vec![server];
                scene.host.answers.insert(Question::Server(server), Answer::Yes);
                scene.seen("web").answers.insert(Question::Server(server), Answer::Silence);
                scene.seen("db").answers.insert(Question::Server(server), Answer::Yes);
            },
            &[("egress-blocked", "web")],
        ),
        (
            "a name server that answers nobody",
            |scene| {
                let server = [192, 0, 2, 53].into();
                scene.host.view.servers = vec![server];
                scene.host.answers.insert(Question::Server(server), Answer::Silence);
                scene.seen("web").answers.insert(Question::Server(server), Answer::Silence);
            },
            &[],
        ),
        (
            "a firewall between",
            |scene| {
                let answers = &mut scene.seen("web").answers;
                for (question, answer) in answers {
                    if matches!(question, Question::Tcp(_)) {
                        *answer = Answer::Silence;
                    }
                }
            },
            &[("packets-dropped", "web")],
        ),
        (
            "a firewall before",
            |scene| {
                for answer in scene.host.answers.values_mut() {
                    *answer = Answer::Silence;
                }
            },
            &[("port-silent", "web")],
        ),
        (
            "a way that should not be",
            |scene| {
                for answer in scene.seen("web").answers.values_mut() {
                    if *answer == Answer::Silence {
                        *answer = Answer::Yes;
                    }
                }
            },
            &[("unexpected-way", "web")],
        ),
        (
            "a lost name",
            |scene| {
                scene.seen("api").answers.insert(Question::Resolve("db".to_owned()), Answer::Nothing);
            },
            &[("name-lost", "api")],
        ),
        (
            "a name astray",
            |scene| {
                let stranger = Answer::Addresses(vec![Ipv4Addr::new(10, 0, 0, 99).into()]);
                scene.seen("api").answers.insert(Question::Resolve("db".to_owned()), stranger);
            },
            &[("name-astray", "api")],
        ),
        (
            "a change of the file",
            |scene| {
                scene.drift.push(Drift {
                    subject: "app-web-1".to_owned(),
                    service: Some("web".to_owned()),
                    cause: "`environment.LEVEL` is new".to_owned(),
                });
            },
            &[("stale-container", "web")],
        ),
        (
            "a taken port",
            |scene| {
                let seen = scene.seen("web");
                seen.live.state = State::Created;
                seen.live.reason = "Bind for 0.0.0.0:8080 failed: port is already allocated".to_owned();
                (seen.view, seen.live.ports) = (None, Vec::new());
                scene.publishers.push(Publisher {
                    name: "other".to_owned(),
                    ports: vec![PublishedPort {
                        container: 1,
                        protocol: "tcp".to_owned(),
                        host: Some(("0.0.0.0".to_owned(), 8080)),
                    }],
                });
            },
            &[("port-taken", "web")],
        ),
        ("many starts", |scene| scene.seen("db").live.restarts = 7, &[("restarting", "db")]),
    ];
    for (what, breaks, expected) in broken {
        let mut scene = Scene::new(SHOP);
        breaks(&mut scene);
        let expected: Vec<_> = expected.iter().map(|(cause, of)| (*cause, (*of).to_owned())).collect();
        assert_eq!(scene.found(), expected, "{what}");
    }
}

#[test]
fn ipv6_that_is_asked_for_and_absent_is_found() {
    let services = "services:\n  web: {image: x}\nnetworks: {default: {enable_ipv6: true}}\n";
    assert_eq!(Scene::new(services).found(), [("ipv6-absent", "web".to_owned())]);
}

#[test]
fn a_service_whose_profile_is_not_active_is_no_typo() {
    let services = "services:
  web: {image: x, environment: {DB_HOST: db, DC_HOST: dc}}
  db: {image: x, profiles: [more]}
  dd: {image: x}
";
    let scene = Scene::new(services);
    let findings = diagnose(&scene.input());
    let mends: Vec<&str> = findings.iter().map(|finding| finding.mend.as_str()).collect();
    assert_eq!(mends, ["topo --profile more up -d db", "did you mean `dd`?"]);
}

#[test]
fn what_is_found_says_what_was_seen_and_what_mends_it() {
    let mut scene = Scene::new(SHOP);
    let view = scene.seen("api").view.as_mut().unwrap();
    view.sockets[0].address = Ipv4Addr::LOCALHOST.into();
    scene.ask();
    let findings = diagnose(&scene.input());
    let expected =
        "error[listens-on-loopback]: `api` listens at port 9000 on 127.0.0.1 alone, which only itself reaches
  seen: `web` is told to talk to `api:9000` by API_URL
  mend: let `api` listen on 0.0.0.0:9000
";
    assert_eq!(findings.iter().map(text::finding).collect::<String>(), expected);
    let matrix = Matrix::of(&scene.input());
    let report = json::report(&scene.input(), &matrix, &findings, &[]);
    assert_eq!(report["findings"][0]["cause"], "listens-on-loopback");
    assert_eq!(report["containers"][0]["networks"][0]["aliases"][1], "core");
    assert_eq!(report["pairs"].as_array().unwrap().len(), 12);
}

/// Creates and starts a container of the project in the engine in memory.
async fn start(engine: &FakeEngine, service: &str) {
    let labels = [
        ("com.docker.compose.project", "app"),
        ("com.docker.compose.service", service),
        ("com.docker.compose.container-number", "1"),
    ];
    let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let body = ContainerCreateBody {
        image: Some("x".to_owned()),
        labels: Some(labels.into_iter().collect()),
        ..ContainerCreateBody::default()
    };
    let name = format!("app-{service}-1");
    engine.create_container(&name, None, &body).await.unwrap();
    engine.start(&name).await.unwrap();
}

#[tokio::test]
async fn probers_are_asked_through_the_engine_and_from_one_image() {
    let engine = FakeEngine::new();
    engine.add_image("x");
    let project = project("services:\n  web: {image: x}\n  db: {image: x, expose: [5432]}\n");
    start(&engine, "web").await;
    start(&engine, "db").await;
    engine.on_probe(|place, question| match question {
        Question::Link(_) => Answer::Text(format!("net of {place}")),
        Question::File(path) if path == "/proc/net/tcp" => {
            Answer::Text("head\n 0: 00000000:1538 00000000:0000 0A 0\n".to_owned())
        }
        Question::Tcp(_) => Answer::Yes,
        _ => Answer::Nothing,
    });
    let observed = engine
        .observe(&topo::engine::Query { project: "app".to_owned(), ..Default::default() })
        .await
        .unwrap();
    let asked = Asked { project: &project, services: &[], observed: &observed, drift: &[] };
    for _ in 0..2 {
        let program = Program {
            version: "1".to_owned(),
            files: vec![("topo".to_owned(), vec![1])],
            ..Program::default()
        };
        let prober = Prober::prepare(&engine, program).await.unwrap();
        let seen = survey(&engine, asked, Some(&prober)).await.unwrap();
        assert_eq!(seen.unseen, [""; 0]);
        let view = seen.containers[0].view.as_ref().unwrap();
        assert_eq!(view.namespace, format!("net of container:{}", seen.containers[0].live.id));
        assert!(view.is_open("tcp", 0x1538));
        let connections = seen.containers[1].answers.keys().filter(|one| matches!(one, Question::Tcp(_)));
        assert_eq!(connections.count(), 1, "{:?}", seen.containers[1].answers);
        assert_eq!(seen.host.unwrap().view.namespace, "net of host");
        let probers: Vec<String> =
            engine.running().into_iter().filter(|name| name.starts_with("topo-probe")).collect();
        assert_eq!(probers.len(), 3);
        for prober in probers {
            let body = engine.body(&prober).unwrap();
            let host = body.host_config.unwrap();
            assert!(body.labels.unwrap().contains_key(LABEL));
            assert_eq!((host.auto_remove, host.readonly_rootfs), (Some(true), Some(true)));
            assert_eq!((host.cap_drop, host.cap_add), (Some(vec!["ALL".to_owned()]), Some(vec![])));
            // A real engine does that by itself, when the program has ended.
            engine.remove_container(&prober, true).await.unwrap();
        }
    }
    assert_eq!(engine.count(CallKind::ImportImage), 1);
    assert_eq!(engine.count(CallKind::Pull), 0);
}

#[tokio::test]
async fn what_a_prober_cannot_look_at_is_said() {
    let engine = FakeEngine::new();
    engine.add_image("x");
    start(&engine, "web").await;
    let project = project("services:\n  web: {image: x}\n");
    let program = Program { version: "1".to_owned(), ..Program::default() };
    let prober = Prober::prepare(&engine, program).await.unwrap();
    engine.fail_when(|call| {
        let refused =
            topo::engine::Cause::Other { status: Some(500), message: "exec format error".to_owned() };
        (call.kind == CallKind::Start).then_some(refused)
    });
    let observed: Observed = engine
        .observe(&topo::engine::Query { project: "app".to_owned(), ..Default::default() })
        .await
        .unwrap();
    let asked = Asked { project: &project, services: &[], observed: &observed, drift: &[] };
    let seen = survey(&engine, asked, Some(&prober)).await.unwrap();
    assert_eq!(seen.unseen.len(), 2);
    assert!(seen.unseen[0].ends_with("exec format error"), "{:?}", seen.unseen);
    assert!(seen.containers[0].view.is_none());
    assert_eq!(engine.count(CallKind::RemoveContainer), 2, "what was not started is removed");
}

#[test]
fn a_program_for_another_machine_is_no_prober() {
    let machine = Machine { os: "linux".to_owned(), architecture: "arm64".to_owned(), forwards: true };
    let program = Program { os: "linux".to_owned(), architecture: "amd64".to_owned(), ..Program::default() };
    assert_eq!(program.misfit(&machine).unwrap(), "this topo is for linux/amd64, the engine is linux/arm64");
    let machine = Machine { architecture: "amd64".to_owned(), ..machine };
    assert_eq!(program.misfit(&machine), None);
}

#[test]
fn a_service_that_is_not_there_is_refused_before_the_engine_is_asked() {
    let folder = folder("services:\n  web: {image: x}\n");
    let refused = run(&["diagnose", "wbe"], &folder, 1);
    assert!(refused.err.contains("there is no service `wbe`"), "{}", refused.err);
    assert!(refused.err.contains("did you mean `web`?"), "{}", refused.err);
}

#[test]
fn the_page_about_causes_is_current() {
    let mut page = "# Troubleshooting

<!-- Made from src/diagnose/causes.rs by TOPO_BLESS=1 cargo test --test it. -->

`topo diagnose` looks at a project that runs, and says what is wrong with its network, why, and what mends it.

```console
$ topo diagnose web
```

- It compares the file with the engine: networks, addresses, names and ports, and what `topo up` would replace.
- It asks from inside the network of each container: what listens and on which address, what each name resolves to, whether the gateway and the name
  servers answer, whether the services it needs answer. All pairs of services are tried, and what the file says of them (`topo reach`) stands beside
  what was met.
- It takes for needed what `depends_on` says, and the hosts in the service's environment: `DB_HOST=db`, `postgres://db/app`, `api:8080`.
- For that it starts a short-lived container of its own in the network of each container, from an image `topo-probe` that holds topo alone. The image
  is made by topo and stays for the next time (`docker image rm` takes it away); nothing is pulled, and nothing is put into the containers of the
  project. The containers may do nothing but look, and remove themselves. `--no-probe` starts none.
- An engine of another system or processor than topo's runs no such container. Then it says so, and tells what the engine knows.
- `--format json` is for programs, `-q` leaves out what is well. It exits with 0 if nothing is found, 1 for errors, 3 for warnings alone.

`topo capture` writes down the packets of a service's network in the same way, for Wireshark and tcpdump:

```sh
topo capture web -w web.pcap --port 80 --peer api -c 1000
topo capture web -w - | tcpdump -nr -
```

It ends after `--seconds` (60), `--bytes` (64m) or `-c` packets, or when it is interrupted.

What is found, by symptom:

| Symptom | Cause |
|---|---|
"
    .to_owned();
    for cause in CAUSES {
        writeln!(page, "| {} | [`{}`](#{}) |", cause.symptom, cause.name, cause.name).unwrap();
    }
    page.push_str("\nAnd by cause:\n");
    for cause in CAUSES {
        write!(page, "\n## {}\n\n{}\n\nMend: {}.\n", cause.name, cause.meaning, cause.mend).unwrap();
    }
    page.push_str(IN_A_CLUSTER);
    check("docs/troubleshooting.md", &page);
}
