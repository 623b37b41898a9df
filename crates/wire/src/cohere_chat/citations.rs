//! Sources that an answer names: <https://docs.cohere.com/v2/docs/rag-citations>.

use crate::chat::Citation;
use crate::json::Json;
use std::borrow::Cow;

/// One citation becomes one of ours for each of its sources, at least one.
pub(super) fn read<'a>(citation: &Json<'a>, mut on: impl FnMut(Citation<'a>)) {
    let said = Citation {
        cited: citation.get("text").and_then(Json::cow),
        start: citation.get("start").and_then(Json::number),
        end: citation.get("end").and_then(Json::number),
        ..Citation::default()
    };
    let sources = citation.get("sources").map_or(&[][..], Json::items);
    for source in sources {
        let document = source.get("document");
        let text = |name: &str| -> Option<Cow<'a, str>> { document?.get(name).and_then(Json::cow) };
        let title = text("title").or_else(|| source.get("id").and_then(Json::cow));
        on(Citation { url: text("url"), title, ..said.clone() });
    }
    if sources.is_empty() {
        on(said);
    }
}
