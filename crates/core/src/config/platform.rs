//! What differs where the configuration is used: a Worker has no loopback address to fall back on, no outbound proxy,
//! less memory, and a file that is part of its code.

use super::keys::REFERENCE;
use super::problem::{At, Findings};
use crate::host::Egress;
use crate::table::{Access, EgressRule};
use jsonc_parser::ast::Value;

/// Where the gateway runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Platform {
    /// A server of one's own.
    #[default]
    Native,
    /// Cloudflare Workers.
    Worker,
}

impl Platform {
    /// Most bytes of a JSON body: a Worker's isolate has 128 MB for all its requests,
    /// <https://developers.cloudflare.com/workers/platform/limits/#memory>.
    pub(super) fn json_body(self, configured: Option<usize>) -> usize {
        match self {
            Self::Native => configured.unwrap_or(32 << 20),
            Self::Worker => configured.unwrap_or(20 << 20).min(20 << 20),
        }
    }

    /// A Worker answers the whole world: without caller keys it must have been opened by name.
    pub(super) fn check_access(self, access: &Access, dev: bool, out: &mut Findings) {
        let closed = match access {
            Access::Local => !dev,
            Access::Keys(_) | Access::Open => false,
        };
        if closed && self == Self::Worker {
            let hint =
                "set it as a secret; `DEV=true` is for local development, `OPEN=true` serves everybody";
            out.problem(&At::environment("PROXY_API_KEY"), "is not set: a Worker needs caller keys", hint);
        }
    }

    /// A Worker's `fetch` cannot go through a proxy.
    pub(super) fn check_egress(self, rules: &[EgressRule], out: &mut Findings) {
        let proxied = rules.iter().any(|rule| matches!(rule.via, Egress::Proxy(_)));
        if proxied && self == Self::Worker {
            let hint = "use a region hint, such as `wnam`";
            out.problem(&At::environment("egress"), "a Worker cannot use an outbound proxy", hint);
        }
    }
}

/// Credentials in a file that is part of a Worker's code are in its source: only references may stand there.
pub(super) fn check_reference(value: &Value<'_>, at: &At, out: &mut Findings) {
    let mut check = |text: &str| {
        if !text.trim().is_empty() && !text.trim().starts_with(REFERENCE) {
            let hint = "put the key into a secret, and write `env:NAME`";
            out.problem(at, "must not be written out in a Worker's configuration", hint);
        }
    };
    match value {
        Value::StringLit(text) => check(&text.value),
        Value::Array(array) => {
            for item in &array.elements {
                if let Value::StringLit(text) = item {
                    check(&text.value);
                }
            }
        }
        // Reading it says what is wrong with any other.
        Value::NumberLit(_) | Value::BooleanLit(_) | Value::Object(_) | Value::NullKeyword(_) => {}
    }
}
