//! `POST /` under an AI Gateway: the caller's own universal steps, with our keys put in.

use super::ask::endpoint;
use super::prepared::{Body, Peer, Prepared};
use super::reply::Reply;
use super::{Call, Core};
use crate::auth;
use crate::error::{Error, Kind};
use crate::gateway::{self, write_headers, write_text};
use crate::headers;
use crate::headers::Headers;
use crate::host::Host;
use crate::ingress::{self, Ask};
use crate::keys::{Purpose, Wanted};
use crate::query;
use crate::record::Record;
use crate::route::printable;
use crate::signing;
use crate::table::Entry;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Method};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::rc::Rc;
use wharf_wire::scan::Segments;

/// An object's members in their order, values untouched.
struct Step<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Step<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Vec<(String, &'de RawValue)>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a step: an object with `provider`, `endpoint`, `headers` and `query`")
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Members).map(Step)
    }
}

impl<'a> Step<'a> {
    fn member(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().rev().find(|(n, _)| n == name).map(|(_, value)| *value)
    }

    fn text(&self, name: &str) -> Result<Option<String>, Error> {
        let Some(raw) = self.member(name) else { return Ok(None) };
        let text = serde_json::from_str(raw.get());
        text.map(Some)
            .map_err(|_| Error::new(Kind::InvalidRequest, format!("`{name}` of a step must be a string")))
    }
}

impl<H: Host> Core<H> {
    /// Reads the steps, signs each, and sends them on.
    pub(super) async fn universal(
        &self,
        mut call: Call<'_, H::Upload>,
        record: &mut Record,
    ) -> Result<Reply<H::Body>, Error> {
        let Some(gateway) = call.gateway else { return Err(super::local::nothing()) };
        let body = self.body(&mut call).await?.into_bytes();
        let single = body.trim_ascii_start().first() == Some(&b'{');
        let steps: Vec<Step<'_>> = if single {
            serde_json::from_slice(&body).map(|step| vec![step]).map_err(not_steps)?
        } else {
            serde_json::from_slice(&body).map_err(not_steps)?
        };
        let mut out = vec![b'['];
        for (at, step) in steps.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            self.write(&mut out, step, &call, record).await?;
        }
        out.push(b']');
        let query = call.query_on().into_owned();
        let place = super::ask::place(&mut call, &self.table.place);
        let mut headers = headers::to_upstream(call.incoming.headers, true);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        gateway.strip(&mut headers);
        let prepared = Prepared {
            peer: Peer::gateway(),
            method: Method::POST,
            base: gateway.base(),
            path: gateway.path("", &query),
            below: Cow::Borrowed(""),
            headers: Rc::new(headers),
            body: Body::Whole(Segments::from(Bytes::from(out))),
            relayed: None,
            gateway: Some(gateway),
        };
        self.ask_gateway(prepared, &place, record).await
    }

    /// One step: our key under the caller's own headers, every other member as it came.
    async fn write(
        &self,
        out: &mut Vec<u8>,
        step: &Step<'_>,
        call: &Call<'_, H::Upload>,
        record: &mut Record,
    ) -> Result<(), Error> {
        let entry = self.step_entry(step)?;
        let chat = endpoint(&entry.provider, &Ask::Chat, "").unwrap_or_default();
        let path = match step.text("endpoint")? {
            // The slug stands for the whole base URL, however the caller spells the path.
            Some(path) => gateway::relative(entry, &self.stated(&path)?).to_owned(),
            None => gateway::relative(entry, &chat).to_owned(),
        };
        let wanted = Wanted { selector: call.key, model: None, purpose: Purpose::Once };
        let order = self.keys().order(&entry.pool, wanted).await;
        record.store_failed |= order.store_failed;
        let mut headers = Headers::new();
        if let Some(key) = order.get(0).and_then(|at| entry.pool.keys.get(at)) {
            let mut own = Vec::new();
            signing::sign(entry.provider.auth, &format!("/{path}"), &mut own, key);
            headers.extend(own);
        }
        super::assembling::add_defaults(&mut headers, entry.provider.default_headers);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.own_headers(step, &mut headers)?;
        out.extend_from_slice(b"{\"provider\":");
        write_text(out, entry.provider.gateway.map_or("", |slug| slug.slug));
        out.extend_from_slice(b",\"endpoint\":");
        write_text(out, &path);
        out.extend_from_slice(b",\"headers\":");
        write_headers(out, &headers);
        for (name, value) in &step.0 {
            if !matches!(name.as_str(), "provider" | "endpoint" | "headers") {
                out.push(b',');
                write_text(out, name);
                out.push(b':');
                out.extend_from_slice(value.get().as_bytes());
            }
        }
        out.push(b'}');
        Ok(())
    }

    /// A step's endpoint as a path, without a caller key in its query; a key of the caller's own stays.
    fn stated(&self, endpoint: &str) -> Result<String, Error> {
        let mut stated = format!("/{endpoint}");
        let (path, query) = endpoint.split_once('?').unwrap_or((endpoint, ""));
        // Our key is on the step, and must not be led to another place of the provider's host.
        if ingress::climbs(&format!("/{path}")) {
            return Err(Error::new(
                Kind::InvalidRequest,
                "the `endpoint` of a step climbs above its base URL",
            ));
        }
        if query::key(query).is_some_and(|key| auth::is_callers(&self.table, &key)) {
            let rest = query::without_key(query);
            let mark = if rest.is_empty() { "" } else { "?" };
            stated = format!("/{path}{mark}{rest}");
        }
        Ok(stated)
    }

    /// The step's own headers win over ours, unless one is a caller key: clients put theirs there by habit.
    fn own_headers(&self, step: &Step<'_>, headers: &mut Headers) -> Result<(), Error> {
        let Some(raw) = step.member("headers").filter(|raw| raw.get() != "null") else { return Ok(()) };
        let own: std::collections::BTreeMap<String, String> =
            serde_json::from_str(raw.get()).map_err(|_| {
                Error::new(Kind::InvalidRequest, "`headers` of a step must be an object of strings")
            })?;
        for (name, value) in own.into_iter().filter(|(_, value)| !auth::is_callers(&self.table, value)) {
            let (Ok(name), Ok(value)) =
                (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&value))
            else {
                return Err(Error::new(Kind::InvalidRequest, "a step has a header that cannot be one"));
            };
            headers.insert(name, value);
        }
        Ok(())
    }

    fn step_entry(&self, step: &Step<'_>) -> Result<&Entry, Error> {
        let wrong = |message: String| Error::new(Kind::InvalidRequest, message);
        let Some(name) = step.text("provider")? else { return Err(wrong("a step has no `provider`".into())) };
        let by_name = self.table.names.get(&name).and_then(|&at| self.table.entries.get(at));
        let by_slug =
            || self.table.entries.iter().find(|e| e.provider.gateway.is_some_and(|g| g.slug == name));
        by_name.or_else(by_slug).filter(|entry| gateway::knows(entry)).ok_or_else(|| {
            wrong(format!("no provider `{}` goes through the AI Gateway here", printable(&name)))
        })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn not_steps(error: serde_json::Error) -> Error {
    Error::new(
        Kind::InvalidJson,
        format!("the body is not a list of steps: line {}, column {}", error.line(), error.column()),
    )
}
