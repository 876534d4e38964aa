//! What was seen and found in a namespace, as text.

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{Finding, Live, is_ready, name, summary};

/// Writes each Service of the namespace: where it leads, how many of its pods are ready, and who is let in. With names,
/// only those.
pub fn services(live: &Live, about: &[String]) -> String {
    let wanted = live
        .own_services()
        .filter(|one| about.is_empty() || about.iter().any(|of| of == name(&one.metadata)));
    wanted.map(|service| self::service(live, service)).collect()
}

fn service(live: &Live, service: &Service) -> String {
    let mut text = format!("service/{}\n", name(&service.metadata));
    let mut line = |head: &str, words: String| text.push_str(&format!("  {head:<9}{words}\n"));
    let Some(spec) = &service.spec else { return text };
    let kind = spec.type_.as_deref().unwrap_or("ClusterIP");
    let address = match (spec.cluster_ip.as_deref(), spec.external_name.as_deref()) {
        (_, Some(target)) if kind == "ExternalName" => target,
        (Some("None"), _) => "headless",
        (Some(address), _) => address,
        (None, _) => "",
    };
    line("type", format!("{kind}  {address}").trim_end().to_owned());
    let ports: Vec<String> = spec
        .ports
        .iter()
        .flatten()
        .map(|port| {
            let target = match &port.target_port {
                Some(IntOrString::Int(number)) => number.to_string(),
                Some(IntOrString::String(name)) => name.clone(),
                None => port.port.to_string(),
            };
            let protocol = port.protocol.as_deref().unwrap_or("TCP").to_ascii_lowercase();
            format!("{} -> {target}/{protocol}", port.port)
        })
        .collect();
    if !ports.is_empty() {
        line("ports", ports.join(", "));
    }
    let pods: Vec<_> = live.pods_of(service).collect();
    if kind != "ExternalName" {
        let ready = pods.iter().filter(|pod| is_ready(pod)).count();
        line("pods", format!("{ready} of {} ready", pods.len()));
    }
    if let Some((policies, lets_in)) = summary(live, service) {
        let policies = if policies.is_empty() { "none: all is open".to_owned() } else { policies.join(", ") };
        line("policies", policies);
        line("lets in", if lets_in.is_empty() { "nobody".to_owned() } else { lets_in.join(", ") });
    }
    text
}

/// Writes a finding, as `topo diagnose` writes those of a project on an engine.
pub fn finding(finding: &Finding) -> String {
    let Finding { severity, cause, object, message, why, mend } = finding;
    format!("{}[{cause}]: {message}\n  at:   {object}\n  why:  {why}\n  mend: {mend}\n", severity.word())
}
