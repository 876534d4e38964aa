//! Processors, memory and devices: what a container may use, and what is kept for it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::model::deploy::{DeviceRequest, Gpu, Limits, Reservations, Resources};
use crate::model::service::Service;
use crate::model::x_topo::EphemeralStorage;

use super::Scope;

/// CPU shares of one processor, by which Kubernetes too turns requests into weights.
const SHARES: i64 = 1024;
/// The default period of a CPU quota, in microseconds.
const PERIOD: i64 = 100_000;

/// Returns what the container may use. `deploy` wins over the service's own attributes.
pub(super) fn requirements(
    scope: &mut Scope<'_>,
    name: &str,
    service: &Service,
) -> Option<ResourceRequirements> {
    let none = Resources::default();
    let resources = service.deploy.as_ref().and_then(|deploy| deploy.resources.as_ref()).unwrap_or(&none);
    let Resources { limits, reservations, extensions: _ } = resources;
    let (limits, reservations) =
        (limits.clone().unwrap_or_default(), reservations.clone().unwrap_or_default());
    let Limits { cpus, memory, pids: _, extensions: _ } = limits;
    let Reservations {
        cpus: reserved_cpus,
        memory: reserved_memory,
        devices,
        generic_resources: _,
        extensions: _,
    } = reservations;

    let period = if service.cpu_period > 0 { service.cpu_period } else { PERIOD };
    #[expect(clippy::cast_precision_loss, reason = "microseconds of a period are far below 2^52")]
    let quota = service.cpu_quota as f64 / period as f64;
    let limit = [f64::from(cpus), f64::from(service.cpus), quota].into_iter().find(|cpus| *cpus > 0.0);
    let limit = limit.map(millicores);
    let shares = (service.cpu_shares > 0).then(|| (service.cpu_shares * 1000 + SHARES - 1) / SHARES);
    let request = if reserved_cpus > 0.0 { Some(millicores(f64::from(reserved_cpus))) } else { shares };
    let memory = [memory.0, service.mem_limit.0].into_iter().find(|bytes| *bytes > 0);
    let kept = [reserved_memory.0, service.mem_reservation.0].into_iter().find(|bytes| *bytes > 0);

    // A request above the limit is refused.
    let request = request.map(|request| limit.map_or(request, |limit| request.min(limit)));
    let kept = kept.map(|kept| memory.map_or(kept, |memory| kept.min(memory)));
    let mut most = BTreeMap::new();
    most.extend(limit.map(|limit| ("cpu".to_owned(), cpu(limit))));
    most.extend(memory.map(|memory| ("memory".to_owned(), bytes(memory))));
    let mut least = BTreeMap::new();
    least.extend(request.map(|request| ("cpu".to_owned(), cpu(request))));
    least.extend(kept.map(|kept| ("memory".to_owned(), bytes(kept))));
    let wanted = service.gpus.0.iter().map(wanted_gpu).chain(devices.iter().map(wanted_device));
    for (resource, count) in devices_of(scope, name, wanted.collect()) {
        most.insert(resource, Quantity(count.to_string()));
    }
    let given = |map: BTreeMap<_, _>| (!map.is_empty()).then_some(map);
    let storage = scope.settings(name).ephemeral_storage.clone().unwrap_or_default();
    let EphemeralStorage { request: kept, limit, extensions: _ } = storage;
    most.extend(limit.map(|limit| ("ephemeral-storage".to_owned(), Quantity(limit.0))));
    least.extend(kept.map(|kept| ("ephemeral-storage".to_owned(), Quantity(kept.0))));
    let (limits, requests) = (given(most), given(least));
    (limits.is_some() || requests.is_some()).then(|| ResourceRequirements {
        limits,
        requests,
        ..ResourceRequirements::default()
    })
}

/// Returns whether the file says how much processor time the service may use, or counts on.
pub(super) fn has_cpu(service: &Service) -> bool {
    let resources = service.deploy.as_ref().and_then(|deploy| deploy.resources.as_ref());
    let limit = resources.and_then(|one| one.limits.as_ref()).map_or(0.0, |limits| limits.cpus);
    let kept = resources.and_then(|one| one.reservations.as_ref()).map_or(0.0, |kept| kept.cpus);
    limit > 0.0 || kept > 0.0 || service.cpus > 0.0 || service.cpu_quota > 0 || service.cpu_shares > 0
}

/// The same of memory.
pub(super) fn has_memory(service: &Service) -> bool {
    let resources = service.deploy.as_ref().and_then(|deploy| deploy.resources.as_ref());
    let limit = resources.and_then(|one| one.limits.as_ref()).map_or(0, |limits| limits.memory.0);
    let kept = resources.and_then(|one| one.reservations.as_ref()).map_or(0, |kept| kept.memory.0);
    [limit, kept, service.mem_limit.0, service.mem_reservation.0].into_iter().any(|bytes| bytes > 0)
}

/// A wish for devices: where it is written, whether Kubernetes knows the device, how many, which ones.
struct Wanted {
    path: &'static [&'static str],
    vendor: Option<&'static str>,
    count: i64,
    is_exact: bool,
}

fn vendor(driver: Option<&str>, is_gpu: bool) -> Option<&'static str> {
    match driver {
        Some("nvidia") => Some("nvidia.com/gpu"),
        Some("amd") => Some("amd.com/gpu"),
        None | Some("") if is_gpu => Some("nvidia.com/gpu"),
        _ => None,
    }
}

fn wanted_gpu(gpu: &Gpu) -> Wanted {
    let Gpu { capabilities: _, driver, count, device_ids, options, extensions: _ } = gpu;
    Wanted {
        path: &["gpus"],
        vendor: vendor(driver.as_deref(), true),
        count: count.map_or(1, |count| count.0),
        is_exact: device_ids.is_empty() && options.0.is_empty(),
    }
}

fn wanted_device(request: &DeviceRequest) -> Wanted {
    let DeviceRequest { capabilities, driver, count, device_ids, options, extensions: _ } = request;
    let is_gpu = capabilities.iter().any(|one| one == "gpu" || one == "nvidia");
    Wanted {
        path: &["deploy", "resources", "reservations", "devices"],
        vendor: vendor(driver.as_deref(), is_gpu),
        count: count.map_or(i64::try_from(device_ids.len()).unwrap_or(1), |count| count.0),
        is_exact: device_ids.is_empty() && options.0.is_empty(),
    }
}

fn devices_of(scope: &mut Scope<'_>, name: &str, wanted: Vec<Wanted>) -> BTreeMap<String, i64> {
    let mut devices = BTreeMap::new();
    for Wanted { path, vendor, count, is_exact } in wanted {
        let path: Vec<&str> = ["services", name].into_iter().chain(path.iter().copied()).collect();
        let Some(resource) = vendor else {
            let message =
                format!("service `{name}` needs a device that Kubernetes does not know by this name");
            scope.report.lost(&path, message, "use a device plugin and ask for its resource");
            continue;
        };
        if count < 1 {
            let message =
                format!("service `{name}` gets one `{resource}`: Kubernetes cannot give all of a node");
            scope.report.approximated(&path, message, "say how many with `count`");
        }
        if !is_exact {
            let message = format!("service `{name}` cannot choose which `{resource}` it gets");
            scope.report.lost(&path, message, "choose nodes by label with `deploy.placement.constraints`");
        }
        *devices.entry(resource.to_owned()).or_insert(0) += count.max(1);
    }
    devices
}

#[expect(clippy::cast_possible_truncation, reason = "saturates")]
fn millicores(cpus: f64) -> i64 {
    // Thousandths are the finest unit; rounding first takes away what f32 adds to 0.1.
    ((cpus * 1e5).round() / 100.0).ceil().max(1.0) as i64
}

fn cpu(millicores: i64) -> Quantity {
    Quantity(if millicores % 1000 == 0 { (millicores / 1000).to_string() } else { format!("{millicores}m") })
}

/// Writes a number of bytes with the largest unit that leaves a whole number.
pub(super) fn bytes(bytes: i64) -> Quantity {
    for (shift, unit) in [(40, "Ti"), (30, "Gi"), (20, "Mi"), (10, "Ki")] {
        if bytes != 0 && bytes % (1 << shift) == 0 {
            return Quantity(format!("{}{unit}", bytes >> shift));
        }
    }
    Quantity(bytes.to_string())
}

#[cfg(test)]
mod tests {
    use super::{bytes, cpu, millicores};

    #[test]
    fn quantities() {
        for (cpus, expected) in
            [(0.5_f32, "500m"), (2.0, "2"), (0.1, "100m"), (0.0001, "1m"), (1.25, "1250m")]
        {
            assert_eq!(cpu(millicores(f64::from(cpus))).0, expected);
        }
        for (size, expected) in
            [(512 << 20, "512Mi"), (1 << 30, "1Gi"), (1000, "1000"), (1536 << 10, "1536Ki")]
        {
            assert_eq!(bytes(size).0, expected);
        }
    }
}
