//! Any file and any variable: compiling a configuration never panics, and a problem always says what it is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wharf_core::config::{Input, Platform, compile, own_listener_problems};
use wharf_core::provider::catalog::builtins;

/// Variables that are read in ways of their own.
const NAMES: &[&str] = &[
    "PROXY_API_KEY",
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "DEV",
    "CUSTOM_OPENAI_ENDPOINTS",
    "AI_GATEWAY_ORIGIN",
    "CLOUDFLARE_ACCOUNT_ID",
    "DEFAULT_MODEL",
    "CF_AIG_TOKEN",
    "WHARF_LOC",
];

fuzz_target!(|input: (u8, &str, &str)| {
    let (pick, value, text) = input;
    let name = NAMES[usize::from(pick) % NAMES.len()];
    let env = [(name.to_owned(), value.to_owned())];
    match compile(&Input {
        file: Some(("wharf.jsonc", text)),
        env: &env,
        unreadable: &[],
        open: false,
        platform: if pick < 128 { Platform::Native } else { Platform::Worker },
        builtins: builtins(),
    }) {
        Ok(compiled) => {
            let _ = own_listener_problems(&compiled, ([127, 0, 0, 1], 8787).into());
        }
        Err(problems) => {
            assert!(!problems.is_empty() && problems.iter().all(|problem| !problem.message.is_empty()));
        }
    }
});
