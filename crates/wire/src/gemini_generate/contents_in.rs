//! The conversation: `systemInstruction` and `contents`. <https://ai.google.dev/api/caching#Content>
//!
//! Calls may come without ids; then their place in the conversation is their name, and results find them by the
//! tool's name in order.

use super::request_in::{detail, either, lose};
use super::{joined, signature, types};
use crate::chat::{
    Bind, Losses, Media, Part, Reasoning, Request, Role, Source, State, Text, ToolCall, ToolResult, Turn,
    mint_id,
};
use crate::json::{Fields, Invalid, Json, Path};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet, VecDeque};

/// Reads both.
pub(super) fn read<'a>(fields: &mut Fields<'_, 'a>, request: &mut Request<'a>) -> Result<(), Invalid> {
    let name = either(fields, ["systemInstruction", "system_instruction"]);
    let mut conversation =
        Conversation { losses: &mut request.losses, calls: 0, open: HashSet::new(), waiting: HashMap::new() };
    if let Some(system) = fields.take(name) {
        let parts = conversation.system(system, &fields.path.name(name))?;
        if !parts.is_empty() {
            request.turns.push(Turn { role: Role::System, name: None, parts, at: 0 });
        }
    }
    let body = fields.path;
    let path = body.name("contents");
    match fields.take("contents") {
        None => return Err(path.invalid("is required")),
        Some(Json::Array(array)) => {
            if array.items.is_empty() {
                return Err(path.invalid("must not be empty"));
            }
            for (at, content) in array.items.into_iter().enumerate() {
                conversation.content(content, path.index(at), at, &mut request.turns)?;
            }
        }
        // Protocol buffers in JSON take one for a list of one.
        Some(one @ Json::Object(_)) => conversation.content(one, path, 0, &mut request.turns)?,
        Some(other) => return Err(path.invalid(format!("must be a list, not {}", other.kind()))),
    }
    request.turns = joined::join(std::mem::take(&mut request.turns));
    Ok(())
}

struct Conversation<'c, 'a> {
    losses: &'c mut Losses,
    /// Calls so far.
    calls: usize,
    /// Ids of calls without a result.
    open: HashSet<Cow<'a, str>>,
    /// The same in their order, by the tool's name; some may have been answered by their id.
    waiting: HashMap<Cow<'a, str>, VecDeque<Cow<'a, str>>>,
}

impl<'a> Conversation<'_, 'a> {
    /// A content, or its text alone.
    fn system(&mut self, system: Json<'a>, path: &Path<'_>) -> Result<Vec<Part<'a>>, Invalid> {
        if let Json::String(text) = system {
            return Ok(if text.is_empty() { Vec::new() } else { vec![Part::text(text)] });
        }
        let mut fields = Fields::new(*path, system)?;
        // Whatever role it has counts for nothing.
        fields.take("role");
        let mut turn = Vec::new();
        for (number, part) in parts(&mut fields)?.into_iter().enumerate() {
            let path = fields.path.name("parts");
            match self.part(part, path.index(number))? {
                Some(part @ Part::Text(_)) => turn.push(part),
                Some(_) => self.losses.at(&path.index(number)),
                None => {}
            }
        }
        self.losses.unread(fields);
        Ok(turn)
    }

    fn content(
        &mut self,
        content: Json<'a>,
        path: Path<'_>,
        at: usize,
        turns: &mut Vec<Turn<'a>>,
    ) -> Result<(), Invalid> {
        let mut fields = Fields::new(path, content)?;
        let role = match fields.text("role")?.as_deref() {
            None | Some("" | "user" | "function" | "tool") => Role::User,
            Some("model") => Role::Assistant,
            Some("system") => Role::System,
            Some(_) => return Err(fields.path.name("role").invalid("must be `user` or `model`")),
        };
        let (mut results, mut said) = (Vec::new(), Vec::new());
        for (number, part) in parts(&mut fields)?.into_iter().enumerate() {
            let path = fields.path.name("parts");
            match self.part(part, path.index(number))? {
                Some(part @ Part::ToolResult(_)) => results.push(part),
                Some(part) => said.push(part),
                None => {}
            }
        }
        for (role, parts) in [(Role::Tool, results), (role, said)] {
            if !parts.is_empty() {
                turns.push(Turn { role, name: None, parts, at });
            }
        }
        self.losses.unread(fields);
        Ok(())
    }

    /// One part; `None`: it says nothing, or is lost.
    fn part(&mut self, part: Json<'a>, path: Path<'_>) -> Result<Option<Part<'a>>, Invalid> {
        let mut fields = match part {
            Json::String(text) => return Ok((!text.is_empty()).then(|| Part::text(text))),
            other => Fields::new(path, other)?,
        };
        let thought = fields.bool("thought")?.unwrap_or(false);
        let slot =
            fields.text(either(&fields, ["thoughtSignature", "thought_signature"]))?.unwrap_or_default();
        let carries = !slot.is_empty();
        let state = |bind| signature::read(slot, bind);
        let read = if let Some(call) = fields.object(either(&fields, ["functionCall", "function_call"]))? {
            Some(self.call(call, state(Bind::Call))?)
        } else if let Some(result) =
            fields.object(either(&fields, ["functionResponse", "function_response"]))?
        {
            Some(self.result(result)?)
        } else if let Some(text) = fields.text("text")? {
            told(text, thought, state(if thought { Bind::Reasoning } else { Bind::Text }))
        } else if let Some(media) = self.media(&mut fields)? {
            Some(Part::Media(Media { state: state(Bind::Text), ..media }))
        } else if thought && carries {
            told(Cow::Borrowed(""), true, state(Bind::Reasoning))
        } else {
            // Code that Google ran, its searches: whatever it is, nobody else has it, and its state is of no use.
            None
        };
        self.losses.unread(fields);
        Ok(read)
    }

    fn call(&mut self, mut fields: Fields<'_, 'a>, state: Option<State<'a>>) -> Result<Part<'a>, Invalid> {
        let name = fields.need_text("name")?;
        let id = fields.text("id")?.filter(|id| !id.is_empty());
        let id = id.unwrap_or_else(|| Cow::Owned(mint_id("", self.calls)));
        self.calls += 1;
        let arguments = match fields.take("args") {
            None => Cow::Borrowed("{}"),
            Some(arguments @ Json::Object(_)) => arguments.raw(),
            Some(other) => {
                let reason = format!("must be an object, not {}", other.kind());
                return Err(fields.path.name("args").invalid(reason));
            }
        };
        lose(&mut fields, ["willContinue", "will_continue"], self.losses);
        self.losses.unread(fields);
        self.open.insert(id.clone());
        self.waiting.entry(name.clone()).or_default().push_back(id.clone());
        Ok(Part::ToolCall(ToolCall { id, name, arguments, state, ..ToolCall::default() }))
    }

    /// <https://ai.google.dev/api/caching#FunctionResponse>
    fn result(&mut self, mut fields: Fields<'_, 'a>) -> Result<Part<'a>, Invalid> {
        let name = fields.need_text("name")?;
        let id = fields.text("id")?.filter(|id| !id.is_empty());
        let id = self.answered(id, &name);
        let mut result = ToolResult { id, name: Some(name), ..ToolResult::default() };
        answer(fields.take("response"), &mut result);
        let media = fields.array("parts")?.map(|array| array.items).unwrap_or_default();
        let path = fields.path.name("parts");
        for (number, part) in media.into_iter().enumerate() {
            let mut part = Fields::new(path.index(number), part)?;
            result.parts.extend(self.media(&mut part)?.map(Part::Media));
            self.losses.unread(part);
        }
        lose(&mut fields, ["willContinue", "will_continue"], self.losses);
        self.losses.unread(fields);
        Ok(Part::ToolResult(result))
    }

    /// The call that a result answers: by its id, else the first open one of the tool.
    fn answered(&mut self, id: Option<Cow<'a, str>>, name: &str) -> Cow<'a, str> {
        if let Some(id) = id.as_ref().filter(|id| self.open.remove(*id)) {
            return id.clone();
        }
        let waiting = self.waiting.get_mut(name);
        let found =
            waiting.and_then(|ids| std::iter::from_fn(|| ids.pop_front()).find(|id| self.open.remove(id)));
        // What answers nothing is found out later.
        found.or(id).unwrap_or_else(|| Cow::Owned(name.to_owned()))
    }

    /// <https://ai.google.dev/api/caching#Part>
    fn media(&mut self, fields: &mut Fields<'_, 'a>) -> Result<Option<Media<'a>>, Invalid> {
        let inline = either(fields, ["inlineData", "inline_data"]);
        let file = either(fields, ["fileData", "file_data"]);
        let media = if let Some(mut blob) = fields.object(inline)? {
            let data = Source::Base64(standard(blob.need_text("data")?));
            self.medium(blob, data)?
        } else if let Some(mut file) = fields.object(file)? {
            let uri = file.need_text(either(&file, ["fileUri", "file_uri"]))?;
            self.medium(file, Source::Url(uri))?
        } else {
            return Ok(None);
        };
        let name = either(fields, ["mediaResolution", "media_resolution"]);
        let Some(mut resolution) = fields.object(name)? else { return Ok(Some(media)) };
        let detail = resolution.text("level")?.and_then(|level| detail(&level));
        let lost = detail.is_none();
        self.losses.unread(resolution);
        if lost {
            self.losses.at(&fields.path.name(name));
        }
        Ok(Some(Media { detail: detail.map(Cow::Borrowed), ..media }))
    }

    fn medium(&mut self, mut fields: Fields<'_, 'a>, source: Source<'a>) -> Result<Media<'a>, Invalid> {
        let media_type =
            fields.text(either(&fields, ["mimeType", "mime_type"]))?.filter(|kind| !kind.is_empty());
        let name = fields.text(either(&fields, ["displayName", "display_name"]))?;
        let kind = types::media_kind(media_type.as_deref().unwrap_or_default());
        self.losses.unread(fields);
        Ok(Media { media_type, name, ..Media::new(kind, source) })
    }
}

/// The parts of a content: a list, or the only one.
fn parts<'a>(fields: &mut Fields<'_, 'a>) -> Result<Vec<Json<'a>>, Invalid> {
    match fields.take("parts") {
        None => Ok(Vec::new()),
        Some(Json::Array(array)) => Ok(array.items),
        Some(one @ Json::Object(_)) => Ok(vec![one]),
        Some(other) => {
            Err(fields.path.name("parts").invalid(format!("must be a list, not {}", other.kind())))
        }
    }
}

/// Text or a thought; nothing where it is empty and carries nothing.
fn told<'a>(text: Cow<'a, str>, thought: bool, state: Option<State<'a>>) -> Option<Part<'a>> {
    if text.is_empty() && state.is_none() {
        return None;
    }
    Some(if thought {
        Part::Reasoning(Reasoning { text, summary: true, state })
    } else {
        Part::Text(Text { text, state, ..Text::default() })
    })
}

/// What a tool answered: `output` and `result` alone are the answer itself, `error` alone that it failed, any other
/// object is the answer.
fn answer<'a>(response: Option<Json<'a>>, result: &mut ToolResult<'a>) {
    let value = match response {
        None => return,
        Some(Json::Object(mut object)) if object.members.len() == 1 => match object.members.pop() {
            Some((name, value)) if matches!(&*name, "output" | "result" | "error") => {
                result.is_error = name == "error";
                value
            }
            Some(member) => {
                object.members.push(member);
                Json::Object(object)
            }
            None => return,
        },
        Some(other) => other,
    };
    result.parts.push(match value {
        Json::String(text) => Part::text(text),
        other => Part::Json(other.raw()),
    });
}

/// Python's SDK writes the alphabet for URLs; the others know the standard one only.
fn standard(data: Cow<'_, str>) -> Cow<'_, str> {
    if memchr::memchr2(b'-', b'_', data.as_bytes()).is_none() {
        return data;
    }
    let padding = (4 - data.len() % 4) % 4;
    let mut plain = data.into_owned();
    // Both replacements are one byte for one byte.
    plain = plain.replace('-', "+").replace('_', "/");
    plain.push_str(&"==="[..padding.min(3)]);
    Cow::Owned(plain)
}
