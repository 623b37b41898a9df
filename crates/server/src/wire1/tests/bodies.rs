//! Bodies: every input cut at every byte comes out the same.

use crate::wire1::{BodyError, Decoder, Framing, Step};
use bytes::BytesMut;

/// Content, what is left in the buffer, and whether the body has ended.
type Outcome = Result<(Vec<u8>, Vec<u8>, bool), BodyError>;

/// Feeds `parts` one after the other; the content, and what is left in the buffer.
fn feed(framing: Framing, parts: &[&[u8]]) -> Outcome {
    let (mut decoder, mut buf, mut content) = (Decoder::new(framing), BytesMut::new(), Vec::new());
    for part in parts {
        buf.extend_from_slice(part);
        while let Step::Data(data) = decoder.decode(&mut buf)? {
            assert!(!data.is_empty());
            content.extend_from_slice(&data);
        }
    }
    Ok((content, buf.to_vec(), decoder.is_done()))
}

/// Whole, cut in two at every byte, and byte by byte.
fn every_cut(framing: Framing, input: &[u8]) -> Vec<Outcome> {
    let mut seen = vec![feed(framing, &[input]), feed(framing, &input.chunks(1).collect::<Vec<_>>())];
    seen.extend((0..input.len()).map(|at| feed(framing, &[&input[..at], &input[at..]])));
    seen
}

#[test]
fn chunks_come_out_joined_and_end_exactly() {
    let input = b"3\r\nabc\r\nA;x=\"y\"\r\n0123456789\r\n0000\r\nt: v\r\nu: w\r\n\r\nNEXT";
    for seen in every_cut(Framing::Chunked, input) {
        assert_eq!(seen, Ok((b"abc0123456789".to_vec(), b"NEXT".to_vec(), true)));
    }
    let mut buf = BytesMut::from(&input[..]);
    let mut decoder = Decoder::new(Framing::Chunked);
    assert_eq!(decoder.decode(&mut buf), Ok(Step::Data("abc0123456789".into())));
    assert!(decoder.is_done());
    assert_eq!(decoder.decode(&mut buf), Ok(Step::End));
}

#[test]
fn bad_chunk_framing_is_refused_wherever_it_is_cut() {
    let long = format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(4097));
    let trailers = format!("0\r\n{}\r\n", "a: b\r\n".repeat(1000));
    for input in [
        &b"\r\n"[..],
        b";x\r\n",
        b"g\r\n",
        b"-1\r\n",
        b"0x1\r\na\r\n0\r\n\r\n",
        b" 1\r\na\r\n0\r\n\r\n",
        b"1 \r\na\r\n0\r\n\r\n",
        b"1\na\r\n0\r\n\r\n",
        b"1\r\na\n0\r\n\r\n",
        b"1\r\nab\r\n0\r\n\r\n",
        b"1\r\na\r\r\n",
        b"1;a\nb\r\na\r\n0\r\n\r\n",
        b"1;a\0b\r\na\r\n0\r\n\r\n",
        b"0\r\n\n",
        b"0\r\na: b\n\r\n",
        b"0\r\na: b\rc\r\n\r\n",
        b"11111111111111111\r\na",
        long.as_bytes(),
        trailers.as_bytes(),
    ] {
        for seen in every_cut(Framing::Chunked, input) {
            assert_eq!(seen.err(), Some(BodyError::Malformed), "{:?}", String::from_utf8_lossy(input));
        }
    }
}

#[test]
fn a_length_is_counted_and_what_follows_left() {
    for seen in every_cut(Framing::Length(5), b"12345NEXT") {
        assert_eq!(seen, Ok((b"12345".to_vec(), b"NEXT".to_vec(), true)));
    }
    assert!(Decoder::new(Framing::Length(0)).is_done() && Decoder::new(Framing::None).is_done());
    let mut decoder = Decoder::new(Framing::Length(5));
    decoder.took_direct(2);
    assert_eq!((decoder.remaining(), decoder.closed()), (Some(3), Err(BodyError::CutShort)));
    let mut open = Decoder::new(Framing::UntilClose);
    assert_eq!(open.decode(&mut BytesMut::from("ab")), Ok(Step::Data("ab".into())));
    assert!(!open.is_done() && open.closed().is_ok() && open.is_done());
}

#[test]
fn pieces_of_all_sizes_at_all_cuts_come_back() {
    let sizes = [1, 2, 15, 16, 255, 2047, 2048, 2049, 3, 9000, 1];
    let mut input = Vec::new();
    let mut content = Vec::new();
    for (number, size) in sizes.into_iter().enumerate() {
        let piece: Vec<u8> = (0..size).map(|at| u8::try_from((at * 7 + number) % 251).unwrap()).collect();
        input.extend_from_slice(format!("{size:x}\r\n").as_bytes());
        input.extend_from_slice(&piece);
        input.extend_from_slice(b"\r\n");
        content.extend_from_slice(&piece);
    }
    input.extend_from_slice(b"0\r\n\r\n+");
    for cut in (1..64).chain([100, 1000, 2050, 4096, 20_000]) {
        let parts: Vec<&[u8]> = input.chunks(cut).collect();
        assert_eq!(feed(Framing::Chunked, &parts), Ok((content.clone(), b"+".to_vec(), true)), "{cut}");
    }
}
