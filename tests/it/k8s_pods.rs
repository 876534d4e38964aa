//! What keeps pods from running: waits that never end, volumes that nobody fills, and files of this machine.

use serde_json::Value;
use topo::diagnostic::Severity;
use topo::k8s::{Binds, Export, Options, Secrets};
use topo::load::MemWorld;
use topo::manifests::read::Manifests;
use topo::manifests::validate::validate;
use topo::model::x_topo::WaitFor;
use topo::project::{Bound, Selection, read_binds, resolve};

use crate::k8s::exported;

fn object(export: &Export, kind: &str, name: &str) -> Value {
    let found = export.objects.iter().find(|object| object.kind() == kind && object.name() == name);
    found.unwrap().to_json().unwrap()
}

fn pod(export: &Export, name: &str) -> Value {
    object(export, "Deployment", name)["spec"]["template"]["spec"].clone()
}

/// Returns the errors of topo's own check of what is exported.
fn errors_of(export: &Export) -> Vec<String> {
    let mut manifests = Manifests::of_text("all.yaml", &export.to_stream().unwrap());
    validate(&manifests.documents, &mut manifests.diagnostics);
    let errors = manifests.diagnostics.sorted().into_iter().filter(|one| one.severity == Severity::Error);
    errors.map(|one| one.message.clone()).collect()
}

/// Returns what the pods of each service wait for.
fn waits_of(compose: &str, service: &str) -> Vec<String> {
    let (export, _) = exported(compose, &Options { wait_for: WaitFor::Init, ..Options::default() });
    let pod = pod(&export, service);
    let containers = pod["initContainers"].as_array().cloned().unwrap_or_default();
    let waiting = containers.iter().filter(|one| one["name"].as_str().unwrap().ends_with("-waits"));
    let scripts = waiting.map(|one| one["command"][2].as_str().unwrap().to_owned());
    let hosts = scripts.flat_map(|script| {
        let hosts = script.lines().map(|line| line.split_once("nslookup ").unwrap().1);
        hosts.map(|host| host.split_once('.').unwrap().0.to_owned()).collect::<Vec<_>>()
    });
    hosts.collect()
}

/// Policies let it ask nobody, DNS included.
#[test]
fn who_has_no_network_waits_for_nothing() {
    let compose = "name: p
services:
  job: {image: i, network_mode: none, depends_on: [db]}
  beside: {image: i, network_mode: 'service:job', depends_on: [db]}
  app: {image: i, depends_on: [db]}
  db: {image: i}
";
    assert_eq!(waits_of(compose, "job"), [""; 0]);
    assert_eq!(waits_of(compose, "app"), ["db"]);
}

/// A sidecar's wait holds up all of its pod: whoever it waits for must not wait for that.
#[test]
fn pods_do_not_wait_for_each_other() {
    let healthy = |service: &str| format!("depends_on: {{{service}: {{condition: service_healthy}}}}");
    let compose = format!(
        "name: p
services:
  vpn: {{image: i, healthcheck: {{test: x}}}}
  side: {{image: i, network_mode: 'service:vpn', {}}}
  web: {{image: i, healthcheck: {{test: x}}, {}}}
  middle: {{image: i, healthcheck: {{test: x}}, {}}}
  db: {{image: i, healthcheck: {{test: x}}}}
  other: {{image: i, network_mode: 'service:vpn', {}}}
",
        healthy("web"),
        healthy("middle"),
        healthy("vpn"),
        healthy("db"),
    );
    assert_eq!(waits_of(&compose, "vpn"), ["db-ready"]);
    assert_eq!(waits_of(&compose, "web"), ["middle-ready"]);
    assert_eq!(waits_of(&compose, "middle"), ["vpn-ready"]);
    let (export, _) = exported(&compose, &Options { wait_for: WaitFor::Init, ..Options::default() });
    let told = export.losses.iter().filter(|loss| loss.key.ends_with("depends_on"));
    let told: Vec<&str> = told.map(|loss| loss.key.as_str()).collect();
    assert_eq!(told, ["services.side.depends_on"]);
}

/// A new volume is empty: an init container fills it, which a claim for reading alone does not let it do.
#[test]
fn volumes_that_all_only_read_can_be_filled() {
    let compose = "name: p
services:
  a: {image: i, volumes: ['pages:/pages:ro']}
  b: {image: i, volumes: ['pages:/pages:ro']}
volumes: {pages: }
";
    let (export, _) = exported(compose, &Options::default());
    let claim = object(&export, "PersistentVolumeClaim", "pages");
    assert_eq!(claim["spec"]["accessModes"], serde_json::json!(["ReadWriteMany"]));
}

const BINDS: &str = "name: p
services:
  web:
    image: i
    volumes:
      - ./nginx.conf:/etc/nginx/nginx.conf:ro
      - ./start.sh:/start.sh
      - ./logo.bin:/logo.bin:ro
      - ./large.bin:/large.bin:ro
      - ./pages:/pages
      - /var/run/docker.sock:/var/run/docker.sock
  again: {image: i, volumes: ['./nginx.conf:/again.conf:ro']}
";

/// A file is a ConfigMap, mounted as the one file that it is; another content makes another name.
#[test]
fn files_of_this_machine_are_config_maps() {
    let (export, _) = exported(BINDS, &Options::default());
    let pod = pod(&export, "web");
    let mounts = pod["containers"][0]["volumeMounts"].as_array().unwrap();
    let mounted = mounts.iter().map(|mount| {
        let volumes = pod["volumes"].as_array().unwrap();
        let volume = volumes.iter().find(|volume| volume["name"] == mount["name"]).unwrap();
        let item = &volume["configMap"]["items"][0];
        assert_eq!((&mount["readOnly"], &mount["subPath"]), (&true.into(), &item["path"]));
        (mount["mountPath"].as_str().unwrap(), item["key"].as_str().unwrap(), item["mode"].as_u64().unwrap())
    });
    assert_eq!(
        mounted.collect::<Vec<_>>(),
        [
            ("/etc/nginx/nginx.conf", "nginx.conf", 0o444),
            ("/start.sh", "start.sh", 0o555),
            ("/logo.bin", "logo.bin", 0o444),
        ]
    );
    let maps = export.objects.iter().filter(|object| object.kind() == "ConfigMap");
    let maps: Vec<Value> = maps.map(|object| object.to_json().unwrap()).collect();
    // Both services have the same file, and so the same object.
    assert_eq!(maps.len(), 3);
    assert!(maps.iter().all(|map| map["immutable"] == true));
    assert!(maps.iter().any(|map| map["data"]["nginx.conf"] == "events {}\n"), "{maps:?}");
    assert!(maps.iter().any(|map| map["binaryData"]["logo.bin"] == "AJ+Slg=="), "{maps:?}");
    assert_eq!(errors_of(&export), [""; 0]);
    let told = export.losses.iter().filter(|loss| loss.key.contains("volumes"));
    let told: Vec<String> = told.map(|loss| format!("{}: {}", loss.key, loss.diagnostic.message)).collect();
    assert_eq!(
        told,
        [
            "services.web.volumes.1: service `web` gets a copy of `/project/start.sh`, into which it cannot write",
            "services.web.volumes.3: service `web` does not get `/project/large.bin` at `/large.bin`: \
             it has 1048577 bytes, and Kubernetes takes 1 MiB",
            "services.web.volumes.4: service `web` does not get `/project/pages` at `/pages`: it is on this machine",
            "services.web.volumes.5: service `web` does not get `/var/run/docker.sock` at `/var/run/docker.sock`: \
             it is on this machine",
        ]
    );
    assert!(export.notes.iter().any(|note| note.contains("`/project/nginx.conf`")), "{:?}", export.notes);
}

/// Names of files may have anything in them, and keys of ConfigMaps may not; files that differ in it alone stay apart.
#[test]
fn files_of_any_name_have_keys_of_their_own() {
    let compose = "services: {a: {image: i, volumes: ['./Empty 1:/one:ro', './empty_1:/two:ro', './empty-1:/three:ro']}}";
    let (export, _) = exported(compose, &Options::default());
    assert_eq!(export.objects.iter().filter(|object| object.kind() == "ConfigMap").count(), 3);
    assert_eq!(errors_of(&export), [""; 0]);
}

/// Secrets are in plain text only where the user asks for it, in files as well.
#[test]
fn private_keys_are_not_written_by_default() {
    let compose = "services: {a: {image: i, volumes: ['./key.pem:/key.pem:ro']}}";
    let has_key = |secrets| {
        let (export, _) = exported(compose, &Options { secrets, ..Options::default() });
        let is_lost =
            export.losses.iter().any(|loss| loss.diagnostic.message.contains("a private key in it"));
        let is_written = export.to_stream().unwrap().contains("BEGIN PRIVATE KEY");
        assert_ne!(is_lost, is_written);
        is_written
    };
    assert!(!has_key(Secrets::External));
    assert!(!has_key(Secrets::SealedPlaceholder));
    assert!(has_key(Secrets::Manifest));
}

/// Paths of nodes need a namespace that lets such pods in, and the kubelet refuses a directory where a file is.
#[test]
fn pods_with_paths_of_nodes_run() {
    let (export, _) = exported(BINDS, &Options { binds: Binds::HostPath, ..Options::default() });
    let namespace = object(&export, "Namespace", "p");
    assert_eq!(namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "privileged");
    let pod = pod(&export, "web");
    let volumes = pod["volumes"].as_array().unwrap().iter();
    let types: Vec<(&str, Option<&str>)> = volumes
        .map(|volume| (volume["hostPath"]["path"].as_str().unwrap(), volume["hostPath"]["type"].as_str()))
        .collect();
    assert_eq!(
        types,
        [
            ("/project/nginx.conf", None),
            ("/project/start.sh", None),
            ("/project/logo.bin", None),
            ("/project/large.bin", None),
            ("/project/pages", Some("DirectoryOrCreate")),
            ("/var/run/docker.sock", None),
        ]
    );
    assert_eq!(errors_of(&export), [""; 0]);
    assert!(export.objects.iter().all(|object| object.kind() != "ConfigMap"));
}

/// What a kernel or a device gives is this machine's own, and never copied.
#[test]
fn only_regular_files_are_read() {
    let mut world = MemWorld::project([(
        "compose.yaml",
        "services: {a: {image: i, volumes: ['/proc/stat:/a', './b:/b', './c:/c', './d:/d']}}",
    )]);
    for file in ["/proc/stat", "/project/b", "/project/c/d"] {
        world.files.insert(file.into(), Vec::new());
    }
    let mut loaded = topo::load::load(&world, &topo::load::Request::default());
    let project = resolve(&mut loaded, &Selection::default(), &world);
    let found: Vec<(String, Bound)> = read_binds(&project, &world).into_iter().collect();
    let file = Bound::File { content: Vec::new(), is_executable: false };
    let expected = [
        ("/proc/stat", Bound::Other),
        ("/project/b", file),
        ("/project/c", Bound::Directory),
        ("/project/d", Bound::Other),
    ];
    assert_eq!(found, expected.map(|(path, bound)| (path.to_owned(), bound)));
}

/// A pod that its namespace refuses never runs, and the API server says so only to whoever makes it.
#[test]
fn pods_are_held_to_the_level_of_their_namespace() {
    let said = |level: &str, pod: &str| -> Vec<String> {
        let text = format!(
            "apiVersion: v1
kind: Namespace
metadata: {{name: n, labels: {{pod-security.kubernetes.io/enforce: {level}}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: d, namespace: n}}
spec:
  selector: {{matchLabels: {{a: b}}}}
  template:
    metadata: {{labels: {{a: b}}}}
    spec: {pod}
"
        );
        let mut manifests = Manifests::of_text("all.yaml", &text);
        validate(&manifests.documents, &mut manifests.diagnostics);
        let said = manifests.diagnostics.sorted().into_iter().map(|one| one.message.clone());
        let head = "Deployment/d: namespace `n` refuses these pods: ";
        said.map(|one| one.strip_prefix(head).map_or(one.clone(), str::to_owned)).collect()
    };
    let plain = "{containers: [{name: c, image: i}]}";
    let open = "{hostNetwork: true, hostPID: true, volumes: [{name: v, hostPath: {path: /x}}],
      securityContext: {sysctls: [{name: vm.swappiness, value: '1'}], seLinuxOptions: {type: spc_t}},
      containers: [{name: c, image: i, ports: [{containerPort: 80, hostPort: 80}],
      securityContext: {privileged: true, capabilities: {add: [CHOWN, NET_ADMIN]},
      seccompProfile: {type: Unconfined}}}]}";
    let hardened = "{securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}},
      volumes: [{name: v, emptyDir: {}}],
      containers: [{name: c, image: i,
      securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}}}]}";
    let root = "{securityContext: {runAsUser: 0, runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}},
      volumes: [{name: v, nfs: {server: s, path: /x}}],
      containers: [{name: c, image: i,
      securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL], add: [CHOWN]}}}]}";
    for (level, pod, expected) in [
        ("privileged", open, &[][..]),
        ("baseline", plain, &[]),
        (
            "baseline",
            open,
            &[
                "`hostNetwork`",
                "`hostPID`",
                "`hostPath` of volume `v`",
                "kernel parameter `vm.swappiness`",
                "`seLinuxOptions.type: spc_t`",
                "`hostPort`",
                "`privileged`",
                "capability `NET_ADMIN`",
                "`seccompProfile.type: Unconfined`",
            ],
        ),
        ("restricted", hardened, &[]),
        (
            "restricted",
            plain,
            &[
                "container `c` lacks `allowPrivilegeEscalation: false`",
                "container `c` lacks `runAsNonRoot: true`",
                "container `c` lacks `seccompProfile.type: RuntimeDefault`",
                "container `c` lacks `capabilities.drop: [ALL]`",
            ],
        ),
        ("restricted", root, &["`runAsUser: 0`", "`nfs` of volume `v`", "capability `CHOWN`"]),
    ] {
        assert_eq!(said(level, pod), expected, "{level} {pod}");
    }
}
