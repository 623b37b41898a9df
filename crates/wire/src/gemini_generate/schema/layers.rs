//! One schema may be spread over several: references and `allOf` are laid over each other, the outermost first.

use super::{MOST_OPEN, MOST_PARTS};
use crate::json::Json;
use std::borrow::Cow;

type Fault = Cow<'static, str>;

/// Resolves references, and knows which ones are being resolved.
pub(super) struct Layers<'s, 'a> {
    root: &'s Json<'a>,
    open: Vec<&'s str>,
    parts: usize,
}

/// How far references were open.
#[derive(Clone, Copy)]
pub(super) struct Mark(usize);

impl<'s, 'a> Layers<'s, 'a> {
    pub(super) const fn new(root: &'s Json<'a>) -> Self {
        Self { root, open: Vec::new(), parts: 0 }
    }

    pub(super) const fn mark(&self) -> Mark {
        Mark(self.open.len())
    }

    /// What was opened since is closed.
    pub(super) fn close(&mut self, mark: Mark) {
        self.open.truncate(mark.0);
    }

    /// Adds all layers of a schema. References stay open until `close`, so that one which comes back is found.
    pub(super) fn add(&mut self, schema: &'s Json<'a>, all: &mut Vec<&'s Json<'a>>) -> Result<(), Fault> {
        let mut waiting = vec![schema];
        while let Some(schema) = waiting.pop() {
            self.parts += 1;
            if self.parts > MOST_PARTS {
                return Err("is too big when its references are resolved".into());
            }
            all.push(schema);
            // The last one waits first: `allOf` comes behind what `$ref` names, in its order.
            waiting.extend(schema.get("allOf").map_or(&[][..], Json::items).iter().rev());
            if let Some(reference) = schema.get("$ref").and_then(Json::text) {
                if self.open.contains(&reference) {
                    return Err(format!("refers to itself by `{reference:.80}`").into());
                }
                // Every one is looked for among all that are open.
                if self.open.len() >= MOST_OPEN {
                    return Err("has too long a chain of references".into());
                }
                self.open.push(reference);
                waiting.push(self.find(reference)?);
            }
        }
        Ok(())
    }

    /// A pointer into the same schema: RFC 6901 behind a `#`.
    fn find(&self, reference: &str) -> Result<&'s Json<'a>, Fault> {
        let missing = || Fault::from(format!("refers to `{reference:.80}`, which is not in it"));
        let pointer = reference.strip_prefix('#').ok_or_else(missing)?;
        if pointer.is_empty() {
            return Ok(self.root);
        }
        pointer
            .strip_prefix('/')
            .and_then(|pointer| {
                pointer.split('/').try_fold(self.root, |json, step| {
                    let step = step.replace("~1", "/").replace("~0", "~");
                    match json {
                        Json::Array(array) => array.items.get(step.parse::<usize>().ok()?),
                        other => other.get(&step),
                    }
                })
            })
            .ok_or_else(missing)
    }
}
