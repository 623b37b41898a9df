//! Which target and key are tried next: pure, from what happened so far. After the first byte to the client nothing is tried.
//!
//! The places for choices that are still to come: by latency, by cost and by affinity (a conversation stays where its
//! prompt is cached) are further ways to `arrange` targets; hedging would be a `Next` of its own, a second call beside
//! the first.

use crate::host::TransportError;
use crate::time::Millis;
use wharf_wire::chat::Failure;

#[cfg(test)]
mod tests;

/// How one attempt ended, seen before anything went to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The upstream answered with this status, or in an answer of 200 with an error that means it.
    Status(u16),
    /// It did not answer.
    Failed(TransportError),
    /// It answered 200, and then with nothing, or with something that is no answer.
    Broken,
}

/// What kind of end that is: what a route's rules speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// An answer.
    Answered,
    /// The request was refused for what it says: no key and no target would like it better.
    Rejected,
    /// 401, 403: the key's.
    KeyRefused,
    /// 402, or no money left: the key's.
    Unpaid,
    /// 429: the key's.
    RateLimited,
    /// 5xx: the target's.
    ServerError,
    /// No connection, no head, no first event in time.
    Timeout,
    /// No connection, one that broke, or an answer that is none.
    Unreachable,
    /// The request is too long for the model.
    ContextLength,
    /// A filter took exception to the request.
    ContentFilter,
}

impl Class {
    /// Every class that a route may name, with its word.
    pub const NAMED: &[(&'static str, &'static [Self])] = &[
        ("key_refused", &[Self::KeyRefused, Self::Unpaid]),
        ("rate_limited", &[Self::RateLimited]),
        ("server_error", &[Self::ServerError]),
        ("timeout", &[Self::Timeout]),
        ("unreachable", &[Self::Unreachable]),
        ("context_length", &[Self::ContextLength]),
        ("content_filter", &[Self::ContentFilter]),
    ];

    /// The word for logs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Rejected => "rejected",
            Self::KeyRefused => "key_refused",
            Self::Unpaid => "unpaid",
            Self::RateLimited => "rate_limited",
            Self::ServerError => "server_error",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::ContextLength => "context_length",
            Self::ContentFilter => "content_filter",
        }
    }

    /// The target is at fault, and not the key or the request.
    pub const fn is_targets(self) -> bool {
        match self {
            Self::ServerError | Self::Timeout | Self::Unreachable => true,
            Self::Answered
            | Self::Rejected
            | Self::KeyRefused
            | Self::Unpaid
            | Self::RateLimited
            | Self::ContextLength
            | Self::ContentFilter => false,
        }
    }

    /// The key is at fault.
    pub const fn is_keys(self) -> bool {
        match self {
            Self::KeyRefused | Self::Unpaid | Self::RateLimited => true,
            Self::Answered
            | Self::Rejected
            | Self::ServerError
            | Self::Timeout
            | Self::Unreachable
            | Self::ContextLength
            | Self::ContentFilter => false,
        }
    }
}

/// A set of classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Classes(u16);

impl Default for Classes {
    /// What gives way to the next target where nobody says otherwise: whatever is not the request's own fault.
    fn default() -> Self {
        use Class::{KeyRefused, RateLimited, ServerError, Timeout, Unpaid, Unreachable};
        Self::of(&[KeyRefused, Unpaid, RateLimited, ServerError, Timeout, Unreachable])
    }
}

impl Classes {
    /// None.
    pub const NONE: Self = Self(0);

    /// These.
    pub fn of(classes: &[Class]) -> Self {
        classes.iter().fold(Self::NONE, |set, class| set.with(*class))
    }

    /// This one as well.
    #[must_use]
    pub const fn with(self, class: Class) -> Self {
        Self(self.0 | 1 << class as u16)
    }

    /// Whether it is among them.
    pub const fn has(self, class: Class) -> bool {
        self.0 & 1 << class as u16 != 0
    }
}

/// Codes and types by which vendors say that the account is out of money. `insufficient_quota`:
/// <https://platform.openai.com/docs/guides/error-codes>.
const UNPAID: [&str; 6] = [
    "insufficient_quota",
    "billing_error",
    "billing_hard_limit_reached",
    "billing_not_active",
    "insufficient_balance",
    "exceeded_current_quota_error",
];

/// Anthropic's way to say the same, with status 400. Only a sentence that begins so counts: a message may hold a
/// caller's words, and these must not cool a key.
const NO_CREDIT: &str = "Your credit balance is too low";

/// … that the request is too long. Anthropic: "prompt is too long"; Gemini: "input token count (…) exceeds the maximum".
const TOO_LONG: [&str; 7] = [
    "context_length_exceeded",
    "string_above_max_length",
    "maximum context length",
    "prompt is too long",
    "input is too long",
    "exceeds the maximum number of tokens",
    "exceed context limit",
];

/// … that a filter took exception. Azure and OpenAI, and OpenRouter's 403.
const FILTERED: [&str; 5] = [
    "content_filter",
    "content_policy_violation",
    "responsibleaipolicyviolation",
    "moderation_blocked",
    "requires moderation",
];

/// The class of an outcome; `failure` is what the answer's body says, where it was read.
pub fn class(outcome: Outcome, failure: Option<&Failure>) -> Class {
    let says = |words: &[&str]| failure.is_some_and(|failure| says(failure, words));
    let unpaid = failure.is_some_and(is_unpaid);
    match outcome {
        Outcome::Failed(error) if error.is_timeout() => Class::Timeout,
        Outcome::Failed(_) | Outcome::Broken => Class::Unreachable,
        Outcome::Status(402) => Class::Unpaid,
        Outcome::Status(400 | 403 | 429) if unpaid => Class::Unpaid,
        Outcome::Status(429) => Class::RateLimited,
        Outcome::Status(400 | 403 | 422) if says(&FILTERED) => Class::ContentFilter,
        // Gemini's way to refuse a key, which `wharf_wire` knows: <https://ai.google.dev/gemini-api/docs/troubleshooting>.
        Outcome::Status(400) if failure.is_some_and(|failure| failure.status == 401) => Class::KeyRefused,
        Outcome::Status(401 | 403) => Class::KeyRefused,
        Outcome::Status(400 | 413 | 422) if says(&TOO_LONG) => Class::ContextLength,
        Outcome::Status(500..) => Class::ServerError,
        Outcome::Status(400..) => Class::Rejected,
        Outcome::Status(_) => Class::Answered,
    }
}

fn is_unpaid(failure: &Failure) -> bool {
    let words = [&failure.code, &failure.kind];
    let coded = words.into_iter().flatten().any(|word| UNPAID.contains(&&*word.to_ascii_lowercase()));
    coded || failure.message.starts_with(NO_CREDIT)
}

fn says(failure: &Failure, words: &[&str]) -> bool {
    let texts = [Some(&failure.message), failure.code.as_ref(), failure.kind.as_ref()];
    texts.into_iter().flatten().any(|text| {
        let text = text.to_ascii_lowercase();
        words.iter().any(|word| text.contains(word))
    })
}

/// Whether the body has to be read to know the class.
pub const fn is_unsure(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Status(400 | 403 | 413 | 422 | 429))
}

/// What to do after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Show what came.
    Show,
    /// The same call once more, on a new connection.
    Again,
    /// The same call once more, after a pause.
    Retry,
    /// The next key of the same target.
    Key,
    /// The next target.
    Target,
}

/// What may still be tried for the call at hand. Keys and retries are counted apart: looking for a key that works must
/// not use up what was meant for a provider that stumbles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// Keys of this target that were not tried.
    pub keys: usize,
    /// Targets behind this one.
    pub targets: usize,
    /// Retries of the same call.
    pub retries: u32,
    /// The body can be sent again.
    pub replayable: bool,
    /// This call was made on a new connection because the last one was stale.
    pub fresh: bool,
    /// The upstream is called on a model route (pass-through is not retried).
    pub model_route: bool,
    /// What gives way to the next target.
    pub gives_way: Classes,
}

impl Left {
    /// Something other than showing what came is possible at all.
    pub const fn any(&self) -> bool {
        self.model_route && self.replayable && (self.keys > 0 || self.targets > 0 || self.retries > 0)
    }
}

/// Decides. 401, 402, 403 and 429 are the key's; no connection, no head in time and 5xx are the target's; a kept-alive
/// connection that turns out dead is nobody's. Another target is better than the same once more. `should_retry` is the
/// provider's own word on the same call.
pub fn next(outcome: Outcome, class: Class, should_retry: Option<bool>, left: Left) -> Next {
    match outcome {
        Outcome::Failed(TransportError::Stale) if left.replayable && !left.fresh => return Next::Again,
        Outcome::Failed(TransportError::Upload) => return Next::Show,
        Outcome::Failed(_) | Outcome::Status(_) | Outcome::Broken => {}
    }
    if !left.any() || class == Class::Answered {
        return Next::Show;
    }
    if class.is_keys() && left.keys > 0 {
        return Next::Key;
    }
    if left.targets > 0 && left.gives_way.has(class) {
        return Next::Target;
    }
    let worth = class.is_targets() || class == Class::RateLimited;
    if left.retries > 0 && should_retry.unwrap_or(worth) { Next::Retry } else { Next::Show }
}

/// The pause before the first retry, doubled for each further one.
const PAUSE: Millis = Millis(250);
/// The longest pause of ours.
const LONGEST_PAUSE: Millis = Millis(8_000);
/// The longest wait that a caller is made to sit out because the provider asked for it.
const PATIENCE: Millis = Millis(30_000);

/// How long to wait before the retry that is the `done`th after the first call: what the provider asked for, else
/// between half and all of a growing pause, so that those who failed together do not come back together. `None`: what
/// is left of the caller's time is not enough.
pub fn pause(done: u32, asked: Option<Millis>, random: u64, left: Option<Millis>) -> Option<Millis> {
    let pause = match asked {
        Some(asked) if asked > PATIENCE => return None,
        Some(asked) => asked,
        None => {
            let most = (PAUSE.0 << done.min(8)).min(LONGEST_PAUSE.0);
            Millis(most / 2 + random % (most / 2 + 1))
        }
    };
    left.is_none_or(|left| pause < left).then_some(pause)
}

/// How a route chooses among its targets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Balance {
    /// As written.
    #[default]
    Ordered,
    /// At random, by weight.
    Weighted,
    /// In turn, by weight where there is one.
    RoundRobin,
    /// The one with the fewest calls under way in this process, by weight where there is one.
    LeastInFlight,
}

/// Places of targets in the order in which they are tried. The first is chosen; the others follow in their own order,
/// by weight again where the choice is by weight. `turn` is the route's counter, `random` 64 bits.
pub fn arrange(
    balance: Balance,
    weights: &[u16],
    turn: u32,
    random: u64,
    busy: impl Fn(usize) -> u32,
) -> Vec<usize> {
    let count = weights.len();
    let all = 0..count;
    let weight = |at: usize| u64::from(weights.get(at).copied().unwrap_or(1).max(1));
    match balance {
        Balance::Ordered => all.collect(),
        Balance::Weighted => {
            let (mut left, mut order, mut random): (Vec<usize>, _, _) =
                (all.collect(), Vec::with_capacity(count), random);
            while !left.is_empty() {
                let total: u64 = left.iter().map(|at| weight(*at)).sum();
                let mut point = random % total;
                random = random.rotate_right(21).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                let found = left.iter().position(|at| {
                    let hit = point < weight(*at);
                    point = point.saturating_sub(weight(*at));
                    hit
                });
                order.push(left.remove(found.unwrap_or_default()));
            }
            order
        }
        Balance::RoundRobin => {
            let slots: Vec<usize> = all.clone().flat_map(|at| (0..weight(at)).map(move |_| at)).collect();
            // Steps that share no factor with the number of slots come by each one once, and far apart.
            let total = slots.len().max(1);
            // 64 bits, also where a `usize` has 32.
            let slot = u64::from(turn) * stride(total) as u64 % total as u64;
            let first = slots.get(slot as usize).copied().unwrap_or_default();
            all.map(|step| (first + step) % count).collect()
        }
        Balance::LeastInFlight => {
            let mut order: Vec<usize> = all.collect();
            // Compared as busy ÷ weight without dividing; equals stay in turn.
            order.rotate_left(turn as usize % count.max(1));
            order.sort_by(|a, b| {
                let (a, b) = (*a, *b);
                (u64::from(busy(a)) * weight(b)).cmp(&(u64::from(busy(b)) * weight(a)))
            });
            order
        }
    }
}

/// A step through `total` slots that meets each once: near the golden section of it.
fn stride(total: usize) -> usize {
    let mut step = (total * 5 / 8).max(1);
    while gcd(step, total) != 1 {
        step += 1;
    }
    step
}

const fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}
