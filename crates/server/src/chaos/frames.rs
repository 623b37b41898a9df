//! How an event of a stream is framed: server-sent events, JSON lines, Amazon's event stream, HTTP chunks.

use serde_json::Value;

/// An event without a name.
pub(super) fn data(value: &Value) -> Vec<u8> {
    format!("data: {value}\n\n").into_bytes()
}

/// An event named by its `type`.
pub(super) fn named(value: &Value) -> Vec<u8> {
    let name = value.get("type").and_then(Value::as_str).unwrap_or("message");
    format!("event: {name}\ndata: {value}\n\n").into_bytes()
}

/// A line of JSON.
pub(super) fn line(value: &Value) -> Vec<u8> {
    format!("{value}\n").into_bytes()
}

/// A chunk of HTTP/1.1.
pub(super) fn chunk(content: &[u8]) -> Vec<u8> {
    let mut framed = format!("{:x}\r\n", content.len()).into_bytes();
    framed.extend_from_slice(content);
    framed.extend_from_slice(b"\r\n");
    framed
}

/// A message of `application/vnd.amazon.eventstream`; `message_type` is `event` or `exception`.
/// <https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html#streaming-event-stream>
pub(super) fn amazon(message_type: &str, kind: &str, value: &Value) -> Vec<u8> {
    let of_kind = if message_type == "exception" { ":exception-type" } else { ":event-type" };
    let mut headers = Vec::new();
    for (name, value) in
        [(":message-type", message_type), (of_kind, kind), (":content-type", "application/json")]
    {
        headers.extend([u8::try_from(name.len()).unwrap_or(u8::MAX)]);
        headers.extend_from_slice(name.as_bytes());
        // 7: a string with a length of two bytes.
        headers.push(7);
        headers.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    let payload = value.to_string();
    let size = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes();
    // Two lengths and two checksums of four bytes each.
    let mut out = size(headers.len() + payload.len() + 16).to_vec();
    out.extend(size(headers.len()));
    out.extend(crc32(&out).to_be_bytes());
    out.extend(headers);
    out.extend_from_slice(payload.as_bytes());
    out.extend(crc32(&out).to_be_bytes());
    out
}

/// The checksum of ISO-HDLC (zlib's), bit by bit: these messages are few and short.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 * (crc & 1)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_zlibs() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }
}
