//! An exchange as members of a JSON object, the way every host's access log has it. Time and line end are the host's.

use super::Record;

/// What the host measured of an exchange.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measured {
    /// Bytes of the answer's body.
    pub bytes: u64,
    /// Microseconds from the request's head to the answer's head.
    pub head_us: u64,
    /// … to the answer's first body byte.
    pub first_us: u64,
    /// … to its end.
    pub end_us: u64,
    /// The client left before the end.
    pub gone: bool,
    /// The body went out as the platform's own stream: its bytes and its end were not seen.
    pub handed_over: bool,
}

/// `,"name":`, put together by the compiler.
macro_rules! key {
    ($name:literal) => {
        concat!(",\"", $name, "\":").as_bytes()
    };
}

/// Appends an exchange's members, a comma before each; what is unknown or empty is left out.
pub fn members(out: &mut Vec<u8>, record: &Record, measured: Measured) {
    text(out, key!("id"), &record.id);
    text(out, key!("caller"), &record.caller);
    text(out, key!("method"), record.method.as_str());
    text(out, key!("path"), record.path());
    number(out, key!("status"), Some(record.status.into()));
    text(out, key!("provider"), &record.provider);
    text(out, key!("model"), &record.model);
    number(out, key!("attempts"), Some(record.attempts.into()));
    text(out, key!("egress"), &record.egress);
    let watched = |value| (!measured.handed_over).then_some(value);
    number(out, key!("bytes"), watched(measured.bytes));
    number(out, key!("head_us"), Some(measured.head_us));
    number(out, key!("first_us"), watched(measured.first_us));
    number(out, key!("end_us"), watched(measured.end_us));
    let usage = &record.usage;
    number(out, key!("input_tokens"), usage.input);
    number(out, key!("cached_tokens"), usage.cached);
    number(out, key!("cache_write_tokens"), usage.cache_write);
    number(out, key!("output_tokens"), usage.output);
    number(out, key!("reasoning_tokens"), usage.reasoning);
    text(out, key!("error"), record.error);
    if !record.lost.is_empty() {
        text(out, key!("lost"), &record.lost.join(","));
    }
    if !record.dropped.is_empty() {
        text(out, key!("dropped"), &record.dropped.join(","));
    }
    if !record.gave_way.is_empty() {
        text(out, key!("gave_way"), &record.gave_way.join(", "));
    }
    for (name, on) in [
        ("cut", record.cut),
        ("client_gone", measured.gone),
        ("store_failed", record.store_failed),
        ("egress_failed", record.egress_failed),
    ] {
        if on {
            out.extend_from_slice(b",\"");
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"\":true");
        }
    }
}

/// A member, unless it is empty.
fn text(out: &mut Vec<u8>, key: &[u8], value: &str) {
    if value.is_empty() {
        return;
    }
    out.extend_from_slice(key);
    out.push(b'"');
    // Without an early way out, so that the compiler makes vector code of it: nearly all text is clean.
    let odd = |byte: u8| (byte < 0x20) | (byte == b'"') | (byte == b'\\') | (byte == 0x7f);
    if !value.bytes().fold(false, |found, byte| found | odd(byte)) {
        out.extend_from_slice(value.as_bytes());
        out.push(b'"');
        return;
    }
    for byte in value.bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0..0x20 | 0x7f => out.push(b'?'),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

/// A member, unless it is unknown.
fn number(out: &mut Vec<u8>, key: &[u8], value: Option<u64>) {
    let Some(mut value) = value else { return };
    out.extend_from_slice(key);
    let mut digits = [b'0'; 20];
    let mut first = digits.len() - 1;
    for (at, digit) in digits.iter_mut().enumerate().rev() {
        *digit += (value % 10) as u8;
        value /= 10;
        first = at;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(first..).unwrap_or_default());
}
