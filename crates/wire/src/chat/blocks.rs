//! For readers of streams: opens and closes blocks as pieces come, so that starts, deltas and ends are balanced
//! whatever the upstream does.

use super::arguments::Whole;
use super::{Event, Finish, Slot, State};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// The blocks of a streamed answer, all choices together.
#[derive(Debug, Default)]
pub struct Blocks {
    choices: Vec<Choice>,
}

#[derive(Debug)]
struct Choice {
    index: u32,
    next: u32,
    /// The text or reasoning that is open.
    open: Option<(Kind, u32)>,
    tools: OpenTools,
    called: bool,
    finished: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Reasoning,
}

/// The calls that are open: found by key, not by looking through them, since an answer may have very many.
#[derive(Debug, Default)]
struct OpenTools {
    /// By what the upstream tells its calls apart by: the call's block and how much of its arguments came.
    calls: BTreeMap<u64, (u32, Whole)>,
    /// Block and key of those whose arguments are whole.
    whole: BTreeSet<(u32, u64)>,
}

impl OpenTools {
    /// The block of a call that goes on with this piece.
    fn push(&mut self, key: u64, piece: &str) -> Option<u32> {
        let (block, whole) = self.calls.get_mut(&key)?;
        whole.push(piece);
        if whole.is_whole() {
            self.whole.insert((*block, key));
        } else {
            self.whole.remove(&(*block, key));
        }
        Some(*block)
    }

    /// Takes the call of this key out, and the whole ones if so wanted: their blocks in order.
    fn take(&mut self, key: Option<u64>, whole: bool) -> BTreeSet<u32> {
        let mut blocks = BTreeSet::new();
        if let Some(key) = key
            && let Some((block, _)) = self.calls.remove(&key)
        {
            self.whole.remove(&(block, key));
            blocks.insert(block);
        }
        if whole {
            for (block, key) in std::mem::take(&mut self.whole) {
                self.calls.remove(&key);
                blocks.insert(block);
            }
        }
        blocks
    }

    /// Takes all out.
    fn take_all(&mut self) -> BTreeSet<u32> {
        std::mem::take(self).calls.into_values().map(|(block, _)| block).collect()
    }
}

type On<'o> = &'o mut dyn FnMut(Event<'_>);

impl Blocks {
    fn choice(&mut self, index: u32) -> &mut Choice {
        let at = match self.choices.iter().position(|choice| choice.index == index) {
            Some(at) => at,
            None => {
                self.choices.push(Choice {
                    index,
                    next: 0,
                    open: None,
                    tools: OpenTools::default(),
                    called: false,
                    finished: false,
                });
                self.choices.len() - 1
            }
        };
        &mut self.choices[at]
    }

    /// More text. Nothing happens where it is empty.
    pub fn text(&mut self, choice: u32, text: Cow<'_, str>, on: On<'_>) {
        if !text.is_empty() {
            let slot = self.choice(choice).enter(Kind::Text, false, on);
            on(Event::TextDelta(slot, text));
        }
    }

    /// The text that is open, or a new one: for what hangs on it, such as citations.
    pub fn text_slot(&mut self, choice: u32, on: On<'_>) -> Slot {
        self.choice(choice).enter(Kind::Text, false, on)
    }

    /// The text ends; state is bound to it. Without state nothing happens where none is open.
    pub fn end_text(&mut self, choice: u32, state: Option<State<'_>>, on: On<'_>) {
        let choice = self.choice(choice);
        if state.is_some() {
            choice.enter(Kind::Text, false, on);
        }
        choice.leave_as(Kind::Text, state, on);
    }

    /// More reasoning; `summary` counts where a stretch begins. Nothing happens where it is empty.
    pub fn reasoning(&mut self, choice: u32, summary: bool, text: Cow<'_, str>, on: On<'_>) {
        if !text.is_empty() {
            let slot = self.choice(choice).enter(Kind::Reasoning, summary, on);
            on(Event::ReasoningDelta(slot, text));
        }
    }

    /// The reasoning ends with its state. Without state nothing happens where none is open.
    pub fn end_reasoning(&mut self, choice: u32, state: Option<State<'_>>, on: On<'_>) {
        let choice = self.choice(choice);
        if state.is_some() {
            choice.enter(Kind::Reasoning, false, on);
        }
        choice.leave_as(Kind::Reasoning, state, on);
    }

    /// A call begins. Calls whose arguments are whole by now end before it.
    #[expect(clippy::too_many_arguments, reason = "all that a call begins with")]
    pub fn tool(
        &mut self,
        choice: u32,
        key: u64,
        id: Cow<'_, str>,
        name: Cow<'_, str>,
        custom: bool,
        state: Option<State<'_>>,
        on: On<'_>,
    ) {
        let choice = self.choice(choice);
        choice.leave(on);
        let over = choice.tools.take(Some(key), true);
        choice.end_tools(over, on);
        choice.called = true;
        let slot = choice.next_slot();
        choice.tools.calls.insert(key, (slot.block, Whole::default()));
        on(Event::ToolStart { slot, id, name, custom, state });
    }

    /// The call of this key is open.
    #[must_use]
    pub fn has_tool(&self, choice: u32, key: u64) -> bool {
        let choice = self.choices.iter().find(|known| known.index == choice);
        choice.is_some_and(|choice| choice.tools.calls.contains_key(&key))
    }

    /// More of a call's arguments; what belongs to no open call is not handed on (false).
    pub fn tool_delta(&mut self, choice: u32, key: u64, text: Cow<'_, str>, on: On<'_>) -> bool {
        let choice = self.choice(choice);
        let index = choice.index;
        let Some(block) = choice.tools.push(key, &text) else { return false };
        if !text.is_empty() {
            on(Event::ToolDelta(Slot { choice: index, block }, text));
        }
        true
    }

    /// A call is whole.
    pub fn end_tool(&mut self, choice: u32, key: u64, on: On<'_>) {
        let choice = self.choice(choice);
        let over = choice.tools.take(Some(key), false);
        choice.end_tools(over, on);
    }

    /// This choice is over: all that is open ends, then the reason. Only the first one counts.
    pub fn finish(&mut self, choice: u32, reason: Finish, stop_sequence: Option<Cow<'_, str>>, on: On<'_>) {
        let choice = self.choice(choice);
        if std::mem::replace(&mut choice.finished, true) {
            return;
        }
        choice.leave(on);
        let over = choice.tools.take_all();
        choice.end_tools(over, on);
        on(Event::Finish { choice: choice.index, reason: reason.with_tools(choice.called), stop_sequence });
    }

    /// Some choice called a tool.
    #[must_use]
    pub fn called(&self) -> bool {
        self.choices.iter().any(|choice| choice.called)
    }

    /// This choice is over.
    #[must_use]
    pub fn finished(&self, choice: u32) -> bool {
        self.choices.iter().any(|known| known.index == choice && known.finished)
    }
}

impl Choice {
    fn next_slot(&mut self) -> Slot {
        let slot = Slot { choice: self.index, block: self.next };
        self.next += 1;
        slot
    }

    fn enter(&mut self, kind: Kind, summary: bool, on: On<'_>) -> Slot {
        if let Some((open, block)) = self.open
            && open == kind
        {
            return Slot { choice: self.index, block };
        }
        self.leave(on);
        let over = self.tools.take(None, true);
        self.end_tools(over, on);
        let slot = self.next_slot();
        self.open = Some((kind, slot.block));
        on(match kind {
            Kind::Text => Event::TextStart(slot),
            Kind::Reasoning => Event::ReasoningStart(slot, summary),
        });
        slot
    }

    fn leave(&mut self, on: On<'_>) {
        if let Some((kind, _)) = self.open {
            self.leave_as(kind, None, on);
        }
    }

    fn leave_as(&mut self, kind: Kind, state: Option<State<'_>>, on: On<'_>) {
        let Some((_, block)) = self.open.take_if(|(open, _)| *open == kind) else { return };
        let slot = Slot { choice: self.index, block };
        on(match kind {
            Kind::Text => Event::TextEnd(slot, state),
            Kind::Reasoning => Event::ReasoningEnd(slot, state),
        });
    }

    fn end_tools(&self, blocks: BTreeSet<u32>, on: On<'_>) {
        for block in blocks {
            on(Event::ToolEnd(Slot { choice: self.index, block }));
        }
    }
}
