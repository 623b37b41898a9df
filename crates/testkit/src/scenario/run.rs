//! Playing a scenario: its requests go to a running gateway, its answers come from the fake upstream.

use super::check::{Differences, Message};
use super::{Answer, Expect, Request, Scenario, Seen, Step};
use crate::client::{Client, Response};
use crate::upstream::{Recorded, Reply, Upstream};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use std::fmt;

/// Where a scenario went another way than its file says.
#[derive(Debug)]
pub struct Failure {
    scenario: String,
    step: usize,
    about: String,
    differences: Vec<String>,
    response: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "scenario {}, step {} ({}):", self.scenario, self.step, self.about)?;
        for difference in &self.differences {
            writeln!(out, "  - {difference}")?;
        }
        write!(out, "  the answer was: {}", self.response)
    }
}

/// Puts addresses into the texts of a scenario.
struct Names<'a> {
    upstream: &'a Upstream,
    base: &'a str,
}

impl Names<'_> {
    fn fill(&self, text: &str) -> String {
        text.replace("{{upstream}}", &self.upstream.base())
            .replace("{{upstream_host}}", &self.upstream.address().to_string())
            .replace("{{base}}", self.base)
            .replace("{{host}}", self.base.trim_start_matches("http://"))
    }

    fn fill_all(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.fill(text)),
            Value::Array(items) => items.iter().map(|item| self.fill_all(item)).collect(),
            Value::Object(members) => Value::Object(self.fill_map(members)),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    fn fill_map(&self, members: &Map<String, Value>) -> Map<String, Value> {
        members.iter().map(|(name, value)| (name.clone(), self.fill_all(value))).collect()
    }
}

impl Scenario {
    /// The configuration file's text for this upstream.
    pub fn config_text(&self, upstream: &Upstream) -> String {
        Value::Object(Names { upstream, base: "" }.fill_map(&self.config)).to_string()
    }

    /// The environment for this upstream.
    pub fn environment(&self, upstream: &Upstream) -> Vec<(String, String)> {
        let names = Names { upstream, base: "" };
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), |text| names.fill(text));
        self.env.iter().map(|(name, value)| (name.clone(), text(value))).collect()
    }

    /// Plays every step against the gateway at `base`, which was started with this scenario's configuration and environment.
    pub fn run(&self, base: &str, upstream: &Upstream) -> Result<(), Failure> {
        let names = Names { upstream, base };
        for (index, step) in self.steps.iter().enumerate() {
            let (differences, response) = step.run(&names);
            if !differences.is_empty() {
                let about = if step.about.is_empty() { &self.about } else { &step.about };
                let (scenario, about) = (self.name.clone(), about.clone());
                return Err(Failure { scenario, step: index + 1, about, differences, response });
            }
        }
        Ok(())
    }
}

impl Step {
    fn run(&self, names: &Names<'_>) -> (Vec<String>, String) {
        let mut general: Vec<Answer> = self.upstream.clone();
        let mut special: Vec<Answer> = Vec::new();
        general.retain(|answer| {
            let named = answer.on.is_some();
            if named {
                special.push(answer.clone());
            }
            !named
        });
        general.reverse();
        let own = names.upstream.base();
        names.upstream.forget();
        names.upstream.respond(move |request| next_answer(request, &mut special, &mut general).reply(&own));

        let mut client = Client::connect_to(names.base);
        self.request.send(&mut client, names);
        let Ok(response) = client.read_answer_to(&self.request.method) else {
            return (vec!["the connection ended before any answer".to_owned()], "none".to_owned());
        };
        let mut differences = Differences::default();
        self.expect.check(&response, names, &mut differences);
        (differences.0, format!("{} {:?} {:?}", response.status, response.headers, response.text()))
    }
}

fn next_answer(request: &Recorded, special: &mut Vec<Answer>, general: &mut Vec<Answer>) -> Answer {
    let named = |answer: &Answer| answer.on.as_ref().is_some_and(|start| request.target.starts_with(start));
    match special.iter().position(named) {
        Some(at) => special.remove(at),
        None => general
            .pop()
            .unwrap_or_else(|| Answer { body: Some(Value::Object(Map::new())), ..Answer::default() }),
    }
}

impl Request {
    fn send(&self, client: &mut Client, names: &Names<'_>) {
        let body = self.bytes(names);
        let mut headers = Vec::new();
        for (name, value) in names.fill_map(&self.headers) {
            match value {
                Value::Array(values) => headers.extend(values.iter().map(|one| (name.clone(), text_of(one)))),
                one => headers.push((name, text_of(&one))),
            }
        }
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        client.send_request(&self.method, &names.fill(&self.path), &headers, &body);
    }

    fn bytes(&self, names: &Names<'_>) -> Vec<u8> {
        if let Some(value) = &self.body {
            return names.fill_all(value).to_string().into_bytes();
        }
        if let Some(text) = &self.body_text {
            return names.fill(text).into_bytes();
        }
        if let Some(text) = &self.body_base64 {
            return STANDARD.decode(text).expect("Base64 in a scenario");
        }
        let padding =
            self.body_padding.map(|size| format!("{{\"model\":\"x/y\",\"pad\":\"{}\"}}", " ".repeat(size)));
        padding.unwrap_or_default().into_bytes()
    }
}

impl Answer {
    /// `own` is the upstream's base URL, for answers that name it (a redirect).
    fn reply(&self, own: &str) -> Reply {
        let status = self.status.unwrap_or(200);
        let mut reply = match self.fault.as_deref() {
            Some("close") => return Reply::close(),
            Some("reset") => return Reply::reset(),
            Some("garbage") => return Reply::garbage(),
            Some("half_head") => return Reply::half_head(),
            Some("stall") => return Reply::stall(),
            None | Some("cut") => self.with_body(status),
            Some(other) => panic!("no such fault: {other}"),
        };
        for (name, value) in &self.headers {
            let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
            for value in values {
                reply = reply.header(name, &text_of(value).replace("{{upstream}}", own));
            }
        }
        if self.fault.is_some() {
            reply.cut_body_after(self.cut_after.expect("cut_after beside the fault cut"))
        } else {
            reply
        }
    }

    fn with_body(&self, status: u16) -> Reply {
        let typed = self.headers.keys().any(|name| name.eq_ignore_ascii_case("content-type"));
        if let Some(events) = &self.sse {
            let reply = Reply::chunked(status, events.iter().map(event));
            return if typed { reply } else { reply.header("content-type", "text/event-stream") };
        }
        match (&self.body, &self.body_text) {
            (Some(value), _) if typed => Reply::new(status, value.to_string()),
            (Some(value), _) => Reply::json(status, value),
            (None, Some(text)) => Reply::new(status, text.clone()),
            (None, None) => Reply::new(status, ""),
        }
    }
}

impl Expect {
    fn check(&self, response: &Response, names: &Names<'_>, differences: &mut Differences) {
        let message = Message { headers: &response.headers, body: &response.body };
        differences.equal("status", &response.status, &self.status);
        differences.equal("whole body", &response.complete, &self.complete);
        differences.headers(&message, &names.fill_map(&self.headers), &self.headers_absent);
        differences.body_text(&message, self.body_text.as_ref().map(|text| names.fill(text)).as_ref());
        differences.body_json(
            &message,
            self.body.as_ref().map(|value| names.fill_all(value)).as_ref(),
            false,
        );
        differences.body_json(
            &message,
            self.body_json.as_ref().map(|value| names.fill_all(value)).as_ref(),
            true,
        );
        differences.body_holds(&message, &self.body_contains, &self.body_absent);
        if let Some(expected) = &self.upstream {
            let seen = names.upstream.requests();
            differences.equal("number of upstream requests", &seen.len(), &expected.len());
            self.pair(&seen, expected, names, differences);
        }
    }

    fn pair(&self, seen: &[Recorded], expected: &[Seen], names: &Names<'_>, differences: &mut Differences) {
        let mut left: Vec<&Recorded> = seen.iter().collect();
        for wanted in expected {
            let target = names.fill(&wanted.target);
            let at = if self.upstream_any_order {
                left.iter().position(|one| one.target == target)
            } else {
                Some(0)
            };
            match at.filter(|at| *at < left.len()) {
                Some(at) => wanted.check(left.remove(at), &target, names, differences),
                None => differences.add(format!("no upstream request for {target}")),
            }
        }
    }
}

impl Seen {
    fn check(&self, request: &Recorded, target: &str, names: &Names<'_>, differences: &mut Differences) {
        let mut own = Differences::default();
        let message = Message { headers: &request.headers, body: &request.body };
        if let Some(method) = &self.method {
            own.equal("method", &request.method, method);
        }
        own.equal("target", &request.target.as_str(), &target);
        own.headers(&message, &names.fill_map(&self.headers), &self.headers_absent);
        own.header_names(&message, self.headers_only.as_ref());
        own.body_text(&message, self.body_text.as_ref().map(|text| names.fill(text)).as_ref());
        own.body_json(&message, self.body.as_ref(), false);
        own.body_json(&message, self.body_json.as_ref(), true);
        own.body_holds(&message, &self.body_contains, &[]);
        for difference in own.0 {
            differences.add(format!("upstream request {} {}: {difference}", request.method, request.target));
        }
    }
}

fn event(value: &Value) -> String {
    match value {
        Value::Array(pair) => match pair.as_slice() {
            [name, data] => format!("event: {}\ndata: {}\n\n", text_of(name), text_of(data)),
            _ => panic!("an event with a name is [name, data]"),
        },
        data => format!("data: {}\n\n", text_of(data)),
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
