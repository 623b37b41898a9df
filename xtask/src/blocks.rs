//! A derived block inside a written file: what stands between `<!-- name:start -->` and `<!-- name:end -->`.

/// `text` with the block's content replaced.
///
/// # Errors
/// A sentence, if the two markers are not there once each and in order.
pub(crate) fn replace(text: &str, name: &str, content: &str) -> Result<String, String> {
    let (start, end) = (format!("<!-- {name}:start -->"), format!("<!-- {name}:end -->"));
    if text.matches(&start).count() != 1 || text.matches(&end).count() != 1 {
        return Err(format!("needs exactly one `{start}` and one `{end}`"));
    }
    let (Some((before, rest)), Some((_, after))) = (text.split_once(&start), text.split_once(&end)) else {
        return Err(format!("needs `{start}` and `{end}`"));
    };
    if !rest.contains(&end) {
        return Err(format!("has `{end}` before `{start}`"));
    }
    Ok(format!("{before}{start}\n\n{}\n\n{end}{after}", content.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let text = "# Title\n<!-- a:start -->\nold\n<!-- a:end -->\ntail <!-- b:start -->\n";
        let new = replace(text, "a", "\nnew\n").unwrap();
        assert_eq!(new, "# Title\n<!-- a:start -->\n\nnew\n\n<!-- a:end -->\ntail <!-- b:start -->\n");
        assert_eq!(replace(&new, "a", "new").unwrap(), new, "a second run changes nothing");
    }

    #[test]
    fn missing_doubled_or_swapped_markers_are_refused() {
        for text in [
            "",
            "<!-- a:start -->",
            "<!-- a:end -->",
            "<!-- a:end --><!-- a:start -->",
            "<!-- a:start --><!-- a:end --><!-- a:start --><!-- a:end -->",
        ] {
            assert!(replace(text, "a", "new").is_err(), "{text}");
        }
    }
}
