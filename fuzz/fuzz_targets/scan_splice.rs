//! Any body: `scan` agrees with serde_json on what is JSON, and a spliced model changes nothing else.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use serde_json::value::RawValue;
use wharf_wire::{Edits, Model, Root, edit, members, scan, splice};

const NEW: &str = "new \"model\"/é";

fuzz_target!(|body: &[u8]| {
    for member in members(body) {
        let _ = member.name(body);
    }
    let valid = std::str::from_utf8(body).ok().map(serde_json::from_str::<&RawValue>);
    let found = match (scan(body), valid) {
        (Ok(found), Some(Ok(_))) => found,
        (Err(_), None) => return,
        // serde_json stops at 128 levels, `scan` at 1024.
        (_, Some(Err(error))) if error.to_string().starts_with("recursion limit") => return,
        (Err(_), Some(Err(_))) => return,
        (scanned, valid) => panic!("scan says {scanned:?}, serde_json {valid:?}"),
    };
    let body = Bytes::copy_from_slice(body);
    if let Model::Text { value, .. } = found.model.clone() {
        let spliced = splice(&body, value.clone(), NEW).to_bytes();
        assert!(spliced.starts_with(&body[..value.start]) && spliced.ends_with(&body[value.end..]));
        let again = scan(&spliced).expect("a spliced body is valid");
        assert_eq!(again.model(&spliced).as_deref(), Some(NEW));
    }
    if found.root == Root::Object {
        let edits = Edits { model: Some(NEW), drop: &["stream", "a"], ask_usage: true };
        let edited = edit(&body, &edits);
        scan(&edited.body).expect("an edited body is valid");
        // Lone surrogates are JSON, but no text for serde_json.
        if let Ok(Value::Object(object)) = serde_json::from_slice(&edited.body) {
            assert!(!object.contains_key("stream") && !object.contains_key("a"));
        }
    }
});
