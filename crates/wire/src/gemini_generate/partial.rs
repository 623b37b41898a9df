//! Arguments of a call that come in pieces: every piece names its place by a JSON path.
//! <https://docs.cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling#streaming-fc>

use crate::json::{Json, Writer};

/// Paths longer than this are cut off: nobody's arguments are.
const MOST_STEPS: usize = 64;
/// The most items that one piece may add to an array: a path must not cost more than it says.
const MOST_NEW_ITEMS: usize = 16;

/// The arguments so far.
#[derive(Debug, Default)]
pub(super) struct Partial {
    root: Node,
    any: bool,
}

#[derive(Debug, Default)]
enum Node {
    #[default]
    Nothing,
    Text(String),
    /// Any other JSON value, as it was written.
    Raw(String),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

#[derive(Debug, PartialEq)]
enum Step {
    Name(String),
    Index(usize),
}

impl Partial {
    /// Begins with arguments that came with the name.
    pub(super) fn new(arguments: Option<&Json<'_>>) -> Self {
        let members = arguments.map_or(&[][..], Json::members);
        let whole = |value: &Json<'_>| match value {
            Json::String(text) => Node::Text(text.to_string()),
            other => Node::Raw(other.raw().into_owned()),
        };
        let members: Vec<_> = members.iter().map(|(name, value)| (name.to_string(), whole(value))).collect();
        Self { any: !members.is_empty(), root: Node::Object(members) }
    }

    /// One piece. Texts grow, other values replace.
    pub(super) fn push(&mut self, piece: &Json<'_>) {
        let get = |camel: &str, snake: &str| piece.get(camel).or_else(|| piece.get(snake));
        let Some(path) = get("jsonPath", "json_path").and_then(Json::text) else { return };
        let Some(node) = self.root.at(&steps(path)) else { return };
        self.any = true;
        if let Some(more) = get("stringValue", "string_value").and_then(Json::text) {
            match node {
                Node::Text(text) => text.push_str(more),
                other => *other = Node::Text(more.to_owned()),
            }
        } else if let Some(value) =
            get("numberValue", "number_value").or_else(|| get("boolValue", "bool_value"))
        {
            *node = Node::Raw(value.raw().into_owned());
        } else {
            *node = Node::Raw("null".to_owned());
        }
    }

    /// The whole, as JSON; `None`: no arguments came.
    pub(super) fn json(self) -> Option<String> {
        self.any.then(|| {
            let mut out = Writer::default();
            self.root.write(&mut out);
            out.into_string()
        })
    }
}

impl Node {
    /// The node at this path, made where it isn't there yet.
    fn at(&mut self, steps: &[Step]) -> Option<&mut Self> {
        let Some((step, rest)) = steps.split_first() else { return Some(self) };
        match step {
            Step::Name(name) => {
                if !matches!(self, Self::Object(_)) {
                    *self = Self::Object(Vec::new());
                }
                let Self::Object(members) = self else { return None };
                let place = members.iter().rposition(|(known, _)| known == name).unwrap_or_else(|| {
                    members.push((name.clone(), Self::Nothing));
                    members.len() - 1
                });
                members.get_mut(place)?.1.at(rest)
            }
            Step::Index(index) => {
                if !matches!(self, Self::List(_)) {
                    *self = Self::List(Vec::new());
                }
                let Self::List(items) = self else { return None };
                if *index >= items.len().saturating_add(MOST_NEW_ITEMS) {
                    return None;
                }
                while items.len() <= *index {
                    items.push(Self::Nothing);
                }
                items.get_mut(*index)?.at(rest)
            }
        }
    }

    fn write(&self, out: &mut Writer) {
        match self {
            Self::Nothing => {
                out.null();
            }
            Self::Text(text) => {
                out.string(text);
            }
            Self::Raw(json) => {
                out.raw(json);
            }
            Self::List(items) => {
                out.list();
                items.iter().for_each(|item| item.write(out));
                out.end_list();
            }
            Self::Object(members) => {
                out.begin();
                for (name, value) in members {
                    out.name(name);
                    value.write(out);
                }
                out.end();
            }
        }
    }
}

/// `$.a.b[0]["c d"]`, as RFC 9535 has it.
fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = path.strip_prefix('$').unwrap_or(path);
    while !rest.is_empty() && steps.len() < MOST_STEPS {
        if let Some(inside) = rest.strip_prefix('[') {
            let quote = inside.chars().next().filter(|c| matches!(c, '"' | '\''));
            let (step, behind) = match quote {
                Some(quote) => {
                    let (name, behind) = quoted(&inside[1..], quote);
                    (Step::Name(name), behind.strip_prefix(']').unwrap_or(behind))
                }
                None => {
                    let (inside, behind) = inside.split_once(']').unwrap_or((inside, ""));
                    let step =
                        inside.trim().parse().map_or_else(|_| Step::Name(inside.to_owned()), Step::Index);
                    (step, behind)
                }
            };
            steps.push(step);
            rest = behind;
        } else {
            let name = rest.strip_prefix('.').unwrap_or(rest);
            let end = name.find(['.', '[']).unwrap_or(name.len());
            let (name, behind) = name.split_at(end);
            if !name.is_empty() {
                steps.push(Step::Name(name.to_owned()));
            }
            rest = behind;
        }
    }
    steps
}

/// The name up to the quote, and what follows it.
fn quoted(text: &str, quote: char) -> (String, &str) {
    let mut name = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => name.extend(chars.next().map(|(_, escaped)| escaped)),
            c if c == quote => return (name, &text[at + c.len_utf8()..]),
            c => name.push(c),
        }
    }
    (name, "")
}
