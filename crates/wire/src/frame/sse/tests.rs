//! Events are what the standard says, however a stream is cut.

use proptest::prelude::*;

use super::*;

type Owned = (String, String, Option<String>, Option<u64>);

fn read<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Owned>, bool) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (mut events, mut sse) = (Vec::new(), Sse::new());
    let mut on = |event: Event<'_>| {
        events.push((text(event.name), text(event.data), event.id.map(text), event.retry));
    };
    for chunk in chunks {
        sse.push(chunk, &mut on).unwrap();
    }
    let lost = sse.finish(&mut on);
    (events, lost)
}

fn data(stream: &str) -> Vec<String> {
    read([stream.as_bytes()]).0.into_iter().map(|event| event.1).collect()
}

#[test]
fn every_field_and_line_end_is_understood() {
    let stream =
        "\u{feff}event: a\r\nid: 7\r\nretry: 15\r\ndata: x\r\n\r\n: comment\rdata:y\rdata:  z\r\rdata\n\n";
    let event = |name: &str, data: &str, id: Option<&str>, retry| {
        (name.to_owned(), data.to_owned(), id.map(str::to_owned), retry)
    };
    let expected =
        vec![event("a", "x", Some("7"), Some(15)), event("", "y\n z", None, None), event("", "", None, None)];
    assert_eq!(read([stream.as_bytes()]), (expected, false));
}

#[test]
fn events_without_data_are_left_out() {
    assert_eq!(data(": keep-alive\n\nevent: ping\n\n\n\ndata: x\n\n"), ["x"]);
}

#[test]
fn a_missing_blank_line_at_the_end_is_forgiven_and_half_a_line_is_not() {
    assert_eq!(read([&b"data: x\n"[..]]).0.len(), 1);
    assert_eq!(read([&b"data: x\n\ndata: y"[..]]), (read([&b"data: x\n\n"[..]]).0, true));
}

#[test]
fn an_event_over_the_limit_is_an_error_however_it_is_cut() {
    for size in [1, 7, 100] {
        let mut sse = Sse::with_limit(10);
        let fits: Result<(), _> =
            b"data: x\n\n".chunks(size).try_for_each(|chunk| sse.push(chunk, &mut |_| {}));
        assert_eq!(fits, Ok(()));
        let long: Result<(), _> =
            b"data: xyz\n\n".chunks(size).try_for_each(|chunk| sse.push(chunk, &mut |_| {}));
        assert_eq!(long, Err(FrameError::TooLong { limit: 10 }));
    }
}

proptest! {
    #[test]
    fn events_are_the_same_however_the_stream_is_cut(
        lines in prop::collection::vec(prop::sample::select(vec![
            "data: a", "data: bc", "data:", "event: e", ": c", "id: 1", "retry: 5", "x", "\u{feff}", "", "", "",
        ]), 0..24),
        ends in prop::collection::vec(prop::sample::select(vec!["\n", "\r\n", "\r"]), 24),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let stream: String = lines.iter().zip(&ends).flat_map(|(line, end)| [*line, *end]).collect();
        let stream = stream.as_bytes();
        let whole = read([stream]);
        prop_assert_eq!(&read(stream.chunks(1)), &whole);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.sort_unstable();
        let (mut pieces, mut start) = (Vec::new(), 0);
        for cut in cuts.into_iter().chain([stream.len()]) {
            pieces.push(&stream[start..cut]);
            start = cut;
        }
        prop_assert_eq!(read(pieces), whole);
    }
}
