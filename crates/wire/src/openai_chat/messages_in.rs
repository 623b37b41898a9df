//! Reads the messages of a request.
//! <https://platform.openai.com/docs/api-reference/chat/create#chat-create-messages>

use super::{details, extras, parts_in};
use crate::chat::{
    Bind, Cache, Losses, Media, MediaKind, Part, Reasoning, Request, Role, Source, State, StateKind, Text,
    ToolCall, ToolResult, Turn, mint_id,
};
use crate::json::{Fields, Invalid, Json};
use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};

/// Takes the member `messages`.
pub(super) fn read<'a>(fields: &mut Fields<'_, 'a>, request: &mut Request<'a>) -> Result<(), Invalid> {
    let outer = fields.path;
    let path = outer.name("messages");
    let Some(messages) = fields.array("messages")? else { return Err(path.invalid("is required")) };
    if messages.items.is_empty() {
        return Err(path.invalid("must not be empty"));
    }
    request.turns.reserve(messages.items.len());
    let mut reader = Reader { losses: &mut request.losses, open: VecDeque::new() };
    for (at, message) in messages.items.into_iter().enumerate() {
        let message = Fields::new(path.index(at), message)?;
        request.turns.push(reader.message(message, at)?);
    }
    Ok(())
}

struct Reader<'l> {
    losses: &'l mut Losses,
    /// Calls that came without an id, with the one they were given: their results are told by order.
    open: VecDeque<String>,
}

impl Reader<'_> {
    fn message<'a>(&mut self, mut fields: Fields<'_, 'a>, at: usize) -> Result<Turn<'a>, Invalid> {
        let said = fields.need_text("role")?;
        let role = match &*said {
            "system" => Role::System,
            "developer" => Role::Developer,
            "user" => Role::User,
            "assistant" | "model" => Role::Assistant,
            "tool" | "function" => Role::Tool,
            _ => {
                let known = "must be `developer`, `system`, `user`, `assistant`, `tool` or `function`";
                return Err(fields.path.name("role").invalid(known));
            }
        };
        let mut turn = Turn { role, at, name: fields.text("name")?, parts: Vec::new() };
        let mark = parts_in::cache(&mut fields, self.losses)?;
        match role {
            Role::Tool => self.result(&mut fields, &mut turn)?,
            Role::Assistant => self.assistant(&mut fields, &mut turn)?,
            Role::System | Role::Developer | Role::User => {
                self.content(&mut fields, true, &mut turn.parts)?
            }
        }
        if let Some(mark) = mark {
            mark_last(&mut turn.parts, mark);
        }
        self.losses.unread(fields);
        Ok(turn)
    }

    fn content<'a>(
        &mut self,
        fields: &mut Fields<'_, 'a>,
        needed: bool,
        parts: &mut Vec<Part<'a>>,
    ) -> Result<(), Invalid> {
        match fields.take("content") {
            Some(content) => parts_in::content(&fields.path.name("content"), content, self.losses, parts),
            None if needed => Err(fields.path.name("content").invalid("is required")),
            None => Ok(()),
        }
    }

    fn result<'a>(&mut self, fields: &mut Fields<'_, 'a>, turn: &mut Turn<'a>) -> Result<(), Invalid> {
        let mut parts = Vec::new();
        self.content(fields, true, &mut parts)?;
        let id = match fields.text("tool_call_id")?.filter(|id| !id.is_empty()) {
            Some(id) => id,
            None => match self.open.pop_front() {
                Some(first) => Cow::Owned(first),
                None => return Err(fields.path.name("tool_call_id").invalid("is required")),
            },
        };
        // Anthropic's word, which some clients send here too.
        let is_error = fields.bool("is_error")?.unwrap_or_default();
        let name = turn.name.take();
        turn.parts =
            vec![Part::ToolResult(ToolResult { id, name, parts, is_error, ..ToolResult::default() })];
        Ok(())
    }

    fn assistant<'a>(&mut self, fields: &mut Fields<'_, 'a>, turn: &mut Turn<'a>) -> Result<(), Invalid> {
        let states = self.reasoning(fields, &mut turn.parts)?;
        self.content(fields, false, &mut turn.parts)?;
        turn.parts.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
        if let Some(refusal) = fields.text("refusal")?.filter(|text| !text.is_empty()) {
            turn.parts.push(Part::Refusal(refusal));
        }
        citations(fields, &mut turn.parts)?;
        media(fields, &mut turn.parts)?;
        // Mistral's and DeepSeek's mark of an answer to be gone on with: where it matters, it is a loss.
        if fields.bool("prefix")?.unwrap_or_default() {
            self.losses.at(&fields.path.name("prefix"));
        }
        let before = turn.parts.len();
        if let Some(calls) = fields.array("tool_calls")? {
            let path = fields.path.name("tool_calls");
            for (number, call) in calls.items.into_iter().enumerate() {
                let call = Fields::new(path.index(number), call)?;
                turn.parts.push(Part::ToolCall(self.call(call, turn.at, number)?));
            }
        }
        if let Some(mut function) = fields.object("function_call")? {
            let id = self.mint(turn.at, 0);
            turn.parts.push(Part::ToolCall(function_of(&mut function, Cow::Owned(id))?));
        }
        place(states, &mut turn.parts, before);
        Ok(())
    }

    /// Reasoning, by whichever name: the list says most. What belongs to calls or the text is given back.
    fn reasoning<'a>(
        &mut self,
        fields: &mut Fields<'_, 'a>,
        parts: &mut Vec<Part<'a>>,
    ) -> Result<Vec<(Cow<'a, str>, State<'a>)>, Invalid> {
        let content = fields.text("reasoning_content")?;
        let plain = fields.text("reasoning")?;
        let plain = content.filter(|text| !text.is_empty()).or(plain).filter(|text| !text.is_empty());
        let listed = fields.array("reasoning_details")?.map(|array| array.items).unwrap_or_default();
        let (stretches, mut states) = details::read_all(&listed);
        if !stretches.iter().any(|stretch| !stretch.text.is_empty())
            && let Some(text) = plain
        {
            parts.push(Part::Reasoning(Reasoning { text, ..Reasoning::default() }));
        }
        parts.extend(stretches.into_iter().map(Part::Reasoning));
        let older = fields.text("thought_signature")?;
        let extra = fields.take("extra_content");
        if let Some(data) = extra.as_ref().and_then(signature).or(older) {
            let state = State { kind: StateKind::GeminiThought, bind: Bind::Text, data };
            states.push((Cow::Borrowed(""), state));
        }
        Ok(states)
    }

    fn call<'a>(
        &mut self,
        mut fields: Fields<'_, 'a>,
        at: usize,
        number: usize,
    ) -> Result<ToolCall<'a>, Invalid> {
        let id = fields.text("id")?.filter(|id| !id.is_empty());
        let id = id.unwrap_or_else(|| Cow::Owned(self.mint(at, number)));
        let kind = fields.text("type")?;
        // A number that some clients keep from the stream.
        fields.take("index");
        let cache = parts_in::cache(&mut fields, self.losses)?;
        let state = fields.take("extra_content").as_ref().and_then(signature).map(|data| State {
            kind: StateKind::GeminiThought,
            bind: Bind::Call,
            data,
        });
        let call = if kind.as_deref() == Some("custom") {
            let Some(mut custom) = fields.object("custom")? else {
                return Err(fields.path.name("custom").invalid("is required"));
            };
            let name = custom.need_text("name")?;
            let arguments = custom.text("input")?.unwrap_or_default();
            self.losses.unread(custom);
            ToolCall { id, name, arguments, custom: true, ..ToolCall::default() }
        } else {
            let Some(mut function) = fields.object("function")? else {
                return Err(fields.path.name("function").invalid("is required"));
            };
            let call = function_of(&mut function, id)?;
            self.losses.unread(function);
            call
        };
        self.losses.unread(fields);
        Ok(ToolCall { cache, state, ..call })
    }

    /// An id for a call that has none; its result is told by order.
    fn mint(&mut self, at: usize, number: usize) -> String {
        let id = mint_id(&at.to_string(), number);
        self.open.push_back(id.clone());
        id
    }
}

/// `{name, arguments}`; arguments that are an object are taken too.
fn function_of<'a>(fields: &mut Fields<'_, 'a>, id: Cow<'a, str>) -> Result<ToolCall<'a>, Invalid> {
    let name = fields.need_text("name")?;
    let arguments = match fields.take("arguments") {
        None => Cow::Borrowed(""),
        Some(Json::String(text)) => text,
        Some(object @ Json::Object(_)) => object.raw(),
        Some(other) => {
            let path = fields.path.name("arguments");
            return Err(path.invalid(format!("must be a string, not {}", other.kind())));
        }
    };
    Ok(ToolCall { id, name, arguments, ..ToolCall::default() })
}

/// Google's signature in the value of `extra_content`.
fn signature<'a>(extra: &Json<'a>) -> Option<Cow<'a, str>> {
    extra.at(&["google", "thought_signature"])?.cow().filter(|text| !text.is_empty())
}

/// Sources that the caller sends back with an earlier answer.
fn citations<'a>(fields: &mut Fields<'_, 'a>, parts: &mut [Part<'a>]) -> Result<(), Invalid> {
    let Some(annotations) = fields.array("annotations")? else { return Ok(()) };
    let text = parts.iter_mut().rev().find_map(|part| match part {
        Part::Text(text) => Some(text),
        _ => None,
    });
    if let Some(text) = text {
        text.citations.extend(annotations.items.iter().filter_map(extras::read_annotation));
    }
    Ok(())
}

/// Images (OpenRouter) and recordings (OpenAI, by their id) of an earlier answer.
fn media<'a>(fields: &mut Fields<'_, 'a>, parts: &mut Vec<Part<'a>>) -> Result<(), Invalid> {
    if let Some(images) = fields.array("images")? {
        parts.extend(images.items.iter().filter_map(super::response::read_image).map(Part::Media));
    }
    if let Some(mut audio) = fields.object("audio")? {
        let id = audio.need_text("id")?;
        parts.push(Part::Media(Media::new(MediaKind::Audio, Source::Id(id))));
    }
    Ok(())
}

/// States find the calls that they name; one without a name is the first call's, else the text's.
fn place<'a>(states: Vec<(Cow<'a, str>, State<'a>)>, parts: &mut Vec<Part<'a>>, calls: usize) {
    if states.is_empty() {
        return;
    }
    let mut known: HashMap<String, usize> = HashMap::new();
    for (at, part) in parts.iter().enumerate().skip(calls) {
        if let Part::ToolCall(call) = part {
            known.entry(call.id.to_string()).or_insert(at);
        }
    }
    for (id, state) in states {
        let at = if id.is_empty() { Some(calls) } else { known.get(&*id).copied() };
        if let Some(Part::ToolCall(call)) = at.and_then(|at| parts.get_mut(at)) {
            call.state = call.state.take().or(Some(State { bind: Bind::Call, ..state }));
            continue;
        }
        let text = parts.iter_mut().take(calls).rev().find_map(|part| match part {
            Part::Text(text) => Some(text),
            _ => None,
        });
        match text {
            Some(text) => text.state = Some(State { bind: Bind::Text, ..state }),
            None => {
                let state = Some(State { bind: Bind::Reasoning, ..state });
                parts.push(Part::Reasoning(Reasoning { state, ..Reasoning::default() }));
            }
        }
    }
}

/// A mark on the message is one on its last part.
fn mark_last<'a>(parts: &mut [Part<'a>], mark: Cache<'a>) {
    match parts.last_mut() {
        Some(Part::Text(Text { cache, .. })) => *cache = Some(mark),
        Some(Part::Media(media)) => media.cache = Some(mark),
        Some(Part::ToolCall(call)) => call.cache = Some(mark),
        Some(Part::ToolResult(result)) => result.cache = Some(mark),
        _ => {}
    }
}
