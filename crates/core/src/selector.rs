//! `/key/{selector}`: which of a pool's keys a request may use. Parsed here; chosen in `keys`.

/// A choice among n keys, before n is known. Numbers wrap or clamp when it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selector {
    /// `-`: normal rotation.
    All,
    /// `2`: that key, modulo n.
    One(u64),
    /// `1-3`, `2-`, `-4`: a range with both ends in it.
    Range {
        /// First, modulo n.
        start: u64,
        /// Last, clamped to n − 1; `None` is the last key.
        end: Option<u64>,
    },
}

impl Selector {
    /// Reads the path segment after `/key/`; `None` if it is not a selector (a 404).
    pub fn parse(segment: &str) -> Option<Self> {
        match segment.split_once('-') {
            None => Some(Self::One(number(segment)?)),
            Some(("", "")) => Some(Self::All),
            Some(("", end)) => Some(Self::Range { start: 0, end: Some(number(end)?) }),
            Some((start, "")) => Some(Self::Range { start: number(start)?, end: None }),
            Some((start, end)) => Some(Self::Range { start: number(start)?, end: Some(number(end)?) }),
        }
    }

    /// First and last index, both in it, of the keys it allows out of `length` > 0.
    pub fn bounds(self, length: usize) -> (usize, usize) {
        let (n, last) = (length as u64, length - 1);
        match self {
            Self::All => (0, last),
            Self::One(index) => ((index % n) as usize, (index % n) as usize),
            Self::Range { start, end } => {
                let start = (start % n) as usize;
                let end = end.map_or(last, |end| end.min(last as u64) as usize);
                (start, end.max(start))
            }
        }
    }
}

/// Decimal digits only; what does not fit counts as the largest number there is.
fn number(digits: &str) -> Option<u64> {
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().unwrap_or(u64::MAX))
}

impl std::fmt::Display for Selector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self::All => f.write_str("-"),
            Self::One(index) => write!(f, "{index}"),
            Self::Range { start, end: Some(end) } => write!(f, "{start}-{end}"),
            Self::Range { start, end: None } => write!(f, "{start}-"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn p1s_table_of_selectors_over_three_keys() {
        for (text, bounds) in [
            ("0", (0, 0)),
            ("2", (2, 2)),
            ("3", (0, 0)),
            ("7", (1, 1)),
            ("1-2", (1, 2)),
            ("2-", (2, 2)),
            ("-1", (0, 1)),
            ("-0", (0, 0)),
            ("0-0", (0, 0)),
            ("2-1", (2, 2)),
            ("5-", (2, 2)),
            ("5-9", (2, 2)),
            ("4-9", (1, 2)),
            ("-", (0, 2)),
            ("-4", (0, 2)),
        ] {
            assert_eq!(Selector::parse(text).map(|s| s.bounds(3)), Some(bounds), "{text}");
        }
        assert!(Selector::parse("99999999999999999999").is_some());
        for text in ["", "abc", "1abc", "1--2", "--", "1-2-3", "+1", " 1", "%20", "-a", "1-b"] {
            assert_eq!(Selector::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn selectors_round_trip(start in any::<u64>(), end in proptest::option::of(any::<u64>()), n in 1usize..50) {
            let range = Selector::Range { start, end };
            prop_assert_eq!(Selector::parse(&range.to_string()), Some(range));
            let (from, to) = range.bounds(n);
            prop_assert!(from <= to && to < n);
            let one = Selector::One(start);
            prop_assert_eq!(Selector::parse(&one.to_string()), Some(one));
        }
    }
}
