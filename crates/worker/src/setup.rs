//! The configuration of an isolate: compiled once from the Worker's variables and its bundled file. One with problems
//! serves nothing, and says which only to a caller that proves itself.

use crate::command::Tag;
use crate::host::{Upload, Worker, push_line};
use crate::ops::Shared;
use crate::settle::Settle;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_TYPE, HeaderName};
use http::{HeaderValue, StatusCode};
use serde::Deserialize;
use std::rc::Rc;
use std::sync::Arc;
use wharf_core::auth;
use wharf_core::config::{AccessLog, Compiled, Input, Platform, Problem, compile};
use wharf_core::exchange::{Core, Incoming};
use wharf_core::provider::catalog::builtins;
use wharf_core::table::Table;
use wharf_wire::format::Format;
use wharf_wire::stream_error::error_body;

/// What an isolate serves with.
pub enum Setup {
    /// Nothing has come yet.
    None,
    /// A configuration without problems.
    Ready(Rc<Core<Worker>>),
    /// One with problems.
    Broken(Broken),
}

/// A configuration that cannot be used.
pub struct Broken {
    /// One sentence each; no value is quoted.
    problems: Vec<String>,
    /// Who may see them, as far as the variables say that without a problem.
    callers: Option<Box<Table>>,
}

/// What JavaScript hands in.
#[derive(Deserialize)]
struct Given {
    /// The Worker's text variables and secrets.
    env: Vec<(String, String)>,
    /// The bundled file.
    file: Option<String>,
}

/// The variable that holds the lower-case sections; longer ones go on in `WHARF_CONFIG_2` and so on.
const SECTIONS: &str = "WHARF_CONFIG";

/// Who calls, without anything else that may be wrong.
const CALLERS: [&str; 4] = ["PROXY_API_KEY", "ALLOWED_PROXY_KEYS", "DEV", "OPEN"];

/// Compiles what was handed in.
pub fn configure(input: &[u8], shared: &Rc<Shared>) -> Setup {
    let Ok(given) = serde_json::from_slice::<Given>(input) else {
        return broken(vec!["the Worker's variables cannot be read".to_owned()], &[], shared);
    };
    let sections = sections(&given.env);
    let file = match (&sections, &given.file) {
        (Some(text), _) => Some((SECTIONS, text.as_str())),
        (None, Some(text)) => Some(("wharf.jsonc", text.as_str())),
        (None, None) => None,
    };
    let mut notes = Vec::new();
    if sections.is_some() && given.file.is_some() {
        notes.push(format!("{SECTIONS} is set: it is used instead of the bundled wharf.jsonc"));
    }
    match compiled(file, &given.env) {
        Ok(Compiled { table, host, warnings, .. }) => {
            notes.extend(warnings.iter().map(ToString::to_string));
            notice(shared, &notes);
            let waits = table.entries.iter().map(|it| it.timeouts.first_byte.0.max(it.timeouts.idle.0));
            let routes = table.routes.values().flat_map(|it| [it.timeouts.head, it.timeouts.idle]);
            let routes = routes.flatten().map(|wait| wait.0);
            shared.longest.set(waits.chain(routes).max().unwrap_or_default());
            shared.strict.set(table.round_robin);
            shared.keepalive.set(table.keepalive);
            shared.logs.set(!matches!(host.access_log, Some(AccessLog::Off)));
            shared.patience.set(host.state_timeout.0.min(60_000) as u32);
            Setup::Ready(Core::new(Arc::new(table), Worker::new(shared.clone())))
        }
        Err(problems) => {
            notes.extend(problems.iter().map(ToString::to_string));
            broken(notes, &given.env, shared)
        }
    }
}

fn compiled(file: Option<(&str, &str)>, env: &[(String, String)]) -> Result<Compiled, Vec<Problem>> {
    let platform = Platform::Worker;
    compile(&Input { file, env, unreadable: &[], open: false, platform, builtins: builtins() })
}

/// The pieces of the sections, put together in order, up to the first that is missing.
fn sections(env: &[(String, String)]) -> Option<String> {
    let value = |name: &str| env.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let mut text = value(SECTIONS)?.to_owned();
    for number in 2.. {
        let Some(more) = value(&format!("{SECTIONS}_{number}")) else { break };
        text.push_str(more);
    }
    Some(text)
}

fn broken(problems: Vec<String>, env: &[(String, String)], shared: &Rc<Shared>) -> Setup {
    notice(shared, &problems);
    let callers: Vec<(String, String)> =
        env.iter().filter(|(name, _)| CALLERS.contains(&name.as_str())).cloned().collect();
    let callers = compiled(None, &callers).ok().map(|compiled| Box::new(compiled.table));
    Setup::Broken(Broken { problems, callers })
}

/// Tells the operator, on the console.
fn notice(shared: &Shared, lines: &[String]) {
    let mut commands = shared.commands.borrow_mut();
    for line in lines {
        commands.put(Tag::Notice, &[]);
        commands.bytes(format!("wharf: {line}").into());
    }
}

impl Broken {
    /// 500 for everything, and the reasons for a caller of ours that asks for the status.
    pub fn answer(&self, shared: &Shared, incoming: &Incoming<Upload>, mut settle: Settle) {
        let (path, query) = incoming.target.split_once('?').unwrap_or((&incoming.target, ""));
        settle.record.target.clone_from(&incoming.target);
        settle.record.method = incoming.method.clone();
        settle.record.error = "misconfigured";
        let mut message =
            "this gateway's configuration has problems; its log and an authenticated `GET /status` say which"
                .to_owned();
        if path.trim_end_matches('/') == "/status" && self.may_see(incoming, query) {
            message = self.problems.join("\n");
        }
        let format = match path {
            path if path.starts_with("/v1/messages") => Format::AnthropicMessages,
            path if path.starts_with("/v1beta/") => Format::GeminiGenerate,
            _ => Format::OpenAiChat,
        };
        let body = error_body(format, 500, "misconfigured", &message, None, "");
        show(shared, StatusCode::INTERNAL_SERVER_ERROR, body, settle);
    }

    fn may_see(&self, incoming: &Incoming<Upload>, query: &str) -> bool {
        let Some(table) = &self.callers else { return false };
        let (headers, authority) = (&incoming.headers, incoming.authority.as_deref());
        let query = (!query.is_empty()).then_some(query);
        auth::check_local(table, headers, authority).is_ok()
            && auth::authenticate(table, headers, query, None).is_ok()
    }
}

/// A request that JavaScript let through and HTTP does not know.
pub fn unreadable(shared: &Shared, settle: Settle) {
    let body = error_body(Format::OpenAiChat, 400, "invalid_request", "the request cannot be read", None, "");
    show(shared, StatusCode::BAD_REQUEST, body, settle);
}

fn show(shared: &Shared, status: StatusCode, body: impl Into<bytes::Bytes>, mut settle: Settle) {
    const TYPE: HeaderValue = HeaderValue::from_static("application/json");
    const ANY: HeaderValue = HeaderValue::from_static("*");
    settle.record.status = status.as_u16();
    let mut lines = Vec::new();
    let headers: [(HeaderName, HeaderValue); 2] = [(CONTENT_TYPE, TYPE), (ACCESS_CONTROL_ALLOW_ORIGIN, ANY)];
    for (name, value) in &headers {
        push_line(&mut lines, name, value);
    }
    let mut commands = shared.commands.borrow_mut();
    commands.put(Tag::Respond, &[status.as_u16().into()]);
    commands.bytes(lines.into());
    commands.numbers(&[1]);
    commands.bytes(body.into());
    drop(commands);
    settle.over(false);
}
