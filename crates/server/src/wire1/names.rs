//! Header names that came before: most heads on a thread have the same ones, and a known name is cheaper to copy than
//! to read. Small, and bounded whatever is sent.

use http::header::{HeaderName, InvalidHeaderName};
use std::cell::RefCell;

/// Places for names. A power of two, so that a remainder is a mask.
const PLACES: usize = 64;

/// Longer names are read anew each time: whoever sends them must not fill our memory.
const LONGEST: usize = 48;

thread_local! {
    static KNOWN: RefCell<[Option<HeaderName>; PLACES]> = const { RefCell::new([const { None }; PLACES]) };
}

/// Reads a header's name, in whatever case it is written.
///
/// # Errors
/// It is none.
pub(super) fn read(name: &[u8]) -> Result<HeaderName, InvalidHeaderName> {
    let (Some(first), Some(last)) = (name.first(), name.last()) else { return HeaderName::from_bytes(name) };
    if name.len() > LONGEST {
        return HeaderName::from_bytes(name);
    }
    let mixed =
        name.len() ^ usize::from(first | 0x20).wrapping_mul(5) ^ usize::from(last | 0x20).wrapping_mul(3);
    KNOWN.with_borrow_mut(|known| {
        let Some(place) = known.get_mut(mixed % PLACES) else { return HeaderName::from_bytes(name) };
        if let Some(known) =
            place.as_ref().filter(|known| known.as_str().as_bytes().eq_ignore_ascii_case(name))
        {
            return Ok(known.clone());
        }
        let read = HeaderName::from_bytes(name)?;
        *place = Some(read.clone());
        Ok(read)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_however_often_it_came_and_whatever_came_between() {
        let long = "x".repeat(LONGEST + 1);
        let names =
            ["host", "Host", "HOST", "x-stainless-lang", "X-Stainless-Lang", "te", &long, "hxst", "h-st"];
        for name in names.iter().cycle().take(5 * names.len()) {
            assert_eq!(read(name.as_bytes()).unwrap(), HeaderName::from_bytes(name.as_bytes()).unwrap());
        }
    }

    #[test]
    fn what_is_no_name_never_becomes_one() {
        assert!(read(b"host").is_ok());
        for wrong in [&b""[..], b"ho t", b"h\xffst", b"host\0", b"ho:t"] {
            assert!(read(wrong).is_err(), "{wrong:?}");
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn every_name_there_can_be_room_for_is_read_right_in_any_order() {
        let names: Vec<String> = (0..1000).map(|n| format!("x-{n}-{}", n % 7)).collect();
        for name in names.iter().chain(names.iter().rev()) {
            assert_eq!(read(name.as_bytes()).unwrap().as_str(), name);
        }
    }
}
