//! `cargo run -p xtask -- gen` writes what is derived from the code; `-- check` says what is stale, which links of the
//! documentation lead nowhere, and which source files are too long. `-- conformance` writes that one page alone, with
//! `--check` it only says whether it is stale.

mod blocks;
mod conformance;
mod documents;
mod errors;
mod links;
mod providers;
mod sizes;
mod slugs;
mod tree;

use std::io::Write;
use std::process::ExitCode;
use tree::{Tree, Trouble};

const USAGE: &str = "usage: cargo run -p xtask -- gen|check|conformance [--check]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["gen"] => write_all(),
        ["check"] => check_all(),
        ["conformance"] => conformance(false),
        ["conformance", "--check"] => conformance(true),
        _ => Err(Trouble(USAGE.into())),
    };
    match done {
        Ok(lines) => {
            say(&mut std::io::stdout(), &lines);
            ExitCode::SUCCESS
        }
        Err(Trouble(text)) => {
            say(&mut std::io::stderr(), &[text]);
            ExitCode::FAILURE
        }
    }
}

/// A closed pipe is the reader's choice.
fn say(out: &mut impl Write, lines: &[String]) {
    for line in lines {
        let _ = writeln!(out, "{line}");
    }
}

/// Writes every derived file that differs from what it should be.
fn write_all() -> Result<Vec<String>, Trouble> {
    let tree = Tree::open()?;
    let mut lines = Vec::new();
    for document in documents::all(&tree)? {
        if document.is_stale() {
            tree.write(document.path, &document.wanted)?;
            lines.push(format!("{} written", document.path));
        }
    }
    if lines.is_empty() {
        lines.push("nothing to write: all is up to date".into());
    }
    Ok(lines)
}

/// Writes the one page, or says that it is stale.
fn conformance(check: bool) -> Result<Vec<String>, Trouble> {
    let tree = Tree::open()?;
    let page = conformance::document(&tree)?;
    match (page.is_stale(), check) {
        (false, _) => Ok(vec![format!("{} is up to date", page.path)]),
        (true, true) => Err(Trouble(stale(page.path))),
        (true, false) => {
            tree.write(page.path, &page.wanted)?;
            Ok(vec![format!("{} written", page.path)])
        }
    }
}

fn stale(path: &str) -> String {
    format!("{path} is stale: run `cargo run -p xtask -- gen` and commit it")
}

/// Everything that is wrong, at once.
fn check_all() -> Result<Vec<String>, Trouble> {
    let tree = Tree::open()?;
    let files = tree.files()?;
    let mut wrong = Vec::new();
    for document in documents::all(&tree)? {
        if document.is_stale() {
            wrong.push(stale(document.path));
        }
    }
    wrong.extend(sizes::check(&tree, &files)?);
    wrong.extend(links::check(&tree, &files)?);
    if wrong.is_empty() {
        return Ok(vec!["derived files, links and sizes: nothing found".into()]);
    }
    Err(Trouble(wrong.join("\n")))
}
