//! How long the phases of a call may take, and who may change that: route and request over the provider.

use crate::time::{Millis, read_length};

/// How long each phase may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// TCP, TLS and proxy handshakes together.
    pub connect: Millis,
    /// From the request's last byte to the answer's head.
    pub first_byte: Millis,
    /// From a stream's head to its first event; `None`: `idle` holds there, too.
    pub first_event: Option<Millis>,
    /// Between two pieces of the answer's body.
    pub idle: Millis,
    /// For the whole exchange, other keys and targets included; `None`: only its parts are limited.
    pub total: Option<Millis>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Millis::seconds(10),
            first_byte: Millis::seconds(600),
            first_event: None,
            idle: Millis::seconds(300),
            total: None,
        }
    }
}

/// Time limits that are set over others; `None` leaves one as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeoutChanges {
    /// See [`Timeouts::connect`]; and so on.
    pub connect: Option<Millis>,
    /// The answer's head.
    pub head: Option<Millis>,
    /// The first event.
    pub first_event: Option<Millis>,
    /// Silence.
    pub idle: Option<Millis>,
    /// All.
    pub total: Option<Millis>,
}

impl TimeoutChanges {
    /// The longest limit that a caller may ask for.
    const LONGEST: Millis = Millis::seconds(86_400);

    /// Reads `x-wharf-timeout`: a length for the whole exchange (`30s`, `1500ms`, `2m`; a bare number is seconds), or
    /// `head=5s, idle=10s` with the names `connect`, `head`, `first_event`, `idle`, `total`.
    ///
    /// # Errors
    /// What is wrong with it, for the caller.
    pub fn read(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "`x-wharf-timeout` is a length such as 30s, 1500ms or 2m, or `head=5s, first_event=10s, idle=30s, connect=2s, total=60s`";
        let mut changes = Self::default();
        for part in text.split(',') {
            let (name, length) = part.split_once('=').unwrap_or(("total", part));
            let slot = match name.trim() {
                "connect" => &mut changes.connect,
                "head" => &mut changes.head,
                "first_event" => &mut changes.first_event,
                "idle" => &mut changes.idle,
                "total" => &mut changes.total,
                _ => return Err(FORM),
            };
            let length = length.trim();
            let length = if length.ends_with(|c: char| c.is_ascii_digit()) {
                format!("{length}s")
            } else {
                length.to_owned()
            };
            let found = read_length(&length).filter(|found| (Millis(1)..=Self::LONGEST).contains(found));
            *slot = Some(found.ok_or(FORM)?);
        }
        Ok(changes)
    }

    /// These, with what `other` sets.
    #[must_use]
    pub fn over(self, other: &Self) -> Self {
        Self {
            connect: other.connect.or(self.connect),
            head: other.head.or(self.head),
            first_event: other.first_event.or(self.first_event),
            idle: other.idle.or(self.idle),
            total: other.total.or(self.total),
        }
    }
}

impl Timeouts {
    /// These, with what is set in `changes`.
    #[must_use]
    pub fn with(self, changes: &TimeoutChanges) -> Self {
        Self {
            connect: changes.connect.unwrap_or(self.connect),
            first_byte: changes.head.unwrap_or(self.first_byte),
            first_event: changes.first_event.or(self.first_event),
            idle: changes.idle.unwrap_or(self.idle),
            total: changes.total.or(self.total),
        }
    }

    /// These, none longer than what is left of the whole.
    #[must_use]
    pub fn within(self, left: Option<Millis>) -> Self {
        let Some(left) = left else { return self };
        let (connect, first_byte, idle) =
            (self.connect.min(left), self.first_byte.min(left), self.idle.min(left));
        Self { connect, first_byte, idle, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_sets_time_limits_in_one_header() {
        let total = |ms| Ok(TimeoutChanges { total: Some(Millis(ms)), ..TimeoutChanges::default() });
        assert_eq!(TimeoutChanges::read("30"), total(30_000));
        assert_eq!(TimeoutChanges::read(" 1500ms "), total(1500));
        assert_eq!(TimeoutChanges::read("1.5"), total(1500));
        let both = TimeoutChanges::read("head=5s, idle = 2m").unwrap();
        let limits = Timeouts::default().with(&both);
        assert_eq!((limits.first_byte, limits.idle), (Millis(5_000), Millis(120_000)));
        assert_eq!(limits.connect, Timeouts::default().connect);
        for wrong in ["", "0", "soon", "-1", "head", "body=3s", "2d", "head=5s,", "1e3"] {
            assert!(TimeoutChanges::read(wrong).is_err(), "{wrong}");
        }
        assert_eq!(limits.within(Some(Millis(100))).idle, Millis(100));
    }
}
