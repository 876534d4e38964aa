//! An engine on another machine, by ssh: a real server of the test's own, and what stands in for one.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};

use super::{APP, all_must_work, socket};
use crate::harness::{Project, address, eventually, free_port, host};

/// An ssh server for the user root and one key, with accounts of its own, until it is dropped.
struct Server {
    process: Child,
    port: u16,
}

impl Server {
    /// Starts one whose files are in the project's directory, or returns nothing where that cannot be.
    fn start(project: &Project) -> Option<Self> {
        let skip = |why: &str| host::note(&format!("{}: skipped, because {why}", project.name));
        let Some(program) = host::variable("TOPO_SSHD") else {
            skip("TOPO_SSHD names no ssh server");
            return None;
        };
        if !Command::new("unshare").args(["--mount", "true"]).output().is_ok_and(|ran| ran.status.success()) {
            skip("this user may not have accounts of its own, which takes a mount namespace");
            return None;
        }
        let port = free_port();
        let directory = project.path("").display().to_string();
        project.write(
            "sshd_config",
            &format!(
                "Port {port}\nListenAddress 127.0.0.1\nHostKey {directory}/host\nAuthorizedKeysFile {directory}/user.pub\nPidFile none\nStrictModes no\nUsePAM no\nPermitRootLogin prohibit-password\nSetEnv DOCKER_HOST={}\n",
                address()
            ),
        );
        project.write(
            "ssh_config",
            &format!(
                "Host far.test\n  HostName 127.0.0.1\n  HostKeyAlias far.test\n  StrictHostKeyChecking yes\n  UserKnownHostsFile {directory}/known\n  IdentityFile {directory}/user\n  IdentitiesOnly yes\n  BatchMode yes\n"
            ),
        );
        let script = "
set -e
ssh-keygen -q -t ed25519 -N '' -f host
ssh-keygen -q -t ed25519 -N '' -f user
ssh-keygen -q -t ed25519 -N '' -f stranger
echo \"far.test $(cat host.pub)\" >known
grep -v ^sshd: /etc/passwd >passwd
echo 'sshd:x:74:65534::/run/sshd:/usr/sbin/nologin' >>passwd
echo 'root:*:19000:0:99999:7:::' >shadow
mkdir -p /run/sshd
mount --bind passwd /etc/passwd
mount --bind shadow /etc/shadow
exec \"$0\" -D -e -f \"$PWD/sshd_config\" 2>sshd.log
";
        let process = Command::new("unshare")
            .args(["--mount", "sh", "-c", script, &program])
            .current_dir(project.path(""))
            .stdin(Stdio::null())
            .spawn();
        let server = Self { process: process.unwrap(), port };
        eventually("the ssh server listens", || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
        Some(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Puts a program `ssh` before the machine's own.
fn with_ssh(project: &mut Project, script: &str) {
    let bin = project.path("bin");
    std::fs::create_dir_all(&bin).unwrap();
    project.write("bin/ssh", &format!("#!/bin/sh\n{script}\n"));
    std::fs::set_permissions(bin.join("ssh"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::join_paths([bin, "/usr/bin".into(), "/bin".into()]).unwrap();
    project.set("PATH", path.into_string().unwrap());
}

#[test]
fn an_engine_behind_a_real_ssh_server_must_be_spoken_with() {
    let Some(mut project) = Project::with("sshd", APP) else { return };
    let Some(server) = Server::start(&project) else { return };
    let config = project.path("ssh_config").display().to_string();
    with_ssh(&mut project, &format!("exec /usr/bin/ssh -F {config} \"$@\""));
    project.set("DOCKER_HOST", format!("ssh://root@far.test:{}", server.port));
    all_must_work(&project);

    let stranger = project.read("ssh_config").replace("/user\n", "/stranger\n");
    project.write("ssh_config", &stranger);
    project.topo(&["ps"]).ends_with(1).says(&["ssh://root@far.test", "ermission denied", "`ssh`"]);
    project.write(
        "known",
        "far.test ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
    );
    project.topo(&["ps"]).ends_with(1).says(&[
        "ssh://root@far.test",
        "host key verification failed",
        "`ssh`",
    ]);
}

#[test]
fn an_engine_on_another_machine_must_be_spoken_with() {
    let Some(mut project) = Project::with("ssh", APP) else { return };
    let Some(socket) = socket() else { return };
    // What stands in for the other machine: it does there what `docker system dial-stdio` does.
    let there = format!("echo \"$@\" >>\"$0.log\"\nexec socat - UNIX-CONNECT:{socket}");
    with_ssh(&mut project, &there);
    project.set("DOCKER_HOST", "ssh://me@far.test:2222");
    all_must_work(&project);
    let log = project.read("bin/ssh.log");
    let expected = "-o ConnectTimeout=30 -T -l me -p 2222 -- far.test docker system dial-stdio";
    assert!(log.lines().all(|line| line == expected), "{log}");

    project.write(
        "bin/ssh",
        "#!/bin/sh\necho 'ssh: Could not resolve hostname far.test: Name or service not known' >&2\nexit 255\n",
    );
    project.topo(&["ps"]).ends_with(1).says(&["ssh://me@far.test:2222", "Could not resolve hostname"]);
}
