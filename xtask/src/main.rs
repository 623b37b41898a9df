//! `cargo run -p xtask -- gen` writes what is derived from the code; `-- check` says what is stale, which links of the
//! documentation lead nowhere, and which source files are too long.

mod blocks;
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

const USAGE: &str = "usage: cargo run -p xtask -- gen|check";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let done = match (arguments.next().as_deref(), arguments.next()) {
        (Some("gen"), None) => write_all(),
        (Some("check"), None) => check_all(),
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

/// Everything that is wrong, at once.
fn check_all() -> Result<Vec<String>, Trouble> {
    let tree = Tree::open()?;
    let files = tree.files()?;
    let mut wrong = Vec::new();
    for document in documents::all(&tree)? {
        if document.is_stale() {
            wrong.push(format!("{} is stale: run `cargo run -p xtask -- gen` and commit it", document.path));
        }
    }
    wrong.extend(sizes::check(&tree, &files)?);
    wrong.extend(links::check(&tree, &files)?);
    if wrong.is_empty() {
        return Ok(vec!["derived files, links and sizes: nothing found".into()]);
    }
    Err(Trouble(wrong.join("\n")))
}
