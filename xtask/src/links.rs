//! Relative links in Markdown files must lead to a file of the tree, and an anchor to a heading of that file.

use crate::slugs;
use crate::tree::{Tree, Trouble};

/// A line for each link that leads nowhere.
pub(crate) fn check(tree: &Tree, files: &[String]) -> Result<Vec<String>, Trouble> {
    let mut wrong = Vec::new();
    for path in files.iter().filter(|path| path.ends_with(".md")) {
        for target in targets(&tree.read(path)?) {
            let (file, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let Some(file) = resolve(path, file) else {
                wrong.push(format!("{path}: the link to {target} leads out of the repository"));
                continue;
            };
            if !tree.has(&file) {
                wrong.push(format!("{path}: the link to {target} leads to no file"));
            } else if !anchor.is_empty() && !slugs::of(&tree.read(&file)?).iter().any(|slug| slug == anchor) {
                wrong.push(format!("{path}: {file} has no heading for #{anchor}"));
            }
        }
    }
    Ok(wrong)
}

/// The relative targets of `[text](target)` and `[name]: target`, outside code.
fn targets(markdown: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in slugs::prose(markdown) {
        let line = without_code(line);
        for (at, _) in line.match_indices("](") {
            let rest = line.get(at + 2..).unwrap_or_default();
            found.extend(rest.split_once(')').map(|(target, _)| target.to_owned()));
        }
        if let Some((_, target)) = line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")) {
            found.push(target.to_owned());
        }
    }
    // What follows a blank is a title.
    let bare = found.iter().filter_map(|target| target.split_whitespace().next());
    bare.filter(|target| is_relative(target)).map(str::to_owned).collect()
}

fn is_relative(target: &str) -> bool {
    !target.contains("://") && !target.starts_with("mailto:") && !target.starts_with('/')
}

/// A line without what stands in backticks: nothing in there is a link.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("`")
}

/// A link's file from the repository's root; nothing before `#` is the file itself. `None`: above the root.
fn resolve(from: &str, file: &str) -> Option<String> {
    if file.is_empty() {
        return Some(from.to_owned());
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in file.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_outside_code_only() {
        let text = "See [a](b.md#c \"Title\") and [x](https://x.test/y), `[no](none.md)`.\n\
                    ```\n[no](none.md)\n```\n[ref]: ../d.md\n[e](#f) ![g](h.png)\n";
        assert_eq!(targets(text), ["b.md#c", "../d.md", "#f", "h.png"]);
    }

    #[test]
    fn links_are_followed_from_their_own_folder() {
        assert_eq!(resolve("docs/a.md", "../README.md").as_deref(), Some("README.md"));
        assert_eq!(resolve("docs/a.md", "./b/c.md").as_deref(), Some("docs/b/c.md"));
        assert_eq!(resolve("README.md", "").as_deref(), Some("README.md"));
        assert_eq!(resolve("README.md", "../x"), None);
    }
}
