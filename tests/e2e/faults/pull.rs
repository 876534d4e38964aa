//! The way to a registry breaks in the middle of a pull.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::spawn;

use crate::harness::private::{PrivateEngine, Wish};
use crate::harness::{Project, Registry, is_running};

/// A way to a registry on which answers end after so many bytes each.
struct Way {
    bytes: Arc<AtomicUsize>,
    bridge: Child,
}

impl Way {
    /// The engine has its own network: a bridge there leads to a socket, and that to the registry here.
    fn new(project: &Project, engine: &PrivateEngine, registry: &Registry) -> Self {
        let socket = project.path("registry.sock");
        let bytes = Arc::new(AtomicUsize::new(usize::MAX));
        let listener = UnixListener::bind(&socket).unwrap();
        let (at_most, host) = (Arc::clone(&bytes), registry.host.clone());
        spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let server = TcpStream::connect(&host).unwrap();
                let at_most = Arc::clone(&at_most);
                spawn(move || pass(&client, &server, &at_most));
            }
        });
        let port = registry.host.rsplit(':').next().unwrap();
        let mut socat = Command::new("socat");
        socat
            .arg(format!("TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork"))
            .arg(format!("UNIX-CONNECT:{}", socket.display()));
        let bridge = engine.beside(&socat).stderr(Stdio::null()).spawn();
        let bridge = bridge.expect("the package socat is installed, by scripts/test.sh");
        Self { bytes, bridge }
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        let _ = self.bridge.kill();
        let _ = self.bridge.wait();
    }
}

/// Passes a connection on, and breaks it once the answers have become too long.
fn pass(client: &UnixStream, server: &TcpStream, at_most: &AtomicUsize) {
    let (mut questions, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    spawn(move || {
        let _ = std::io::copy(&mut questions, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    let (mut answers, mut to_client) = (server, client);
    let mut piece = [0; 4096];
    let mut passed = 0;
    while let Ok(length @ 1..) = answers.read(&mut piece) {
        passed += length;
        if passed > at_most.load(Ordering::SeqCst) || to_client.write_all(&piece[..length]).is_err() {
            break;
        }
    }
    let _ = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
}

const COMPOSE: &str = "
services:
  app:
    image: ${HOST}/team/app:1
    command: sleep 1000
    stop_signal: SIGKILL
";

#[test]
fn a_pull_that_breaks_off_must_be_told_and_go_on_with_the_next_up() {
    // The engine tries again for itself, which would take a minute.
    let wish = Wish { options: &["--max-download-attempts=1"], ..Wish::default() };
    let Some(engine) = PrivateEngine::with("breaks-off", &["busybox"], &wish) else { return };
    let mut project = Project::on(&engine, "breaks-off", COMPOSE);
    let registry = Registry::start();
    let way = Way::new(&project, &engine, &registry);
    registry.configure(&mut project);
    registry.log_in(&project);
    let image = format!("{}/team/app:1", registry.host);
    let build = "    build: {dockerfile_inline: FROM busybox}\n    command";
    project.write("compose.yaml", &COMPOSE.replacen("    command", build, 1));
    // BuildKit would keep the layers in its cache.
    project.set("DOCKER_BUILDKIT", "0");
    project.topo(&["build", "--push"]).succeeds();
    project.write("compose.yaml", COMPOSE);
    project.engine.remove_image(&image);
    // What is there need not come from the registry: the layers must go, too.
    project.engine.remove_image("busybox");

    way.bytes.store(300_000, Ordering::SeqCst);
    let run = project.topo(&["up", "-d"]).ends_with(1);
    run.says(&["failed to pull image", "help: "]);
    assert_eq!(project.container_names(), [""; 0], "nothing is made of half an image");

    way.bytes.store(usize::MAX, Ordering::SeqCst);
    project.up();
    assert!(is_running(&project.container("app-1")));
    project.up_does_nothing();

    // The registry goes away as a whole: what is there is used, what is not is told.
    drop(registry);
    project.topo(&["up", "-d", "--force-recreate"]).succeeds();
    project.topo(&["pull", "app"]).ends_with(1).says(&["failed to pull image", "help: "]);
}
