//! Which target and key are tried next: pure, from what happened so far. After the first byte to the client nothing is tried.

use crate::host::TransportError;

/// How one attempt ended, seen before anything went to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The upstream answered with this status.
    Status(u16),
    /// It did not answer.
    Failed(TransportError),
}

/// What to do after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Show what came.
    Show,
    /// The same call once more, on a new connection.
    Again,
    /// The next key of the same target.
    Key,
    /// The next target.
    Target,
}

/// What may still be tried for the call at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// Keys of this target that were not tried.
    pub keys: usize,
    /// Targets behind this one.
    pub targets: usize,
    /// The body can be sent again.
    pub replayable: bool,
    /// This call was made on a new connection because the last one was stale.
    pub fresh: bool,
    /// The upstream is called on a model route (pass-through is not retried).
    pub model_route: bool,
}

/// Decides. 401, 402, 403 and 429 are the key's; no connection, no head in time and 5xx are the target's;
/// a kept-alive connection that turns out dead is nobody's.
pub fn next(outcome: Outcome, left: Left) -> Next {
    let target =
        if left.model_route && left.replayable && left.targets > 0 { Next::Target } else { Next::Show };
    match outcome {
        Outcome::Failed(TransportError::Stale) if left.replayable && !left.fresh => Next::Again,
        Outcome::Failed(TransportError::Upload) => Next::Show,
        Outcome::Failed(_) => target,
        Outcome::Status(401 | 402 | 403 | 429) if left.model_route && left.replayable && left.keys > 0 => {
            Next::Key
        }
        Outcome::Status(401 | 402 | 403 | 429) => target,
        Outcome::Status(500..) => target,
        Outcome::Status(_) => Next::Show,
    }
}

/// The answer's body has to tell whether it refuses the key, and there is something else to try.
pub const fn may_refuse_key(outcome: Outcome, left: Left) -> bool {
    matches!(outcome, Outcome::Status(400))
        && left.model_route
        && left.replayable
        && (left.keys > 0 || left.targets > 0)
}

/// True if the body of a 400 refuses the key, as Gemini's does: <https://ai.google.dev/gemini-api/docs/troubleshooting>.
pub fn refuses_key(body: &[u8]) -> bool {
    memchr::memmem::find(body, b"\"API_KEY_INVALID\"").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Left = Left { keys: 2, targets: 1, replayable: true, fresh: false, model_route: true };

    #[test]
    fn a_refused_key_gives_way_to_the_next_key_and_then_to_the_next_target() {
        for status in [401, 402, 403, 429] {
            assert_eq!(next(Outcome::Status(status), ALL), Next::Key);
            assert_eq!(next(Outcome::Status(status), Left { keys: 0, ..ALL }), Next::Target);
            assert_eq!(next(Outcome::Status(status), Left { keys: 0, targets: 0, ..ALL }), Next::Show);
            assert_eq!(next(Outcome::Status(status), Left { model_route: false, ..ALL }), Next::Show);
            assert_eq!(next(Outcome::Status(status), Left { replayable: false, ..ALL }), Next::Show);
        }
    }

    #[test]
    fn a_400_is_looked_at_only_where_something_may_follow() {
        let bad = Outcome::Status(400);
        assert!(may_refuse_key(bad, ALL) && may_refuse_key(bad, Left { keys: 0, ..ALL }));
        assert!(!may_refuse_key(bad, Left { keys: 0, targets: 0, ..ALL }));
        assert!(!may_refuse_key(bad, Left { model_route: false, ..ALL }));
        assert!(!may_refuse_key(Outcome::Status(404), ALL));
        assert!(refuses_key(br#"{"error":{"details":[{"reason":"API_KEY_INVALID"}]}}"#));
        assert!(!refuses_key(br#"{"error":{"message":"say API_KEY_INVALID"}}"#));
    }

    #[test]
    fn a_failing_target_keeps_its_other_keys_and_gives_way_to_the_next_target() {
        for outcome in [
            Outcome::Status(503),
            Outcome::Failed(TransportError::Connect),
            Outcome::Failed(TransportError::HeadTimeout),
        ] {
            assert_eq!(next(outcome, ALL), Next::Target);
            assert_eq!(next(outcome, Left { targets: 0, ..ALL }), Next::Show);
        }
        assert_eq!(next(Outcome::Status(400), ALL), Next::Show);
        assert_eq!(next(Outcome::Failed(TransportError::Upload), ALL), Next::Show);
    }

    #[test]
    fn a_stale_connection_is_replaced_once_also_in_pass_through() {
        let through = Left { model_route: false, keys: 0, targets: 0, ..ALL };
        let stale = Outcome::Failed(TransportError::Stale);
        assert_eq!(next(stale, through), Next::Again);
        assert_eq!(next(stale, Left { fresh: true, ..through }), Next::Show);
        assert_eq!(next(stale, Left { replayable: false, ..through }), Next::Show);
    }
}
