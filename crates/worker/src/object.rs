//! The arithmetic of a Durable Object: its state and an op go in, the new state and the reply come out. What makes it
//! atomic and durable is the object.

use serde::{Deserialize, Serialize};
use wharf_core::store::pool::Pool;
use wharf_core::store::{Op, Reply};

#[derive(Deserialize)]
struct Step {
    state: Pool,
    op: Op,
}

#[derive(Serialize)]
struct Stepped {
    state: Pool,
    reply: Reply,
}

/// `{"state":…,"op":…}` -> `{"state":…,"reply":…}`; nothing where that cannot be read.
pub fn step(input: &[u8]) -> Option<Vec<u8>> {
    let Step { mut state, op } = serde_json::from_slice(input).ok()?;
    let reply = state.apply(&op);
    serde_json::to_vec(&Stepped { state, reply }).ok()
}

#[cfg(test)]
mod tests {
    use super::step;

    fn stepped(state: &str, op: &str) -> String {
        let input = format!("{{\"state\":{state},\"op\":{op}}}");
        String::from_utf8(step(input.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn a_step_is_the_cores_own() {
        assert_eq!(
            stepped(r#"{"next":2}"#, r#"{"next":{"length":3}}"#),
            r#"{"state":{"next":0},"reply":{"index":2}}"#
        );
        assert_eq!(
            stepped(r#"{"next":7}"#, r#"{"next":{"length":3}}"#),
            r#"{"state":{"next":1},"reply":{"index":0}}"#
        );
    }

    #[test]
    fn what_cannot_be_read_is_no_step() {
        assert!(step(b"{}").is_none());
        assert!(step(b"").is_none());
    }
}
