"""Ollama's own chat, played, without ids of calls: <https://github.com/ollama/ollama/blob/main/docs/api.md>."""

import json

from . import check
from .check import members
from .script import RETRY_SECONDS, Answer, Asked, Call, Image, Result, Text, Think, Turn, demand, pieces

PATH = "/api/chat"
KEY = ("authorization", "Bearer {}")
STATE = None
TOP = {"stream": "flag", "tools": "list", "format": "text|object", "options": "object", "think": "flag|text", "keep_alive": "text|whole", "logprobs": "flag", "top_logprobs": "whole"}
OPTIONS = {
    "num_ctx": "whole", "num_predict": "whole", "temperature": "number", "top_k": "whole", "top_p": "number", "min_p": "number", "seed": "whole", "stop": "list",
    "repeat_penalty": "number", "presence_penalty": "number", "frequency_penalty": "number",
}


def model(_path: str, body: dict) -> str:
    return body.get("model", "")


def read(_path: str, _query: str, body: dict) -> Asked:
    members(body, "body", {"model": "text", "messages": "list"}, TOP)
    options = members(body.get("options", {}), "options", {}, OPTIONS)
    asked = Asked(body["model"], body.get("stream", True), limit=options.get("num_predict"), reasoning=bool(body.get("think")))
    if isinstance(body.get("think"), str):
        check.kind(body["think"], "think", "=low|medium|high|max")
    for number, one in enumerate(body["messages"]):
        message(asked, one, f"messages[{number}]")
    for number, tool in enumerate(body.get("tools", ())):
        members(tool, f"tools[{number}]", {"type": "=function", "function": "object"})
        function = members(tool["function"], f"tools[{number}].function", {"name": "text", "parameters": "object"}, {"description": "text"})
        asked.tools[function["name"]] = function["parameters"]
    # It knows no choice.
    asked.choice = "unknown"
    if isinstance(body.get("format"), dict):
        asked.schema = body["format"]
    return asked


def message(asked: Asked, one: dict, at: str) -> None:
    members(one, at, {"role": "=system|user|assistant|tool", "content": "text"}, {"images": "list", "tool_calls": "list", "tool_name": "text", "thinking": "text", "tool_call_id": "text"})
    if one["role"] == "system":
        asked.system.append(one["content"])
    elif one["role"] == "tool":
        demand("tool_name" in one, at + ".tool_name: missing")
        if asked.turns[-1].role != "tool":
            asked.turns.append(Turn("tool", []))
        asked.turns[-1].parts.append(Result(one["content"], name=one["tool_name"]))
    else:
        parts = [Image("image/png", check.unpacked(data, at)) for data in one.get("images", ())]
        parts += [Think(one["thinking"])] if one.get("thinking") else []
        parts += [Text(one["content"])] if one["content"] else []
        for number, entry in enumerate(one.get("tool_calls", ())):
            here = f"{at}.tool_calls[{number}]"
            members(entry, here, {"function": "object"}, {"id": "text", "type": "=function"})
            function = members(entry["function"], here, {"name": "text", "arguments": "object"}, {"index": "whole"})
            parts.append(Call(function["name"], function["arguments"]))
        demand(parts, f"{at}: says nothing")
        asked.turns.append(Turn(one["role"], parts))


def line(asked: Asked, message: dict, end: dict | None = None) -> dict:
    return {"model": asked.model, "created_at": "2026-01-02T03:04:05.678901Z", "message": {"role": "assistant", "content": "", **message}, "done": end is not None, **(end or {})}


def ended(answer: Answer) -> dict:
    # The reason is `stop` where tools are called too.
    reason = "length" if answer.end == "length" else "stop"
    return {"done_reason": reason, "total_duration": 9000, "load_duration": 1000, "prompt_eval_count": answer.usage.input, "prompt_eval_duration": 2000,
            "eval_count": answer.usage.output, "eval_duration": 3000}


def call(one: Call) -> dict:
    return {"function": {"name": one.name, "arguments": one.arguments}}


def whole(asked: Asked, answer: Answer) -> dict:
    message = {"content": "".join(part.text for part in answer.parts if isinstance(part, Text))}
    if thoughts := [part.text for part in answer.parts if isinstance(part, Think)]:
        message["thinking"] = thoughts[0]
    if made := [call(part) for part in answer.parts if isinstance(part, Call)]:
        message["tool_calls"] = made
    return line(asked, message, ended(answer))


def stream(asked: Asked, answer: Answer) -> list[bytes]:
    lines = []
    for part in answer.parts:
        if isinstance(part, Call):
            lines.append(line(asked, {"tool_calls": [call(part)]}))
        else:
            slot = "content" if isinstance(part, Text) else "thinking"
            lines += [line(asked, {slot: piece}) for piece in pieces(part.text)]
    if answer.end == "error":
        lines.append({"error": "an error was encountered while running the model"})
    elif answer.end not in ("cut", "short"):
        lines.append(line(asked, {}, ended(answer)))
    return [json.dumps(one).encode() + b"\n" for one in lines]


STREAM_TYPE = "application/x-ndjson"


def refused(why: str):
    return {"error": why}, {}


def limited():
    return {"error": "too many requests"}, {"retry-after": str(RETRY_SECONDS)}
