//! A registry of this machine's own, which asks for a login: Debian's package docker-registry.

use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::{Project, eventually, host};

/// The only user, and a password whose Base64 differs between MIME and URLs.
pub(crate) const USER: &str = "topo";
pub(crate) const PASSWORD: &str = "pa~ss?>word";

/// The line of htpasswd for both.
const HTPASSWD: &str = "topo:$2y$05$i/crwlReV2Qf35c6xK3.d.IaokZ7iClO0hrpjOCSeF2xqa/6zrbEG\n";

/// A registry that runs until it is dropped.
pub(crate) struct Registry {
    /// What the names of its images begin with.
    pub(crate) host: String,
    process: Child,
    _directory: TempDir,
}

impl Registry {
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().display();
        let host = format!("127.0.0.1:{}", host::free_port());
        std::fs::write(directory.path().join("htpasswd"), HTPASSWD).unwrap();
        let config = format!(
            "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nstorage: {{filesystem: {{rootdirectory: {root}}}}}\nhttp: {{addr: '{host}'}}\nauth: {{htpasswd: {{realm: test, path: {root}/htpasswd}}}}\n"
        );
        let path = directory.path().join("config.yml");
        std::fs::write(&path, config).unwrap();
        let process = Command::new("docker-registry")
            .arg("serve")
            .arg(path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the package docker-registry is installed, by scripts/test.sh");
        let registry = Self { host, process, _directory: directory };
        let port = registry.host.rsplit(':').next().unwrap().parse().unwrap();
        eventually("an answer of the registry", || host::get(port, "/v2/"));
        registry
    }

    /// Gives a project settings of docker's own, without a login.
    pub(crate) fn configure(&self, project: &mut Project) {
        std::fs::create_dir(project.path("docker")).unwrap();
        project.set("DOCKER_CONFIG", project.path("docker").display().to_string());
        project.set("HOST", &self.host);
    }

    /// Logs in as `docker login` without a keychain does.
    pub(crate) fn log_in(&self, project: &Project) {
        let pair = base64(&format!("{USER}:{PASSWORD}"));
        let config = format!(r#"{{"auths": {{"{}": {{"auth": "{pair}"}}}}}}"#, self.host);
        project.write("docker/config.json", &config);
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::new();
    for three in text.as_bytes().chunks(3) {
        let bits =
            three.iter().chain(&[0, 0]).take(3).fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
        for at in 0..4 {
            let digit = char::from(DIGITS[bits >> (18 - 6 * at) & 63]);
            encoded.push(if at <= three.len() { digit } else { '=' });
        }
    }
    encoded
}
