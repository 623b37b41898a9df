//! `docs/conformance.md`: what every client dialect can do over every upstream format. Each cell is computed, when the
//! page is made, by running the small cases of `crates/wire/tests/cases` through the translation and reading the
//! outcome with the judge that the replay of recordings uses too.

#[path = "../../crates/wire/tests/judge/mod.rs"]
mod judge;

use crate::documents::Document;
use crate::tree::{Tree, Trouble};
use judge::exceptions::EXCEPTIONS;
use judge::matrix::{self, CLIENTS, Cell, FEATURES};
use std::fmt::Write as _;
use wharf_wire::Format;

/// Where it stands.
pub(crate) const PATH: &str = "docs/conformance.md";

/// The page as it is, and as it should be.
pub(crate) fn document(tree: &Tree) -> Result<Document, Trouble> {
    Ok(Document { path: PATH, found: tree.read_or_empty(PATH)?, wanted: page()? })
}

const HEAD: &str = "\
# Conformance

<!-- Written by `cargo run -p xtask -- conformance`; `-- check` fails when it is stale. -->

Callers speak one of four dialects, providers one of seven formats. This page says what arrives of each feature when \
the one is translated to the other. Every cell was computed by running the cases in `crates/wire/tests/cases`: a \
request that uses the feature is written for the format, and answers that have it are handed to the client, plain \
(and gathered from a stream) or streamed (byte by byte, and made of a plain answer). What comes out is read by an \
independent judge, the streams by the grammar of their dialect.

| word | meaning |
| --- | --- |
| yes | it arrives, there and back |
| listed | the format can't say it: it is left out and named in `x-wharf-dropped`; with `strict` that is a 400 |
| refused | the format can't say it, and without it the question would be another: 400 |
| – | the dialect or the format has no such thing |

`a / b` is plain / streamed, where the two differ. The targets have no quirks here; a provider's own (see its entry in \
the catalogue) may list or refuse more. Images and files are data in these cases, not addresses; caching is the \
caller's marks or key on the way there and the count of cached tokens on the way back.
";

const RECORDED: &str = "\
## Recorded exchanges

The same judge replays recorded traffic of real providers, where there is a folder of it: each recorded answer in each \
of the four dialects, plain, streamed whole and in pieces of 7 and 1000 bytes (short ones also byte by byte), gathered, \
and as a stream; each recorded error; \
each recorded request in every other format, held against the vendor's own description. How many pass is printed by

```sh
WHARF_FIXTURES=… cargo test -p wharf-wire --test translate -- --nocapture
```

All must, but for these:

";

fn page() -> Result<String, Trouble> {
    let mut out = HEAD.to_owned();
    let mut wrong = Vec::new();
    for dialect in CLIENTS {
        let _ = write!(out, "\n## {} clients\n\n| format |", title(dialect));
        FEATURES.iter().for_each(|feature| out.extend([" ", feature, " |"]));
        out.push_str("\n| --- |");
        out.push_str(&" --- |".repeat(FEATURES.len()));
        for format in Format::ALL {
            let _ = write!(out, "\n| {} |", title(format));
            for feature in FEATURES {
                let cells = [false, true].map(|stream| matrix::cell(dialect, format, feature, stream));
                for cell in &cells {
                    if let Cell::Wrong(what) = cell {
                        wrong.push(format!("{dialect} over {format}, {feature}: {what}"));
                    }
                }
                let [plain, streamed] = cells.map(|cell| word(&cell));
                let _ = match plain == streamed {
                    true => write!(out, " {plain} |"),
                    false => write!(out, " {plain} / {streamed} |"),
                };
            }
        }
        out.push('\n');
    }
    if !wrong.is_empty() {
        return Err(Trouble(format!("{PATH} can't be written:\n{}", wrong.join("\n"))));
    }
    out.push('\n');
    out.push_str(RECORDED);
    out.push_str("| recording | translated to | difference | reason |\n| --- | --- | --- | --- |\n");
    for known in EXCEPTIONS {
        let or_any = |text: &'static str| if text.is_empty() { "any" } else { text };
        let (to, what) = (or_any(known.to), or_any(known.what));
        let _ = writeln!(out, "| `{}` | {to} | {what} | {} |", known.file, known.reason);
    }
    Ok(out)
}

const fn word(cell: &Cell) -> &'static str {
    match cell {
        Cell::Yes => "yes",
        Cell::Listed => "listed",
        Cell::Refused => "refused",
        Cell::Absent => "–",
        Cell::Wrong(_) => "WRONG",
    }
}

const fn title(format: Format) -> &'static str {
    match format {
        Format::OpenAiChat => "OpenAI Chat Completions",
        Format::OpenAiResponses => "OpenAI Responses",
        Format::AnthropicMessages => "Anthropic Messages",
        Format::GeminiGenerate => "Gemini generateContent",
        Format::CohereChat => "Cohere v2 chat",
        Format::BedrockConverse => "Bedrock Converse",
        Format::OllamaChat => "Ollama chat",
    }
}
