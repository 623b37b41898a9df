//! Lines, however they are cut.

use super::*;

fn read_in(text: &[u8], size: usize) -> Result<Vec<String>, FrameError> {
    let mut lines = JsonLines::new();
    let mut out = Vec::new();
    let mut on = |line: &[u8]| out.push(String::from_utf8_lossy(line).into_owned());
    for chunk in text.chunks(size.max(1)) {
        lines.push(chunk, &mut on)?;
    }
    lines.finish(&mut on);
    Ok(out)
}

#[test]
fn any_split_gives_the_same_lines() {
    let text = "{\"a\":1}\n\r\n  \n {\"b\":\"ü\\n\"} \r\n{\"c\":3}".as_bytes();
    let expected = ["{\"a\":1}", "{\"b\":\"ü\\n\"}", "{\"c\":3}"];
    for size in 1..=text.len() {
        assert_eq!(read_in(text, size).unwrap(), expected, "chunks of {size}");
    }
    assert!(read_in(b"", 1).unwrap().is_empty());
    assert!(read_in(b"\n\n", 1).unwrap().is_empty());
}

#[test]
fn a_line_without_an_end_is_refused_at_the_limit() {
    let mut lines = JsonLines::new();
    let chunk = vec![b'x'; 1 << 20];
    let refused = (0..17).find(|_| lines.push(&chunk, &mut |_| {}).is_err());
    assert_eq!(refused, Some(16));
}
