//! The configuration of a gateway under test: a broken provider for every cell, a healthy one for every format, and
//! routes over both.

use super::rows::{NO_TLS, REFUSED_PORT, STALLED_PORT, UNKNOWN_HOST};
use super::{Cell, Dialect, Pair, ROWS};
use serde_json::{Map, Value, json};

/// The key that callers present.
pub const CALLER: &str = "caller-key-of-the-scorecard";

/// Every time-out of the broken providers, in milliseconds: below the time that a gateway holds a stream's head.
pub const TIMEOUT_MS: u64 = 1000;

/// The key that upstreams are called with.
pub const KEY: &str = "sk-of-the-scorecard";

/// What stands around a gateway under test.
#[derive(Clone, Debug)]
pub struct Setup {
    /// `http://HOST:PORT` of `wharf chaos`, as the gateway reaches it.
    pub chaos: String,
    /// `HOST:PORT` that nobody listens on.
    pub refusing: String,
    /// `HOST:PORT` where nobody accepts.
    pub stalling: String,
    /// Who speaks what.
    pub pairs: Vec<Pair>,
}

impl Setup {
    /// For a running `wharf chaos` and all pairs; asks it for its other ports.
    pub fn of(chaos: &str) -> Self {
        let told = crate::client::fetch(chaos, "GET", "/chaos", &[], b"").json();
        let port = |name: &str| match told[name].as_str() {
            Some(port) => port.to_owned(),
            None => panic!("no {name} port in {told}"),
        };
        let (refusing, stalling) = (port("refusing"), port("stalling"));
        Self {
            chaos: chaos.trim_end_matches('/').to_owned(),
            refusing,
            stalling,
            pairs: super::PAIRS.to_vec(),
        }
    }

    /// The gateway's configuration file, the same for every host.
    pub fn config(&self) -> Value {
        let (mut providers, mut routes) = (Map::new(), Map::new());
        for pair in &self.pairs {
            let healthy = provider(pair.provider, &format!("{}/ok", self.chaos));
            providers.insert(healthy_name(pair.provider), healthy);
        }
        for cell in Cell::all(&self.pairs) {
            let name = cell.provider();
            providers.insert(name.clone(), provider(cell.pair.provider, &self.broken(&cell)));
            if cell.second {
                let targets =
                    [format!("{name}/tide-1"), format!("{}/tide-1", healthy_name(cell.pair.provider))];
                routes.insert(cell.model(), json!({ "targets": targets }));
            }
        }
        json!({"PROXY_API_KEY": CALLER, "providers": providers, "routes": routes})
    }

    fn broken(&self, cell: &Cell) -> String {
        match ROWS[cell.row].fault {
            REFUSED_PORT => format!("http://{}", self.refusing),
            STALLED_PORT => format!("http://{}", self.stalling),
            UNKNOWN_HOST => "http://nowhere.invalid".into(),
            NO_TLS => self.chaos.replacen("http:", "https:", 1),
            fault => format!("{}/{fault}", self.chaos),
        }
    }
}

/// The name of the provider that always answers.
pub(super) fn healthy_name(dialect: Dialect) -> String {
    format!("well-{}", dialect.word())
}

fn provider(dialect: Dialect, base: &str) -> Value {
    let (format, below) = match dialect {
        Dialect::Chat => ("openai_chat", "/v1"),
        Dialect::Responses => ("openai_responses", "/v1"),
        Dialect::Messages => ("anthropic_messages", ""),
        Dialect::Gemini => ("gemini_generate", ""),
    };
    let timeouts = json!({"connect_ms": TIMEOUT_MS, "first_byte_ms": TIMEOUT_MS, "idle_ms": TIMEOUT_MS});
    json!({"format": format, "base_url": format!("{base}{below}"), "keys": [KEY], "timeouts": timeouts})
}
