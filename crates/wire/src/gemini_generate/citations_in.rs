//! Sources of an answer: what it was grounded in, and what it cites.
//! <https://ai.google.dev/api/generate-content#GroundingMetadata>,
//! <https://ai.google.dev/api/generate-content#citationmetadata>

use crate::chat::Citation;
use crate::json::Json;

/// A source and the stretch of text that it is for, in bytes.
#[derive(Debug)]
pub(super) struct Source<'a> {
    citation: Citation<'a>,
    start: Option<u64>,
    end: Option<u64>,
}

impl<'a> Source<'a> {
    /// The citation. Its place is known in characters only where the text is ASCII.
    pub(super) fn citation(self, ascii: bool) -> Citation<'a> {
        let end = self.end.filter(|_| ascii);
        // Google leaves out what is zero.
        let start = end.map(|_| self.start.unwrap_or(0));
        Citation { start, end, ..self.citation }
    }
}

/// All sources of a candidate.
pub(super) fn read<'a>(candidate: &Json<'a>) -> Vec<Source<'a>> {
    let mut sources = Vec::new();
    if let Some(grounding) = candidate.get("groundingMetadata") {
        grounded(grounding, &mut sources);
    }
    if let Some(cited) = candidate.get("citationMetadata") {
        let list = ["citationSources", "citations"].into_iter().find_map(|name| cited.get(name));
        sources.extend(list.map_or(&[][..], Json::items).iter().map(|source| Source {
            citation: Citation {
                url: source.get("uri").and_then(Json::cow),
                title: source.get("title").and_then(Json::cow),
                ..Citation::default()
            },
            start: source.get("startIndex").and_then(Json::number),
            end: source.get("endIndex").and_then(Json::number),
        }));
    }
    sources
}

fn grounded<'a>(grounding: &Json<'a>, sources: &mut Vec<Source<'a>>) {
    let found = grounding.get("groundingChunks").map_or(&[][..], Json::items);
    let supports = grounding.get("groundingSupports").map_or(&[][..], Json::items);
    for support in supports {
        let segment = support.get("segment");
        let number = |name: &str| segment.and_then(|segment| segment.get(name)).and_then(Json::number);
        // Offsets count from the start of their part; only those in the first are offsets in the text.
        let first = number("partIndex").unwrap_or(0) == 0;
        let cited = segment.and_then(|segment| segment.get("text")).and_then(Json::cow);
        let places = support.get("groundingChunkIndices").map_or(&[][..], Json::items);
        for place in places {
            let chunk = place.number().and_then(|place| found.get(usize::try_from(place).ok()?));
            if let Some(citation) = chunk.and_then(of_chunk) {
                sources.push(Source {
                    citation: Citation { cited: cited.clone(), ..citation },
                    start: number("startIndex").filter(|_| first),
                    end: number("endIndex").filter(|_| first),
                });
            }
        }
    }
    // Nothing says what they are for: then they are for all of it.
    if supports.is_empty() {
        let all = found.iter().filter_map(of_chunk);
        sources.extend(all.map(|citation| Source { citation, start: None, end: None }));
    }
}

fn of_chunk<'a>(chunk: &Json<'a>) -> Option<Citation<'a>> {
    let source = ["web", "retrievedContext", "maps", "image"].into_iter().find_map(|kind| chunk.get(kind))?;
    let text = |name: &str| source.get(name).and_then(Json::cow);
    let (url, title) = (text("uri").or_else(|| text("sourceUri")), text("title"));
    (url.is_some() || title.is_some()).then(|| Citation { url, title, ..Citation::default() })
}
