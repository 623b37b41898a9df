"""The shapes of requests that coding agents send, against every format.

Claude Code: <https://docs.claude.com/en/docs/claude-code/llm-gateway> and what the Messages API documents of its fields.
Codex: <https://github.com/openai/codex>, the request of its Responses client. Neither's texts are used.
"""

import json
import uuid

import pytest
import urllib3

import pairs
from played.script import PATCH, QUESTION, TEXT, THOUGHT

form = pairs.every_format("anthropic_messages")
codex_form = pairs.every_format("openai_responses", "codex_form")
MARK = {"cache_control": {"type": "ephemeral"}}


def post(address: str, headers: dict, body: dict) -> urllib3.BaseHTTPResponse:
    # As with such tools, headers that are theirs alone come along.
    headers = {"content-type": "application/json", "x-app": "cli", **headers}
    return urllib3.request("POST", address, body=json.dumps(body).encode(), headers=headers, retries=False)


def events(answer) -> list[dict]:
    """The events of a stream; each has its name twice."""
    assert answer.status == 200, answer.data
    out = []
    for block in answer.data.decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if lines:
            out.append(json.loads(lines["data"]))
            assert lines["event"] == out[-1]["type"]
    return out


# --- Claude Code ------------------------------------------------------------------------------------------------------


def claude_tools() -> list[dict]:
    path = {"type": "string", "description": "An absolute path"}
    read = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {"file_path": path, "limit": {"type": "number"}}, "required": ["file_path"], "additionalProperties": False}
    edits = {"type": "array", "minItems": 1, "items": {"type": "object", "properties": {"old": {"type": "string"}, "new": {"type": "string"}, "all": {"type": "boolean", "default": False}}, "required": ["old", "new"], "additionalProperties": False}}
    edit = {**read, "properties": {"file_path": path, "edits": edits}, "required": ["file_path", "edits"]}
    tide = {"name": "tide", "description": "The next high tide", "input_schema": {**pairs.PARAMETERS, "$schema": "http://json-schema.org/draft-07/schema#"}}
    many = [{"name": f"mcp__harbour__tool_{number}", "description": "One of many", "input_schema": {"type": "object", "properties": {}}} for number in range(20)]
    return [{"name": "Read", "description": "Reads a file", "input_schema": read}, {"name": "Edit", "description": "Edits a file", "input_schema": edit, "eager_input_streaming": True}, *many, {**tide, **MARK}]


def claude_code(model: str, messages: list, thinking: dict) -> dict:
    return {
        "model": model, "max_tokens": 32000, "stream": True, "temperature": 1, "thinking": thinking, "messages": messages, "tools": claude_tools(),
        "system": [{"type": "text", "text": "You help with code.", **MARK}, {"type": "text", "text": "The working directory is /quay.", **MARK}],
        "metadata": {"user_id": f"user_{'0' * 64}_account__session_{uuid.UUID(int=7)}"},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        **({"output_config": {"effort": "medium"}} if thinking["type"] == "adaptive" else {}),
    }


CLAUDE_HEADERS = {
    "anthropic-version": "2023-06-01", "user-agent": "claude-cli/2.1.0 (external, cli)", "anthropic-dangerous-direct-browser-access": "true",
    "anthropic-beta": "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27",
    "x-stainless-lang": "js", "x-stainless-retry-count": "0", "x-stainless-timeout": "600",
}


@pytest.mark.parametrize("thinking", [{"type": "enabled", "budget_tokens": 31999}, {"type": "adaptive"}], ids=lambda one: one["type"])
def test_claude_code(gateway, form, thinking):
    headers = {**CLAUDE_HEADERS, "authorization": f"Bearer {pairs.key(gateway, form)}"}
    address, model = pairs.url(gateway, form, "") + "/v1/messages", pairs.model(gateway, form, "agent")
    asked = {"role": "user", "content": [{"type": "text", "text": "A reminder of the harness."}, {"type": "text", "text": QUESTION, **MARK}]}
    blocks = blocks_of(events(post(address + "?beta=true", headers, claude_code(model, [asked], thinking))))
    assert blocks[0]["type"] == "thinking" and blocks[0]["thinking"] == THOUGHT
    calls = [block for block in blocks if block["type"] == "tool_use"]
    results = [{"tool_use_id": call["id"], "type": "tool_result", "content": pairs.result_of(call["input"])} for call in calls]
    results[-1] = {**results[-1], "content": [{"type": "text", "text": results[-1]["content"]}], "is_error": False, **MARK}
    reminder = {"type": "text", "text": "Another reminder."}
    turns = [asked, {"role": "assistant", "content": blocks}, {"role": "user", "content": [*results, reminder]}]
    blocks = blocks_of(events(post(address + "?beta=true", headers, claude_code(model, turns, thinking))))
    assert blocks[-1]["text"] == TEXT


def test_claude_code_counts(gateway, form):
    headers = {**CLAUDE_HEADERS, "authorization": f"Bearer {pairs.key(gateway, form)}"}
    body = {"model": pairs.model(gateway, form, "agent"), "messages": [{"role": "user", "content": "foo"}], "tools": claude_tools()}
    answer = post(pairs.url(gateway, form, "") + "/v1/messages/count_tokens?beta=true", headers, body)
    assert (answer.status, answer.json()["input_tokens"] > 0) == (200, True), answer.data


def blocks_of(told: list[dict]) -> list[dict]:
    """The message's blocks, put together as the harness does it."""
    blocks: list[dict] = []
    assert (told[0]["type"], told[-1]["type"]) == ("message_start", "message_stop")
    for event in told:
        if event["type"] == "content_block_start":
            assert event["index"] == len(blocks)
            blocks.append({**event["content_block"], "input": ""} if event["content_block"]["type"] == "tool_use" else dict(event["content_block"]))
        elif event["type"] == "content_block_delta":
            slot = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature", "input_json_delta": "partial_json"}[event["delta"]["type"]]
            name = "input" if slot == "partial_json" else slot
            blocks[event["index"]][name] += event["delta"][slot]
    return [{**block, "input": json.loads(block["input"] or "{}")} if block["type"] == "tool_use" else block for block in blocks]


# --- Codex ------------------------------------------------------------------------------------------------------------


def codex(model: str, items: list) -> dict:
    shell = {"type": "object", "properties": {"command": {"type": "array", "items": {"type": "string"}}, "timeout_ms": {"type": "number"}}, "required": ["command"], "additionalProperties": False}
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: begin hunk+ end\nbegin: \"*** Begin Patch\" LF\nend: \"*** End Patch\" LF?\nhunk: /.+/ LF\n%import common.LF"}
    tools = [
        {"type": "function", "name": "shell", "description": "Runs a command", "strict": False, "parameters": shell},
        {"type": "function", "name": "update_plan", "description": "Notes the plan", "strict": False, "parameters": {"type": "object", "properties": {"plan": {"type": "array", "items": {"type": "object", "properties": {"step": {"type": "string"}}}}}}},
        {"type": "custom", "name": "apply_patch", "description": "Edits files; the input is the patch itself", "format": grammar},
        {"type": "web_search"},
        {"type": "namespace", "name": "mcp__harbour", "description": "A server of tools", "tools": [{"type": "function", "name": "tide", "description": "The next high tide", "strict": False, "parameters": pairs.PARAMETERS}]},
    ]
    return {
        "model": model, "instructions": "You help with code.", "input": items, "tools": tools, "tool_choice": "auto", "parallel_tool_calls": True,
        "reasoning": {"effort": "medium", "summary": "auto"}, "store": False, "stream": True, "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": str(uuid.UUID(int=9)), "text": {"verbosity": "low"},
    }


@pytest.fixture
def ask_codex(gateway, codex_form):
    headers = {"authorization": f"Bearer {pairs.key(gateway, codex_form)}", "accept": "text/event-stream", "originator": "codex_cli_rs", "session_id": str(uuid.UUID(int=9)), "user-agent": "codex_cli_rs/0.154.0"}
    address = pairs.url(gateway, codex_form, "/v1") + "/responses"
    return lambda scenario, items: events(post(address, headers, codex(pairs.model(gateway, codex_form, scenario), items)))


def codex_items() -> list[dict]:
    return [
        {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "What may be done."}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Where it runs."}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": QUESTION}]},
    ]


def done(told: list[dict]) -> list[dict]:
    """The items of an answer, as Codex sends them back: without ids and statuses."""
    items = [event["item"] for event in told if event["type"] == "response.output_item.done"]
    assert told[-1]["type"] == "response.completed" and told[-1]["response"]["output"] == items
    return [{name: value for name, value in item.items() if name not in ("id", "status")} for item in items]


def shown(told: list[dict], *kinds: str) -> str:
    return "".join(event["delta"] for event in told if event["type"] in [f"response.{kind}.delta" for kind in kinds])


def test_codex_patches(ask_codex):
    items = codex_items()
    told = ask_codex("patch", items)
    items += done(told)
    assert (items[-1]["type"], items[-1]["name"], items[-1]["input"]) == ("custom_tool_call", "apply_patch", PATCH)
    assert shown(told, "custom_tool_call_input") == PATCH
    assert shown(told, "reasoning_summary_text", "reasoning_text") == THOUGHT
    items.append({"type": "custom_tool_call_output", "call_id": items[-1]["call_id"], "output": "Exit code: 0\nDone"})
    told = ask_codex("patch", items)
    assert shown(told, "output_text") == TEXT
    assert told[-1]["response"]["usage"]["total_tokens"] == 46


@pytest.mark.parametrize("scenario", ["group", "group.bare"])
def test_codex_calls_a_tool_of_a_server(ask_codex, codex_form, scenario):
    if codex_form == "openai_responses" and scenario == "group.bare":
        pytest.skip("its models know groups")
    items = codex_items()
    items += done(ask_codex(scenario, items))
    call = items[-1]
    assert (call["type"], call["namespace"], call["name"]) == ("function_call", "mcp__harbour", "tide")
    items.append({"type": "function_call_output", "call_id": call["call_id"], "output": "noon"})
    assert shown(ask_codex(scenario, items), "output_text") == TEXT
