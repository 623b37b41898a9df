//! The configuration as a whole: what is read, what is refused and where, what is never shown.

mod changes;
mod checks;
mod healing;
mod names;
mod platform;
mod providers;
mod reading;
mod schema;
mod secrets;

use super::*;
use crate::provider::catalog::builtins;
use crate::table::Entry;

/// Compiles a file (none when empty) and an environment.
fn attempt(file: &str, env: &[(&str, &str)]) -> Result<Compiled, Vec<Problem>> {
    attempt_on(Platform::Native, file, env)
}

fn attempt_on(platform: Platform, file: &str, env: &[(&str, &str)]) -> Result<Compiled, Vec<Problem>> {
    let env: Vec<(String, String)> = env.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
    let file = (!file.is_empty()).then_some(("wharf.jsonc", file));
    compile(&Input { file, env: &env, unreadable: &[], open: false, platform, builtins: builtins() })
}

fn good(file: &str, env: &[(&str, &str)]) -> Compiled {
    match attempt(file, env) {
        Ok(compiled) => compiled,
        Err(problems) => panic!("{}", lines(&problems).join("\n")),
    }
}

fn problems(file: &str, env: &[(&str, &str)]) -> Vec<Problem> {
    match attempt(file, env) {
        Ok(_) => panic!("there should be problems with {file} {env:?}"),
        Err(problems) => problems,
    }
}

/// Problems, one line each.
fn bad(file: &str, env: &[(&str, &str)]) -> Vec<String> {
    lines(&problems(file, env))
}

fn lines(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

/// The entry that goes by a name.
fn entry<'c>(compiled: &'c Compiled, name: &str) -> &'c Entry {
    &compiled.table.entries[compiled.table.names[name]]
}

fn keys<'c>(compiled: &'c Compiled, name: &str) -> Vec<&'c str> {
    entry(compiled, name).pool.keys.iter().map(crate::secret::Secret::expose).collect()
}

fn base(compiled: &Compiled, name: &str) -> String {
    let base = entry(compiled, name).base.as_ref().expect("a base URL");
    format!("{:?}://{}{}", base.origin.scheme, base.authority, base.path).to_lowercase()
}

/// The example of the documentation.
const EXAMPLE: &str = r#"{
  "$schema": "./wharf.schema.json",
  "PROXY_API_KEY": ["team-a", "team-b"],
  "OPENAI_API_KEY": ["sk-1", "sk-2"],
  "providers": {
    "openai":  { "base_url": "http://127.0.0.1:9100/v1", "timeouts": { "connect_ms": 2000, "first_byte_ms": 30000, "idle_ms": 60000 } },
    "my-llm":  { "format": "openai_chat", "base_url": "https://llm.example.com/v1", "keys": ["env:MY_LLM_KEY"], "models": ["m1"] }
  },
  "aliases": { "fast": "groq/llama-3.3-70b" },
  "routes":  { "smart": { "targets": ["anthropic/claude-sonnet-4-5", "openai/gpt-5"] } },
  "region":  { "loc": "HK", "colo": "HKG" },
  "cors":    { "origins": ["https://app.example"] },
  "ai_gateway": { "origin": "https://gateway.ai.cloudflare.com/v1", "allow_direct": false },
  "egress":  [ { "when": { "loc": ["HK", "CN"] }, "via": "wnam" } ],
}"#;
