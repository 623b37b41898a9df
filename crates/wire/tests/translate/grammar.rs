//! The judge, judged: the vendors' own streams and answers keep the grammar that ours are held to.

use crate::judge::{self, Reading};
use crate::recordings::{Body, Recording};
use crate::tally::Tally;

/// Recordings of those who made the dialect, without what only the vendor's own tools write.
pub(crate) fn replay(recording: &Recording, tally: &mut Tally) {
    let own = [
        ("openai", "chat"),
        ("openai", "responses"),
        ("anthropic", "messages"),
        ("gemini", "generate-content"),
    ];
    let (provider, endpoint) = recording.name.split_once('/').unwrap_or_default();
    if recording.status != 200
        || !own.iter().any(|(who, what)| provider == *who && endpoint.starts_with(what))
    {
        return;
    }
    let judged = match &recording.answer {
        Body::Json(value, bytes) => match judge::plain(recording.format, value) {
            Reading::Whole(_) => judge::whole_for_client(recording.format, bytes).map(|_| ()),
            _ => return,
        },
        Body::Stream(bytes) => match judge::streamed(recording.format, bytes) {
            Reading::Whole(_) => judge::stream_for_client(recording.format, bytes).map(|_| ()),
            _ => return,
        },
        Body::Text(_) => return,
    };
    tally.note(recording, "itself", "grammar", judged);
}
