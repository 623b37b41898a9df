//! `docs/faults.md`: the table as it is held against the gateway, for people.

use super::rows::{EXCEPTIONS, Expect, ROWS, Row, Want};
use super::{Cell, PAIRS, TIMEOUT_MS};
use std::fmt::Write as _;

const HEAD: &str = "\
# Faults

<!-- Written by `cargo run -p xtask -- gen`; `-- check` fails when it is stale. -->

What a caller sees when a provider misbehaves. Every cell is a test: `cargo test -p wharf --test scorecard` puts the \
gateway, as the native server, as the Worker in workerd, and as a Worker whose calls leave from another region, in front \
of [`wharf chaos`](chaos.md) and asks for each fault, plain and streamed, passed on in the provider's own format and \
translated, with the broken target alone and with a healthy one behind it";

const WORDS: &str = "\
| word | what comes |
| --- | --- |
| right | the answer, by the first target |
| next | the answer, by the second target: 200, the right text, `x-wharf-attempts` over 1 |
| 502, 504, 429 … | this status with an error in the caller's dialect |
| told | what came so far, an error event in the caller's dialect, the end of the body |
| cut | what came so far, and a cut transport: no last chunk, or less than `Content-Length` |

Where a cell has two, the first is for a target that stands alone, the second for one with a healthy target behind it. \
No cell ends as if half an answer were all of it, and none hangs.
";

const ELSEWHERE: &str = "
## Against another gateway

`wharf chaos` needs nothing of ours in front of it: give any gateway a provider with the base URL \
`http://127.0.0.1:9900/FAULT/v1`. A Wharf on any host is held to the table with

```sh
wharf chaos &
cargo run -p wharf-testkit --example scorecard -- config http://127.0.0.1:9900 > faults.jsonc
wharf --config faults.jsonc --listen 127.0.0.1:8787 &
cargo run -p wharf-testkit --example scorecard -- run http://127.0.0.1:8787 native http://127.0.0.1:9900
```
";

/// The page.
pub fn page() -> String {
    let mut out = HEAD.to_owned();
    let _ = write!(
        out,
        ": {} requests to each of the three, by all four dialects. Time-outs are {TIMEOUT_MS} ms there, and no caller \
         waits for longer than those of each target (and what a busy machine needs).\n\n{WORDS}\n",
        Cell::all(&PAIRS).len()
    );
    out.push_str("| fault | what it is | plain | plain, translated | streamed | streamed, translated |\n");
    out.push_str("| --- | --- | --- | --- | --- | --- |\n");
    for Row { fault, about, plain, streamed } in ROWS {
        let [plain, plain_translated] = plain.map(word);
        let [streamed, streamed_translated] = streamed.map(word);
        let _ = writeln!(
            out,
            "| `{fault}` | {about} | {plain} | {plain_translated} | {streamed} | {streamed_translated} |"
        );
    }
    for (at, one) in EXCEPTIONS.iter().enumerate() {
        if at == 0 {
            out.push_str("\n## What a platform decides\n\nThere this comes instead, and must:\n\n| host | fault | what comes | why |\n| --- | --- | --- | --- |\n");
        }
        let mode = one.stream.map_or("", |stream| if stream { ", streamed" } else { ", plain" });
        let lane =
            one.translated.map_or("", |translated| if translated { ", translated" } else { ", passed on" });
        let _ = writeln!(
            out,
            "| {} | `{}`{mode}{lane} | {} | {} |",
            one.host,
            one.fault,
            word(one.want),
            one.reason
        );
    }
    out.push_str(ELSEWHERE);
    out
}

fn word(want: Want) -> String {
    let (alone, second) = (expect(want.alone), expect(want.second));
    if alone == second { alone } else { format!("{alone}, {second}") }
}

fn expect(expect: Expect) -> String {
    match expect {
        Expect::Right => "right".into(),
        Expect::FailsOver => "next".into(),
        Expect::Status(status) => status.to_string(),
        Expect::Told => "told".into(),
        Expect::Cut => "cut".into(),
        Expect::ToldOrCut => "told or cut".into(),
        Expect::Failed => "5xx".into(),
        Expect::ToldOrFailed => "told or 5xx".into(),
    }
}
