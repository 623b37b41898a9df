//! Turns in groups, and calls with their results.

use crate::chat::{Part, Request, Role, ToolCall, ToolResult, Turn, groups, validate};
use std::borrow::Cow;

fn turn(role: Role, parts: Vec<Part<'static>>) -> Turn<'static> {
    Turn { role, parts, ..Turn::default() }
}

fn call(id: &'static str) -> Part<'static> {
    Part::ToolCall(ToolCall {
        id: Cow::Borrowed(id),
        name: Cow::Owned(format!("f{id}")),
        ..ToolCall::default()
    })
}

fn result(id: &'static str) -> Part<'static> {
    Part::ToolResult(ToolResult { id: Cow::Borrowed(id), ..ToolResult::default() })
}

#[test]
fn turns_of_one_side_become_one_group_with_results_first() {
    let turns = [
        turn(Role::System, vec![Part::text("s")]),
        turn(Role::User, vec![Part::text("a")]),
        turn(Role::User, vec![Part::text("b")]),
        turn(Role::Assistant, vec![Part::text("c"), call("1")]),
        turn(Role::Assistant, vec![call("2")]),
        turn(Role::User, vec![Part::text("d")]),
        turn(Role::Tool, vec![result("1"), result("2")]),
        turn(Role::Developer, vec![Part::text("e")]),
        turn(Role::User, vec![Part::text("f")]),
    ];
    let groups = groups(&turns);
    let roles: Vec<Role> = groups.iter().map(|group| group.role).collect();
    assert_eq!(roles, [Role::User, Role::Assistant, Role::User]);
    assert_eq!(groups[0].parts.len(), 2);
    assert_eq!(groups[1].parts.len(), 3);
    let kinds: Vec<bool> = groups[2].parts.iter().map(|part| matches!(part, Part::ToolResult(_))).collect();
    assert_eq!(kinds, [true, true, false, false]);
    let request = Request { turns: turns.to_vec(), ..Request::default() };
    let system: Vec<&str> = request.system().map(|text| &*text.text).collect();
    assert_eq!(system, ["s", "e"]);
}

#[test]
fn a_result_learns_the_name_of_its_tool() {
    let mut turns =
        [turn(Role::Assistant, vec![call("1"), call("2")]), turn(Role::Tool, vec![result("2"), result("1")])];
    validate(&mut turns).unwrap();
    let names = turns[1].parts.iter().map(|part| match part {
        Part::ToolResult(result) => result.name.as_deref(),
        _ => None,
    });
    assert_eq!(names.collect::<Vec<_>>(), [Some("f2"), Some("f1")]);
}

#[test]
fn what_does_not_belong_together_is_named_by_its_turn() {
    for (turns, at) in [
        (vec![turn(Role::Tool, vec![result("1")])], 0),
        (vec![turn(Role::Assistant, vec![call("1")])], 0),
        (
            vec![
                turn(Role::User, vec![]),
                turn(Role::Assistant, vec![call("1")]),
                turn(Role::Tool, vec![result("2")]),
            ],
            2,
        ),
        (
            vec![
                turn(Role::Assistant, vec![call("1")]),
                turn(Role::User, vec![Part::text("x")]),
                turn(Role::Assistant, vec![Part::text("y")]),
                turn(Role::Tool, vec![result("1")]),
            ],
            0,
        ),
        (vec![turn(Role::Assistant, vec![call("1")]), turn(Role::Tool, vec![result("1"), result("1")])], 1),
    ] {
        let mut turns = turns;
        assert_eq!(validate(&mut turns).unwrap_err().0, at, "{turns:?}");
    }
}

#[test]
fn a_long_conversation_is_checked_in_no_time() {
    let mut turns: Vec<Turn<'static>> = Vec::new();
    for _ in 0..50_000 {
        turns.push(turn(Role::Assistant, vec![call("1")]));
        turns.push(turn(Role::Tool, vec![result("1")]));
    }
    validate(&mut turns).unwrap();
    let names: Vec<&'static str> =
        (0..50_000).map(|number| &*Box::leak(number.to_string().into_boxed_str())).collect();
    let mut wide = [
        turn(Role::Assistant, names.iter().map(|name| call(name)).collect()),
        turn(Role::Tool, names.iter().rev().map(|name| result(name)).collect()),
    ];
    validate(&mut wide).unwrap();
}
