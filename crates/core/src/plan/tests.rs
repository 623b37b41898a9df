use super::*;
use wharf_wire::format::Format;
use wharf_wire::translate::read_error;

const ALL: Left = Left {
    keys: 2,
    targets: 1,
    retries: 0,
    replayable: true,
    fresh: false,
    model_route: true,
    gives_way: Classes(0b11_1111 << 2),
};

fn of(outcome: Outcome, left: Left) -> Next {
    next(outcome, class(outcome, None), None, left)
}

fn said(status: u16, message: &str) -> Class {
    class(Outcome::Status(status), Some(&Failure { message: message.into(), ..Failure::default() }))
}

#[test]
fn by_default_all_but_the_requests_own_faults_give_way() {
    assert_eq!(ALL.gives_way, Classes::default());
    for (_, classes) in Class::NAMED {
        for class in *classes {
            let own = matches!(class, Class::ContextLength | Class::ContentFilter);
            assert_eq!(Classes::default().has(*class), !own, "{class:?}");
        }
    }
}

#[test]
fn a_refused_key_gives_way_to_the_next_key_and_then_to_the_next_target() {
    for status in [401, 402, 403, 429] {
        assert_eq!(of(Outcome::Status(status), ALL), Next::Key);
        assert_eq!(of(Outcome::Status(status), Left { keys: 0, ..ALL }), Next::Target);
        assert_eq!(of(Outcome::Status(status), Left { keys: 0, targets: 0, ..ALL }), Next::Show);
        assert_eq!(of(Outcome::Status(status), Left { model_route: false, ..ALL }), Next::Show);
        assert_eq!(of(Outcome::Status(status), Left { replayable: false, ..ALL }), Next::Show);
    }
}

#[test]
fn a_failing_target_keeps_its_other_keys_and_gives_way_to_the_next_target() {
    for outcome in [
        Outcome::Status(503),
        Outcome::Broken,
        Outcome::Failed(TransportError::Connect),
        Outcome::Failed(TransportError::HeadTimeout),
    ] {
        assert_eq!(of(outcome, ALL), Next::Target);
        assert_eq!(of(outcome, Left { targets: 0, ..ALL }), Next::Show);
        assert_eq!(of(outcome, Left { gives_way: Classes::NONE, ..ALL }), Next::Show);
    }
    assert_eq!(of(Outcome::Status(400), ALL), Next::Show);
    assert_eq!(of(Outcome::Status(404), ALL), Next::Show);
    assert_eq!(of(Outcome::Failed(TransportError::Upload), ALL), Next::Show);
}

#[test]
fn a_stale_connection_is_replaced_once_also_in_pass_through() {
    let through = Left { model_route: false, keys: 0, targets: 0, ..ALL };
    let stale = Outcome::Failed(TransportError::Stale);
    assert_eq!(of(stale, through), Next::Again);
    assert_eq!(of(stale, Left { fresh: true, ..through }), Next::Show);
    assert_eq!(of(stale, Left { replayable: false, ..through }), Next::Show);
}

#[test]
fn a_retry_comes_after_keys_and_targets_and_heeds_the_provider() {
    let left = Left { retries: 1, ..ALL };
    let alone = Left { keys: 0, targets: 0, ..left };
    let server = |should_retry, left| next(Outcome::Status(500), Class::ServerError, should_retry, left);
    assert_eq!(server(None, left), Next::Target);
    assert_eq!(server(None, alone), Next::Retry);
    assert_eq!(server(Some(false), alone), Next::Show);
    assert_eq!(server(Some(false), left), Next::Target, "another target is not the same call");
    assert_eq!(of(Outcome::Status(429), alone), Next::Retry);
    assert_eq!(of(Outcome::Status(401), alone), Next::Show);
    assert_eq!(of(Outcome::Status(409), alone), Next::Show);
    assert_eq!(next(Outcome::Status(409), Class::Rejected, Some(true), alone), Next::Retry);
    assert_eq!(next(Outcome::Status(200), Class::Answered, Some(true), alone), Next::Show);
}

#[test]
fn what_the_body_says_decides_where_the_status_does_not() {
    for (status, message, class) in [
        (429, "You exceeded your current quota (insufficient_quota)", Class::RateLimited),
        (429, "Rate limit reached", Class::RateLimited),
        (400, "Your credit balance is too low to access the Anthropic API.", Class::Unpaid),
        (400, "no such model: Your credit balance is too low", Class::Rejected),
        (400, "This model's maximum context length is 8192 tokens.", Class::ContextLength),
        (400, "prompt is too long: 210000 tokens > 200000 maximum", Class::ContextLength),
        (
            400,
            "The input token count (2000000) exceeds the maximum number of tokens allowed (1048576).",
            Class::ContextLength,
        ),
        (413, "input is too long", Class::ContextLength),
        (400, "The response was filtered due to the prompt triggering content_filter", Class::ContentFilter),
        (403, "This model requires moderation, and your input was flagged", Class::ContentFilter),
        (403, "no access", Class::KeyRefused),
        (400, "`messages` is missing", Class::Rejected),
    ] {
        assert_eq!(said(status, message), class, "{status} {message}");
    }
    assert!(
        is_unsure(Outcome::Status(429)) && !is_unsure(Outcome::Status(401)) && !is_unsure(Outcome::Broken)
    );
}

#[test]
fn a_key_is_refused_by_codes_alone_never_by_what_a_caller_may_have_written() {
    let coded = Failure { code: Some("insufficient_quota".into()), ..Failure::default() };
    assert_eq!(class(Outcome::Status(429), Some(&coded)), Class::Unpaid);
    for (body, expected) in [
        (r#"{"error":{"details":[{"reason":"API_KEY_INVALID"}]}}"#, Class::KeyRefused),
        (r#"{"error":{"message":"say API_KEY_INVALID"}}"#, Class::Rejected),
    ] {
        let failure = read_error(Format::GeminiGenerate, 400, None, body.as_bytes());
        assert_eq!(class(Outcome::Status(400), Some(&failure)), expected);
    }
}

#[test]
fn a_too_long_request_gives_way_only_if_asked() {
    let too_long = |left| next(Outcome::Status(400), Class::ContextLength, None, left);
    assert_eq!(too_long(ALL), Next::Show);
    let gives_way = ALL.gives_way.with(Class::ContextLength);
    assert_eq!(too_long(Left { gives_way, ..ALL }), Next::Target);
}

#[test]
fn pauses_grow_within_bounds_and_within_the_callers_time() {
    for random in [0, 1, 124, u64::MAX] {
        let mut most = 250;
        for done in 0..70 {
            let Millis(pause) = pause(done, None, random, None).unwrap();
            assert!((most / 2..=most).contains(&pause), "{done}: {pause}");
            most = (most * 2).min(8_000);
        }
    }
    assert_eq!(pause(0, Some(Millis(20_000)), 0, None), Some(Millis(20_000)));
    assert_eq!(pause(0, Some(Millis(30_001)), 0, None), None, "a caller does not sit out anything");
    assert_eq!(pause(0, None, 0, Some(Millis(125))), None);
    assert_eq!(pause(0, None, 0, Some(Millis(126))), Some(Millis(125)));
}

fn first_of(balance: Balance, weights: &[u16], turn: u32, random: u64) -> usize {
    let order = arrange(balance, weights, turn, random, |_| 0);
    let mut sorted = order.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (0..weights.len()).collect::<Vec<_>>(), "each target once");
    order[0]
}

#[test]
fn targets_are_taken_as_the_route_says() {
    assert_eq!(arrange(Balance::Ordered, &[1, 9, 1], 2, 7, |_| 3), [0, 1, 2]);
    let mut counts = [0; 3];
    (0..12).for_each(|turn| counts[first_of(Balance::RoundRobin, &[3, 1, 2], turn, 0)] += 1);
    assert_eq!(counts, [6, 2, 4]);
    let turns: Vec<usize> = (0..4).map(|turn| first_of(Balance::RoundRobin, &[1, 1], turn, 0)).collect();
    assert_eq!(turns, [0, 1, 0, 1]);
    let mut counts = [0; 3];
    let late = u32::MAX - 11..=u32::MAX;
    { late }.for_each(|turn| counts[first_of(Balance::RoundRobin, &[3, 1, 2], turn, 0)] += 1);
    assert_eq!(counts, [6, 2, 4], "where a `usize` has 32 bits, too");
    let mut counts = [0; 3];
    (0..600).for_each(|random| counts[first_of(Balance::Weighted, &[3, 1, 2], 0, random)] += 1);
    assert_eq!(counts, [300, 100, 200]);
}

#[test]
fn the_least_busy_target_is_first_in_proportion_to_its_weight() {
    let busy = |at: usize| [4, 1, 3][at];
    assert_eq!(arrange(Balance::LeastInFlight, &[1, 1, 1], 0, 0, busy), [1, 2, 0]);
    assert_eq!(arrange(Balance::LeastInFlight, &[8, 1, 1], 0, 0, busy), [0, 1, 2]);
    assert_eq!(arrange(Balance::LeastInFlight, &[1, 1], 1, 0, |_| 0), [1, 0], "equals take turns");
}
