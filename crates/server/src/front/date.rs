//! The `Date` of answers that have none: written out once per second and thread.

use crate::clock;
use std::cell::Cell;

/// `Sat, 21 Nov 2026 20:51:43 GMT`.
pub(crate) type Date = [u8; 29];

thread_local! {
    static LAST: Cell<(u64, Date)> = const { Cell::new((u64::MAX, [b' '; 29])) };
}

/// The date now.
pub(super) fn now() -> Date {
    let second = clock::wall().0 / 1000;
    let (last, text) = LAST.get();
    if last == second {
        return text;
    }
    let text = write(second);
    LAST.set((second, text));
    text
}

/// The date of a second since 1970 (RFC 9110, 5.6.7).
pub(crate) fn write(second: u64) -> Date {
    let (days, in_day) = (second / 86_400, second % 86_400);
    let (year, month, day) = civil(days);
    let weekday = three(b"ThuFriSatSunMonTueWed", days % 7);
    let month = three(b"JanFebMarAprMayJunJulAugSepOctNovDec", month - 1);
    let (hour, minute, second) = (two(in_day / 3600), two(in_day / 60 % 60), two(in_day % 60));
    let (day, century, year) = (two(day), two(year / 100), two(year % 100));
    let parts: [&[u8]; 14] = [
        &weekday, b", ", &day, b" ", &month, b" ", &century, &year, b" ", &hour, b":", &minute, b":", &second,
    ];
    let mut text = *b"Thu, 01 Jan 1970 00:00:00 GMT";
    for (slot, byte) in text.iter_mut().zip(parts.into_iter().flatten()) {
        *slot = *byte;
    }
    text
}

/// Year, month and day of a day since 1970 (Howard Hinnant's `civil_from_days`).
const fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year + era * 400 + (month <= 2) as u64;
    (year, month, of_year - (153 * shifted + 2) / 5 + 1)
}

fn two(number: u64) -> [u8; 2] {
    let digit = |number: u64| b'0' + u8::try_from(number % 10).unwrap_or_default();
    [digit(number / 10), digit(number)]
}

fn three(names: &[u8], index: u64) -> [u8; 3] {
    let (chunks, _) = names.as_chunks::<3>();
    usize::try_from(index).ok().and_then(|index| chunks.get(index)).copied().unwrap_or(*b"???")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_http_wants_them() {
        for (second, text) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_827_696, "Tue, 29 Feb 2000 12:34:56 GMT"),
            (1_795_294_303, "Sat, 21 Nov 2026 20:51:43 GMT"),
        ] {
            assert_eq!(std::str::from_utf8(&write(second)), Ok(text));
        }
        assert_eq!(now().len(), 29);
    }
}
