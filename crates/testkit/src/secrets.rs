//! Looks for credentials where none may be: in logs, answers, state files and whatever else a gateway leaves behind.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::path::{Path, PathBuf};

/// A prefix of this many characters already tells too much.
const PREFIX: usize = 8;

/// A credential that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leak {
    /// Which of the secrets, by its place in the list.
    pub secret: usize,
    /// In which form it stood there.
    pub form: &'static str,
    /// At which byte.
    pub at: usize,
    /// In which file, when files were searched.
    pub file: Option<PathBuf>,
}

/// The first leak of any of `secrets`: as it is, its first 8 characters, percent-encoded, hexadecimal, escaped as
/// JSON, or in Base64 at any alignment.
pub fn find_secret(text: impl AsRef<[u8]>, secrets: &[&str]) -> Option<Leak> {
    let text = text.as_ref();
    for (index, secret) in secrets.iter().enumerate() {
        assert!(secret.len() >= PREFIX, "secret {index} is too short to be looked for");
        for (form, needle) in forms(secret) {
            if let Some(at) = memchr::memmem::find(text, &needle) {
                return Some(Leak { secret: index, form, at, file: None });
            }
        }
    }
    None
}

/// Fails the test when `text` holds one of `secrets` in any form.
pub fn assert_no_secret(what: &str, text: impl AsRef<[u8]>, secrets: &[&str]) {
    let text = text.as_ref();
    if let Some(leak) = find_secret(text, secrets) {
        let from = leak.at.saturating_sub(60);
        let around = String::from_utf8_lossy(&text[from..leak.at]);
        panic!("{what} holds secret {} ({}) at byte {}, after: {around:?}", leak.secret, leak.form, leak.at);
    }
}

/// Every leak in the files of a folder and of the folders below it.
pub fn scan_folder(folder: &Path, secrets: &[&str]) -> Vec<Leak> {
    let mut leaks = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in
            std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        {
            let path = entry.expect("a folder entry").path();
            if path.is_dir() {
                open.push(path);
            } else if let Ok(bytes) = std::fs::read(&path) {
                leaks.extend(find_secret(bytes, secrets).map(|leak| Leak { file: Some(path), ..leak }));
            }
        }
    }
    leaks
}

fn forms(secret: &str) -> Vec<(&'static str, Vec<u8>)> {
    let bytes = secret.as_bytes();
    let mut forms = vec![
        ("as it is", bytes.to_vec()),
        ("percent-encoded", percent_encode(bytes, false)),
        ("percent-encoded in lower case", percent_encode(bytes, true)),
        ("hexadecimal", bytes.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()),
        ("as JSON", json_escape(secret)),
        ("its first characters", bytes[..PREFIX].to_vec()),
    ];
    for skip in 0..3 {
        forms.push(("Base64", aligned(&STANDARD_NO_PAD, bytes, skip)));
        forms.push(("Base64 for URLs", aligned(&URL_SAFE_NO_PAD, bytes, skip)));
    }
    // A short form would match anything.
    forms.retain(|(_, needle)| needle.len() >= PREFIX);
    forms
}

/// The part of a Base64 text that depends on `bytes` alone when `skip` unknown bytes stand before them.
fn aligned(engine: &impl Engine, bytes: &[u8], skip: usize) -> Vec<u8> {
    let mut padded = vec![0; skip];
    padded.extend_from_slice(bytes);
    let known = padded.len() - padded.len() % 3;
    let text = engine.encode(&padded[..known]);
    let start = if skip == 0 { 0 } else { 4 };
    text.as_bytes().get(start..).unwrap_or_default().to_vec()
}

fn percent_encode(bytes: &[u8], lower: bool) -> Vec<u8> {
    let encode = |&byte: &u8| match byte {
        _ if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => vec![byte],
        _ if lower => format!("%{byte:02x}").into_bytes(),
        _ => format!("%{byte:02X}").into_bytes(),
    };
    bytes.iter().flat_map(encode).collect()
}

fn json_escape(secret: &str) -> Vec<u8> {
    let quoted = serde_json::Value::from(secret).to_string();
    quoted.trim_matches('"').as_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "sk-proj/0123+456789=abc";

    #[test]
    fn finds_every_form() {
        let base64 = STANDARD_NO_PAD.encode(format!("user:{SECRET}"));
        for text in [
            format!("key={SECRET}&x"),
            "key=sk-proj%2F0123%2B456789%3Dabc".into(),
            "masked sk-proj/…".into(),
            format!("Basic {base64}"),
        ] {
            assert!(find_secret(&text, &["other-secret", SECRET]).is_some(), "{text}");
        }
    }

    #[test]
    fn every_base64_alignment_is_found() {
        for lead in ["", "a", "ab", "abc"] {
            let text = STANDARD_NO_PAD.encode(format!("{lead}{SECRET}tail"));
            assert_eq!(find_secret(&text, &[SECRET]).map(|leak| leak.form), Some("Base64"), "{lead:?}");
        }
    }

    #[test]
    fn a_mask_is_no_leak() {
        assert_no_secret("status", "***abc sk-pro *******789", &[SECRET]);
    }
}
