//! Which call a piece of a streamed call belongs to. Servers number their calls, or not; give ids once, with every
//! piece, or never; start to count anew with each call: <https://platform.openai.com/docs/api-reference/chat-streaming>.

use super::response::{arguments_of, minted};
use super::{details, types};
use crate::chat::{Bind, Blocks, Event, State, StateKind, Whole};
use crate::json::Json;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The calls of one choice.
#[derive(Debug, Default)]
pub(super) struct Calls {
    calls: Vec<Call>,
    /// The last call of a number, and the first and the last of an id: a turn may have very many.
    numbers: BTreeMap<u64, usize>,
    ids: BTreeMap<String, (usize, usize)>,
    /// Signatures that came before their call: the call's id, empty where none was said.
    waiting: Vec<(String, String)>,
}

#[derive(Debug)]
struct Call {
    /// The server's id, empty where it gave none.
    id: String,
    /// Its name has come.
    named: bool,
    /// Arguments that came before the name.
    held: String,
    arguments: Whole,
    custom: bool,
}

impl Calls {
    /// A signature whose call has yet to come.
    pub(super) fn wait(&mut self, id: Option<&str>, signature: &str) {
        self.waiting.push((id.unwrap_or_default().to_owned(), signature.to_owned()));
    }

    /// Signatures that found no call.
    pub(super) fn left(&mut self) -> Vec<String> {
        std::mem::take(&mut self.waiting).into_iter().map(|(_, signature)| signature).collect()
    }

    /// Some call was seen.
    pub(super) fn any(&self) -> bool {
        !self.calls.is_empty()
    }

    /// Takes a piece. `seed` makes ids where the server gives none.
    pub(super) fn push(
        &mut self,
        piece: &Json<'_>,
        legacy: bool,
        (choice, seed): (u32, &str),
        blocks: &mut Blocks,
        on: &mut dyn FnMut(Event<'_>),
    ) {
        let custom = piece.get("custom");
        let function = piece.get("function").or(custom).unwrap_or(piece);
        let name = function.get("name").and_then(Json::text).unwrap_or_default();
        let id = piece.get("id").and_then(Json::text).filter(|_| !legacy).unwrap_or_default();
        let index = piece.get("index").and_then(Json::number).filter(|_| !legacy);
        let arguments = function.get(if custom.is_some() { "input" } else { "arguments" });
        let arguments = arguments.map(arguments_of).unwrap_or_default();
        let at = match self.find(index, id, name, &arguments) {
            Some(at) => at,
            // Padding behind the calls.
            None if name.is_empty() && id.is_empty() && arguments.is_empty() => return,
            None => self.add(index, id, custom.is_some()),
        };
        if let Some(signature) = details::read_extra(piece) {
            // A call that has begun can't be given one any more.
            if let Some(call) = self.calls.get(at).filter(|call| !call.named) {
                self.waiting.push((call.id.clone(), signature.into_owned()));
            }
        }
        self.begin(at, name, (choice, seed), blocks, on);
        let Some(call) = self.calls.get_mut(at) else { return };
        // Groq's word for no arguments.
        if !call.custom && !call.arguments.has_begun() && call.held.is_empty() && arguments.trim() == "null" {
            return;
        }
        call.arguments.push(&arguments);
        if call.named {
            blocks.tool_delta(choice, at as u64, arguments, on);
        } else {
            call.held.push_str(&arguments);
        }
    }

    /// A new call; its number in `calls`.
    fn add(&mut self, index: Option<u64>, id: &str, custom: bool) -> usize {
        let at = self.calls.len();
        if let Some(index) = index {
            self.numbers.insert(index, at);
        }
        self.ids.entry(id.to_owned()).or_insert((at, at)).1 = at;
        self.calls.push(Call {
            id: id.to_owned(),
            named: false,
            held: String::new(),
            arguments: Whole::default(),
            custom,
        });
        at
    }

    /// The call that goes on with this piece, if one does.
    fn find(&self, index: Option<u64>, id: &str, name: &str, arguments: &str) -> Option<usize> {
        let at = match (index, id) {
            (Some(index), _) => self.numbers.get(&index).copied(),
            (None, "") if name.is_empty() => self.calls.len().checked_sub(1),
            (None, "") => None,
            (None, id) => self.ids.get(id).map(|(_, last)| *last),
        }?;
        let call = self.calls.get(at)?;
        let other = !id.is_empty() && !call.id.is_empty() && call.id != id;
        let again = !name.is_empty() && call.named;
        // A name once more is a new call if its id is another, or the call is whole and this brings arguments anew.
        let new = again && (other || (id.is_empty() && call.arguments.is_whole() && !arguments.is_empty()));
        (!new).then_some(at)
    }

    /// The call begins with its name.
    fn begin(
        &mut self,
        at: usize,
        name: &str,
        (choice, seed): (u32, &str),
        blocks: &mut Blocks,
        on: &mut dyn FnMut(Event<'_>),
    ) {
        let Self { calls, waiting, ids, .. } = self;
        let known = |id: &str| ids.get(id).is_some_and(|(first, _)| *first < at);
        let Some(id) = calls.get(at).map(|call| call.id.clone()) else { return };
        let shown = if id.is_empty() || known(&id) { minted(seed, choice, at) } else { id.clone() };
        let Some(call) = calls.get_mut(at).filter(|call| !call.named && !name.is_empty()) else { return };
        let own = waiting.iter().position(|(call, _)| !call.is_empty() && *call == id);
        let any = || waiting.iter().position(|(call, _)| call.is_empty());
        let state = own.or_else(any).map(|at| State {
            kind: StateKind::GeminiThought,
            bind: Bind::Call,
            data: Cow::Owned(waiting.swap_remove(at).1),
        });
        call.named = true;
        let name = Cow::Borrowed(name);
        blocks.tool(choice, at as u64, Cow::Owned(shown), name, call.custom, state, on);
        let held = std::mem::take(&mut call.held);
        blocks.tool_delta(choice, at as u64, Cow::Owned(held), on);
    }
}

/// The reason of a chunk, if it has one.
pub(super) fn finish_of(choice: &Json<'_>) -> Option<crate::chat::Finish> {
    types::read_finish(choice.get("finish_reason")?.text()?)
}
