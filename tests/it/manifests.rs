//! The validator of manifests: every export passes, and every mistake is caught, each by itself.

use topo::diagnostic::{Diagnostics, one_line};
use topo::k8s::{Options, Published, Secrets, export};
use topo::load::{MemWorld, OsWorld, Request, load};
use topo::manifests::read::{Manifests, read};
use topo::manifests::validate::validate;
use topo::project::{Selection, read_contents, resolve};

use crate::cli::{empty, run};
use crate::corpus::corpus;
use crate::generated::repository;

/// What is said of a text, a line each.
fn said_of(text: &str) -> Vec<String> {
    let mut manifests = Manifests::of_text("all.yaml", text);
    validate(&manifests.documents, &mut manifests.diagnostics);
    lines(&manifests)
}

fn lines(manifests: &Manifests) -> Vec<String> {
    let found = manifests.diagnostics.sorted().into_iter();
    found.map(|one| one_line(one, &manifests.sources)).collect()
}

fn errors(said: &[String]) -> Vec<&String> {
    said.iter().filter(|line| line.contains(": error[")).collect()
}

/// One object of each kind that projects have, with nothing wrong.
const GOOD: &str = r#"apiVersion: v1
kind: Namespace
metadata:
  name: shop
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
  namespace: shop
data:
  app.conf: "debug = false"
---
apiVersion: v1
kind: Secret
metadata:
  name: password
  namespace: shop
type: Opaque
data:
  password: c2VjcmV0
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: data
  namespace: shop
spec:
  accessModes: [ReadWriteOnce]
  resources:
    requests:
      storage: 1Gi
---
apiVersion: v1
kind: Service
metadata:
  name: web
  namespace: shop
spec:
  type: LoadBalancer
  selector:
    app: web
  ports:
  - name: http
    port: 80
    targetPort: http
    protocol: TCP
  - name: metrics
    port: 9090
    targetPort: 9090
    protocol: TCP
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
  labels:
    app: web
spec:
  replicas: 2
  selector:
    matchLabels:
      app: web
  strategy:
    type: RollingUpdate
  template:
    metadata:
      labels:
        app: web
      annotations:
        note: "1"
    spec:
      restartPolicy: Always
      dnsPolicy: ClusterFirst
      initContainers:
      - name: first
        image: busybox
        command: [sh, -c, "true"]
      containers:
      - name: web
        image: nginx:1
        imagePullPolicy: IfNotPresent
        args: ["-g", "daemon off;"]
        env:
        - name: LEVEL
          value: "1"
        - name: PASSWORD
          valueFrom:
            secretKeyRef:
              name: password
              key: password
        ports:
        - name: http
          containerPort: 8080
          protocol: TCP
        - name: metrics
          containerPort: 9090
          protocol: TCP
        readinessProbe:
          httpGet:
            path: /
            port: http
          periodSeconds: 5
        securityContext:
          runAsUser: 1000
        resources:
          requests:
            cpu: 100m
            memory: 64Mi
          limits:
            memory: 128Mi
        volumeMounts:
        - name: settings
          mountPath: /etc/app
        - name: data
          mountPath: /data
      volumes:
      - name: settings
        configMap:
          name: settings
          items:
          - key: app.conf
            path: app.conf
      - name: data
        persistentVolumeClaim:
          claimName: data
---
apiVersion: batch/v1
kind: CronJob
metadata:
  name: nightly
  namespace: shop
spec:
  schedule: "0 3 * * *"
  concurrencyPolicy: Forbid
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: OnFailure
          containers:
          - name: nightly
            image: busybox
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: web
  namespace: shop
spec:
  podSelector:
    matchLabels:
      app: web
  policyTypes: [Ingress]
  ingress:
  - from:
    - ipBlock:
        cidr: 10.0.0.0/8
        except: [10.1.0.0/16]
    ports:
    - port: 8080
      endPort: 8090
      protocol: TCP
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
  namespace: shop
spec:
  rules:
  - host: shop.example.com
    http:
      paths:
      - path: /
        pathType: Prefix
        backend:
          service:
            name: web
            port:
              number: 80
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: web
  namespace: shop
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: web
  minReplicas: 1
  maxReplicas: 3
  metrics:
  - type: Resource
    resource:
      name: cpu
      target:
        type: Utilization
        averageUtilization: 80
"#;

#[test]
fn good_manifests_are_good() {
    assert_eq!(said_of(GOOD), [""; 0]);
}

/// Mistakes: what is replaced by what (the first occurrence), and the beginning of what is said of it.
const MUTATIONS: &[(&str, &str, &str)] = &[
    // Kinds of values.
    (
        "args: [\"-g\", \"daemon off;\"]",
        "args: [1]",
        "error[wrong-type]: Deployment/web: `spec.template.spec.containers[0].args[0]` must be a string",
    ),
    (
        "value: \"1\"",
        "value: 1",
        "error[wrong-type]: Deployment/web: `spec.template.spec.containers[0].env[0].value` must be a string",
    ),
    ("note: \"1\"", "note: 1", "error[wrong-type]"),
    ("      labels:\n        app: web", "      labels:\n        app: true", "error[wrong-type]"),
    ("periodSeconds: 5", "periodSeconds: \"5\"", "error[wrong-type]"),
    ("periodSeconds: 5", "periodSeconds: 0.5", "error[wrong-type]"),
    ("runAsUser: 1000", "runAsUser: 1000:1000", "error[wrong-type]"),
    ("replicas: 2", "replicas: two", "error[wrong-type]"),
    ("policyTypes: [Ingress]", "policyTypes: Ingress", "error[wrong-type]"),
    (
        "  type: LoadBalancer\n",
        "  type: LoadBalancer\n  publishNotReadyAddresses: \"true\"\n",
        "error[wrong-type]",
    ),
    ("app.conf: \"debug = false\"", "app.conf: false", "error[wrong-type]"),
    // Fields that there are not, and kinds.
    (
        "imagePullPolicy:",
        "imagePullPolcy:",
        "error[unknown-key]: Deployment/web: `spec.template.spec.containers[0]` has no field `imagePullPolcy`",
    ),
    ("  replicas: 2\n", "  replicas: 2\n  restartPolicy: Always\n", "error[unknown-key]"),
    (
        "apiVersion: batch/v1",
        "apiVersion: batch/v1beta1",
        "error[invalid-value]: CronJob/nightly: `batch/v1beta1` of CronJob is served no more",
    ),
    (
        "apiVersion: networking.k8s.io/v1\nkind: Ingress",
        "apiVersion: extensions/v1beta1\nkind: Ingress",
        "error[invalid-value]",
    ),
    ("apiVersion: autoscaling/v2", "apiVersion: autoscaling/v2beta2", "error[invalid-value]"),
    ("kind: Deployment\nmetadata", "kind: Deploymnt\nmetadata", "error[invalid-value]"),
    (
        "apiVersion: apps/v1\n",
        "apiVersion: v1\n",
        "error[invalid-value]: Deployment/web: Deployment is not of `v1`",
    ),
    ("kind: Secret\n", "", "error[missing-key]"),
    // Words.
    ("restartPolicy: Always", "restartPolicy: unless-stopped", "error[invalid-value]"),
    ("imagePullPolicy: IfNotPresent", "imagePullPolicy: If_not_present", "error[invalid-value]"),
    ("type: LoadBalancer", "type: Loadbalancer", "error[invalid-value]"),
    ("protocol: TCP", "protocol: tcp", "error[invalid-value]"),
    (
        "containerPort: 8080\n          protocol: TCP",
        "containerPort: 8080\n          protocol: HTTP",
        "error[invalid-value]",
    ),
    ("pathType: Prefix", "pathType: prefix", "error[invalid-value]"),
    ("policyTypes: [Ingress]", "policyTypes: [ingress]", "error[invalid-value]"),
    ("dnsPolicy: ClusterFirst", "dnsPolicy: Cluster", "error[invalid-value]"),
    ("accessModes: [ReadWriteOnce]", "accessModes: [RWO]", "error[invalid-value]"),
    ("concurrencyPolicy: Forbid", "concurrencyPolicy: Never", "error[invalid-value]"),
    ("type: RollingUpdate", "type: Rolling", "error[invalid-value]"),
    // Names.
    (
        "kind: Service\nmetadata:\n  name: web",
        "kind: Service\nmetadata:\n  name: front_end",
        "error[invalid-value]: Service/front_end: `metadata.name` cannot be `front_end`",
    ),
    (
        "kind: Service\nmetadata:\n  name: web",
        "kind: Service\nmetadata:\n  name: 1web",
        "error[invalid-value]",
    ),
    (
        "kind: Namespace\nmetadata:\n  name: shop",
        "kind: Namespace\nmetadata:\n  name: Shop",
        "error[invalid-value]",
    ),
    ("- name: web\n        image", "- name: Web\n        image", "error[invalid-value]"),
    ("  labels:\n    app: web", "  labels:\n    app: \"a b\"", "error[invalid-value]"),
    ("  labels:\n    app: web", "  labels:\n    a/b/c: web", "error[invalid-value]"),
    ("note: \"1\"", "\"a note\": \"1\"", "error[invalid-value]"),
    (
        "name: metrics\n          containerPort",
        "name: metrics-of-the-web\n          containerPort",
        "error[invalid-value]",
    ),
    ("- name: LEVEL", "- name: LE=VEL", "error[invalid-value]"),
    ("app.conf: \"debug", "app/conf: \"debug", "error[invalid-value]"),
    ("  name: web\n  namespace: shop\n  labels", "  namespace: shop\n  labels", "error[missing-key]"),
    // Quantities, ports, addresses, schedules.
    ("memory: 64Mi", "memory: 64MB", "error[invalid-value]"),
    ("cpu: 100m", "cpu: 100 m", "error[invalid-value]"),
    ("storage: 1Gi", "storage: lots", "error[invalid-value]"),
    ("containerPort: 8080", "containerPort: 80800", "error[invalid-value]"),
    ("port: 80\n", "port: 0\n", "error[invalid-value]"),
    ("endPort: 8090", "endPort: 8070", "error[invalid-value]"),
    ("cidr: 10.0.0.0/8", "cidr: 10.0.0.0/40", "error[invalid-value]"),
    ("except: [10.1.0.0/16]", "except: [11.1.0.0/16]", "error[invalid-value]"),
    ("schedule: \"0 3 * * *\"", "schedule: \"0 25 * * *\"", "error[invalid-value]"),
    ("password: c2VjcmV0", "password: secret!", "error[invalid-value]"),
    ("memory: 64Mi", "memory: 1Gi", "error[conflict]"),
    // Fields that must be there.
    ("        image: nginx:1\n", "", "error[missing-key]"),
    ("  schedule: \"0 3 * * *\"\n", "", "error[missing-key]"),
    ("  selector:\n    matchLabels:\n      app: web\n", "", "error[missing-key]"),
    (
        "          containers:\n          - name: nightly\n            image: busybox\n",
        "          containers: []\n",
        "error[missing-key]",
    ),
    ("  - name: metrics\n    port: 9090", "  - port: 9090", "error[missing-key]"),
    ("    requests:\n      storage: 1Gi", "    limits:\n      storage: 1Gi", "error[missing-key]"),
    // One of several.
    (
        "          httpGet:",
        "          exec:\n            command: [\"true\"]\n          httpGet:",
        "error[conflict]",
    ),
    ("          httpGet:\n            path: /\n            port: http\n", "", "error[missing-key]"),
    (
        "      - name: data\n        persistent",
        "      - name: data\n        emptyDir: {}\n        persistent",
        "error[conflict]",
    ),
    (
        "          value: \"1\"",
        "          value: \"1\"\n          valueFrom:\n            fieldRef:\n              fieldPath: metadata.name",
        "error[conflict]",
    ),
    ("              number: 80", "              number: 80\n              name: http", "error[conflict]"),
    ("type: RollingUpdate", "type: Recreate\n    rollingUpdate:\n      maxSurge: 1", "error[conflict]"),
    (
        "type: RollingUpdate",
        "type: RollingUpdate\n    rollingUpdate:\n      maxSurge: 0\n      maxUnavailable: 0",
        "error[conflict]",
    ),
    // Workloads.
    (
        "restartPolicy: Always",
        "restartPolicy: Never",
        "error[conflict]: Deployment/web: `spec.template.spec.restartPolicy` cannot be `Never` in a Deployment",
    ),
    ("restartPolicy: OnFailure", "restartPolicy: Always", "error[conflict]"),
    ("          restartPolicy: OnFailure\n", "", "error[conflict]"),
    ("  minReplicas: 1", "  minReplicas: 4", "error[conflict]"),
    // Uniqueness.
    ("- name: first", "- name: web", "error[duplicate-key]"),
    (
        "- name: metrics\n          containerPort",
        "- name: http\n          containerPort",
        "error[duplicate-key]",
    ),
    ("containerPort: 9090", "containerPort: 8080", "error[duplicate-key]"),
    ("port: 9090", "port: 80", "error[duplicate-key]"),
    ("- name: metrics\n    port", "- name: http\n    port", "error[duplicate-key]"),
    ("mountPath: /data", "mountPath: /etc/app", "error[duplicate-key]"),
    ("- name: PASSWORD", "- name: LEVEL", "error[duplicate-key]"),
    (
        "kind: ConfigMap\nmetadata:\n  name: settings\n  namespace: shop\n",
        "kind: ConfigMap\nmetadata:\n  name: settings\n  namespace: shop\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\n  namespace: shop\n",
        "error[duplicate-key]",
    ),
    // References.
    (
        "    matchLabels:\n      app: web",
        "    matchLabels:\n      app: wep",
        "error[unknown-reference]: Deployment/web: `spec.selector` wants `app: wep`",
    ),
    (
        "- name: data\n          mountPath",
        "- name: date\n          mountPath",
        "error[unknown-reference]: Deployment/web: container `web` mounts unknown volume `date`",
    ),
    (
        "        configMap:\n          name: settings",
        "        configMap:\n          name: setting",
        "warning[unknown-reference]: Deployment/web: ConfigMap `setting` is not in these files",
    ),
    ("- key: app.conf", "- key: app.cnf", "error[unknown-reference]"),
    ("              name: password\n", "              name: passwort\n", "warning[unknown-reference]"),
    ("              key: password", "              key: passwort", "error[unknown-reference]"),
    ("claimName: data", "claimName: date", "warning[unknown-reference]"),
    ("targetPort: http", "targetPort: htpt", "error[unknown-reference]"),
    ("            port: http", "            port: web", "error[unknown-reference]"),
    ("  selector:\n    app: web", "  selector:\n    app: wep", "warning[unknown-reference]"),
    (
        "            name: web\n            port:",
        "            name: wep\n            port:",
        "warning[unknown-reference]",
    ),
    ("number: 80", "number: 81", "error[unknown-reference]"),
    ("kind: Deployment\n    name: web", "kind: Deployment\n    name: wep", "warning[unknown-reference]"),
];

#[test]
fn each_mistake_is_caught() {
    for (from, to, expected) in MUTATIONS {
        assert!(GOOD.contains(from), "nothing to replace: {from}");
        let said = said_of(&GOOD.replacen(from, to, 1));
        assert!(
            said.iter().any(|line| line.contains(expected)),
            "{from} -> {to}: no `{expected}` in {said:#?}"
        );
    }
    assert!(MUTATIONS.len() >= 61);
}

#[test]
fn a_mistake_is_told_at_its_line_with_what_to_do() {
    let mut manifests = Manifests::of_text(
        "all.yaml",
        &GOOD.replacen("imagePullPolicy: IfNotPresent", "imagePullPolicy: ifnotpresent", 1),
    );
    validate(&manifests.documents, &mut manifests.diagnostics);
    let found = manifests.diagnostics.sorted();
    let [one] = found[..] else { panic!("{found:#?}") };
    let place = manifests.sources.locate(one.labels[0].span).unwrap();
    assert_eq!((place.file, place.line, place.column), ("all.yaml", 83, 26));
    assert_eq!(one.help.as_deref(), Some("write `IfNotPresent`"));
}

#[test]
fn data_above_one_mebibyte_is_refused() {
    let of_size = |size: usize| {
        let text = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: big}}\ndata: {{a: \"{}\"}}\n",
            "x".repeat(size)
        );
        said_of(&text).len()
    };
    assert_eq!((of_size((1 << 20) - 1), of_size(1 << 20)), (0, 1));
}

#[test]
fn lists_and_custom_resources_are_taken() {
    let list = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Service\n  metadata: {name: A}\n  spec: {clusterIP: None}\n";
    assert_eq!(
        said_of(list),
        ["all.yaml:6:20: error[invalid-value]: Service/A: `metadata.name` cannot be `A`"]
    );
    let custom = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: a}\nspec: {anything: 1}\n";
    assert_eq!(said_of(custom), [""; 0]);
    assert_eq!(said_of("- 1\n"), ["all.yaml:1:1: error[wrong-type]: object: an object is a mapping"]);
}

#[test]
fn documents_without_an_object_and_what_kustomize_reads_pass() {
    let nothing = "---\n# nothing here\n---\nnull\n---\n";
    let text = format!("{nothing}apiVersion: v1\nkind: Namespace\nmetadata: {{name: a}}\n---\n");
    assert_eq!(said_of(&text), [""; 0]);
    let kustomization =
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a.yaml]\n";
    assert_eq!(said_of(kustomization), [""; 0]);
}

#[test]
fn secrets_that_controllers_make_are_there() {
    let uses = |makes: &str, namespace: &str| {
        let uses = "spec: {containers: [{name: a, image: i, envFrom: [{secretRef: {name: pw}}]}]}";
        let made = format!(
            "apiVersion: x.example.com/v1\n{makes}\nmetadata: {{name: pw, namespace: {namespace}}}\n"
        );
        said_of(&format!(
            "{made}---\napiVersion: v1\nkind: Pod\nmetadata: {{name: a, namespace: shop}}\n{uses}\n"
        ))
    };
    for makes in [
        "kind: SealedSecret",
        "kind: ExternalSecret\nspec: {target: {name: pw}}",
        "kind: Certificate\nspec: {secretName: pw}",
    ] {
        assert_eq!(uses(makes, "shop"), [""; 0], "{makes}");
        assert!(uses(makes, "elsewhere")[0].contains("Secret `pw` is not in these files"), "{makes}");
    }
    let other = uses("kind: SealedSecret\nspec: {template: {metadata: {name: other}}}", "shop");
    assert!(other[0].contains("Secret `pw` is not in these files"), "{other:?}");
}

#[test]
fn http_routes_lead_to_ports_that_there_are() {
    let said = |backend: &str| {
        let route = format!(
            "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: a, namespace: shop}}\n\
             spec: {{rules: [{{backendRefs: [{backend}]}}]}}\n"
        );
        said_of(&format!("{GOOD}---\n{route}")).join("\n")
    };
    assert_eq!(said("{name: web, port: 80}"), "");
    assert_eq!(said("{name: other, port: 1, namespace: elsewhere}, {name: other, kind: Bucket}"), "");
    assert!(
        said("{name: web, port: 81}")
            .contains("error[unknown-reference]: HTTPRoute/a: Service `web` has no port `81`")
    );
    assert!(
        said("{name: wep, port: 80}")
            .contains("warning[unknown-reference]: HTTPRoute/a: Service `wep` is not in")
    );
    assert!(said("{name: web}").contains("error[missing-key]: HTTPRoute/a: a backend lacks `port`"));
}

#[test]
fn expected_exports_pass() {
    let mut folders = vec![repository("tests/cases/k8s")];
    let mut checked = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().filter_map(Result::ok) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = entry.file_name().into_string().unwrap();
            if !name.starts_with("expected") || path.extension().is_none_or(|kind| kind != "yaml") {
                continue;
            }
            let mut manifests = read(&OsWorld, &[path.display().to_string()]);
            assert!(manifests.documents.len() > 5, "{}", path.display());
            validate(&manifests.documents, &mut manifests.diagnostics);
            let said = lines(&manifests);
            assert_eq!(errors(&said), [""; 0], "{}", path.display());
            checked += 1;
        }
    }
    assert!(checked >= 6, "{checked}");
}

/// Each valid case of the corpus is exported in all ways, and what comes out has no error.
#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn exports_of_the_corpus_pass() {
    let Some(corpus) = corpus() else {
        eprintln!("skipped: the golden cases are not here; name their folder in TOPO_CORPUS");
        return;
    };
    let mut exported = 0;
    let mut wrong = Vec::new();
    for source in std::fs::read_dir(&corpus).unwrap().filter_map(Result::ok) {
        for case in std::fs::read_dir(source.path()).into_iter().flatten().filter_map(Result::ok) {
            let folder = case.path().join("in");
            let names = ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"];
            let Some(file) = names.iter().map(|name| folder.join(name)).find(|file| file.exists()) else {
                continue;
            };
            for said in wrong_in_export(&file.display().to_string(), &mut exported) {
                wrong.push(format!("{}: {said}", case.path().display()));
            }
        }
    }
    assert!(exported > 300, "only {exported} were exported");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn wrong_in_export(file: &str, exported: &mut usize) -> Vec<String> {
    let request = Request { files: vec![file.to_owned()], ..Request::default() };
    let mut loaded = load(&OsWorld, &request);
    let selection = Selection { profiles: vec!["*".to_owned()], ..Selection::default() };
    let project = resolve(&mut loaded, &selection, &OsWorld);
    let contents = read_contents(&project, &loaded.environment, &OsWorld, &mut loaded.diagnostics);
    if loaded.diagnostics.has_errors() {
        return Vec::new();
    }
    *exported += 1;
    let by_choice =
        Options { published: Published::NodePort, secrets: Secrets::External, ..Options::default() };
    let mut wrong = Vec::new();
    for options in [Options::default(), by_choice] {
        let text = export(&project, &contents, &options).to_stream().unwrap();
        wrong.extend(errors(&said_of(&text)).into_iter().cloned());
    }
    wrong
}

#[test]
fn a_directory_and_standard_input_are_read() {
    let mut world = MemWorld::project([
        ("k8s/a.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n"),
        ("k8s/b.json", r#"{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "B"}}"#),
        ("k8s/notes.txt", "none"),
    ]);
    world.stdin = b"apiVersion: v1\nkind: Namespace\nmetadata: {name: c}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: c}\n".to_vec();
    let mut manifests = read(&world, &["k8s".to_owned(), "-".to_owned(), "nowhere".to_owned()]);
    validate(&manifests.documents, &mut manifests.diagnostics);
    assert_eq!(
        lines(&manifests),
        [
            "error[unreadable-file]: nowhere cannot be read: it is not there",
            "k8s/b.json:1:64: error[invalid-value]: Namespace/B: `metadata.name` cannot be `B`",
            "<stdin>:7:12: error[duplicate-key]: Namespace/c: the object is there twice",
        ]
    );
}

#[test]
fn the_command_has_the_formats_and_codes_of_check() {
    let folder = empty();
    std::fs::write(folder.path().join("good.yaml"), GOOD).unwrap();
    std::fs::write(folder.path().join("bad.yaml"), GOOD.replacen("type: LoadBalancer", "type: Balancer", 1))
        .unwrap();
    assert_eq!(run(&["check", "--k8s", "good.yaml"], &folder, 0).err, "nothing is wrong\n");
    let said = run(&["check", "--k8s", "bad.yaml", "--format", "github"], &folder, 1).out;
    assert!(said.starts_with("::error file=bad.yaml,line=40,"), "{said}");
    let text = run(&["check", "--k8s", "bad.yaml"], &folder, 1).err;
    assert!(text.contains("Service/web: `spec.type` cannot be `Balancer`"), "{text}");
}

/// Diagnostics that nobody can act on are none.
#[test]
fn each_finding_has_a_place_and_help() {
    for (from, to, _) in MUTATIONS {
        let mut diagnostics = Diagnostics::default();
        let manifests = Manifests::of_text("all.yaml", &GOOD.replacen(from, to, 1));
        validate(&manifests.documents, &mut diagnostics);
        for one in diagnostics.sorted() {
            assert!(one.help.is_some() && !one.labels.is_empty(), "{one:#?}");
        }
    }
}
