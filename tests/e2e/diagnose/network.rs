//! Services that do not find each other, or not the outside.

use super::{Case, as_it_is, check};

#[test]
fn what_keeps_services_apart_must_be_named() {
    check(&[
        Case {
            name: "env-apart",
            compose: "services:
  web: {<<: *web, networks: [front], environment: {DB_HOST: db, DB_PORT: '80'}}
  db: {<<: *web, networks: [back]}
networks: {front: {}, back: {}}",
            breaks: as_it_is,
            cause: "no-common-network",
            service: "web",
        },
        Case {
            name: "depends-apart",
            compose: "services:
  web: {<<: *web, networks: [front], depends_on: [db]}
  db: {<<: *web, networks: [back]}
networks: {front: {}, back: {}}",
            breaks: as_it_is,
            cause: "no-common-network",
            service: "web",
        },
        Case {
            name: "default-and-own",
            compose: "services:
  web: {<<: *web, environment: {DATABASE_URL: 'postgres://app:secret@db:80/app'}}
  db: {<<: *web, networks: [back]}
networks: {back: {}}",
            breaks: as_it_is,
            cause: "no-common-network",
            service: "web",
        },
        Case {
            name: "engine-bridge",
            compose: "services:
  web: {<<: *web, network_mode: bridge, environment: {DB: 'http://db'}}
  db: {<<: *web}",
            breaks: as_it_is,
            cause: "no-common-network",
            service: "web",
        },
        Case {
            name: "published-only",
            compose: "services:
  web: {<<: *web, networks: [front], environment: {DB: 'http://db'}}
  db: {<<: *web, networks: [back], ports: ['$PORT:80']}
networks: {front: {}, back: {}}",
            breaks: as_it_is,
            cause: "no-common-network",
            service: "web",
        },
        Case {
            name: "icc",
            compose: "services:
  web: {<<: *web, environment: {DB: 'http://db'}}
  db: {<<: *web}
networks: {default: {driver_opts: {com.docker.network.bridge.enable_icc: 'false'}}}",
            breaks: as_it_is,
            cause: "members-apart",
            service: "web",
        },
        Case {
            name: "none-asks",
            compose: "services:
  web: {<<: *web, network_mode: none, environment: {DB: 'http://db'}}
  db: {<<: *web}",
            breaks: as_it_is,
            cause: "no-network",
            service: "web",
        },
        Case {
            name: "none-answers",
            compose: "services:
  web: {<<: *web, environment: {DB: 'http://db'}}
  db: {<<: *web, network_mode: none}",
            breaks: as_it_is,
            cause: "no-network",
            service: "web",
        },
        Case {
            name: "host-answers",
            compose: "services:
  web: {<<: *web, environment: {DB: 'http://db:$PORT'}}
  db: {<<: *web, network_mode: host, command: [httpd, -f, -p, '$PORT']}",
            breaks: as_it_is,
            cause: "host-mode-name",
            service: "web",
        },
        Case {
            name: "host-asks",
            compose: "services:
  web: {<<: *idle, network_mode: host, environment: {DB: 'http://db'}}
  db: {<<: *web}",
            breaks: as_it_is,
            cause: "host-mode-name",
            service: "web",
        },
    ]);
}

#[test]
fn names_that_lead_nowhere_must_be_named() {
    check(&[
        Case {
            name: "typo",
            compose: "services:
  web: {<<: *web, environment: {API_URL: 'http://storre/v1'}}
  store: {<<: *web}",
            breaks: as_it_is,
            cause: "unknown-host",
            service: "web",
        },
        Case {
            name: "typo-host",
            compose: "services:
  web: {<<: *web, environment: {DB_HOST: databse}}
  database: {<<: *web}",
            breaks: as_it_is,
            cause: "unknown-host",
            service: "web",
        },
        Case {
            name: "nobody",
            compose: "services:
  web: {<<: *web, environment: {QUEUE_URL: 'amqp://rabbit:5672'}}
  store: {<<: *web}",
            breaks: as_it_is,
            cause: "unknown-host",
            service: "web",
        },
        Case {
            name: "extra-hosts-service",
            compose: "services:
  web: {<<: *web, environment: {DB: 'http://db'}, extra_hosts: ['db:10.255.255.9']}
  db: {<<: *web}",
            breaks: as_it_is,
            cause: "extra-hosts-astray",
            service: "web",
        },
        Case {
            name: "extra-hosts-silent",
            compose: "services:
  web: {<<: *web, environment: {API: 'http://api.example'}, extra_hosts: ['api.example:10.231.5.99']}
networks: {default: {ipam: {config: [{subnet: 10.231.5.0/24}]}}}",
            breaks: as_it_is,
            cause: "extra-hosts-astray",
            service: "web",
        },
        Case {
            name: "dns-silent",
            compose: "services:
  web: {<<: *web, dns: [10.231.6.99]}
networks: {default: {ipam: {config: [{subnet: 10.231.6.0/24}]}}}",
            breaks: as_it_is,
            cause: "dns-silent",
            service: "web",
        },
        Case {
            name: "dns-refused",
            compose: "services:
  web: {<<: *web, network_mode: bridge, dns: [127.0.0.2]}",
            breaks: as_it_is,
            cause: "dns-silent",
            service: "web",
        },
        Case {
            name: "alias-lost",
            compose: "services:
  web: {<<: *web}
  db: {<<: *web, networks: {default: {aliases: [store.example]}}}",
            breaks: |project| {
                let network = format!("{}_default", project.name);
                project.engine.disconnect_container(&network, &project.full_name("db-1"));
                project.engine.connect_container(&network, &project.full_name("db-1"), &[], None);
            },
            cause: "alias-lost",
            service: "db",
        },
        Case {
            name: "stranger",
            compose: "services:
  web: {<<: *web, networks: [front], environment: {DB: 'http://db'}}
  db: {<<: *web, networks: [front]}
  other: {<<: *web, networks: [back]}
networks: {front: {}, back: {}}",
            breaks: |project| {
                // It is the project's no more, once nobody knows of it.
                super::rewrite(
                    project,
                    "services:
  web: {<<: *web, networks: [front], environment: {DB: 'http://db'}}
  db: {<<: *web, networks: [front]}
networks: {front: {}, back: {}}",
                );
                let network = format!("{}_front", project.name);
                project.engine.connect_container(&network, &project.full_name("other-1"), &["db"], None);
            },
            cause: "name-astray",
            service: "web",
        },
    ]);
}

#[test]
fn what_was_done_by_hand_must_be_named() {
    const TWO: &str = "services:
  web: {<<: *web, networks: [front]}
  db: {<<: *web, networks: [front, back]}
networks: {front: {}, back: {}}";
    check(&[
        Case {
            name: "disconnected",
            compose: TWO,
            breaks: |project| {
                let network = format!("{}_front", project.name);
                project.engine.disconnect_container(&network, &project.full_name("db-1"));
            },
            cause: "disconnected",
            service: "db",
        },
        Case {
            name: "connected",
            compose: TWO,
            breaks: |project| {
                let network = format!("{}_back", project.name);
                project.engine.connect_container(&network, &project.full_name("web-1"), &["web"], None);
            },
            cause: "extra-network",
            service: "web",
        },
        Case {
            name: "address",
            compose: "services:
  web: {<<: *web, networks: {front: {ipv4_address: 10.231.7.10}}}
networks: {front: {ipam: {config: [{subnet: 10.231.7.0/24}]}}}",
            breaks: |project| {
                let network = format!("{}_front", project.name);
                project.engine.disconnect_container(&network, &project.full_name("web-1"));
                let address = Some("10.231.7.77");
                project.engine.connect_container(&network, &project.full_name("web-1"), &["web"], address);
            },
            cause: "address-changed",
            service: "web",
        },
        Case {
            name: "new-network",
            compose: "services:
  web: {<<: *web, networks: [front]}
networks: {front: {}}",
            breaks: |project| {
                super::rewrite(
                    project,
                    "services:
  web: {<<: *web, networks: [front, back]}
networks: {front: {}, back: {}}",
                );
            },
            cause: "disconnected",
            service: "web",
        },
        Case {
            name: "new-subnet",
            compose: "services:
  web: {<<: *web, networks: [front]}
networks: {front: {ipam: {config: [{subnet: 10.231.8.0/24}]}}}",
            breaks: |project| {
                super::rewrite(
                    project,
                    "services:
  web: {<<: *web, networks: [front]}
networks: {front: {ipam: {config: [{subnet: 10.231.9.0/24}]}}}",
                );
            },
            cause: "stale-network",
            service: "",
        },
    ]);
}

#[test]
fn what_keeps_services_from_the_outside_must_be_named() {
    check(&[
        Case {
            name: "internal",
            compose: "services:
  web: {<<: *web, networks: [back], environment: {API: 'https://api.example.com/v1'}}
networks: {back: {internal: true}}",
            breaks: as_it_is,
            cause: "no-way-out",
            service: "web",
        },
        Case {
            name: "internal-address",
            compose: "services:
  web: {<<: *web, networks: [back], environment: {API: 'http://198.51.100.7'}}
networks: {back: {internal: true}}",
            breaks: as_it_is,
            cause: "no-way-out",
            service: "web",
        },
        Case {
            name: "outside-silent",
            compose: "services:
  web: {<<: *web, environment: {API: 'http://10.231.4.99'}}
networks: {default: {ipam: {config: [{subnet: 10.231.4.0/24}]}}}",
            breaks: as_it_is,
            cause: "outside-silent",
            service: "web",
        },
        Case {
            name: "no-ipv6",
            compose: "services:
  web: {<<: *web, environment: {API: 'http://[2001:db8::7]:80'}}",
            breaks: as_it_is,
            cause: "ipv6-absent",
            service: "web",
        },
        Case {
            name: "proxy",
            compose: "services:
  web: {<<: *web, environment: {HTTP_PROXY: 'http://proxy:80', NO_PROXY: localhost, API: 'http://api'}}
  api: {<<: *web}
  proxy: {<<: *web}",
            breaks: as_it_is,
            cause: "proxy",
            service: "web",
        },
    ]);
}
