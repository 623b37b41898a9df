//! Child processes in groups of their own: what they cost, and that none of them stays behind.

use crate::Result;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Groups that are running, so that an interrupt can end them too.
static RUNNING: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// A child and all that it starts, as long as they stay in its process group.
pub(crate) struct Group {
    child: Child,
    pub(crate) started: Instant,
}

/// CPU time of a group, its ended and reaped children included.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Cpu {
    pub(crate) user: f64,
    pub(crate) system: f64,
}

/// The fields of `/proc/PID/stat` that matter here; times in clock ticks.
#[derive(Debug, PartialEq)]
struct Stat {
    state: char,
    group: u32,
    user: u64,
    system: u64,
}

impl Group {
    /// Starts `words`; both of its outputs go to `log`. Nothing of our environment but PATH is handed on, so that
    /// a developer's own keys and settings don't change what is measured.
    pub(crate) fn spawn(words: &[String], directory: &Path, log: &Path) -> Result<Self> {
        let (program, arguments) = words.split_first().ok_or("an empty command")?;
        let output = fs::File::create(log)?;
        let mut command = Command::new(program);
        command.args(arguments).current_dir(directory).env_clear().env("PATH", crate::machine::PATH);
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).process_group(0);
        let started = Instant::now();
        let child = command.spawn().map_err(|error| format!("{program}: {error}"))?;
        running().push(child.id());
        Ok(Self { child, started })
    }

    /// Whether the first process has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    pub(crate) fn cpu(&self) -> Cpu {
        let ticks = ticks_per_second();
        let (mut user, mut system) = (0, 0);
        for (_, stat) in members(self.child.id()) {
            user += stat.user;
            system += stat.system;
        }
        let seconds = |spent: u64| spent as f64 / ticks;
        Cpu { user: seconds(user), system: seconds(system) }
    }

    /// Resident memory now, in KiB, summed over the group.
    pub(crate) fn rss_kib(&self) -> u64 {
        self.memory("VmRSS:")
    }

    /// Open files and threads of the first process.
    pub(crate) fn held(&self) -> (usize, usize) {
        let count =
            |what| fs::read_dir(format!("/proc/{}/{what}", self.child.id())).map_or(0, Iterator::count);
        (count("fd"), count("task"))
    }

    /// The sum of each process' own highest resident memory, in KiB.
    pub(crate) fn peak_kib(&self) -> u64 {
        self.memory("VmHWM:")
    }

    /// Ends all members, with force if asking doesn't help; does nothing the second time.
    pub(crate) fn end(&mut self) {
        for (signal, patience) in [("TERM", Duration::from_secs(5)), ("KILL", Duration::from_secs(2))] {
            let deadline = Instant::now() + patience;
            if self.is_alive() {
                signal_group(self.child.id(), signal);
            }
            while self.is_alive() && Instant::now() < deadline {
                sleep(Duration::from_millis(5));
            }
        }
        // Reaps it; it has ended above.
        let _ = self.child.wait();
        running().retain(|group| *group != self.child.id());
    }

    fn memory(&self, field: &str) -> u64 {
        let status = |pid| fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        members(self.child.id()).map(|(pid, _)| kib(&status(pid), field).unwrap_or(0)).sum()
    }

    fn is_alive(&self) -> bool {
        members(self.child.id()).any(|(_, stat)| stat.state != 'Z')
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
    }
}

/// Runs a command of our own to its end, so that an interrupt reaches it too.
pub(crate) fn output(command: &mut Command) -> Result<Output> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let child = command.spawn()?;
    let group = child.id();
    running().push(group);
    let output = child.wait_with_output();
    running().retain(|other| *other != group);
    Ok(output?)
}

/// Ends every group that still runs: for the way out on a signal, where nothing is dropped.
fn end_all() {
    for group in running().iter() {
        signal_group(*group, "TERM");
    }
    // They may still be writing to the directory that is about to go.
    sleep(Duration::from_millis(300));
}

/// An interrupted run leaves no servers and no files behind.
pub(crate) fn end_all_on_signal(directory: PathBuf) -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let watch = move || {
        runtime.block_on(async move {
            let (Ok(mut interrupt), Ok(mut end)) =
                (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
            else {
                return;
            };
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = end.recv() => {}
            }
            end_all();
            drop(Directory(directory));
            std::process::exit(130);
        });
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(watch)?;
    Ok(())
}

/// A directory for configurations, bodies and logs that goes away at the end.
pub(crate) struct Directory(pub(crate) PathBuf);

impl Directory {
    pub(crate) fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("wharf-bench-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // Nothing to be done about what can't be removed.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn running() -> std::sync::MutexGuard<'static, Vec<u32>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `kill` by way of the shell, whose builtin it is: the system call itself needs unsafe code.
fn signal_group(group: u32, signal: &str) {
    let line = format!("kill -s {signal} -- -{group}");
    let _ = Command::new("sh").args(["-c", &line]).stdout(Stdio::null()).stderr(Stdio::null()).status();
}

/// The living (and not yet reaped) members of a process group.
fn members(group: u32) -> impl Iterator<Item = (u32, Stat)> {
    let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(move |pid| {
        let stat = parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?;
        (stat.group == group).then_some((pid, stat))
    })
}

fn parse_stat(text: &str) -> Option<Stat> {
    // The name stands in brackets and may hold brackets and blanks itself.
    let (_, rest) = text.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Stat {
        state: fields.first()?.chars().next()?,
        group: fields.get(2)?.parse().ok()?,
        user: ticks(11)? + ticks(13)?,
        system: ticks(12)? + ticks(14)?,
    })
}

/// A field of `/proc/PID/status`, in KiB.
fn kib(status: &str, field: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix(field))?;
    value.trim().strip_suffix(" kB")?.trim().parse().ok()
}

fn ticks_per_second() -> f64 {
    static TICKS: OnceLock<f64> = OnceLock::new();
    // 100 on every Linux that is likely to run this.
    *TICKS.get_or_init(|| crate::machine::first_line("getconf", &["CLK_TCK"]).parse().unwrap_or(100.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_of_a_name_with_brackets() {
        let text = "77 (a) b (c) S 1 42 42 0 -1 4194560 100 0 0 0 12 34 5 6 20 0 1 0 999 1000 50 0";
        let stat = Stat { state: 'S', group: 42, user: 17, system: 40 };
        assert_eq!(parse_stat(text), Some(stat));
        assert_eq!(parse_stat("77 (a"), None);
    }

    #[test]
    fn memory_of_a_status() {
        let status = "Name:\twharf\nVmHWM:\t   20480 kB\nVmRSS:\t   10240 kB\n";
        assert_eq!(kib(status, "VmRSS:"), Some(10240));
        assert_eq!(kib(status, "VmHWM:"), Some(20480));
        assert_eq!(kib(status, "VmSwap:"), None);
    }

    #[test]
    fn a_group_ends_with_what_it_started() {
        let log = std::env::temp_dir().join(format!("wharf-bench-group-{}.log", std::process::id()));
        let words = ["sh", "-c", "sleep 60 & sleep 60"].map(str::to_owned);
        let group = Group::spawn(&words, Path::new("/"), &log).unwrap();
        let id = group.child.id();
        let deadline = Instant::now() + Duration::from_secs(5);
        while members(id).count() < 3 && Instant::now() < deadline {
            sleep(Duration::from_millis(5));
        }
        assert_eq!(members(id).count(), 3);
        assert!(group.rss_kib() > 0 && group.peak_kib() >= group.rss_kib());
        drop(group);
        // What the shell started is reaped by init, in its own time.
        assert_eq!(members(id).filter(|(_, stat)| stat.state != 'Z').count(), 0);
        fs::remove_file(log).unwrap();
    }
}
