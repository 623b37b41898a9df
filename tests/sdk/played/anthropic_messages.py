"""Anthropic Messages, played: <https://platform.claude.com/docs/en/api/messages>."""

import json
import re

from . import check
from .check import filled, members
from .script import RETRY_SECONDS, STATES, Answer, Asked, Call, Image, Result, Text, Think, Turn, demand, pieces

PATH = "/v1/messages"
KEY = ("x-api-key", "{}")
STATE = STATES["claude"]
TOP = {
    "system": "text|list", "temperature": "number", "top_p": "number", "top_k": "whole", "stop_sequences": "list", "stream": "flag", "tools": "list",
    "tool_choice": "object", "thinking": "object", "output_config": "object", "metadata": "object", "service_tier": "=auto|standard_only",
    "cache_control": "object", "context_management": "object",
}
CACHE = {"cache_control": "object"}


def model(_path: str, body: dict) -> str:
    return body.get("model", "")


def read(path: str, _query: str, body: dict) -> Asked:
    if path.endswith("/count_tokens"):
        members(body, "body", {"model": "text", "messages": "list"}, TOP)
        body = {**body, "max_tokens": 0}
    members(body, "body", {"model": "text", "messages": "list", "max_tokens": "whole"}, TOP)
    asked = Asked(body["model"], body.get("stream", False), limit=body["max_tokens"])
    asked.reasoning = thinking(body)
    system = body.get("system", [])
    for number, block in enumerate([{"type": "text", "text": system}] if isinstance(system, str) else system):
        asked.system.append(filled(members(block, f"system[{number}]", {"type": "=text", "text": "text"}, CACHE)["text"], f"system[{number}]"))
    for number, message in enumerate(body["messages"]):
        at = f"messages[{number}]"
        members(message, at, {"role": "=user|assistant", "content": "text|list"})
        turn(asked, message, at)
    check.alternate(asked.turns, "messages")
    for number, tool in enumerate(body.get("tools", ())):
        at = f"tools[{number}]"
        members(tool, at, {"name": "text", "input_schema": "object"}, {"type": "=custom", "description": "text", "strict": "flag", "eager_input_streaming": "flag", **CACHE})
        demand(re.fullmatch(r"[a-zA-Z0-9_-]{1,128}", tool["name"]), at + ".name")
        demand(tool["input_schema"].get("type") == "object", at + ".input_schema.type")
        asked.tools[tool["name"]] = tool["input_schema"]
    asked.choice = choice(body, asked)
    config = members(body.get("output_config", {}), "output_config", {}, {"effort": "=low|medium|high|xhigh|max", "format": "object"})
    if form := config.get("format"):
        asked.schema = members(form, "output_config.format", {"type": "=json_schema", "schema": "object"})["schema"]
    return asked


def thinking(body: dict) -> bool:
    wish = body.get("thinking", {"type": "disabled"})
    kinds = {"disabled": {}, "adaptive": {}, "enabled": {"budget_tokens": "whole"}}
    demand(isinstance(wish, dict) and wish.get("type") in kinds, "thinking.type")
    members(wish, "thinking", {"type": "text", **kinds[wish["type"]]}, {"display": "=summarized|omitted"})
    demand(1024 <= wish.get("budget_tokens", 1024), "thinking.budget_tokens: too small")
    demand(wish.get("budget_tokens", 0) < body["max_tokens"] or not body["max_tokens"], "thinking.budget_tokens: not below max_tokens")
    on = wish["type"] != "disabled"
    demand(not on or body.get("temperature", 1) == 1, "temperature: must be 1 with thinking")
    return on


def turn(asked: Asked, message: dict, at: str) -> None:
    blocks = message["content"]
    blocks = [{"type": "text", "text": blocks}] if isinstance(blocks, str) else blocks
    parts = [block(one, f"{at}.content[{number}]") for number, one in enumerate(blocks)]
    demand(parts, at + ".content: empty")
    kinds = [isinstance(part, Result) for part in parts]
    demand(kinds == sorted(kinds, reverse=True), at + ": results must come first")
    role = "tool" if any(kinds) else message["role"]
    if any(isinstance(part, Call) for turn in asked.turns[-1:] for part in turn.parts):
        open_ids = {part.id for part in asked.turns[-1].parts if isinstance(part, Call)}
        demand({part.id for part in parts if isinstance(part, Result)} == open_ids, f"{at}: results don't match the calls {sorted(open_ids)}")
    asked.turns.append(Turn(role, [part for part in parts if role != "tool" or isinstance(part, Result)]))


def block(one: dict, at: str):
    kind = one.get("type")
    if kind == "text":
        text = members(one, at, {"type": "text", "text": "text"}, {**CACHE, "citations": "list"}, ("citations",))["text"]
        return Text(filled(text, at))
    if kind == "image":
        source = members(members(one, at, {"type": "text", "source": "object"}, CACHE)["source"], at + ".source", {"type": "=base64", "media_type": "text", "data": "text"})
        return Image(source["media_type"], check.unpacked(source["data"], at))
    if kind == "tool_use":
        members(one, at, {"type": "text", "id": "text", "name": "text", "input": "object"}, {**CACHE, "caller": "object"}, ("caller",))
        demand(re.fullmatch(r"[a-zA-Z0-9_-]+", one["id"]), at + ".id")
        return Call(one["name"], one["input"], one["id"])
    if kind == "thinking":
        return Think(*(members(one, at, {"type": "text", "thinking": "text", "signature": "text"})[name] for name in ("thinking", "signature")))
    members(one, at, {"type": "=tool_result", "tool_use_id": "text"}, {"content": "text|list", "is_error": "flag", **CACHE})
    content = one.get("content", [])
    texts = [content] if isinstance(content, str) else [members(part, at, {"type": "=text", "text": "text"}, CACHE)["text"] for part in content]
    return Result("".join(texts), one["tool_use_id"])


def choice(body: dict, asked: Asked) -> str:
    value = body.get("tool_choice", {"type": "auto"})
    demand("tools" in body or "tool_choice" not in body, "tool_choice without tools")
    kind = value.get("type")
    members(value, "tool_choice", {"type": "=auto|any|tool|none", **({"name": "text"} if kind == "tool" else {})}, {"disable_parallel_tool_use": "flag"})
    demand(not asked.reasoning or kind in ("auto", "none"), "tool_choice forces a call while thinking")
    return {"any": "required", "tool": value.get("name")}.get(kind, kind)


FINISH = {"stop": "end_turn", "calls": "tool_use", "length": "max_tokens"}


def usage(answer: Answer) -> dict:
    count = answer.usage
    return {"input_tokens": count.input - count.cached, "cache_read_input_tokens": count.cached, "cache_creation_input_tokens": 0,
            "output_tokens": count.output, "output_tokens_details": {"thinking_tokens": count.reasoning}}


def blocks(answer: Answer) -> list[dict]:
    out = []
    for number, part in enumerate(answer.parts):
        if isinstance(part, Text):
            out.append({"type": "text", "text": part.text})
        elif isinstance(part, Think):
            out.append({"type": "thinking", "thinking": part.text, "signature": part.state})
        else:
            out.append({"type": "tool_use", "id": f"toolu_01played{part.id or number}", "name": part.name, "input": part.arguments})
    return out


def whole(asked: Asked, answer: Answer) -> dict:
    return {"id": "msg_01played", "type": "message", "role": "assistant", "model": asked.model, "content": blocks(answer),
            "stop_reason": FINISH.get(answer.end), "stop_sequence": None, "usage": usage(answer)}


def stream(asked: Asked, answer: Answer) -> list[bytes]:
    events = []
    if answer.parts:
        start = {**usage(answer), "output_tokens": 1}
        events.append({"type": "message_start", "message": {**whole(asked, answer), "content": [], "stop_reason": None, "usage": start}})
    for index, one in enumerate(blocks(answer)):
        empty, deltas = opened(one)
        events.append({"type": "content_block_start", "index": index, "content_block": empty})
        if index == 0:
            events.append({"type": "ping"})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        if answer.end not in ("cut", "short", "error"):
            events.append({"type": "content_block_stop", "index": index})
    if answer.end == "error":
        events.append(failure("overloaded_error", "Overloaded"))
    elif answer.end not in ("cut", "short"):
        events.append({"type": "message_delta", "delta": {"stop_reason": FINISH[answer.end], "stop_sequence": None}, "usage": {"output_tokens": answer.usage.output}})
        events.append({"type": "message_stop"})
    return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events]


STREAM_TYPE = "text/event-stream; charset=utf-8"


def opened(one: dict) -> tuple[dict, list[dict]]:
    """A block as it starts, and what follows."""
    if one["type"] == "text":
        return {**one, "text": ""}, [{"type": "text_delta", "text": piece} for piece in pieces(one["text"])]
    if one["type"] == "thinking":
        deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(one["thinking"])]
        return {**one, "thinking": "", "signature": ""}, [*deltas, {"type": "signature_delta", "signature": one["signature"]}]
    texts = ["", *pieces(json.dumps(one["input"]))]
    return {**one, "input": {}}, [{"type": "input_json_delta", "partial_json": text} for text in texts]


def failure(kind: str, message: str) -> dict:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_played"}


def refused(why: str):
    return failure("invalid_request_error", why), {}


def limited():
    return failure("rate_limit_error", "Too many requests"), {"retry-after": str(RETRY_SECONDS)}
