//! Any stream, cut anywhere: the framer and the tap see the same as in one piece. The tap on events promises that
//! only for data that is JSON: it searches some events, and reads others.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wharf_wire::frame::{Event, Sse};
use wharf_wire::{Format, Seen, Tap, scan};

type Owned = (Vec<u8>, Vec<u8>, Option<Vec<u8>>, Option<u64>);

fn framed(chunks: &[&[u8]]) -> (Vec<Owned>, bool) {
    let (mut sse, mut events) = (Sse::new(), Vec::new());
    let mut on = |event: Event<'_>| {
        events.push((event.name.to_vec(), event.data.to_vec(), event.id.map(<[u8]>::to_vec), event.retry));
    };
    for chunk in chunks {
        sse.push(chunk, &mut on).expect("shorter than the limit");
    }
    let lost = sse.finish(&mut on);
    (events, lost)
}

fn tapped(mut tap: Tap, chunks: &[&[u8]]) -> Seen {
    chunks.iter().for_each(|chunk| tap.push(chunk));
    tap.finish()
}

fuzz_target!(|input: (u8, &[u8])| {
    let (cut, stream) = input;
    let (head, tail) = stream.split_at(usize::from(cut).min(stream.len()));
    let single: Vec<&[u8]> = stream.chunks(1).collect();
    let whole = framed(&[stream]);
    assert_eq!(framed(&[head, tail]), whole);
    assert_eq!(framed(&single), whole);
    let json = whole.0.iter().all(|(_, data, ..)| data.starts_with(b"[DONE]") || scan(data).is_ok());
    for format in Format::ALL.map(Some).into_iter().chain([None]) {
        for (make, exact) in [(Tap::sse as fn(_) -> Tap, json), (Tap::json, true)] {
            let seen = [&[stream][..], &[head, tail], &single].map(|chunks| tapped(make(format), chunks));
            assert!(!exact || (seen[0] == seen[1] && seen[0] == seen[2]), "{seen:?}");
        }
    }
});
