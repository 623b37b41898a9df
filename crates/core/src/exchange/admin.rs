//! `/admin/…`: what is held against each key, and its end; another configuration. For the operator alone; no key is
//! shown, but by its name.

use super::Core;
use super::reply::{Incoming, Reply};
use crate::auth;
use crate::error::{Error, Kind};
use crate::host::{Host, Reloaded};
use crate::ingress::Endpoint;
use crate::keys;
use crate::record::Record;
use crate::route::printable;
use crate::store::{KeyHealth, Op, Standing};
use crate::table::{Entry, Member};
use crate::time::{Millis, rfc3339};
use futures_util::future::join_all;
use http::StatusCode;
use serde_json::{Map, Value, json};

impl<H: Host> Core<H> {
    pub(super) async fn admin(
        &self,
        incoming: &Incoming<H::Upload>,
        endpoint: &Endpoint,
        record: &mut Record,
    ) -> Result<Reply<H::Body>, Error> {
        auth::authenticate_admin(&self.table, &incoming.headers)?;
        record.caller = "admin".into();
        let page = match endpoint {
            Endpoint::AdminKeys => self.admin_keys().await,
            Endpoint::AdminReset { id } => self.admin_reset(id, record).await?,
            Endpoint::AdminReload => return Ok(reloaded(self.host.reload().await, record)),
            _ => return Err(super::local::nothing()),
        };
        Ok(Reply::json(StatusCode::OK, format!("{page:#}")))
    }

    /// Takes over what the store knows of every pool that has any health.
    pub(super) async fn look_at_all(&self) {
        let several = self.table.entries.iter().filter(|entry| entry.pool.keys.len() > 1);
        join_all(several.map(|entry| keys::look(&self.host, &self.health, &entry.pool))).await;
    }

    async fn admin_keys(&self) -> Value {
        self.look_at_all().await;
        let now = self.host.now();
        let lines = self.table.entries.iter().flat_map(|entry| {
            entry.pool.members.iter().enumerate().map(move |(at, member)| {
                let health = self.health.of(&entry.pool.shard, member.id).unwrap_or_default();
                line(entry, at, member, &health, now)
            })
        });
        json!({ "keys": lines.collect::<Vec<_>>() })
    }

    async fn admin_reset(&self, id: &str, record: &mut Record) -> Result<Value, Error> {
        let now = self.host.now();
        let mut reset = Vec::new();
        for entry in &self.table.entries {
            let Some(member) = entry.pool.find(id) else { continue };
            self.health.reset(&entry.pool.shard, member.id, now);
            let op = Op::Reset { key: member.id, now };
            record.store_failed |= self.host.call(&entry.pool.shard, op).await.is_err();
            reset.push(json!({ "provider": entry.provider.id, "id": member.name() }));
        }
        if reset.is_empty() {
            let message = format!("no key goes by `{}`; `/admin/keys` lists them", printable(id));
            return Err(Error::new(Kind::NotFound, message));
        }
        Ok(json!({ "reset": reset }))
    }
}

/// What came of a reload. A configuration that was refused is neither a fault of the request nor of ours.
fn reloaded<B>(outcome: Reloaded, record: &mut Record) -> Reply<B> {
    let (status, page) = match outcome {
        Reloaded::Changed { changes, warnings } => {
            (StatusCode::OK, json!({ "status": "changed", "changes": changes, "warnings": warnings }))
        }
        Reloaded::Unchanged { warnings } => {
            (StatusCode::OK, json!({ "status": "unchanged", "changes": [], "warnings": warnings }))
        }
        Reloaded::Refused(problems) => {
            record.error = Kind::Misconfigured.code();
            let error = json!({
                "message": "the configuration has problems: the one in force stays",
                "type": "invalid_request_error", "code": record.error, "status": 422,
            });
            let page = json!({ "status": "refused", "error": error, "problems": problems });
            (StatusCode::UNPROCESSABLE_ENTITY, page)
        }
        Reloaded::Unable => {
            record.error = Kind::UnsupportedEndpoint.code();
            let message = "on this host the configuration comes with the program: deploy it again";
            let error =
                json!({ "message": message, "type": "server_error", "code": record.error, "status": 501 });
            (StatusCode::NOT_IMPLEMENTED, json!({ "status": "refused", "error": error }))
        }
    };
    Reply::json(status, format!("{page:#}"))
}

/// One key: what it is called, on what terms it is used, and how it does.
fn line(entry: &Entry, at: usize, member: &Member, health: &KeyHealth, now: Millis) -> Value {
    let masked = entry.pool.keys.get(at).map(crate::secret::Secret::masked).unwrap_or_default();
    let state = match health.standing(None, now) {
        Standing::Ready => "ready",
        Standing::Due => "probe_due",
        Standing::Cooling(_) if health.until > now => "cooling",
        Standing::Cooling(_) => "probing",
    };
    let mut line = json!({
        "id": member.name(),
        "fingerprint": member.id.to_string(),
        "provider": entry.provider.id,
        "key": masked,
        "state": state,
    });
    let Some(members) = line.as_object_mut() else { return line };
    if let Some(why) = health.why.filter(|_| state != "ready") {
        members.insert("why".into(), why.word().into());
    }
    if health.until > now {
        members.insert("cooldown_until".into(), rfc3339(health.until).into());
    }
    if health.streak > 0 {
        members.insert("refusals".into(), health.streak.into());
    }
    let limited = health.models.iter().filter(|(_, until)| **until > now);
    let limited: Map<String, Value> =
        limited.map(|(model, until)| (printable(model), rfc3339(*until).into())).collect();
    if !limited.is_empty() {
        members.insert("limited_models".into(), limited.into());
    }
    line
}
