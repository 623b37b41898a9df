//! The same pass over an answer: is it valid JSON, and what did it cost? Its usage is read where it stands, and is not
//! gone over twice.

use super::{ScanError, Scanner};
use crate::Usage;
use crate::usage::Counts;

/// What a valid JSON answer says of itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Answer {
    /// The last top-level `usage`, where it is of the usual form; else it is to be looked for.
    pub usage: Option<Usage>,
    /// There is a top-level `error` that is not null.
    pub error: bool,
}

/// Checks that `body` is one JSON value, and reads what it cost.
///
/// # Errors
/// As [`scan`](super::scan()).
pub fn scan_answer(body: &[u8]) -> Result<Answer, ScanError> {
    let mut scanner = Scanner::new(body, &[]);
    scanner.answer = Some(Answer::default());
    scanner.run()?;
    Ok(scanner.answer.unwrap_or_default())
}

impl Scanner<'_> {
    /// Reads an answer's usage at `at` and gives its end; `None`: it is to be scanned as any other value.
    #[inline(never)]
    pub(super) fn usage(&mut self, at: usize) -> Option<usize> {
        let answer = self.answer.as_mut()?;
        answer.usage = None;
        let mut counts = Counts::default();
        let length = counts.add_prefix(self.body.get(at..)?)?;
        answer.usage = Some(counts.usage());
        Some(at + length)
    }

    pub(super) const fn note_error(&mut self) {
        if let Some(answer) = &mut self.answer {
            answer.error = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::scan;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn usage_is_the_roots_last_one() {
        let input = |body: &str| scan_answer(body.as_bytes()).unwrap().usage.and_then(|usage| usage.input);
        assert_eq!(input(r#"{"a":[{"usage":{"prompt_tokens":9}}],"usage" : {"prompt_tokens":3} }"#), Some(3));
        assert_eq!(input(r#"{"usage":{"prompt_tokens":3},"usage":{"prompt_tokens":4}}"#), Some(4));
        // Its last name ends where the body nearly does.
        for last in ["completion_tokens", "a_name_that_is_longer_than_those_that_are_looked_at_in_one_go_are"]
        {
            assert_eq!(input(&format!(r#"{{"usage":{{"prompt_tokens":3,"{last}":4}}}}"#)), Some(3), "{last}");
        }
        for none in
            [r#"{"usage":{"prompt_tokens":3},"usage":null}"#, r#"[{"usage":{"prompt_tokens":3}}]"#, "{}", "1"]
        {
            assert_eq!(input(none), None, "{none}");
        }
        assert!(scan_answer(br#"{"error":{}}"#).unwrap().error);
        // OpenAI's Responses always have one.
        assert!(!scan_answer(br#"{"error":null}"#).unwrap().error);
        assert!(!scan_answer(br#"{"a":{"error":1}}"#).unwrap().error);
    }

    #[test]
    fn what_is_wrong_inside_usage_is_wrong() {
        for value in [
            r#"{"a":1,}"#,
            r#"{"a":01}"#,
            r#"{"a":nul}"#,
            r#"{"a":nulll}"#,
            "{\"a\":\"\n\"}",
            "{\"\u{1}\":1}",
            r#"{"a" 1}"#,
            r#"{"a":1"#,
            r#"{"a":{"b":1}"#,
            r#"{"a":1}}"#,
            r#"{"a":-}"#,
            r#"{"a":"\x"}"#,
            r#"{"a":True}"#,
        ] {
            let body = format!("{{\"usage\":{value}}}");
            let error = scan(body.as_bytes()).unwrap_err();
            assert_eq!(scan_answer(body.as_bytes()), Err(error), "{body}");
        }
        assert!(scan_answer(b"{\"usage\":{\"a\":\"\xff\"}}").is_err());
    }

    proptest! {
        #[test]
        fn an_answer_is_valid_where_a_body_is(usage in r#"[{}\[\]":,0-9a-z. \\\-]{0,40}"#) {
            let body = format!("{{\"id\":\"a\",\"usage\":{usage},\"b\":1}}");
            prop_assert_eq!(scan_answer(body.as_bytes()).err(), scan(body.as_bytes()).err());
        }

        #[test]
        fn a_usage_with_a_byte_changed_is_valid_where_a_body_is(at in 0usize..90, byte in any::<u8>()) {
            let mut body =
                br#"{"usage":{"prompt_tokens":12,"total":0,"details":{"cached":3,"x":null},"tier":"std"},"b":"c"}"#.to_vec();
            if let Some(place) = body.get_mut(at) {
                *place = byte;
            }
            prop_assert_eq!(scan_answer(&body).err(), scan(&body).err());
        }
    }
}
