//! Runs the built binary: with a configuration in a folder of its own, a clean environment and a port the system chose.

use crate::PATIENCE;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;

/// What the first line of a running server holds before its address.
const BANNER: &str = "listening on http";

/// A folder that goes away with its owner.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Makes an empty one below the system's folder for temporary files.
    pub fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("wharf-test-{}-{count}", std::process::id()));
        // A crashed run of the same process id may have left one.
        drop(std::fs::remove_dir_all(&path));
        std::fs::create_dir_all(&path).expect("a temporary folder");
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file into it.
    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, content).expect("a file in a temporary folder");
        path
    }
}

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// A run that is being prepared.
#[derive(Debug)]
pub struct Launch {
    binary: PathBuf,
    folder: Folder,
    command: Vec<String>,
    env: Vec<(String, String)>,
    listen: bool,
}

/// What a run that has ended left behind.
#[derive(Debug)]
pub struct Ended {
    /// How it ended.
    pub status: ExitStatus,
    /// Everything on standard output.
    pub stdout: String,
    /// Everything on standard error.
    pub stderr: String,
}

/// The binary, running. Dropping it kills it.
#[derive(Debug)]
pub struct Wharf {
    child: Child,
    folder: Folder,
    address: SocketAddr,
    stdout: Collected,
    stderr: Collected,
}

/// A pipe that a thread empties.
#[derive(Debug)]
struct Collected {
    seen: Arc<Seen>,
    thread: Option<JoinHandle<()>>,
}

/// What has come out of a pipe.
#[derive(Debug, Default)]
struct Seen {
    bytes: Mutex<Vec<u8>>,
    changed: Condvar,
}

impl Collected {
    /// Reads line by line and reports the address in the banner.
    fn start(pipe: impl Read + Send + 'static, mut ready: Option<mpsc::Sender<SocketAddr>>) -> Self {
        let seen = Arc::new(Seen::default());
        let into = Arc::clone(&seen);
        let read = move || {
            let mut lines = BufReader::new(pipe);
            let mut line = Vec::new();
            while lines.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
                into.bytes.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&line);
                into.changed.notify_all();
                if let Some(address) = banner(&String::from_utf8_lossy(&line))
                    && let Some(ready) = ready.take()
                {
                    // Nobody waits any more when the start was given up.
                    let _ = ready.send(address);
                }
                line.clear();
            }
        };
        let thread =
            std::thread::Builder::new().name("output".into()).spawn(read).expect("a thread for output");
        Self { seen, thread: Some(thread) }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen.bytes.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// Everything, as soon as `ready` holds for it.
    fn wait_for(&self, what: &str, ready: impl Fn(&str) -> bool) -> String {
        let bytes = self.seen.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let unready = |bytes: &mut Vec<u8>| !ready(&String::from_utf8_lossy(bytes));
        let waited = self.seen.changed.wait_timeout_while(bytes, PATIENCE, unready);
        let (bytes, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(!timeout.timed_out(), "waited in vain for {what} in:\n{text}");
        text
    }

    /// Everything, once the process has ended.
    fn rest(&mut self) -> String {
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the output was read");
        }
        self.text()
    }
}

impl Wharf {
    /// Prepares a run of `binary`, which a caller names with `env!("CARGO_BIN_EXE_wharf")`.
    pub fn launch(binary: impl Into<PathBuf>) -> Launch {
        Launch {
            binary: binary.into(),
            folder: Folder::new(),
            command: Vec::new(),
            env: Vec::new(),
            listen: true,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`.
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The folder that it runs in: configuration and state are there.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Standard output until now.
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// Standard error until now.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Blocks until standard error holds what `ready` looks for; fails the test after [`PATIENCE`].
    pub fn wait_for_stderr(&self, what: &str, ready: impl Fn(&str) -> bool) -> String {
        self.stderr.wait_for(what, ready)
    }

    /// Blocks until the access log on standard output has `count` lines, and gives them.
    pub fn access_log(&self, count: usize) -> Vec<Value> {
        let text = self.stdout.wait_for("lines of the access log", |text| text.lines().count() >= count);
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        text.lines().map(parse).collect()
    }

    /// Whether it is still running.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("the state of the binary").is_none()
    }

    /// Ends it with no chance to clean up, and hands over its folder, so that a second run can find what the first left.
    pub fn kill9(mut self) -> Folder {
        drop(self.child.kill());
        drop(self.child.wait());
        std::mem::take(&mut self.folder)
    }

    /// Asks it to end (SIGTERM).
    pub fn term(&self) {
        self.signal("TERM");
    }

    /// Sends any signal, by its name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.expect("the command kill").success(), "signal {name} was not sent");
    }

    /// Waits until it has ended.
    pub fn wait(mut self) -> Ended {
        let status = wait(&mut self.child, &self.stderr);
        Ended { status, stdout: self.stdout.rest(), stderr: self.stderr.rest() }
    }
}

impl Drop for Wharf {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        if std::thread::panicking() {
            // Where the test harness shows it with the failure.
            #[expect(
                clippy::print_stderr,
                reason = "the log of the binary under test belongs beside the failure"
            )]
            {
                eprintln!("--- standard error of the gateway ---\n{}", self.stderr.text());
            }
        }
    }
}

impl Launch {
    /// Writes the configuration to a file and names it with `--config`.
    #[must_use]
    pub fn config(mut self, text: &str) -> Self {
        let path = self.folder.write("test.jsonc", text);
        self.command.extend(["--config".to_owned(), path.display().to_string()]);
        self
    }

    /// Writes another file into the folder that the binary runs in.
    #[must_use]
    pub fn file(self, name: &str, content: &str) -> Self {
        self.folder.write(name, content);
        self
    }

    /// Runs in the folder of an earlier run; to be called before anything is written.
    #[must_use]
    pub fn in_folder(self, folder: Folder) -> Self {
        Self { folder, ..self }
    }

    /// Sets an environment variable. None are inherited.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, args: &[&str]) -> Self {
        self.command.extend(args.iter().map(|arg| (*arg).to_owned()));
        self
    }

    /// Puts arguments before those that are there: a command, where a configuration was named already.
    #[must_use]
    pub fn before(mut self, args: &[&str]) -> Self {
        self.command.splice(0..0, args.iter().map(|arg| (*arg).to_owned()));
        self
    }

    /// Leaves out `--listen 127.0.0.1:0`.
    #[must_use]
    pub fn without_listen(self) -> Self {
        Self { listen: false, ..self }
    }

    /// Starts the server and waits until it says where it listens.
    pub fn start(self) -> Wharf {
        self.try_start().unwrap_or_else(|why| panic!("{why}"))
    }

    /// Like [`Launch::start`]; the error is what the binary printed instead.
    pub fn try_start(self) -> Result<Wharf, String> {
        let (ready, address) = mpsc::channel();
        let (mut child, folder, mut stdout, mut stderr) = self.spawn(Some(ready));
        match address.recv_timeout(PATIENCE) {
            Ok(address) => Ok(Wharf { child, folder, address, stdout, stderr }),
            Err(_) => {
                drop(child.kill());
                let status = child.wait().expect("the end of the binary");
                Err(format!("the gateway did not start ({status}):\n{}{}", stdout.rest(), stderr.rest()))
            }
        }
    }

    /// Runs the binary to its end: for commands, and for servers that must refuse to start.
    pub fn run(mut self) -> Ended {
        let serves = self.command.first().is_none_or(|first| first.starts_with('-') || first == "serve");
        self.listen = self.listen && serves;
        let (mut child, _folder, mut stdout, mut stderr) = self.spawn(None);
        let status = wait(&mut child, &stderr);
        Ended { status, stdout: stdout.rest(), stderr: stderr.rest() }
    }

    fn spawn(self, ready: Option<mpsc::Sender<SocketAddr>>) -> (Child, Folder, Collected, Collected) {
        let mut command = Command::new(&self.binary);
        command.args(&self.command);
        if self.listen {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        command.env_clear().envs(self.env).env("HOME", self.folder.path()).current_dir(self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let started = command.spawn();
        let mut child = started.unwrap_or_else(|error| panic!("{}: {error}", self.binary.display()));
        let stdout = Collected::start(child.stdout.take().expect("a pipe"), None);
        let stderr = Collected::start(child.stderr.take().expect("a pipe"), ready);
        (child, self.folder, stdout, stderr)
    }
}

fn banner(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once(BANNER)?;
    let rest = rest.strip_prefix('s').unwrap_or(rest).strip_prefix("://")?;
    let end = rest.find(|byte: char| !(byte.is_ascii_alphanumeric() || ".:[]".contains(byte)));
    rest[..end.unwrap_or(rest.len())].trim_end_matches('.').parse().ok()
}

/// Waits for the end on another thread, so that a binary that hangs fails the test and not the whole run.
fn wait(child: &mut Child, stderr: &Collected) -> ExitStatus {
    let (sender, ended) = mpsc::channel::<()>();
    let id = child.id().to_string();
    let watchdog = std::thread::Builder::new().name("watchdog".into()).spawn(move || {
        let in_time = ended.recv_timeout(PATIENCE) != Err(mpsc::RecvTimeoutError::Timeout);
        if !in_time {
            drop(Command::new("kill").args(["-KILL", &id]).status());
        }
        in_time
    });
    let status = child.wait().expect("the end of the binary");
    drop(sender);
    let in_time = watchdog.expect("a thread to watch").join().expect("the watchdog");
    assert!(in_time, "the gateway did not end in time:\n{}", stderr.text());
    status
}

#[cfg(test)]
mod tests {
    use super::banner;

    #[test]
    fn the_banner_is_found_in_plain_and_in_json_logs() {
        let address = Some(([127, 0, 0, 1], 8787).into());
        assert_eq!(banner("wharf 0.1.0 listening on http://127.0.0.1:8787\n"), address);
        assert_eq!(banner("{\"message\":\"listening on http://127.0.0.1:8787\"}\n"), address);
        assert_eq!(banner("listening on http://127.0.0.1:8787. No caller keys.\n"), address);
        assert_eq!(banner("wharf 0.1.0 listening on https://127.0.0.1:8787\n"), address);
        assert_eq!(banner("starting\n"), None);
    }
}
