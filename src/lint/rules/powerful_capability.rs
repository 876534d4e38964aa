//! Capabilities that lead out of a container.

use super::{Finding, Input};

rule! {
    /// A service gets a capability with which it can get out of its container, or change the host's kernel or devices.
    "powerful-capability" in Security at Warn, has_fix: false, check: check
}

/// See <https://man7.org/linux/man-pages/man7/capabilities.7.html>.
pub(super) const POWERFUL: &[(&str, &str)] = &[
    ("ALL", "all of them"),
    ("BPF", "loads programs into the kernel"),
    ("DAC_READ_SEARCH", "reads any file of the host by its handle"),
    ("PERFMON", "watches the kernel"),
    ("SYS_ADMIN", "mounts, and much else"),
    ("SYS_BOOT", "restarts the host"),
    ("SYS_MODULE", "loads modules into the kernel"),
    ("SYS_PTRACE", "reads and changes other processes"),
    ("SYS_RAWIO", "writes to devices and to memory"),
    ("SYS_TIME", "sets the host's clock"),
];

fn check(input: &Input<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (name, service) in &input.project.services {
        for (at, written) in service.cap_add.0.iter().enumerate() {
            let capability = plain(written);
            if let Some((_, what)) = POWERFUL.iter().find(|(powerful, _)| *powerful == capability) {
                let path = ["services", name, "cap_add", &at.to_string()];
                let message = format!("service `{name}` gets capability `{capability}`");
                found.push(
                    Finding::at(input, &path, message, *what).help("remove it, or allow it and say why"),
                );
            }
        }
    }
    found
}

/// Returns the name of a capability as the engine takes it: `cap_sys_admin` is `SYS_ADMIN`.
pub(super) fn plain(written: &str) -> String {
    let upper = written.to_ascii_uppercase();
    upper.strip_prefix("CAP_").map(str::to_owned).unwrap_or(upper)
}
