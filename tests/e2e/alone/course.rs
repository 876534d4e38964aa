//! The course's file as it is written: real nginx, PostgreSQL and Redis, and who reaches whom.

use serde_json::Value;

use crate::harness::{Outside, Project, answer, free_port, health};

#[test]
fn the_course_must_connect_what_shares_a_network_and_nothing_else() {
    let Some(mut project) = Project::alone("course", "course") else { return };
    let port = free_port();
    project.set("COURSE_PORT", port.to_string());
    project.up();
    for service in ["api-1", "postgres-1", "redis-1"] {
        assert_eq!(health(&project.container(service)), "healthy", "{service}");
    }

    each_server_must_be_the_real_one(&project, port);
    api_must_reach_postgres_by_name(&project, port);
    nginx_must_not_reach_postgres(&project);
    postgres_must_not_reach_outside(&project);

    project.up_does_nothing();
    project.topo(&["down", "-v"]).succeeds();
    project.is_nowhere();
}

fn each_server_must_be_the_real_one(project: &Project, port: u16) {
    assert!(answer(port, "/").contains("nginx"));
    let ask = "PGPASSWORD=course psql -h 127.0.0.1 -U course -d course -tAc 'select version()'";
    let (code, said) = project.exec("postgres-1", &["sh", "-c", ask]);
    assert!(code == 0 && said.contains("PostgreSQL"), "{said}");
    let (code, said) = project.exec("redis-1", &["redis-cli", "ping"]);
    assert!(code == 0 && said.contains("PONG"), "{said}");
}

fn api_must_reach_postgres_by_name(project: &Project, port: u16) {
    let said: Value = serde_json::from_str(&answer(port, "/api/")).unwrap();
    assert_eq!(said["postgres"]["ok"], true, "{said}");
    let (code, said) = project.exec("api-1", &["wget", "-q", "-O", "-", "http://127.0.0.1:8000/"]);
    assert_eq!(code, 0, "{said}");
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["postgres"]["ok"], true, "{said}");
    assert_eq!(said["redis"]["ok"], true, "{said}");
    let variables = project.container("api-1").config.unwrap().env.unwrap();
    assert!(variables.contains(&"POSTGRES_HOST=postgres".to_owned()), "it asks by name: {variables:?}");
}

fn nginx_must_not_reach_postgres(project: &Project) {
    // That a probe of the same kind succeeds elsewhere shows that the probe is not what fails.
    let probe =
        |host: &str, port: &str| project.exec("nginx-1", &["nc", "-w", "3", host, port, "-e", "true"]).0;
    assert_eq!(probe("api", "8000"), 0);
    assert_ne!(probe("postgres", "5432"), 0, "by name");
    let address = address(project, "postgres-1", "database");
    assert_ne!(probe(&address, "5432"), 0, "by address {address}");
}

fn postgres_must_not_reach_outside(project: &Project) {
    let outside = Outside::new();
    let (host, port) = outside.address();
    if outside.is_own() {
        let (code, said) = project.exec("api-1", &["nc", "-w", "3", host, port, "-e", "true"]);
        assert_eq!(code, 0, "api, which is on another network too, gets out: {said}");
    }
    // Unreachable at once, or no answer in time.
    let connect = |host: &str, port: &str| {
        let connect = format!("exec 3<>/dev/tcp/{host}/{port}");
        project.exec("postgres-1", &["timeout", "5", "bash", "-c", &connect]).0
    };
    assert_ne!(connect(host, port), 0);
    let api = address(project, "api-1", "database");
    assert_eq!(connect(&api, "8000"), 0, "a connection of the same kind within its network");
}

fn address(project: &Project, container: &str, network: &str) -> String {
    let networks = project.container(container).network_settings.unwrap().networks.unwrap();
    networks[&format!("{}_{network}", project.name)].ip_address.clone().unwrap()
}
