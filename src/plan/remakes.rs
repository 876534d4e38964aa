//! Names the attributes by which a network or volume differs from what is wanted, so that it has to be made anew.

use bollard::models::{NetworkCreateRequest, VolumeCreateRequest};
use serde_json::{Value, json};

use super::changes::{Attribute, CHANGED, Kind, differences, phrase, tree};

const OF_NETWORKS: &[Attribute] = &[
    ("/Driver", "driver", Kind::Whole(&["bridge"])),
    ("/Options", "driver_opts", Kind::Entries),
    ("/Internal", "internal", Kind::Whole(&[])),
    ("/Attachable", "attachable", Kind::Whole(&[])),
    ("/EnableIPv6", "enable_ipv6", Kind::Whole(&[])),
    ("/IPAM/Driver", "ipam.driver", Kind::Whole(&["default"])),
    ("/IPAM/Config", "ipam.config", Kind::Asked),
    ("/IPAM/Options", "ipam.options", Kind::Entries),
    ("/Labels", "labels", Kind::Entries),
];

const OF_VOLUMES: &[Attribute] = &[
    ("/Driver", "driver", Kind::Whole(&["local"])),
    ("/DriverOpts", "driver_opts", Kind::Entries),
    ("/Labels", "labels", Kind::Entries),
];

/// Says why a network is made anew.
pub(super) fn of_network(wanted: &NetworkCreateRequest, was: &NetworkCreateRequest) -> String {
    let (wanted, mut was) = (tree(wanted), tree(was));
    let asked = wanted.pointer("/IPAM/Config").cloned().unwrap_or_default();
    if let Some(pools) = was.pointer_mut("/IPAM/Config").and_then(Value::as_array_mut) {
        // The engine adds to a pool what nobody asked for, such as a gateway.
        for (pool, asked) in pools.iter_mut().zip(asked.as_array().into_iter().flatten()) {
            let (Some(pool), Some(asked)) = (pool.as_object_mut(), asked.as_object()) else { continue };
            pool.retain(|key, _| asked.contains_key(key));
        }
    }
    cause(OF_NETWORKS, &wanted, &was)
}

/// Says why a volume is made anew.
pub(super) fn of_volume(wanted: &VolumeCreateRequest, was: &VolumeCreateRequest) -> String {
    cause(OF_VOLUMES, &tree(wanted), &tree(was))
}

/// Where the engine does not tell what changed, it is only known that something did.
fn cause(attributes: &[Attribute], wanted: &Value, was: &Value) -> String {
    phrase(&differences(attributes, wanted, was, &json!({}))).unwrap_or_else(|| CHANGED.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_of_a_network_is_named_and_what_the_engine_made_up_is_not() {
        let was = json!({
            "Name": "lan", "Driver": "bridge", "EnableIPv6": false, "Internal": false,
            "IPAM": {"Driver": "default", "Options": {},
                     "Config": [{"Subnet": "10.1.0.0/24", "Gateway": "10.1.0.1"}]},
            "Options": {"mtu": "1400"}, "Labels": {"com.docker.compose.network": "lan", "at": "here"},
        });
        let cause = |wanted: Value| {
            let read = |value: &Value| serde_json::from_value(value.clone()).unwrap();
            of_network(&read(&wanted), &read(&was))
        };
        let same = json!({"Name": "lan", "IPAM": {"Config": [{"Subnet": "10.1.0.0/24"}]},
                          "Options": {"mtu": "1400"}, "Labels": {"at": "here"}});
        assert_eq!(cause(same.clone()), CHANGED);
        let with = |pointer: &str, value: Value| {
            let mut wanted = same.clone();
            wanted[pointer] = value;
            cause(wanted)
        };
        assert_eq!(with("Internal", true.into()), "`internal` is new: `true`");
        assert_eq!(with("Labels", json!({"at": "there"})), "`labels.at` changed from `here` to `there`");
        assert_eq!(with("Options", json!({})), "`driver_opts.mtu` was removed");
        assert_eq!(with("Driver", "macvlan".into()), "`driver` changed from `bridge` to `macvlan`");
        let subnet = with("IPAM", json!({"Config": [{"Subnet": "10.2.0.0/24"}]}));
        assert!(
            subnet.starts_with("`ipam.config` changed from `") && !subnet.contains("10.1.0.1"),
            "{subnet}"
        );
    }

    #[test]
    fn what_changed_of_a_volume_is_named() {
        let request = |size: &str| VolumeCreateRequest {
            driver_opts: Some([("o".to_owned(), size.to_owned())].into()),
            ..VolumeCreateRequest::default()
        };
        let was = VolumeCreateRequest { driver: Some("local".to_owned()), ..request("size=1m") };
        assert_eq!(
            of_volume(&request("size=2m"), &was),
            "`driver_opts.o` changed from `size=1m` to `size=2m`"
        );
    }
}
