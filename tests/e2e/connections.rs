//! The engine is found and spoken with wherever docker would: behind TLS, on another machine, in a context.

mod ssh;

use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::harness::private::{PrivateEngine, Wish};
use crate::harness::{Project, Run, address, eventually, free_port};

/// A program that runs until it is dropped.
struct Bridge(Child);

impl Drop for Bridge {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The socket of the engine, which bridges lead to.
fn socket() -> Option<String> {
    address().strip_prefix("unix://").map(str::to_owned)
}

const APP: &str = "
services:
  app:
    build:
      dockerfile_inline: |
        FROM busybox
        COPY compose.yaml /
    command: sleep 1000
    init: true
    healthcheck: { test: [CMD, test, -e, /compose.yaml], interval: 1s }
";

/// Builds, starts, follows and removes: each kind of request that there is.
fn all_must_work(project: &Project) {
    project.topo(&["up", "-d", "--build", "--wait"]).succeeds();
    let listed = project.topo(&["ps", "--format", "json"]).succeeds();
    assert!(listed.stdout.contains("(healthy)"), "{listed:?}");
    project.up_does_nothing();
    project.topo(&["down", "-t", "0"]).succeeds();
    project.engine.remove_image(&format!("{}-app", project.name));
}

/// Makes an authority, an engine's certificate and a user's, by openssl.
fn make_certificates(directory: &Path) {
    std::fs::create_dir_all(directory).unwrap();
    let script = "
set -e
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca-key.pem -out ca.pem
sign() { # NAME USAGE
  openssl req -newkey rsa:2048 -nodes -subj /CN=$1 -keyout $1-key.pem -out $1.csr
  printf 'subjectAltName=IP:127.0.0.1\\nextendedKeyUsage=%s\\n' $2 >$1.ext
  openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 2 -extfile $1.ext -out $1.pem
}
sign server serverAuth
sign user clientAuth
mv user.pem cert.pem
mv user-key.pem key.pem
cat server.pem server-key.pem >server-both.pem
";
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).current_dir(directory);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn an_engine_behind_tls_must_be_spoken_with() {
    let Some(mut project) = Project::with("tls", APP) else { return };
    let Some(socket) = socket() else { return };
    make_certificates(&project.path("certificates"));
    make_certificates(&project.path("strangers"));
    let port = free_port();
    let path = |file: &str| project.path("certificates").join(file).display().to_string();
    let (both, authority) = (path("server-both.pem"), path("ca.pem"));
    let listen = format!(
        "OPENSSL-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork,cert={both},cafile={authority},verify=1"
    );
    let bridge = Command::new("socat")
        .arg(listen)
        .arg(format!("UNIX-CONNECT:{socket}"))
        .stderr(Stdio::null())
        .spawn()
        .expect("the package socat is installed, by scripts/test.sh");
    let _bridge = Bridge(bridge);
    eventually("the bridge listens", || std::net::TcpStream::connect(("127.0.0.1", port)).ok());

    project.set("DOCKER_HOST", format!("tcp://127.0.0.1:{port}"));
    project.set("DOCKER_TLS_VERIFY", "1");
    project.set("DOCKER_CERT_PATH", project.path("certificates").display().to_string());
    all_must_work(&project);

    // An authority that did not sign, and a user whom the engine does not know.
    project.set("DOCKER_CERT_PATH", project.path("strangers").display().to_string());
    project.topo(&["ps"]).ends_with(1).says(&["certificate"]);
    project.set("DOCKER_TLS_VERIFY", "");
    project.set("DOCKER_TLS", "1");
    project.topo(&["ps"]).ends_with(1);
    project.set("DOCKER_CERT_PATH", project.path("").display().to_string());
    project.set("DOCKER_TLS_VERIFY", "1");
    project.topo(&["ps"]).ends_with(1).says(&["ca.pem"]);

    // The same engine in a context, made as `docker context create` does.
    let context = "6b3c6b7d9a";
    let id = sha256(context);
    let meta = project.path("docker/contexts/meta").join(&id);
    let tls = project.path("docker/contexts/tls").join(&id).join("docker");
    for directory in [&meta, &tls] {
        std::fs::create_dir_all(directory).unwrap();
    }
    for file in ["ca.pem", "cert.pem", "key.pem"] {
        std::fs::copy(project.path("certificates").join(file), tls.join(file)).unwrap();
    }
    let text = format!(
        r#"{{"Name":"{context}","Metadata":{{}},"Endpoints":{{"docker":{{"Host":"tcp://127.0.0.1:{port}","SkipTLSVerify":false}}}}}}"#
    );
    std::fs::write(meta.join("meta.json"), text).unwrap();
    project.set("DOCKER_HOST", "");
    project.set("DOCKER_CONFIG", project.path("docker").display().to_string());
    project.set("DOCKER_CONTEXT", context);
    all_must_work(&project);
    project.set("DOCKER_CONTEXT", "none-such");
    project.topo(&["ps"]).ends_with(1).says(&["docker context `none-such`", "there is no such context"]);
}

fn sha256(text: &str) -> String {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("printf %s '{text}' | sha256sum | cut -c 1-64"));
    String::from_utf8(command.output().unwrap().stdout).unwrap().trim().to_owned()
}

#[test]
fn an_engine_that_demands_certificates_itself_must_be_spoken_with() {
    let directory = tempfile::tempdir().unwrap();
    make_certificates(directory.path());
    let path = |file: &str| directory.path().join(file).display().to_string();
    let (authority, certificate, key) = (path("ca.pem"), path("server.pem"), path("server-key.pem"));
    let options = ["--host=tcp://127.0.0.1:2376", "--tlsverify", "--tlscacert"];
    let options = [&options[..], &[&authority, "--tlscert", &certificate, "--tlskey", &key]].concat();
    let wish = Wish { options: &options, ..Wish::default() };
    let Some(engine) = PrivateEngine::with("tlsverify", &["busybox"], &wish) else { return };
    let mut project = Project::on(&engine, "tlsverify", APP);
    project.set("DOCKER_HOST", "tcp://127.0.0.1:2376");
    project.set("DOCKER_TLS_VERIFY", "1");
    project.set("DOCKER_CERT_PATH", path(""));
    let run = |arguments: &[&str]| Run::of(engine.beside(&project.command(arguments)));
    run(&["up", "-d", "--build", "--wait"]).succeeds();
    assert_eq!(run(&["exec", "-T", "app", "cat", "/compose.yaml"]).succeeds().stdout, APP);
    assert!(run(&["up", "-d"]).succeeds().stderr.contains("nothing to do"));
    run(&["down", "-t", "0"]).succeeds();

    // Who shows no certificate is not let in.
    project.set("DOCKER_CERT_PATH", "");
    project.set("DOCKER_TLS_VERIFY", "");
    Run::of(engine.beside(&project.command(&["ps"]))).ends_with(1).says(&["tcp://127.0.0.1:2376"]);
}

#[test]
fn an_engine_that_is_nowhere_must_be_told_with_all_that_was_tried() {
    let Some(mut project) = Project::with("nowhere", APP) else { return };
    project.set("DOCKER_HOST", "npipe:////./pipe/docker_engine");
    project.topo(&["ps"]).ends_with(1).says(&["named pipes of Windows are not supported"]);
    project.set("DOCKER_HOST", "tcp://127.0.0.1:9");
    project.topo(&["ps"]).ends_with(1).says(&["tcp://127.0.0.1:9: connection refused", "DOCKER_HOST"]);
}
