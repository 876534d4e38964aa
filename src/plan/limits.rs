//! What a container may use of the host: memory, processors, block devices, devices found by what they can do.

use std::collections::BTreeMap;

use bollard::models::{HostConfig, ResourcesBlkioWeightDevice, ResourcesUlimits, ThrottleDevice};

use super::container::{map, nonzero, some};
use crate::model::deploy::{Deploy, DeviceCount, Limits, Reservations, Resources};
use crate::model::service::{Blkio, DeviceRate, Service};

/// Limits and reservations; those of `deploy` win.
pub(super) fn limit(host: &mut HostConfig, service: &Service) {
    host.cpu_count = i64::try_from(service.cpu_count).ok().and_then(nonzero);
    // docker compose gives the engine hundredths of a percent.
    host.cpu_percent = nonzero(i64::from(service.cpu_percent.0) * 100);
    host.cpu_period = nonzero(service.cpu_period);
    host.cpu_quota = nonzero(service.cpu_quota);
    host.cpu_realtime_period = nonzero(service.cpu_rt_period);
    host.cpu_realtime_runtime = nonzero(service.cpu_rt_runtime);
    host.cpu_shares = nonzero(service.cpu_shares);
    host.cpuset_cpus.clone_from(&service.cpuset);
    host.nano_cpus = nonzero(nano_cpus(service.cpus));
    host.memory = nonzero(service.mem_limit.0);
    host.memory_reservation = nonzero(service.mem_reservation.0);
    host.memory_swap = nonzero(service.memswap_limit.0);
    host.memory_swappiness = nonzero(service.mem_swappiness.0.0);
    host.oom_kill_disable = service.oom_kill_disable.then_some(true);
    host.pids_limit = nonzero(service.pids_limit);
    host.ulimits = some(
        service
            .ulimits
            .0
            .iter()
            .map(|(name, limit)| {
                let (soft, hard) = limit.soft_hard();
                ResourcesUlimits { name: Some(name.clone()), soft: Some(soft), hard: Some(hard) }
            })
            .collect(),
    );
    if let Some(Blkio {
        weight,
        weight_device,
        device_read_bps,
        device_read_iops,
        device_write_bps,
        device_write_iops,
        extensions: _,
    }) = &service.blkio_config
    {
        let rates = |rates: &[DeviceRate]| {
            let rate =
                |one: &DeviceRate| ThrottleDevice { path: Some(one.path.clone()), rate: Some(one.rate.0) };
            some(rates.iter().map(rate).collect())
        };
        host.blkio_weight = u16::try_from(*weight).ok().filter(|weight| *weight != 0);
        host.blkio_weight_device = some(
            weight_device
                .iter()
                .map(|one| ResourcesBlkioWeightDevice {
                    path: Some(one.path.clone()),
                    weight: usize::try_from(one.weight).ok(),
                })
                .collect(),
        );
        host.blkio_device_read_bps = rates(device_read_bps);
        host.blkio_device_read_iops = rates(device_read_iops);
        host.blkio_device_write_bps = rates(device_write_bps);
        host.blkio_device_write_iops = rates(device_write_iops);
    }
    let mut requests = Vec::new();
    if let Some(Deploy { resources: Some(Resources { limits, reservations, extensions: _ }), .. }) =
        service.deploy.as_deref()
    {
        if let Some(Limits { cpus, memory, pids, extensions: _ }) = limits {
            host.nano_cpus = nonzero(nano_cpus(*cpus)).or(host.nano_cpus);
            host.memory = nonzero(memory.0).or(host.memory);
            host.pids_limit = nonzero(*pids).or(host.pids_limit);
        }
        if let Some(Reservations { cpus: _, memory, devices, generic_resources: _, extensions: _ }) =
            reservations
        {
            host.memory_reservation = nonzero(memory.0).or(host.memory_reservation);
            for device in devices {
                let options = &device.options.0;
                let asked = (&device.capabilities, &device.driver, device.count, &device.device_ids, options);
                requests.push(device_request(asked));
            }
        }
    }
    for gpu in &service.gpus.0 {
        let mut capabilities = gpu.capabilities.clone();
        if !capabilities.iter().any(|one| one == "gpu") {
            capabilities.push("gpu".to_owned());
        }
        let asked = (&capabilities, &gpu.driver, gpu.count, &gpu.device_ids, &gpu.options.0);
        requests.push(device_request(asked));
    }
    host.device_requests = some(requests);
}

type Asked<'a> =
    (&'a Vec<String>, &'a Option<String>, Option<DeviceCount>, &'a Vec<String>, &'a BTreeMap<String, String>);

fn device_request((capabilities, driver, count, ids, options): Asked<'_>) -> bollard::models::DeviceRequest {
    bollard::models::DeviceRequest {
        driver: Some(driver.clone().unwrap_or_default()),
        count: Some(count.map_or(0, |count| count.0)),
        device_ids: some(ids.clone()),
        capabilities: Some(vec![capabilities.clone()]),
        options: map(options),
    }
}

fn nano_cpus(cpus: f32) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "a number of processors is small")]
    let nano = (cpus * 1e9) as i64;
    nano
}
