//! The command line, as `docs/cli.md` and `--help` show it. Parsing only.

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Exit codes, stable: scripts may rely on them.
pub mod exit {
    /// All is well.
    pub const OK: u8 = 0;
    /// Something failed while running.
    pub const FAILED: u8 = 1;
    /// The command line is wrong (clap's own code).
    pub const USAGE: u8 = 2;
    /// The configuration is wrong.
    pub const CONFIG: u8 = 3;
}

/// Every model provider behind one address.
#[derive(Debug, Parser)]
#[command(
    name = "wharf",
    version,
    about,
    // Else `wharf --config FILE check` would quietly check another file.
    args_conflicts_with_subcommands = true,
    after_help = "Exit codes: 0 all is well, 1 something failed, 2 wrong command line, 3 wrong configuration."
)]
pub struct Cli {
    /// What to do; `serve` if nothing is named.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Options of `serve`, for when no command is named.
    #[command(flatten)]
    pub serve: Serve,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the gateway.
    Serve(Serve),
    /// Check the configuration: all problems at once, with their places.
    Check(Source),
    /// Show what a request would do: route, keys, way out, upstream URL and headers. No call is made.
    Explain(Explain),
    /// Ask every available provider for its models and list them.
    Models(Source),
    /// Try every key once and show which ones work.
    Status(Source),
    /// Print the JSON schema of the configuration file.
    Schema,
    /// Run an upstream that misbehaves as it is told, to test this gateway or any other.
    Chaos(Chaos),
}

/// Where the configuration comes from.
#[derive(Clone, Debug, Default, Args)]
pub struct Source {
    /// The file (JSON with comments). Default: ./wharf.jsonc, else ./config.jsonc, else only the environment.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Options of `serve`.
#[derive(Clone, Debug, Default, Args)]
pub struct Serve {
    /// Where the configuration comes from.
    #[command(flatten)]
    pub source: Source,
    /// Address and port to listen on [default: 127.0.0.1:8787]; port 0 picks a free one.
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Option<String>,
    /// Where state is kept: a file, `memory`, or a Redis (`redis://…`) [default: $XDG_STATE_HOME/wharf/wharf.db].
    #[arg(long, value_name = "PATH|memory|URL")]
    pub state: Option<String>,
    /// Serve everybody: no caller key is needed, on any address.
    #[arg(long)]
    pub open: bool,
    /// Certificate chain (PEM) to serve TLS with; needs --tls-key.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Private key (PEM) of the certificate.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// More certificate authorities (PEM) to trust in upstreams and proxies.
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Worker threads [default: one per core].
    #[arg(long, value_name = "N")]
    pub workers: Option<usize>,
    /// Bytes of a request's head [default: 65536].
    #[arg(long, value_name = "BYTES")]
    pub max_head: Option<usize>,
    /// Bytes of a JSON body, decoded [default: 33554432].
    #[arg(long, value_name = "BYTES")]
    pub max_body: Option<usize>,
    /// Client connections at once [default: 65536].
    #[arg(long, value_name = "N")]
    pub max_connections: Option<usize>,
    /// Access log: a file, `-` for standard output, or `off` [default: -].
    #[arg(long, value_name = "FILE|-|off")]
    pub access_log: Option<String>,
    /// How log lines look: `json` or `pretty` [default: pretty on a terminal, else json].
    #[arg(long, value_name = "STYLE", value_parser = ["json", "pretty"])]
    pub log: Option<String>,
}

/// Options of `explain`.
#[derive(Clone, Debug, Args)]
pub struct Explain {
    /// Where the configuration comes from.
    #[command(flatten)]
    pub source: Source,
    /// The method [default: POST].
    #[arg(requires = "path", required_unless_present = "body")]
    pub method: Option<String>,
    /// The path, with its query [default: the model route whose dialect the body looks like].
    pub path: Option<String>,
    /// The model, put into a minimal body, or in the place of the body's own.
    #[arg(long)]
    pub model: Option<String>,
    /// A file with the whole body, `-` for standard input.
    #[arg(long, value_name = "FILE|-")]
    pub body: Option<PathBuf>,
    /// A header, as `Name: value`; may be given several times.
    #[arg(long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<String>,
}

/// Options of `chaos`.
#[derive(Clone, Debug, Args)]
pub struct Chaos {
    /// Address and port to listen on [default: 127.0.0.1:9900]; port 0 picks a free one.
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Option<String>,
    /// The script (JSON), `-` for standard input. Without one a request's path names its fault: /FAULT/v1/...
    #[arg(long, value_name = "FILE|-")]
    pub script: Option<PathBuf>,
    /// Every request gets this fault.
    #[arg(long, value_name = "NAME[:ARG]", conflicts_with = "script")]
    pub fault: Option<String>,
    /// What chances are drawn from [default: the script's, else 1].
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
}
