//! Frames are built here, byte by byte, as the specification has them.

use super::*;

/// A header with a string.
pub(crate) fn header(name: &str, value: &str) -> Vec<u8> {
    let mut out = vec![u8::try_from(name.len()).unwrap()];
    out.extend_from_slice(name.as_bytes());
    out.push(7);
    out.extend_from_slice(&u16::try_from(value.len()).unwrap().to_be_bytes());
    out.extend_from_slice(value.as_bytes());
    out
}

/// A message of these headers.
pub(crate) fn message(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let total = PRELUDE + headers.len() + payload.len() + TRAILER;
    let mut out = u32::try_from(total).unwrap().to_be_bytes().to_vec();
    out.extend_from_slice(&u32::try_from(headers.len()).unwrap().to_be_bytes());
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    out.extend_from_slice(headers);
    out.extend_from_slice(payload);
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    out
}

/// An event.
pub(crate) fn event(kind: &str, payload: &str) -> Vec<u8> {
    let headers = [
        header(":event-type", kind),
        header(":content-type", "application/json"),
        header(":message-type", "event"),
    ];
    message(&headers.concat(), payload.as_bytes())
}

fn read_in(bytes: &[u8], size: usize) -> Result<Vec<(String, String)>, FrameError> {
    let mut frames = EventStream::new();
    let mut out = Vec::new();
    let mut on = |name: &str, data: &[u8]| {
        out.push((name.to_owned(), String::from_utf8_lossy(data).into_owned()));
    };
    for chunk in bytes.chunks(size.max(1)) {
        frames.push(chunk, &mut on)?;
    }
    frames.finish(&mut on);
    Ok(out)
}

#[test]
fn any_split_gives_the_same_messages() {
    let every = [
        // All types of header values, none of them of use.
        [
            b"\x01a\x00\x01b\x01\x01c\x02\x09\x01d\x03\x00\x09\x01e\x04\x00\x00\x00\x09".as_slice(),
            b"\x01f\x05",
        ]
        .concat(),
        vec![0; 8],
        b"\x01g\x06\x00\x03\xff\xfe\xfd\x01h\x08".to_vec(),
        vec![0; 8],
        b"\x01i\x09".to_vec(),
        vec![0; 16],
        header(":event-type", "odd"),
    ]
    .concat();
    let exception =
        [header(":message-type", "exception"), header(":exception-type", "throttlingException")].concat();
    let error = [
        header(":message-type", "error"),
        header(":error-code", "InternalFailure"),
        header(":error-message", "it \"broke\""),
    ]
    .concat();
    let other = [header(":message-type", "ping")].concat();
    let bytes = [
        event("messageStart", r#"{"role":"assistant","p":"abc"}"#),
        event("empty", ""),
        message(&every, b"{}"),
        message(&[], b"bare"),
        message(&other, b"?"),
        message(&exception, br#"{"message":"slow down"}"#),
        message(&error, b""),
    ]
    .concat();
    let whole = read_in(&bytes, bytes.len()).unwrap();
    let expected = [
        ("messageStart", r#"{"role":"assistant","p":"abc"}"#),
        ("empty", ""),
        ("odd", "{}"),
        ("", "bare"),
        ("exception:throttlingException", r#"{"message":"slow down"}"#),
        ("exception:InternalFailure", r#"{"message":"it \"broke\""}"#),
    ];
    assert_eq!(whole, expected.map(|(name, data)| (name.to_owned(), data.to_owned())));
    for size in 1..bytes.len() {
        assert_eq!(read_in(&bytes, size).unwrap(), whole, "chunks of {size}");
    }
}

#[test]
fn every_flipped_bit_is_seen() {
    let good = event("messageStart", r#"{"role":"assistant"}"#);
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        // The first bits make it a line of JSON or a message that can't be: none is handed over.
        for size in [1, bad.len()] {
            assert!(!matches!(read_in(&bad, size), Ok(read) if !read.is_empty()), "bit {bit}");
        }
    }
}

/// A prelude with a checksum that fits.
fn lengths(total: u32, headers: u32) -> Vec<u8> {
    let mut out = [total.to_be_bytes(), headers.to_be_bytes()].concat();
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    out
}

#[test]
fn lengths_that_cannot_be_are_refused_before_anything_is_held() {
    for (total, headers) in [(0, 0), (15, 0), (16, 1), (40, 30), (1 << 20, (128 << 10) + 1), (20, u32::MAX)] {
        let read = read_in(&lengths(total, headers), 5);
        assert!(matches!(read, Err(FrameError::Damaged(_))), "{total} {headers}: {read:?}");
    }
    assert!(matches!(read_in(&lengths(u32::MAX, 0), 12), Err(FrameError::TooLong { .. })));
    // The longest that may be holds no more than what came.
    let mut frames = EventStream::new();
    let long = lengths(u32::try_from(MAX_MESSAGE).unwrap(), 0);
    frames.push(&long, &mut |_, _| {}).unwrap();
    assert!(frames.pending.capacity() < 1024);
}

#[test]
fn headers_that_end_too_early_are_refused() {
    let headers = header(":event-type", "messageStart");
    for cut in 1..headers.len() {
        let read = read_in(&message(&headers[..cut], b"{}"), 1 << 20);
        assert!(matches!(read, Err(FrameError::Damaged(_))), "{cut}");
    }
    assert!(read_in(&message(b"\x01a\x0a", b""), 64).is_err(), "a type that there is not");
    assert!(read_in(&message(b"\x01a\x07\x00\x01\xff", b""), 64).is_err(), "no UTF-8");
}

#[test]
fn decoded_streams_are_read_as_lines() {
    let text = b"{\"messageStart\":{}}\n{\"messageStop\":{}}";
    for size in 1..=text.len() {
        let lines = read_in(text, size).unwrap();
        assert_eq!(lines.len(), 2, "{size}");
        assert_eq!(lines[1], (String::new(), r#"{"messageStop":{}}"#.to_owned()));
    }
}

#[test]
fn a_cut_message_is_not_handed_over() {
    let bytes = [event("a", "{}"), event("b", "{}")].concat();
    for cut in 0..bytes.len() {
        let read = read_in(&bytes[..cut], 7).unwrap();
        assert_eq!(read.len(), usize::from(cut >= bytes.len() / 2), "{cut}");
    }
}
