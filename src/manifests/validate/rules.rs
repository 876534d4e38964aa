//! What each type of the API asks of its fields beyond their kind: one row a rule, and the code that holds to them.
//!
//! See <https://kubernetes.io/docs/reference/kubernetes-api/>.

use std::collections::BTreeMap;

use super::Findings;
use super::forms::{
    ADDRESS, BASE64, CIDR, CLUSTER_IP, CRON, DATA_KEY, ENV_NAME, Form, GOVERNING_SERVICE, HOST, HTTP_PATH,
    IMAGE, KEY, LABEL, LABEL_VALUE, MOUNT_PATH, PORT_NAME, SERVICE, SUB_PATH, SUBDOMAIN,
};
use super::walk::Typed;
use crate::diagnostic::{Code, did_you_mean};
use crate::yaml::{Node, Value};

/// Fields that must be there. An empty list or text is none.
const REQUIRED: &[(&str, &[&str])] = &[
    ("Pod", &["spec"]),
    ("PodSpec", &["containers"]),
    ("Container", &["name", "image"]),
    ("ContainerPort", &["containerPort"]),
    ("EnvVar", &["name"]),
    ("VolumeMount", &["name", "mountPath"]),
    ("Volume", &["name"]),
    ("KeyToPath", &["key", "path"]),
    ("HTTPGetAction", &["port"]),
    ("TCPSocketAction", &["port"]),
    ("GRPCAction", &["port"]),
    ("ExecAction", &["command"]),
    ("HostPathVolumeSource", &["path"]),
    ("PersistentVolumeClaimVolumeSource", &["claimName"]),
    ("NFSVolumeSource", &["path", "server"]),
    ("ConfigMapKeySelector", &["name", "key"]),
    ("SecretKeySelector", &["name", "key"]),
    ("ObjectFieldSelector", &["fieldPath"]),
    ("HostAlias", &["ip"]),
    ("Sysctl", &["name"]),
    ("SeccompProfile", &["type"]),
    ("AppArmorProfile", &["type"]),
    ("TopologySpreadConstraint", &["maxSkew", "topologyKey", "whenUnsatisfiable"]),
    ("LabelSelectorRequirement", &["key", "operator"]),
    ("NodeSelectorRequirement", &["key", "operator"]),
    ("NodeSelector", &["nodeSelectorTerms"]),
    ("Deployment", &["spec"]),
    ("DeploymentSpec", &["selector", "template"]),
    ("ReplicaSetSpec", &["selector"]),
    ("StatefulSet", &["spec"]),
    ("StatefulSetSpec", &["selector", "template"]),
    ("DaemonSet", &["spec"]),
    ("DaemonSetSpec", &["selector", "template"]),
    ("Job", &["spec"]),
    ("JobSpec", &["template"]),
    ("CronJob", &["spec"]),
    ("CronJobSpec", &["schedule", "jobTemplate"]),
    ("Service", &["spec"]),
    ("ServicePort", &["port"]),
    ("IngressBackendService", &["name"]),
    ("IngressServiceBackend", &["name", "port"]),
    ("HTTPIngressRuleValue", &["paths"]),
    ("HTTPIngressPath", &["pathType", "backend"]),
    ("IPBlock", &["cidr"]),
    ("PersistentVolumeClaim", &["spec"]),
    ("PersistentVolumeClaimSpec", &["accessModes", "resources"]),
    ("HorizontalPodAutoscaler", &["spec"]),
    ("HorizontalPodAutoscalerSpec", &["scaleTargetRef", "maxReplicas"]),
    ("CrossVersionObjectReference", &["kind", "name"]),
    ("MetricSpec", &["type"]),
    ("MetricTarget", &["type"]),
    ("Role", &[]),
    ("PolicyRule", &["verbs"]),
    ("RoleBinding", &["roleRef"]),
    ("ClusterRoleBinding", &["roleRef"]),
    ("RoleRef", &["kind", "name"]),
    ("Subject", &["kind", "name"]),
    ("StorageClass", &["provisioner"]),
    ("PriorityClass", &["value"]),
];

/// Fields that take some words alone; of a list, each item.
const WORDS: &[(&str, &str, &[&str])] = &[
    ("PodSpec", "restartPolicy", &["Always", "OnFailure", "Never"]),
    ("PodSpec", "dnsPolicy", &["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"]),
    ("PodSpec", "preemptionPolicy", &["PreemptLowerPriority", "Never"]),
    ("PodOS", "name", &["linux", "windows"]),
    ("Container", "imagePullPolicy", &["Always", "IfNotPresent", "Never"]),
    ("Container", "restartPolicy", &["Always", "OnFailure", "Never"]),
    ("Container", "terminationMessagePolicy", &["File", "FallbackToLogsOnError"]),
    ("ContainerPort", "protocol", PROTOCOLS),
    ("VolumeMount", "mountPropagation", &["None", "HostToContainer", "Bidirectional"]),
    ("VolumeMount", "recursiveReadOnly", &["Disabled", "IfPossible", "Enabled"]),
    ("HTTPGetAction", "scheme", &["HTTP", "HTTPS"]),
    ("EmptyDirVolumeSource", "medium", &["", "Memory", "HugePages", "HugePages-2Mi", "HugePages-1Gi"]),
    (
        "HostPathVolumeSource",
        "type",
        &[
            "",
            "DirectoryOrCreate",
            "Directory",
            "FileOrCreate",
            "File",
            "Socket",
            "CharDevice",
            "BlockDevice",
        ],
    ),
    ("ImageVolumeSource", "pullPolicy", &["Always", "IfNotPresent", "Never"]),
    ("SecurityContext", "procMount", &["Default", "Unmasked"]),
    ("PodSecurityContext", "fsGroupChangePolicy", &["Always", "OnRootMismatch"]),
    ("PodSecurityContext", "supplementalGroupsPolicy", &["Merge", "Strict"]),
    ("SeccompProfile", "type", PROFILES),
    ("AppArmorProfile", "type", PROFILES),
    ("Toleration", "operator", &["Exists", "Equal", "Lt", "Gt"]),
    ("Toleration", "effect", &["", "NoSchedule", "PreferNoSchedule", "NoExecute"]),
    ("TopologySpreadConstraint", "whenUnsatisfiable", &["DoNotSchedule", "ScheduleAnyway"]),
    ("TopologySpreadConstraint", "nodeAffinityPolicy", &["Honor", "Ignore"]),
    ("TopologySpreadConstraint", "nodeTaintsPolicy", &["Honor", "Ignore"]),
    ("LabelSelectorRequirement", "operator", &["In", "NotIn", "Exists", "DoesNotExist"]),
    ("NodeSelectorRequirement", "operator", &["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]),
    ("DeploymentStrategy", "type", &["Recreate", "RollingUpdate"]),
    ("StatefulSetSpec", "podManagementPolicy", &["OrderedReady", "Parallel"]),
    ("StatefulSetUpdateStrategy", "type", &["RollingUpdate", "OnDelete"]),
    ("StatefulSetPersistentVolumeClaimRetentionPolicy", "whenDeleted", &["Retain", "Delete"]),
    ("StatefulSetPersistentVolumeClaimRetentionPolicy", "whenScaled", &["Retain", "Delete"]),
    ("DaemonSetUpdateStrategy", "type", &["RollingUpdate", "OnDelete"]),
    ("JobSpec", "completionMode", &["NonIndexed", "Indexed"]),
    ("JobSpec", "podReplacementPolicy", &["TerminatingOrFailed", "Failed"]),
    ("CronJobSpec", "concurrencyPolicy", &["Allow", "Forbid", "Replace"]),
    ("ServiceSpec", "type", &["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"]),
    ("ServiceSpec", "sessionAffinity", &["None", "ClientIP"]),
    ("ServiceSpec", "externalTrafficPolicy", &["Cluster", "Local"]),
    ("ServiceSpec", "internalTrafficPolicy", &["Cluster", "Local"]),
    ("ServiceSpec", "ipFamilyPolicy", &["SingleStack", "PreferDualStack", "RequireDualStack"]),
    ("ServiceSpec", "ipFamilies", &["IPv4", "IPv6"]),
    ("ServicePort", "protocol", PROTOCOLS),
    ("NetworkPolicySpec", "policyTypes", &["Ingress", "Egress"]),
    ("NetworkPolicyPort", "protocol", PROTOCOLS),
    ("HTTPIngressPath", "pathType", &["Exact", "Prefix", "ImplementationSpecific"]),
    ("PersistentVolumeClaimSpec", "accessModes", ACCESS_MODES),
    ("PersistentVolumeClaimSpec", "volumeMode", &["Filesystem", "Block"]),
    ("PersistentVolumeSpec", "accessModes", ACCESS_MODES),
    ("PersistentVolumeSpec", "persistentVolumeReclaimPolicy", &["Retain", "Delete", "Recycle"]),
    ("StorageClass", "reclaimPolicy", &["Retain", "Delete"]),
    ("StorageClass", "volumeBindingMode", &["Immediate", "WaitForFirstConsumer"]),
    ("MetricSpec", "type", &["ContainerResource", "External", "Object", "Pods", "Resource"]),
    ("MetricTarget", "type", &["Utilization", "Value", "AverageValue"]),
    ("HPAScalingRules", "selectPolicy", &["Max", "Min", "Disabled"]),
    ("HPAScalingPolicy", "type", &["Pods", "Percent"]),
    ("PodDisruptionBudgetSpec", "unhealthyPodEvictionPolicy", &["IfHealthyBudget", "AlwaysAllow"]),
    ("RoleRef", "kind", &["Role", "ClusterRole"]),
    ("Subject", "kind", &["User", "Group", "ServiceAccount"]),
];

const PROTOCOLS: &[&str] = &["TCP", "UDP", "SCTP"];
const PROFILES: &[&str] = &["RuntimeDefault", "Unconfined", "Localhost"];
const ACCESS_MODES: &[&str] = &["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"];

/// Fields whose text has a form; of a list, each item.
const FORMS: &[(&str, &str, &Form)] = &[
    ("ObjectMeta", "namespace", &LABEL),
    ("Container", "name", &LABEL),
    ("Container", "image", &IMAGE),
    ("ContainerPort", "name", &PORT_NAME),
    ("ContainerPort", "hostIP", &ADDRESS),
    ("EnvVar", "name", &ENV_NAME),
    ("VolumeMount", "mountPath", &MOUNT_PATH),
    ("VolumeMount", "subPath", &SUB_PATH),
    ("KeyToPath", "path", &SUB_PATH),
    ("Volume", "name", &LABEL),
    ("PodSpec", "hostname", &LABEL),
    ("PodSpec", "subdomain", &LABEL),
    ("PodSpec", "serviceAccountName", &SUBDOMAIN),
    ("HostAlias", "ip", &ADDRESS),
    ("HostAlias", "hostnames", &SUBDOMAIN),
    ("PodDNSConfig", "nameservers", &ADDRESS),
    ("TopologySpreadConstraint", "topologyKey", &KEY),
    ("LabelSelectorRequirement", "key", &KEY),
    ("LabelSelectorRequirement", "values", &LABEL_VALUE),
    ("NodeSelectorRequirement", "key", &KEY),
    ("HTTPGetAction", "path", &HTTP_PATH),
    ("ServiceSpec", "clusterIP", &CLUSTER_IP),
    ("ServiceSpec", "externalIPs", &ADDRESS),
    ("ServiceSpec", "externalName", &SUBDOMAIN),
    ("ServiceSpec", "loadBalancerSourceRanges", &CIDR),
    ("ServicePort", "name", &LABEL),
    ("ServicePort", "appProtocol", &KEY),
    ("IPBlock", "cidr", &CIDR),
    ("IPBlock", "except", &CIDR),
    ("IngressRule", "host", &HOST),
    ("IngressServiceBackend", "name", &SERVICE),
    ("StatefulSetSpec", "serviceName", &GOVERNING_SERVICE),
    ("CronJobSpec", "schedule", &CRON),
    ("CrossVersionObjectReference", "name", &SUBDOMAIN),
];

/// Fields that are mappings whose keys, or keys and values, have a form.
const MAPPINGS: &[(&str, &str, &Form, Option<&Form>)] = &[
    ("ObjectMeta", "labels", &KEY, Some(&LABEL_VALUE)),
    ("ObjectMeta", "annotations", &KEY, None),
    ("LabelSelector", "matchLabels", &KEY, Some(&LABEL_VALUE)),
    ("ServiceSpec", "selector", &KEY, Some(&LABEL_VALUE)),
    ("PodSpec", "nodeSelector", &KEY, Some(&LABEL_VALUE)),
    ("ConfigMap", "data", &DATA_KEY, None),
    ("ConfigMap", "binaryData", &DATA_KEY, Some(&BASE64)),
    ("Secret", "data", &DATA_KEY, Some(&BASE64)),
    ("Secret", "stringData", &DATA_KEY, None),
];

/// Fields that are whole numbers within bounds.
const BOUNDS: &[(&str, &str, i128, i128)] = &[
    ("ContainerPort", "containerPort", 1, 65535),
    ("ContainerPort", "hostPort", 1, 65535),
    ("ServicePort", "port", 1, 65535),
    ("ServicePort", "targetPort", 1, 65535),
    ("ServicePort", "nodePort", 1, 65535),
    ("NetworkPolicyPort", "port", 1, 65535),
    ("NetworkPolicyPort", "endPort", 1, 65535),
    ("HTTPGetAction", "port", 1, 65535),
    ("TCPSocketAction", "port", 1, 65535),
    ("GRPCAction", "port", 1, 65535),
    ("ServiceBackendPort", "number", 1, 65535),
    ("Probe", "periodSeconds", 1, i32::MAX as i128),
    ("Probe", "timeoutSeconds", 1, i32::MAX as i128),
    ("Probe", "failureThreshold", 1, i32::MAX as i128),
    ("Probe", "successThreshold", 1, i32::MAX as i128),
    ("Probe", "initialDelaySeconds", 0, i32::MAX as i128),
    ("PodSpec", "terminationGracePeriodSeconds", 0, i64::MAX as i128),
    ("SecurityContext", "runAsUser", 0, i32::MAX as i128),
    ("SecurityContext", "runAsGroup", 0, i32::MAX as i128),
    ("PodSecurityContext", "runAsUser", 0, i32::MAX as i128),
    ("PodSecurityContext", "runAsGroup", 0, i32::MAX as i128),
    ("PodSecurityContext", "fsGroup", 0, i32::MAX as i128),
    ("ConfigMapVolumeSource", "defaultMode", 0, 0o777),
    ("SecretVolumeSource", "defaultMode", 0, 0o777),
    ("ProjectedVolumeSource", "defaultMode", 0, 0o777),
    ("KeyToPath", "mode", 0, 0o777),
    ("DeploymentSpec", "replicas", 0, i32::MAX as i128),
    ("DeploymentSpec", "minReadySeconds", 0, i32::MAX as i128),
    ("ReplicaSetSpec", "replicas", 0, i32::MAX as i128),
    ("StatefulSetSpec", "replicas", 0, i32::MAX as i128),
    ("JobSpec", "backoffLimit", 0, i32::MAX as i128),
    ("JobSpec", "completions", 0, i32::MAX as i128),
    ("JobSpec", "parallelism", 0, i32::MAX as i128),
    ("TopologySpreadConstraint", "maxSkew", 1, i32::MAX as i128),
    ("HorizontalPodAutoscalerSpec", "minReplicas", 0, i32::MAX as i128),
    ("HorizontalPodAutoscalerSpec", "maxReplicas", 1, i32::MAX as i128),
];

/// Fields that tell items of a list apart, with what each is where it is not written.
type Identity = &'static [(&'static str, &'static str)];

/// Lists whose items are told apart by some of their fields.
const UNIQUE: &[(&str, &str, Identity)] = &[
    ("PodSpec", "volumes", &[("name", "")]),
    ("PodSpec", "hostAliases", &[("ip", "")]),
    ("Container", "env", &[("name", "")]),
    ("Container", "volumeMounts", &[("mountPath", "")]),
    ("Container", "ports", &[("containerPort", ""), ("protocol", "TCP"), ("hostPort", ""), ("hostIP", "")]),
    ("ServiceSpec", "ports", &[("port", ""), ("protocol", "TCP")]),
    ("ConfigMapVolumeSource", "items", &[("path", "")]),
    ("SecretVolumeSource", "items", &[("path", "")]),
];

/// Fields of which one excludes the others, and whether one of them must be there.
const ONE_OF: &[(&str, &[&str], bool)] = &[
    ("Probe", &["exec", "httpGet", "tcpSocket", "grpc"], true),
    ("LifecycleHandler", &["exec", "httpGet", "tcpSocket", "sleep"], true),
    ("EnvVar", &["value", "valueFrom"], false),
    (
        "EnvVarSource",
        &["configMapKeyRef", "secretKeyRef", "fieldRef", "resourceFieldRef", "fileKeyRef"],
        true,
    ),
    ("EnvFromSource", &["configMapRef", "secretRef"], true),
    ("IngressBackend", &["service", "resource"], true),
    ("ServiceBackendPort", &["name", "number"], true),
    ("NetworkPolicyPeer", &["ipBlock", "podSelector"], true),
    ("NetworkPolicyPeer", &["ipBlock", "namespaceSelector"], false),
    ("PodDisruptionBudgetSpec", &["minAvailable", "maxUnavailable"], false),
    ("MetricTarget", &["averageUtilization", "averageValue", "value"], true),
];

/// Whether there is something in a field.
fn is_there(node: &Node, field: &str) -> bool {
    node.get(field).is_some_and(|entry| match &entry.node.value {
        Value::Null => false,
        Value::Text(text) => !text.is_empty(),
        Value::List(list) => !list.is_empty(),
        _ => true,
    })
}

/// Returns a value, or the items of a list.
fn values(node: &Node) -> &[Node] {
    node.as_list().unwrap_or(std::slice::from_ref(node))
}

/// Holds a mapping to the rules of its type.
pub(super) fn check(typed: &Typed<'_>, findings: &mut Findings<'_>) {
    let Typed { name, node, path } = typed;
    let at = |field: &str| if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") };
    let own = if path.is_empty() { name } else { path.as_str() };
    for field in REQUIRED.iter().filter(|(of, _)| of == name).flat_map(|(_, fields)| *fields) {
        if !is_there(node, field) {
            let span = node.get(field).map_or(findings.start_of(node), |entry| entry.key);
            let message = format!("`{own}` lacks `{field}`");
            findings.error(Code::MissingKey, span, &message, "it is required here", format!("add `{field}`"));
        }
    }
    for (_, field, words) in WORDS.iter().filter(|(of, ..)| of == name) {
        for value in node.get(field).iter().flat_map(|entry| values(&entry.node)) {
            let Some(text) = value.as_text().filter(|text| !words.contains(text)) else { continue };
            let known = words.iter().filter(|word| !word.is_empty()).map(|word| format!("`{word}`"));
            let known = known.collect::<Vec<_>>().join(", ");
            let help = did_you_mean(text, words.iter().copied());
            let help = help.or_else(|| {
                words
                    .iter()
                    .find(|word| word.eq_ignore_ascii_case(text))
                    .map(|word| format!("write `{word}`"))
            });
            let message = format!("`{}` cannot be `{text}`", at(field));
            let help = help.unwrap_or_else(|| format!("write one of {known}"));
            findings.error(Code::InvalidValue, value.span, &message, format!("it is one of {known}"), help);
        }
    }
    for (_, field, form) in FORMS.iter().filter(|(of, ..)| of == name) {
        for value in node.get(field).iter().flat_map(|entry| values(&entry.node)) {
            if let Some(text) = value.as_text() {
                findings.form(form, text, value.span, &at(field));
            }
        }
    }
    for (_, field, key_form, value_form) in MAPPINGS.iter().filter(|(of, ..)| of == name) {
        for (key, entry) in node.get(field).and_then(|entry| entry.node.as_map()).into_iter().flatten() {
            findings.form(key_form, key, entry.key, &at(field));
            if let (Some(form), Some(text)) = (value_form, entry.node.as_text()) {
                findings.form(form, text, entry.node.span, &format!("{}.{key}", at(field)));
            }
        }
    }
    for (_, field, low, high) in BOUNDS.iter().filter(|(of, ..)| of == name) {
        let Some(entry) = node.get(field) else { continue };
        if let Value::Int(number) = entry.node.value
            && !(*low..=*high).contains(&number)
        {
            let message = format!("`{}` cannot be {number}", at(field));
            let help = format!("write a whole number from {low} to {high}");
            findings.error(Code::InvalidValue, entry.node.span, &message, "this is out of bounds", help);
        }
    }
    unique(typed, findings);
    one_of(typed, findings);
}

fn unique(typed: &Typed<'_>, findings: &mut Findings<'_>) {
    for (_, field, keys) in UNIQUE.iter().filter(|(of, ..)| *of == typed.name) {
        let items = typed.node.get(field).and_then(|entry| entry.node.as_list()).unwrap_or_default();
        let mut seen: BTreeMap<Vec<String>, &Node> = BTreeMap::new();
        for item in items {
            let value = |(key, otherwise): &(&str, &str)| {
                let written = item.get(key).and_then(|entry| entry.node.scalar_text());
                written.unwrap_or_else(|| (*otherwise).to_owned())
            };
            let identity: Vec<String> = keys.iter().map(value).collect();
            let Some(first) = seen.get(&identity) else {
                seen.insert(identity, item);
                continue;
            };
            let shown: Vec<&str> =
                identity.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
            let place = format!("{}.{field}", typed.path);
            let message = format!("`{}` has `{}` twice", place.trim_start_matches('.'), shown.join("/"));
            findings.repeated(item.span, first.span, &message, "remove one of them");
        }
    }
}

fn one_of(typed: &Typed<'_>, findings: &mut Findings<'_>) {
    let Typed { name, node, path } = typed;
    for (_, fields, is_required) in ONE_OF.iter().filter(|(of, ..)| of == name) {
        let given: Vec<&&str> = fields.iter().filter(|field| node.get(field).is_some()).collect();
        let known = fields.iter().map(|field| format!("`{field}`")).collect::<Vec<_>>().join(", ");
        // A peer may have either selector, or both.
        let is_peer = *name == "NetworkPolicyPeer" && node.get("namespaceSelector").is_some();
        match given.as_slice() {
            [] if *is_required && !is_peer => {
                let message = format!("`{path}` has none of {known}");
                let span = findings.start_of(node);
                findings.error(
                    Code::MissingKey,
                    span,
                    &message,
                    "one is required",
                    format!("add one of {known}"),
                );
            }
            [first, second, ..] => {
                let span = |field: &str| node.get(field).map_or(node.span, |entry| entry.key);
                let message = format!("`{path}` has both `{first}` and `{second}`");
                findings.conflict(span(second), span(first), &message, "keep one of them");
            }
            _ => {}
        }
    }
}
