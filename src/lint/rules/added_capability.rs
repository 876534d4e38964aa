//! Capabilities that Docker gives to no container by itself.

use super::powerful_capability::{POWERFUL, plain};
use super::{Finding, Input};

rule! {
    /// A service gets a capability that Docker gives to no container unasked. It does not lead out of the container by
    /// itself, but whoever breaks into the service has it, too; together with the host's network, `NET_ADMIN` changes the
    /// host's routes and firewall.
    "added-capability" in Security at Note, has_fix: false, check: check
}

/// What each container has, unless it is dropped. See
/// <https://docs.docker.com/engine/containers/run/#runtime-privilege-and-linux-capabilities>.
const GIVEN: &[&str] = &[
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW",
    "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
];

fn check(input: &Input<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (name, service) in &input.project.services {
        for (at, written) in service.cap_add.0.iter().enumerate() {
            let capability = plain(written);
            let is_told = POWERFUL.iter().any(|(powerful, _)| *powerful == capability);
            if is_told || GIVEN.contains(&capability.as_str()) {
                continue;
            }
            let path = ["services", name, "cap_add", &at.to_string()];
            let message = format!("service `{name}` gets capability `{capability}`");
            found.push(
                Finding::at(input, &path, message, "Docker gives it to no container unasked")
                    .help("remove it, or allow it and say why"),
            );
        }
    }
    found
}
