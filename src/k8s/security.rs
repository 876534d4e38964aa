//! What processes may do: users, capabilities, profiles, kernel parameters, and shared namespaces.
//!
//! What Docker allows by default stays allowed, so that nothing breaks; hardening is for the user to ask for.

use k8s_openapi::api::core::v1::{
    AppArmorProfile, Capabilities, Namespace, PodSecurityContext, PodSpec, SELinuxOptions, SeccompProfile,
    SecurityContext, Sysctl,
};

use crate::model::service::Service;
use crate::project::Project;

use super::Scope;
use super::network::Mode;
use super::pod::root_of;

/// Kernel parameters that a kubelet allows without being told to.
///
/// See <https://kubernetes.io/docs/tasks/administer-cluster/sysctl-cluster/#safe-and-unsafe-sysctls>.
const SAFE_SYSCTLS: [&str; 12] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
];

/// Capabilities that the `baseline` level of Pod Security lets containers add.
const BASELINE_CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Returns the container's security context.
pub(super) fn of_container(scope: &mut Scope<'_>, name: &str, service: &Service) -> Option<SecurityContext> {
    let capabilities = |given: &[String]| {
        let mut names: Vec<String> = given
            .iter()
            .map(|one| {
                let upper = one.to_ascii_uppercase();
                upper.strip_prefix("CAP_").map_or(upper.clone(), str::to_owned)
            })
            .collect();
        names.sort();
        names.dedup();
        (!names.is_empty()).then_some(names)
    };
    let (add, drop) = (capabilities(&service.cap_add.0), capabilities(&service.cap_drop.0));
    let mut context = SecurityContext {
        capabilities: (add.is_some() || drop.is_some()).then_some(Capabilities { add, drop }),
        privileged: service.privileged.then_some(true),
        read_only_root_filesystem: service.read_only.then_some(true),
        ..SecurityContext::default()
    };
    if let Some(user) = service.user.as_deref().filter(|user| !user.is_empty()) {
        run_as(scope, name, &["services", name, "user"], user, &mut context);
    }
    for (at, option) in service.security_opt.0.iter().enumerate() {
        apply_option(scope, name, at, option, &mut context);
    }
    (context != SecurityContext::default()).then_some(context)
}

/// Sets the user, `uid[:gid]`, which is written at `path`.
pub(super) fn run_as(
    scope: &mut Scope<'_>,
    name: &str,
    path: &[&str],
    user: &str,
    context: &mut SecurityContext,
) {
    let (user_part, group) = user.split_once(':').map_or((user, None), |(user, group)| (user, Some(group)));
    // Every image has this one.
    let number = |name: &str| if name == "root" { Ok(0) } else { name.parse::<i64>() };
    match (number(user_part), group.map(number).transpose()) {
        (Ok(user), Ok(group)) => {
            context.run_as_user = Some(user);
            context.run_as_group = group;
            context.run_as_non_root = (user != 0).then_some(true);
        }
        _ => scope.report.lost(
            path,
            format!("service `{name}` runs as the image's user: Kubernetes does not look up names such as `{user}`"),
            "write the numbers, `uid:gid`; `docker run IMAGE id` shows them",
        ),
    }
}

fn apply_option(scope: &mut Scope<'_>, name: &str, at: usize, option: &str, context: &mut SecurityContext) {
    let (key, value) = option.split_once(['=', ':']).unwrap_or((option, ""));
    let index = at.to_string();
    let mut lost = |help: &str| {
        let message =
            format!("security option `{option}` of service `{name}` has no equivalent in Kubernetes");
        scope.report.lost(&["services", name, "security_opt", &index], message, help);
    };
    match (key, value) {
        ("no-new-privileges", "" | "true") => {
            // The API refuses this together with all privileges.
            let capabilities =
                context.capabilities.as_ref().and_then(|capabilities| capabilities.add.as_ref());
            let is_admin =
                capabilities.is_some_and(|add| add.iter().any(|one| one == "SYS_ADMIN" || one == "ALL"));
            if context.privileged == Some(true) || is_admin {
                lost("remove `privileged` or `SYS_ADMIN`: Kubernetes refuses both together");
            } else {
                context.allow_privilege_escalation = Some(false);
            }
        }
        ("no-new-privileges", "false") => {}
        ("seccomp", "unconfined") => {
            context.seccomp_profile =
                Some(SeccompProfile { type_: "Unconfined".to_owned(), localhost_profile: None });
        }
        ("seccomp", _) => lost("put the profile on the nodes and name it as `localhostProfile`"),
        ("apparmor", "unconfined") => {
            context.app_armor_profile =
                Some(AppArmorProfile { type_: "Unconfined".to_owned(), localhost_profile: None });
        }
        ("apparmor", profile) if !profile.is_empty() => {
            context.app_armor_profile = Some(AppArmorProfile {
                type_: "Localhost".to_owned(),
                localhost_profile: Some(profile.to_owned()),
            });
        }
        ("label", label) => {
            let options = context.se_linux_options.get_or_insert_with(SELinuxOptions::default);
            match label.split_once(':') {
                Some(("user", user)) => options.user = Some(user.to_owned()),
                Some(("role", role)) => options.role = Some(role.to_owned()),
                Some(("type", kind)) => options.type_ = Some(kind.to_owned()),
                Some(("level", level)) => options.level = Some(level.to_owned()),
                _ => lost("give the pod a SELinux type that is not confined, such as `label:type:spc_t`"),
            }
            if *options == SELinuxOptions::default() {
                context.se_linux_options = None;
            }
        }
        _ => lost("leave it out"),
    }
}

/// Returns the pod's security context; `writes_volumes` says whether it has volumes whose owner matters.
pub(super) fn of_pod(
    scope: &mut Scope<'_>,
    name: &str,
    service: &Service,
    container: Option<&SecurityContext>,
    writes_volumes: bool,
) -> PodSecurityContext {
    let mut groups = Vec::new();
    for (at, group) in service.group_add.0.iter().enumerate() {
        if let Ok(group) = group.0.parse() {
            groups.push(group);
        } else {
            let message =
                format!("service `{name}` cannot join group `{group}`: Kubernetes does not look up names");
            let path = ["services", name, "group_add", &at.to_string()];
            scope.report.lost(&path, message, "write the number of the group");
        }
    }
    // Docker gives a new volume to the owner that the image's directory has. The nearest is a group that may write.
    let user = container.and_then(|context| context.run_as_user).filter(|user| *user != 0);
    let group = user.and_then(|user| container.and_then(|context| context.run_as_group).or(Some(user)));
    let given = scope.settings(name).fs_group.and_then(|group| i64::try_from(group).ok());
    let fs_group = given.or_else(|| group.filter(|group| writes_volumes && *group != 0));
    // A kubelet leaves pods unconfined unless told otherwise; Docker does not.
    let seccomp = (!service.privileged)
        .then(|| SeccompProfile { type_: "RuntimeDefault".to_owned(), localhost_profile: None });
    PodSecurityContext {
        fs_group,
        fs_group_change_policy: fs_group.map(|_| "OnRootMismatch".to_owned()),
        seccomp_profile: seccomp,
        supplemental_groups: (!groups.is_empty()).then_some(groups),
        sysctls: sysctls(scope, name, service),
        ..PodSecurityContext::default()
    }
}

fn sysctls(scope: &mut Scope<'_>, name: &str, service: &Service) -> Option<Vec<Sysctl>> {
    let shares_network = Mode::of(scope.project, service) == Mode::Host;
    let mut sysctls = Vec::new();
    for (key, value) in &service.sysctls.0 {
        let path = ["services", name, "sysctls", key];
        if shares_network && key.starts_with("net.") {
            let message = format!("kernel parameter `{key}` of service `{name}` is the node's own");
            scope.report.lost(&path, message, "set it on the nodes");
            continue;
        }
        if !SAFE_SYSCTLS.contains(&key.as_str()) {
            let message =
                format!("kernel parameter `{key}` of service `{name}` must be allowed on the nodes");
            scope.report.approximated(
                &path,
                message,
                format!("start kubelets with `--allowed-unsafe-sysctls={key}`"),
            );
        }
        sysctls.push(Sysctl { name: key.clone(), value: value.clone() });
    }
    (!sysctls.is_empty()).then_some(sysctls)
}

/// Shares the namespaces that the service shares with the host.
pub(super) fn share_namespaces(scope: &mut Scope<'_>, name: &str, service: &Service, pod: &mut PodSpec) {
    let lost = |scope: &mut Scope<'_>, attribute: &str, value: &str| {
        let message = format!("`services.{name}.{attribute}: {value}` has no equivalent in Kubernetes");
        let help = "share the interfaces too, with `network_mode`: then both run in one pod";
        scope.report.lost(&["services", name, attribute], message, help);
    };
    match service.pid.as_deref() {
        None | Some("") => {}
        Some("host") => pod.host_pid = Some(true),
        Some(other) if is_beside(scope.project, name, other) => pod.share_process_namespace = Some(true),
        Some(other) => lost(scope, "pid", other),
    }
    match service.ipc.as_deref() {
        None | Some("" | "private" | "shareable") => {}
        Some("host") => pod.host_ipc = Some(true),
        // The containers of a pod share it anyway.
        Some(other) if is_beside(scope.project, name, other) => {}
        Some(other) => lost(scope, "ipc", other),
    }
    if service.userns_mode.as_deref() == Some("host") {
        pod.host_users = Some(true);
    }
    if service.init == Some(true) {
        if pod.host_pid.is_none() {
            pod.share_process_namespace = Some(true);
        }
        let message = format!("the processes of service `{name}` are reaped by the pod's own first process");
        let help = "build an init such as tini into the image if its signal handling is needed";
        scope.report.approximated(&["services", name, "init"], message, help);
    }
}

/// Returns whether `service:other` names a service in the same pod.
fn is_beside(project: &Project, name: &str, written: &str) -> bool {
    written.strip_prefix("service:").is_some_and(|other| root_of(project, other) == root_of(project, name))
}

/// Returns the namespace, with the strictest level of Pod Security that lets all pods in.
pub(super) fn namespace<'a>(scope: &Scope<'_>, mut pods: impl Iterator<Item = &'a PodSpec>) -> Namespace {
    let level = if pods.any(needs_privileges) { "privileged" } else { "baseline" };
    let mut metadata = scope.metadata(&scope.names.namespace, None);
    metadata.namespace = None;
    let labels = metadata.labels.get_or_insert_default();
    labels.insert("pod-security.kubernetes.io/enforce".to_owned(), level.to_owned());
    Namespace { metadata, ..Namespace::default() }
}

/// Returns whether the `baseline` level would refuse a pod.
fn needs_privileges(pod: &PodSpec) -> bool {
    let is_unsafe = |sysctl: &Sysctl| !SAFE_SYSCTLS.contains(&sysctl.name.as_str());
    let sysctls = pod.security_context.as_ref().and_then(|context| context.sysctls.as_ref());
    pod.host_network == Some(true)
        || pod.host_pid == Some(true)
        || pod.host_ipc == Some(true)
        || pod.volumes.iter().flatten().any(|volume| volume.host_path.is_some())
        || sysctls.is_some_and(|sysctls| sysctls.iter().any(is_unsafe))
        || pod.containers.iter().chain(pod.init_containers.iter().flatten()).any(|container| {
            let ports = container.ports.as_ref();
            container.security_context.as_ref().is_some_and(context_needs_privileges)
                || ports.is_some_and(|ports| ports.iter().any(|port| port.host_port.is_some()))
        })
}

fn context_needs_privileges(context: &SecurityContext) -> bool {
    let added = context.capabilities.as_ref().and_then(|capabilities| capabilities.add.as_ref());
    let is_known_type =
        |kind: &String| ["container_t", "container_init_t", "container_kvm_t"].contains(&kind.as_str());
    context.privileged == Some(true)
        || added.is_some_and(|added| added.iter().any(|one| !BASELINE_CAPABILITIES.contains(&one.as_str())))
        || context.seccomp_profile.as_ref().is_some_and(|profile| profile.type_ == "Unconfined")
        || context.app_armor_profile.as_ref().is_some_and(|profile| profile.type_ == "Unconfined")
        || context.se_linux_options.as_ref().is_some_and(|options| {
            options.user.is_some()
                || options.role.is_some()
                || options.type_.as_ref().is_some_and(|kind| !is_known_type(kind))
        })
}
