//! A command that is still running: its lines as they come, and signals to it.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use super::host;

/// A command that is still running. It is killed if the test ends before it does.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<Line>,
    /// What it wrote to standard output so far.
    pub(crate) stdout: Vec<String>,
    /// What it wrote to standard error so far.
    pub(crate) stderr: Vec<String>,
    /// The terminal that it runs on.
    terminal: Option<String>,
}

enum Line {
    Stdout(String),
    Stderr(String),
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        read(child.stdout.take().unwrap(), sender.clone(), Line::Stdout);
        read(child.stderr.take().unwrap(), sender, Line::Stderr);
        Self { child, lines, stdout: Vec::new(), stderr: Vec::new(), terminal: None }
    }

    /// Reads on until there is a line, on either output, that fits. Returns false if it ended before.
    pub(crate) fn reaches(&mut self, mut fits: impl FnMut(&str) -> bool) -> bool {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "it wrote no such line, or did not end, within 60 seconds");
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    let text = self.keep(line);
                    if fits(&text) {
                        return true;
                    }
                }
                // Both outputs are closed.
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return false,
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {}
            }
        }
    }

    fn keep(&mut self, line: Line) -> String {
        let (kept, text) = match line {
            Line::Stdout(text) => (&mut self.stdout, text),
            Line::Stderr(text) => (&mut self.stderr, text),
        };
        host::note(&format!("| {text}"));
        kept.push(text.clone());
        text
    }

    /// Starts a command on a terminal of 20 lines of 90 characters.
    pub(crate) fn on_terminal(command: &Command) -> Self {
        let quoted = |word: &std::ffi::OsStr| format!("'{}'", word.to_string_lossy().replace('\'', "'\\''"));
        let words: Vec<String> =
            std::iter::once(command.get_program()).chain(command.get_args()).map(quoted).collect();
        let line = format!("tty; stty rows 20 cols 90; exec {}", words.join(" "));
        let mut terminal = Command::new("script");
        terminal.args(["-q", "-f", "-e", "-c", &line, "/dev/null"]).stdin(Stdio::piped());
        terminal.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        if let Some(directory) = command.get_current_dir() {
            terminal.current_dir(directory);
        }
        let mut running = Self::start(terminal);
        assert!(running.reaches(|line| line.starts_with("/dev/")));
        running.terminal = running.stdout.pop().map(|line| line.trim().to_owned());
        running
    }

    /// Changes the size of the terminal that it runs on.
    pub(crate) fn resize(&self, rows: u16, columns: u16) {
        let terminal = self.terminal.as_deref().unwrap();
        let size = [rows, columns].map(|number| number.to_string());
        let mut stty = Command::new("stty");
        stty.args(["-F", terminal, "rows", &size[0], "cols", &size[1]]);
        assert!(stty.status().unwrap().success());
    }

    /// Types.
    pub(crate) fn types(&mut self, text: &str) {
        let input = self.child.stdin.as_mut().unwrap();
        input.write_all(text.as_bytes()).unwrap();
        input.flush().unwrap();
    }

    /// Sends a signal, such as `INT`.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.child.id())]).status();
        assert!(status.unwrap().success());
    }

    /// Kills it and waits until it is gone. What was asked of the engine goes on there.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Reads all that it writes until it ends.
    pub(crate) fn finish(&mut self) -> ExitStatus {
        self.reaches(|_| false);
        self.child.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already, unless a check failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(output: impl Read + Send + 'static, sender: Sender<Line>, kind: fn(String) -> Line) {
    std::thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            let text = String::from_utf8_lossy(&line).into_owned();
            if sender.send(kind(text)).is_err() {
                return;
            }
        }
    });
}
