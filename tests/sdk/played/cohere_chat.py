"""Cohere's v2 chat, played: <https://docs.cohere.com/v2/reference/chat>."""

import json

from . import check
from .check import members
from .script import RETRY_SECONDS, Answer, Asked, Call, Result, Text, Think, Turn, demand, pieces

PATH = "/v2/chat"
KEY = ("authorization", "Bearer {}")
STATE = None
TOP = {
    "stream": "flag", "tools": "list", "tool_choice": "=REQUIRED|NONE", "strict_tools": "flag", "documents": "list", "citation_options": "object", "response_format": "object",
    "safety_mode": "text", "max_tokens": "whole", "stop_sequences": "list", "temperature": "number", "seed": "whole", "frequency_penalty": "number", "presence_penalty": "number",
    "k": "whole", "p": "number", "logprobs": "flag", "thinking": "object", "priority": "whole",
}
MESSAGE = {
    "system": ({"content": "text|list"}, {}),
    "user": ({"content": "text|list"}, {}),
    "assistant": ({}, {"content": "text|list", "tool_calls": "list", "tool_plan": "text", "citations": "list"}),
    "tool": ({"tool_call_id": "text", "content": "text|list"}, {}),
}


def model(_path: str, body: dict) -> str:
    return body.get("model", "")


def read(_path: str, _query: str, body: dict) -> Asked:
    members(body, "body", {"model": "text", "messages": "list"}, TOP)
    asked = Asked(body["model"], body.get("stream", False), limit=body.get("max_tokens"))
    thinking = members(body.get("thinking", {"type": "disabled"}), "thinking", {"type": "=enabled|disabled"}, {"token_budget": "whole"})
    asked.reasoning = thinking["type"] == "enabled"
    for number, one in enumerate(body["messages"]):
        message(asked, one, f"messages[{number}]")
    for number, tool in enumerate(body.get("tools", ())):
        members(tool, f"tools[{number}]", {"type": "=function", "function": "object"})
        function = members(tool["function"], f"tools[{number}].function", {"name": "text", "parameters": "object"}, {"description": "text"})
        asked.tools[function["name"]] = function["parameters"]
    asked.choice = {"REQUIRED": "required", "NONE": "none"}.get(body.get("tool_choice"), "auto")
    form = members(body.get("response_format", {"type": "text"}), "response_format", {"type": "=text|json_object"}, {"schema": "object", "json_schema": "object"})
    asked.schema = form.get("schema", form.get("json_schema"))
    demand(asked.schema is None or form["type"] == "json_object", "a schema beside text")
    return asked


def message(asked: Asked, one: dict, at: str) -> None:
    demand(isinstance(one, dict) and one.get("role") in MESSAGE, f"{at}.role")
    required, optional = MESSAGE[one["role"]]
    members(one, at, {"role": "text", **required}, optional)
    parts = content(one.get("content", ""), at)
    if one.get("tool_plan"):
        parts.append(Text(one["tool_plan"]))
    if one["role"] == "system":
        asked.system.append("".join(part.text for part in parts))
    elif one["role"] == "tool":
        if asked.turns[-1].role != "tool":
            asked.turns.append(Turn("tool", []))
        asked.turns[-1].parts.append(Result("".join(part.text for part in parts), one["tool_call_id"]))
    else:
        for number, entry in enumerate(one.get("tool_calls", ())):
            here = f"{at}.tool_calls[{number}]"
            members(entry, here, {"id": "text", "type": "=function", "function": "object"})
            function = members(entry["function"], here, {"name": "text", "arguments": "text"})
            parts.append(Call(function["name"], check.parsed(function["arguments"], here), entry["id"]))
        demand(parts, f"{at}: says nothing")
        asked.turns.append(Turn(one["role"], parts))


def content(value, at: str) -> list:
    if isinstance(value, str):
        return [Text(value)] if value else []
    out = []
    for number, part in enumerate(value):
        here = f"{at}.content[{number}]"
        kind = part.get("type")
        if kind == "image_url":
            picture = members(members(part, here, {"type": "text", "image_url": "object"})["image_url"], here, {"url": "text"}, {"detail": "=auto|low|high"})
            out.append(check.data_url(picture["url"], here))
        elif kind == "thinking":
            out.append(Think(members(part, here, {"type": "text", "thinking": "text"})["thinking"]))
        elif kind == "document":
            out.append(Text(json.dumps(members(part, here, {"type": "text", "document": "object"})["document"])))
        else:
            out.append(Text(members(part, here, {"type": "=text", "text": "text"})["text"]))
    return out


FINISH = {"stop": "COMPLETE", "calls": "TOOL_CALL", "length": "MAX_TOKENS", "error": "ERROR"}


def usage(answer: Answer) -> dict:
    count = answer.usage
    return {"billed_units": {"input_tokens": 3, "output_tokens": 4}, "cached_tokens": count.cached,
            "tokens": {"input_tokens": count.input, "output_tokens": count.output, "reasoning_tokens": count.reasoning}}


def call(one: Call, number: int, arguments: str) -> dict:
    return {"id": f"{one.name}_p1ay{one.id or number}", "type": "function", "function": {"name": one.name, "arguments": arguments}}


def whole(_asked: Asked, answer: Answer) -> dict:
    message = {"role": "assistant"}
    made = [part for part in answer.parts if isinstance(part, Call)]
    said = [{"type": "text", "text": part.text} if isinstance(part, Text) else {"type": "thinking", "thinking": part.text} for part in answer.parts if not isinstance(part, Call)]
    if said:
        message["content"] = said
    if made:
        message["tool_calls"] = [call(one, number, json.dumps(one.arguments)) for number, one in enumerate(made)]
    return {"id": "played", "finish_reason": FINISH[answer.end], "message": message, "usage": usage(answer)}


def stream(_asked: Asked, answer: Answer) -> list[bytes]:
    events = [{"id": "played", "type": "message-start", "delta": {"message": {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}}}]
    number = 0
    for index, part in enumerate(answer.parts):
        if isinstance(part, Call):
            events.append({"type": "tool-call-start", "index": number, "delta": {"message": {"tool_calls": call(part, number, "")}}})
            for piece in pieces(json.dumps(part.arguments)):
                events.append({"type": "tool-call-delta", "index": number, "delta": {"message": {"tool_calls": {"function": {"arguments": piece}}}}})
            events.append({"type": "tool-call-end", "index": number})
            number += 1
            continue
        kind = "text" if isinstance(part, Text) else "thinking"
        events.append({"type": "content-start", "index": index, "delta": {"message": {"content": {"type": kind, kind: ""}}}})
        events += [{"type": "content-delta", "index": index, "delta": {"message": {"content": {kind: piece}}}} for piece in pieces(part.text)]
        if answer.end not in ("cut", "short", "error"):
            events.append({"type": "content-end", "index": index})
    if answer.end not in ("cut", "short"):
        delta = {"finish_reason": FINISH[answer.end], "usage": usage(answer)}
        if answer.end == "error":
            delta["error"] = "The server had an error"
        events.append({"type": "message-end", "delta": delta})
    return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events]


STREAM_TYPE = "text/event-stream"


def refused(why: str):
    return {"id": "played", "message": why}, {}


def limited():
    return {"id": "played", "message": "You have made too many calls"}, {"retry-after": str(RETRY_SECONDS)}
