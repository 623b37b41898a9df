//! Events of a streamed answer: balanced as they are read, in a row as they are written, and the same answer whichever
//! way they go.

use crate::Usage;
use crate::chat::{
    Bind, Blocks, Choice, Citation, Collector, Event, Failure, Finish, Part, Reasoning, Response, Sequencer,
    Slot, State, StateKind, Text, ToolCall, replay,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// What an upstream may do to a choice.
#[derive(Debug, Clone)]
enum Act {
    Text(String),
    EndText(bool),
    Reasoning(String),
    EndReasoning(bool),
    Tool(u64),
    Delta(u64, String),
    EndTool(u64),
}

fn state() -> State<'static> {
    State { kind: StateKind::GeminiThought, bind: Bind::Text, data: "s".into() }
}

fn events(acts: &[Act]) -> Vec<Event<'static>> {
    let mut out = vec![Event::Start { id: Some("id".into()), model: None, created: Some(1) }];
    let mut blocks = Blocks::default();
    let on = &mut |event: Event<'_>| out.push(event.into_owned());
    for act in acts {
        match act {
            Act::Text(text) => blocks.text(0, text.into(), on),
            Act::EndText(bound) => blocks.end_text(0, bound.then(state), on),
            Act::Reasoning(text) => blocks.reasoning(0, false, text.into(), on),
            Act::EndReasoning(bound) => blocks.end_reasoning(0, bound.then(state), on),
            Act::Tool(key) => blocks.tool(0, *key, "id".into(), "name".into(), false, None, on),
            Act::Delta(key, text) => {
                let open = blocks.has_tool(0, *key);
                assert_eq!(blocks.tool_delta(0, *key, text.into(), on), open);
            }
            Act::EndTool(key) => blocks.end_tool(0, *key, on),
        }
    }
    blocks.finish(0, Finish::Stop, None, on);
    blocks.finish(0, Finish::Length, None, on);
    assert!(blocks.finished(0));
    out.push(Event::Done);
    out
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let piece =
        prop_oneof![Just(String::new()), "[a-z]{1,3}", Just("{\"a\":".to_owned()), Just("1}".to_owned())];
    let act = prop_oneof![
        piece.clone().prop_map(Act::Text),
        any::<bool>().prop_map(Act::EndText),
        piece.clone().prop_map(Act::Reasoning),
        any::<bool>().prop_map(Act::EndReasoning),
        (0..3_u64).prop_map(Act::Tool),
        (0..3_u64, piece).prop_map(|(key, text)| Act::Delta(key, text)),
        (0..3_u64).prop_map(Act::EndTool),
    ];
    prop::collection::vec(act, 0..24)
}

fn slot(event: &Event<'_>) -> Option<Slot> {
    match event {
        Event::TextStart(slot)
        | Event::TextDelta(slot, _)
        | Event::Citation(slot, _)
        | Event::TextEnd(slot, _)
        | Event::ReasoningStart(slot, _)
        | Event::ReasoningDelta(slot, _)
        | Event::ReasoningEnd(slot, _)
        | Event::ToolStart { slot, .. }
        | Event::ToolDelta(slot, _)
        | Event::ToolEnd(slot) => Some(*slot),
        _ => None,
    }
}

fn starts(event: &Event<'_>) -> bool {
    matches!(event, Event::TextStart(_) | Event::ReasoningStart(..) | Event::ToolStart { .. })
}

fn ends(event: &Event<'_>) -> bool {
    matches!(event, Event::TextEnd(..) | Event::ReasoningEnd(..) | Event::ToolEnd(_))
}

/// Every block starts once, in the order of its number, and ends once, before the choice does.
fn balanced(events: &[Event<'_>], most_open: usize) {
    let mut open: Vec<Slot> = Vec::new();
    let mut next = 0;
    for event in events {
        match slot(event) {
            Some(slot) if starts(event) => {
                assert_eq!(slot.block, next, "{events:?}");
                next += 1;
                open.push(slot);
                assert!(open.len() <= most_open, "{events:?}");
            }
            Some(slot) => {
                let at = open.iter().position(|known| *known == slot);
                assert!(at.is_some(), "{event:?} outside its block: {events:?}");
                if ends(event) {
                    open.remove(at.unwrap());
                }
            }
            None => assert!(!matches!(event, Event::Finish { .. }) || open.is_empty(), "{events:?}"),
        }
    }
    assert!(open.is_empty());
}

fn sequenced(events: &[Event<'static>]) -> Vec<Event<'static>> {
    let mut out = Vec::new();
    let mut sequencer = Sequencer::default();
    for event in events {
        sequencer.push(event.clone(), &mut |event| out.push(event.into_owned()));
    }
    out
}

/// What each block says, and all that is no block.
fn said(events: &[Event<'_>]) -> (BTreeMap<Slot, String>, Vec<String>) {
    let (mut blocks, mut rest) = (BTreeMap::new(), Vec::new());
    for event in events {
        match (slot(event), event) {
            (
                Some(slot),
                Event::TextDelta(_, text) | Event::ReasoningDelta(_, text) | Event::ToolDelta(_, text),
            ) => {
                blocks.entry(slot).or_insert_with(String::new).push_str(text);
            }
            (Some(slot), other) => blocks.entry(slot).or_default().push_str(&format!("<{other:?}>")),
            (None, other) => rest.push(format!("{other:?}")),
        }
    }
    (blocks, rest)
}

fn collected<'a>(events: impl IntoIterator<Item = Event<'a>>) -> Response<'static> {
    let mut collector = Collector::default();
    events.into_iter().for_each(|event| collector.push(event));
    collector.finish().unwrap()
}

proptest! {
    #[test]
    fn whatever_an_upstream_does_its_blocks_are_balanced(acts in acts()) {
        balanced(&events(&acts), usize::MAX);
    }

    #[test]
    fn a_sequencer_never_interleaves_and_loses_nothing(acts in acts()) {
        let events = events(&acts);
        let row = sequenced(&events);
        balanced(&row, 1);
        prop_assert_eq!(said(&row), said(&events));
    }

    #[test]
    fn an_answer_is_the_same_from_its_events_and_from_its_replay(acts in acts()) {
        let first = collected(events(&acts));
        let mut again = Vec::new();
        replay(first.clone(), &mut |event| again.push(event));
        balanced(&again, 1);
        prop_assert_eq!(collected(again), first.clone());
        prop_assert_eq!(collected(sequenced(&events(&acts))), first);
    }
}

#[test]
fn a_stop_with_calls_is_a_call() {
    let finish = |acts: &[Act]| match events(acts).iter().rev().nth(1) {
        Some(Event::Finish { reason, .. }) => *reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(finish(&[Act::Text("a".into())]), Finish::Stop);
    assert_eq!(finish(&[Act::Tool(0)]), Finish::ToolCalls);
}

#[test]
fn blocks_that_follow_each_other_are_not_held() {
    let mut sequencer = Sequencer::default();
    let mut out = 0;
    let acts = [
        Act::Reasoning("a".into()),
        Act::Text("b".into()),
        Act::Tool(0),
        Act::Delta(0, "{}".into()),
        Act::Tool(1),
    ];
    for event in events(&acts) {
        sequencer.push(event, &mut |_| out += 1);
        out -= 1;
        assert_eq!(out, 0);
    }
}

#[test]
fn of_two_calls_at_once_the_second_waits() {
    let acts = [
        Act::Tool(0),
        Act::Delta(0, "{\"a\":".into()),
        Act::Tool(1),
        Act::Delta(1, "{".into()),
        Act::Delta(0, "1}".into()),
        Act::Delta(1, "}".into()),
    ];
    let events = events(&acts);
    let open = events.iter().take(6).filter(|event| starts(event)).count();
    assert_eq!(open, 2, "the first is still open when the second begins");
    let row = sequenced(&events);
    balanced(&row, 1);
    let deltas = row.iter().filter_map(|event| match event {
        Event::ToolDelta(slot, text) => Some((slot.block, text.to_string())),
        _ => None,
    });
    assert_eq!(deltas.collect::<Vec<_>>(), [(0, "{\"a\":".into()), (0, "1}".into()), (1, "{}".into())]);
}

#[test]
fn a_rich_answer_is_whole_after_its_replay() {
    let response = Response {
        id: Some("id".into()),
        model: Some("m".into()),
        created: Some(7),
        choices: [0, 1]
            .map(|index| Choice {
                index,
                parts: vec![
                    Part::Reasoning(Reasoning { text: "hm".into(), summary: true, state: Some(state()) }),
                    Part::Text(Text {
                        text: "so".into(),
                        citations: vec![Citation {
                            url: Some("https://example.com".into()),
                            ..Citation::default()
                        }],
                        state: Some(state()),
                        cache: None,
                    }),
                    Part::Refusal("no".into()),
                    Part::ToolCall(ToolCall {
                        id: "1".into(),
                        name: "f".into(),
                        arguments: "{}".into(),
                        ..ToolCall::default()
                    }),
                ],
                finish: Finish::ToolCalls,
                stop_sequence: Some("END".into()),
                logprobs: Vec::new(),
            })
            .into(),
        usage: Usage { input: Some(1), output: Some(2), ..Usage::default() },
        service_tier: Some("flex".into()),
    };
    let mut events = Vec::new();
    replay(response.clone(), &mut |event| events.push(event));
    assert_eq!(collected(events), response);
}

#[test]
fn what_is_not_whole_is_a_failure_and_what_follows_the_end_is_nothing() {
    let text = |collector: &mut Collector| {
        let slot = Slot::default();
        collector.push(Event::TextStart(slot));
        collector.push(Event::TextDelta(slot, "a".into()));
    };
    let mut cut = Collector::default();
    text(&mut cut);
    assert_eq!(cut.finish(), Err(Failure::incomplete()));

    let mut failed = Collector::default();
    text(&mut failed);
    failed.push(Event::Error(Failure::new(529, "overloaded", "busy")));
    failed.push(Event::Done);
    assert_eq!(failed.finish().unwrap_err().message, "busy");

    let mut twice = Collector::default();
    text(&mut twice);
    twice.push(Event::Done);
    text(&mut twice);
    assert_eq!(twice.finish().unwrap().choices[0].parts, [Part::text("a")]);
}
