//! Time as the core sees it: a number that the host hands in. No clock is read here.

use serde::{Deserialize, Serialize};
use std::ops::Add;

/// Milliseconds. As a point in time: since 1970-01-01T00:00:00Z. As a length: plain milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl Millis {
    /// A length of `seconds` seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(seconds * 1000)
    }

    /// How long ago `earlier` was; zero when it lies ahead (clocks may step back).
    pub const fn since(self, earlier: Self) -> Self {
        Self(self.0.saturating_sub(earlier.0))
    }
}

impl Add for Millis {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

/// `2026-11-21T20:51:43.123Z` (RFC 3339, UTC) for a point in time.
pub fn rfc3339(at: Millis) -> String {
    let (days, ms) = (at.0 / 86_400_000, at.0 % 86_400_000);
    let (year, month, day) = civil(days);
    let (h, m, s, ms) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000);
    format!("{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}.{ms:03}Z")
}

/// Days since 1970-01-01 as a Gregorian date.
/// Method: Howard Hinnant, <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>.
fn civil(days: u64) -> (u64, u64, u64) {
    let z = days + 719_468;
    let (era, doe) = (z / 146_097, z % 146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + u64::from(month <= 2), month, doy - (153 * mp + 2) / 5 + 1)
}

/// A Gregorian date as days since 1970-01-01; `None` before that, or for one that there is not.
/// Method: Howard Hinnant, <https://howardhinnant.github.io/date_algorithms.html#days_from_civil>.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let y = if month <= 2 { year - 1 } else { year };
    let (era, yoe) = (y / 400, y % 400);
    let doy = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    (era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy).checked_sub(719_468)
}

/// Date and time of day as a point in time.
fn point(date: (u64, u64, u64), hour: u64, minute: u64, second: u64) -> Option<Millis> {
    let days = days(date.0, date.1, date.2)?;
    // 60: a leap second.
    let fits = hour < 24 && minute < 60 && second <= 60;
    fits.then_some(Millis::seconds(days * 86_400 + hour * 3600 + minute * 60 + second))
}

/// Reads `2026-11-21T20:51:43.123Z`, or with an offset (RFC 3339).
pub fn read_rfc3339(text: &str) -> Option<Millis> {
    let (date, rest) = text.trim().split_once(['T', 't', ' '])?;
    let (clock, offset) = match rest.find(['Z', 'z', '+', '-']) {
        Some(at) => rest.split_at(at),
        None => return None,
    };
    let mut parts = date.split('-').map(number);
    let date = (parts.next()??, parts.next()??, parts.next()??);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let (hour, minute, second) = clock_of(clock)?;
    let millis = number(&format!("{:0<3}", fraction.get(..fraction.len().min(3))?))?;
    let at = point(date, hour, minute, second)? + Millis(millis);
    match offset.as_bytes().first()? {
        b'Z' | b'z' => Some(at),
        sign => {
            let (hours, minutes) = offset.get(1..)?.split_once(':')?;
            let shift = Millis::seconds(number(hours)? * 3600 + number(minutes)? * 60);
            Some(if *sign == b'+' { at.since(shift) } else { at + shift })
        }
    }
}

/// Reads an HTTP date in any of its three forms: <https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7>.
pub fn read_http_date(text: &str) -> Option<Millis> {
    let text = text.trim();
    let words: Vec<&str> = text.split([' ', '-', ',']).filter(|word| !word.is_empty()).collect();
    let (day, month, year, clock) = match words[..] {
        // Sun Nov  6 08:49:37 1994
        [_, month, day, clock, year] if clock.contains(':') => (day, month, year, clock),
        // Sun, 06 Nov 1994 08:49:37 GMT, and Sunday, 06-Nov-94 08:49:37 GMT
        [_, day, month, year, clock, "GMT" | "UTC"] => (day, month, year, clock),
        _ => return None,
    };
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = MONTHS.iter().position(|name| *name == month)? as u64 + 1;
    let year = match number(year)? {
        short @ 0..70 => short + 2000,
        short @ 70..100 => short + 1900,
        year => year,
    };
    let (hour, minute, second) = clock_of(clock)?;
    point((year, month, number(day)?), hour, minute, second)
}

/// Reads a length with its units: `1h2m3.5s`, `6m0s`, `12ms`.
pub fn read_length(mut text: &str) -> Option<Millis> {
    let mut total = 0.0;
    if text.is_empty() {
        return None;
    }
    while !text.is_empty() {
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, rest) = text.split_at(digits);
        let unit = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (unit, rest) = rest.split_at(unit);
        let scale = match unit {
            "d" => 86_400_000.0,
            "h" => 3_600_000.0,
            "m" => 60_000.0,
            "s" => 1000.0,
            "ms" => 1.0,
            "us" | "µs" => 0.001,
            "ns" => 0.000_001,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * scale;
        text = rest;
    }
    Some(Millis(total.ceil() as u64))
}

/// `08:49:37`
fn clock_of(text: &str) -> Option<(u64, u64, u64)> {
    let mut parts = text.split(':').map(number);
    let clock = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some(clock)
}

/// Up to six decimal digits.
fn number(text: &str) -> Option<u64> {
    let plain = (1..=6).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_rfc_3339() {
        assert_eq!(rfc3339(Millis(0)), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(Millis(951_782_400_001)), "2000-02-29T00:00:00.001Z");
        assert_eq!(rfc3339(Millis(1_795_294_303_123)), "2026-11-21T20:51:43.123Z");
    }

    #[test]
    fn dates_are_read_in_every_form() {
        let at = Millis::seconds(784_111_777);
        for text in
            ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
        {
            assert_eq!(read_http_date(text), Some(at), "{text}");
        }
        for text in ["1994-11-06T08:49:37Z", "1994-11-06T10:49:37+02:00", "1994-11-06t08:49:37.000z"] {
            assert_eq!(read_rfc3339(text), Some(at), "{text}");
        }
        assert_eq!(read_rfc3339("2026-11-21T20:51:43.1234567-00:30"), Some(Millis(1_795_296_103_123)));
        for text in [
            "",
            "soon",
            "2026-11-21",
            "2026-13-01T00:00:00Z",
            "2026-11-21T25:00:00Z",
            "Sun, 06 Foo 1994 08:49:37 GMT",
        ] {
            assert_eq!((read_rfc3339(text), read_http_date(text)), (None, None), "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for at in [0, 951_782_400_001, 1_795_294_303_123, 4_107_542_399_999] {
            assert_eq!(read_rfc3339(&rfc3339(Millis(at))), Some(Millis(at)));
        }
    }
}
