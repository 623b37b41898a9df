"""OpenAI chat completions, played; reasoning in `reasoning_content`, as DeepSeek writes it.

<https://platform.openai.com/docs/api-reference/chat>
"""

import json

from . import check
from .check import members
from .script import RETRY_SECONDS, Answer, Asked, Call, Result, Text, Think, Turn, demand, pieces

PATH = "/chat/completions"
KEY = ("authorization", "Bearer {}")
STATE = None
TOP = {
    "audio": "object", "frequency_penalty": "number", "logit_bias": "object", "logprobs": "flag", "max_completion_tokens": "whole",
    "metadata": "object", "modalities": "list", "n": "whole", "parallel_tool_calls": "flag", "prediction": "object", "presence_penalty": "number",
    "prompt_cache_key": "text", "reasoning_effort": "=none|minimal|low|medium|high|xhigh|max", "response_format": "object", "safety_identifier": "text",
    "seed": "whole", "service_tier": "text", "stop": "text|list", "store": "flag", "stream": "flag", "stream_options": "object", "temperature": "number",
    "tool_choice": "text|object", "tools": "list", "top_logprobs": "whole", "top_p": "number", "user": "text", "verbosity": "=low|medium|high",
}
MESSAGE = {
    "system": ({"content": "text|list"}, {"name": "text"}),
    "developer": ({"content": "text|list"}, {"name": "text"}),
    "user": ({"content": "text|list"}, {"name": "text"}),
    "tool": ({"content": "text|list", "tool_call_id": "text"}, {}),
    "assistant": ({}, {"content": "text|list", "refusal": "text", "name": "text", "tool_calls": "list", "reasoning_content": "text", "annotations": "list", "audio": "object", "function_call": "object", "parsed": "any"}),
}


def model(_path: str, body: dict) -> str:
    return body.get("model", "")


def read(_path: str, _query: str, body: dict) -> Asked:
    members(body, "body", {"model": "text", "messages": "list"}, TOP)
    stream = body.get("stream", False)
    demand(stream or "stream_options" not in body, "stream_options without stream")
    usage = members(body.get("stream_options", {}), "stream_options", {}, {"include_usage": "flag", "include_obfuscation": "flag"}).get("include_usage", False)
    asked = Asked(body["model"], stream, usage=usage, limit=body.get("max_completion_tokens"), reasoning=body.get("reasoning_effort", "none") != "none")
    for number, one in enumerate(body["messages"]):
        message(asked, one, f"messages[{number}]")
    for number, tool in enumerate(body.get("tools", ())):
        at = f"tools[{number}]"
        members(tool, at, {"type": "=function", "function": "object"})
        function = members(tool["function"], at + ".function", {"name": "text"}, {"description": "text", "parameters": "object", "strict": "flag"}, ("strict",))
        asked.tools[function["name"]] = function.get("parameters", {})
    asked.choice = choice(body)
    asked.schema = schema(body.get("response_format"))
    return asked


def message(asked: Asked, one: dict, at: str) -> None:
    demand(isinstance(one, dict) and one.get("role") in MESSAGE, f"{at}.role")
    required, optional = MESSAGE[one["role"]]
    members(one, at, {"role": "text", **required}, optional, ("content", "refusal", "tool_calls", "reasoning_content", "annotations", "audio", "function_call") if one["role"] == "assistant" else ())
    parts = content(one.get("content"), at)
    if one["role"] in ("system", "developer"):
        asked.system.append("".join(part.text for part in parts))
    elif one["role"] == "tool":
        if asked.turns[-1].role != "tool":
            asked.turns.append(Turn("tool", []))
        asked.turns[-1].parts.append(Result("".join(part.text for part in parts), one["tool_call_id"]))
    elif one["role"] == "user":
        demand(not asked.turns or asked.turns[-1].role != "user" or parts, at)
        asked.turns.append(Turn("user", parts))
    else:
        thoughts = [Think(one["reasoning_content"])] if one.get("reasoning_content") else []
        made = [call(entry, f"{at}.tool_calls[{number}]") for number, entry in enumerate(one.get("tool_calls") or ())]
        demand(made or parts, f"{at}: says nothing")
        asked.turns.append(Turn("assistant", thoughts + parts + made))


def content(value, at: str) -> list:
    if value is None or isinstance(value, str):
        return [Text(value)] if value else []
    out = []
    for number, part in enumerate(value):
        here = f"{at}.content[{number}]"
        if part.get("type") == "text":
            out.append(Text(members(part, here, {"type": "text", "text": "text"})["text"]))
        else:
            members(part, here, {"type": "=image_url", "image_url": "object"})
            picture = members(part["image_url"], here + ".image_url", {"url": "text"}, {"detail": "=auto|low|high"})
            out.append(check.data_url(picture["url"], here))
    return out


def call(entry: dict, at: str) -> Call:
    members(entry, at, {"id": "text", "type": "=function", "function": "object"}, {"index": "whole"})
    function = members(entry["function"], at + ".function", {"name": "text", "arguments": "text"}, {"parsed_arguments": "any"})
    demand(0 < len(entry["id"]) <= 40, f"{at}.id: {entry['id']!r}")
    return Call(function["name"], check.parsed(function["arguments"], at + ".function.arguments"), entry["id"])


def choice(body: dict) -> str:
    value = body.get("tool_choice", "auto")
    demand("tools" in body or value in ("auto", "none"), "tool_choice without tools")
    if isinstance(value, dict):
        return members(value, "tool_choice", {"type": "=function", "function": "object"})["function"]["name"]
    check.kind(value, "tool_choice", "=auto|none|required")
    return value


def schema(wanted: dict | None) -> dict | None:
    if wanted is None or wanted.get("type") == "text":
        return None
    members(wanted, "response_format", {"type": "=json_schema", "json_schema": "object"})
    form = members(wanted["json_schema"], "response_format.json_schema", {"name": "text", "schema": "object"}, {"description": "text", "strict": "flag"}, ("strict",))
    return form["schema"]


def usage(answer: Answer) -> dict:
    count = answer.usage
    return {"prompt_tokens": count.input, "completion_tokens": count.output, "total_tokens": count.input + count.output,
            "prompt_tokens_details": {"cached_tokens": count.cached}, "completion_tokens_details": {"reasoning_tokens": count.reasoning}}


FINISH = {"stop": "stop", "calls": "tool_calls", "length": "length"}
HEAD = {"id": "chatcmpl-played", "created": 1721172741}


def said(answer: Answer, kind) -> list:
    return [part for part in answer.parts if isinstance(part, kind)]


def call_id(one: Call, number: int) -> str:
    return f"call_played{one.id or number}"


def whole(asked: Asked, answer: Answer) -> dict:
    text = "".join(part.text for part in said(answer, Text))
    message = {"role": "assistant", "content": text or None, "refusal": None}
    if thoughts := said(answer, Think):
        message["reasoning_content"] = thoughts[0].text
    if made := said(answer, Call):
        message["tool_calls"] = [{"id": call_id(one, number), "type": "function", "function": {"name": one.name, "arguments": json.dumps(one.arguments)}} for number, one in enumerate(made)]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": FINISH[answer.end]}
    return {**HEAD, "object": "chat.completion", "model": asked.model, "choices": [choice], "usage": usage(answer)}


def stream(asked: Asked, answer: Answer) -> list[bytes]:
    base = {**HEAD, "object": "chat.completion.chunk", "model": asked.model}
    if asked.usage:
        base["usage"] = None
    chunks = []

    def chunk(delta, finish=None):
        chunks.append({**base, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]})

    if answer.parts:
        chunk({"role": "assistant", "content": None if said(answer, Call) else ""})
    for thought in said(answer, Think):
        for piece in pieces(thought.text):
            chunk({"reasoning_content": piece})
    for part in said(answer, Text):
        for piece in pieces(part.text):
            chunk({"content": piece})
    made = said(answer, Call)
    for number, one in enumerate(made):
        chunk({"tool_calls": [{"index": number, "id": call_id(one, number), "type": "function", "function": {"name": one.name, "arguments": ""}}]})
    # The calls' arguments come side by side.
    texts = [pieces(json.dumps(one.arguments)) for one in made]
    for row in range(max(map(len, texts), default=0)):
        for number, text in enumerate(texts):
            if row < len(text):
                chunk({"tool_calls": [{"index": number, "function": {"arguments": text[row]}}]})
    if answer.end in ("cut", "short"):
        return lines(chunks)
    if answer.end == "error":
        return lines([*chunks, failure("server_error", "The server had an error", None)])
    chunk({}, FINISH[answer.end])
    if asked.usage:
        chunks.append({**base, "choices": [], "usage": usage(answer)})
    return [*lines(chunks), b"data: [DONE]\n\n"]


STREAM_TYPE = "text/event-stream; charset=utf-8"


def lines(events: list) -> list[bytes]:
    return [b"data: " + json.dumps(event).encode() + b"\n\n" for event in events]


def failure(kind: str, message: str, code: str | None) -> dict:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def refused(why: str):
    return failure("invalid_request_error", why, None), {}


def limited():
    return failure("requests", "Rate limit reached", "rate_limit_exceeded"), {"retry-after": str(RETRY_SECONDS)}
