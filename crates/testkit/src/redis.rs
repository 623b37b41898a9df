//! A Redis for tests: Debian's `redis-server` on a free port, in a folder of its own, without persistence.

use crate::process::Folder;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

/// The server, running. Dropping it kills it.
#[derive(Debug)]
pub struct Redis {
    child: Child,
    folder: Folder,
    port: u16,
    options: Vec<String>,
}

impl Redis {
    /// Starts one; `None`, with a word on standard error, where there is none to be started.
    ///
    /// # Panics
    /// Where there is none and `WHARF_REDIS=1` says that there must be one.
    pub fn start(options: &[&str]) -> Option<Self> {
        Self::start_in(Folder::new(), options)
    }

    /// As [`Redis::start`], with files that are there before it starts.
    ///
    /// # Panics
    /// As it does.
    pub fn start_in(folder: Folder, options: &[&str]) -> Option<Self> {
        let found = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
        if !found.is_ok_and(|status| status.success()) {
            #[expect(clippy::disallowed_methods, reason = "a test may be told that it must not be skipped")]
            let must = std::env::var("WHARF_REDIS").is_ok_and(|value| value == "1");
            assert!(!must, "there is no redis-server here, and WHARF_REDIS=1");
            #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
            {
                eprintln!("skipped: there is no redis-server here");
            }
            return None;
        }
        let options: Vec<String> = options.iter().map(|word| (*word).to_owned()).collect();
        let port = free_port();
        let child = spawn(&folder, port, &options);
        Some(Self { child, folder, port, options })
    }

    /// A cluster of three, each with a third of the slots, that has found itself.
    ///
    /// # Panics
    /// As [`Redis::start`] does.
    pub fn cluster() -> Option<[Self; 3]> {
        let node = || {
            // Its own port and 10000, the default, may be no port at all.
            let bus = free_port().to_string();
            let node = Self::start(&["--cluster-enabled", "yes", "--cluster-port", &bus])?;
            Some((node, bus))
        };
        let nodes = [node()?, node()?, node()?];
        let (first, _) = &nodes[0];
        for (at, (node, bus)) in nodes.iter().enumerate() {
            let (from, to) = (at * 5462, (at * 5462 + 5461).min(16_383));
            let given = node.tell(&["CLUSTER", "ADDSLOTSRANGE", &from.to_string(), &to.to_string()]);
            assert_eq!(given, "+OK", "slots of a node");
            let met = first.tell(&["CLUSTER", "MEET", "127.0.0.1", &node.port.to_string(), bus]);
            assert_eq!(met, "+OK", "a node is met");
        }
        let end = std::thread::Builder::new().name("patience".into());
        let late = end.spawn(|| std::thread::park_timeout(crate::PATIENCE)).expect("a thread for the limit");
        while !nodes.iter().all(|(node, _)| node.tell(&["CLUSTER", "INFO"]).contains("cluster_state:ok")) {
            assert!(!late.is_finished(), "the nodes do not find each other");
        }
        Some(nodes.map(|(node, _)| node))
    }

    /// Its port on 127.0.0.1.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Its URL, without TLS.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Its folder.
    pub const fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Ends it at once; what it held is lost.
    pub fn stop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// Starts it anew, empty, on the same port.
    pub fn again(&mut self) {
        self.stop();
        self.child = spawn(&self.folder, self.port, &self.options);
    }

    /// Stops it in its tracks (`STOP`), lets it go on (`CONT`).
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.expect("the command kill").success(), "signal {name} was not sent");
    }

    /// Does one command and returns the first line of the reply, or the text if it is one.
    pub fn tell(&self, words: &[&str]) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).expect("a connection to Redis");
        let mut command = format!("*{}\r\n", words.len());
        for word in words {
            command.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        stream.write_all(command.as_bytes()).expect("a command");
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).expect("a reply");
        let line = line.trim_end();
        match line.strip_prefix('$').and_then(|length| length.parse::<usize>().ok()) {
            Some(length) => {
                let mut text = vec![0; length];
                reader.read_exact(&mut text).expect("the whole reply");
                String::from_utf8_lossy(&text).into_owned()
            }
            None => line.to_owned(),
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A port that nobody listens on now.
fn free_port() -> u16 {
    let probe = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    probe.local_addr().expect("its number").port()
}

/// Starts the process and waits until it says that it is ready.
fn spawn(folder: &Folder, port: u16, options: &[String]) -> Child {
    let port = port.to_string();
    let own = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize", "no"];
    // With TLS the port is named among the options, and the plain one is none.
    let listen = if options.iter().any(|word| word == "--tls-cert-file") {
        ["--port", "0", "--tls-port", &port]
    } else {
        ["--port", &port, "--tls-port", "0"]
    };
    let mut command = Command::new("redis-server");
    command.args(own).args(listen).args(options).current_dir(folder.path());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("redis-server");
    let mut said = String::new();
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
    while lines.read_line(&mut said).expect("its log") > 0 {
        if said.contains("Ready to accept connections") {
            // It goes on writing: the pipe must not fill, and must not break.
            let empty = move || drop(std::io::copy(&mut lines, &mut std::io::sink()));
            std::thread::Builder::new().name("redis-log".into()).spawn(empty).expect("a thread for its log");
            return child;
        }
    }
    drop(child.kill());
    drop(child.wait());
    panic!("redis-server did not start:\n{said}");
}
