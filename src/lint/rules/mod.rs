//! The table of rules, and how a rule is declared: its documentation, its name, its group, its level, and the function
//! that finds where it does not hold. The name also is that of the file with its example.

use super::{Finding, Group, Input, Level, Rule};
use crate::diagnostic::Page;

macro_rules! rule {
    (
        $(#[doc = $doc:literal])+
        $name:literal in $group:ident at $level:ident, has_fix: $has_fix:literal, check: $check:path
    ) => {
        pub(super) static RULE: super::Rule = super::Rule {
            page: super::Page {
                name: $name,
                documentation: concat!($($doc, "\n",)+),
                example: include_str!(concat!("../examples/", $name, ".txt")),
            },
            group: super::Group::$group,
            level: super::Level::$level,
            has_fix: $has_fix,
            check: $check,
        };
    };
}

macro_rules! rules {
    ($($file:ident,)+) => {
        $(mod $file;)+

        /// All rules, in the order of the documentation.
        pub static RULES: &[&Rule] = &[$(&$file::RULE,)+];
    };
}

rules! {
    default_bridge,
    host_network,
    lone_network,
    shadowed_name,
    overlapping_subnets,
    taken_port,
    bridged_internal,
    privileged_container,
    engine_socket,
    powerful_capability,
    added_capability,
    root_user,
    writable_root,
    published_database,
    plain_secret,
    privileged_port,
    unpinned_image,
    no_healthcheck,
    absent_program,
    weak_dependency,
    no_memory_limit,
    no_restart,
    fixed_name,
    unused_resource,
    obsolete,
    legacy_links,
    kubernetes_loss,
}
