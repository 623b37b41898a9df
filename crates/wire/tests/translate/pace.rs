//! Nothing is held that a dialect doesn't force: what an upstream has said is with the client before it says more.

use crate::CLIENTS;
use crate::answers::context;
use crate::judge::{cases, list};
use serde_json::Value;
use wharf_wire::Format;
use wharf_wire::translate::Pipe;

/// The first words of the case, and of its reasoning.
const WORDS: [(&str, &str); 2] = [("text", "Bonjour, "), ("reasoning", "First ")];

#[test]
fn the_first_words_leave_before_the_second_come() {
    for format in Format::ALL {
        for (feature, words) in WORDS {
            let answers: Value = serde_json::from_str(cases::answers(format)).unwrap();
            let events = list(&answers[feature][0], "stream").to_vec();
            let first = events.iter().position(|event| event.to_string().contains(words)).unwrap();
            for dialect in CLIENTS {
                let mut pipe = Pipe::new(format, dialect, &context()).unwrap();
                let mut out = Vec::new();
                for event in &events[..=first] {
                    pipe.push(&cases::framed(format, std::slice::from_ref(event)), &mut out);
                }
                let out = String::from_utf8(out).unwrap();
                assert!(out.contains(words), "{format} to {dialect}, {feature}: {out}");
                assert!(pipe.progress().content, "{format} to {dialect}: an error can no longer be a status");
            }
        }
    }
}
