//! The anchors of a Markdown file, as GitHub makes them from its headings.

use std::collections::HashMap;

/// Every anchor of a file, in order.
pub(crate) fn of(markdown: &str) -> Vec<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut slugs = Vec::new();
    for line in prose(markdown) {
        let title = line.trim_start_matches('#');
        let level = line.len() - title.len();
        if !(1..=6).contains(&level) || !title.starts_with(' ') {
            continue;
        }
        let slug = slug(title.trim());
        let count = seen.entry(slug.clone()).or_insert(0);
        slugs.push(if *count == 0 { slug } else { format!("{slug}-{count}") });
        *count += 1;
    }
    slugs
}

/// Lower case; letters, digits, `-` and `_` stay, a space becomes `-`, all else goes.
fn slug(title: &str) -> String {
    title
        .chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            '-' | '_' => Some(c),
            _ if c.is_alphanumeric() => Some(c),
            _ => None,
        })
        .flat_map(char::to_lowercase)
        .collect()
}

/// The lines outside fenced code.
pub(crate) fn prose(markdown: &str) -> impl Iterator<Item = &str> {
    let mut fence = false;
    markdown.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        if is_fence {
            fence = !fence;
        }
        !fence && !is_fence
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_are_made_as_github_makes_them() {
        let text =
            "# Wharf\n## `/key/` selectors\n## A & B, c_d!\n```sh\n# no heading\n```\n## Wharf\n#also none\n";
        assert_eq!(of(text), ["wharf", "key-selectors", "a--b-c_d", "wharf-1"]);
    }
}
