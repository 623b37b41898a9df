"""OpenAI Responses, played, without stored state: <https://platform.openai.com/docs/api-reference/responses>."""

import json

from . import check
from .check import members
from .script import RETRY_SECONDS, STATES, Answer, Asked, Call, Result, Text, Think, Turn, demand, pieces

PATH = "/responses"
KEY = ("authorization", "Bearer {}")
STATE = STATES["gpt"]
TOP = {
    "input": "text|list", "instructions": "text", "tools": "list", "tool_choice": "text|object", "parallel_tool_calls": "flag", "max_tool_calls": "whole", "max_output_tokens": "whole",
    "reasoning": "object", "text": "object", "include": "list", "store": "flag", "truncation": "=auto|disabled", "temperature": "number", "top_p": "number", "top_logprobs": "whole",
    "stream": "flag", "stream_options": "object", "metadata": "object", "service_tier": "text", "prompt_cache_key": "text", "safety_identifier": "text", "user": "text", "client_metadata": "object",
}
STATUS = {"id": "text", "status": "=in_progress|completed|incomplete"}
ITEMS = {
    "message": ({"role": "=user|assistant|system|developer", "content": "text|list"}, {**STATUS, "phase": "text"}),
    "reasoning": ({"summary": "list"}, {**STATUS, "encrypted_content": "text", "content": "list"}),
    "function_call": ({"call_id": "text", "name": "text", "arguments": "text"}, {**STATUS, "namespace": "text"}),
    "custom_tool_call": ({"call_id": "text", "name": "text", "input": "text"}, {**STATUS, "namespace": "text"}),
    "function_call_output": ({"call_id": "text", "output": "text|list"}, STATUS),
    "custom_tool_call_output": ({"call_id": "text", "output": "text|list"}, STATUS),
}


def model(_path: str, body: dict) -> str:
    return body.get("model", "")


def read(_path: str, _query: str, body: dict) -> Asked:
    members(body, "body", {"model": "text", "input": "any"}, TOP, ("reasoning", "service_tier", "instructions", "store", "text"))
    reasoning = members(body.get("reasoning") or {}, "reasoning", {}, {"effort": "=none|minimal|low|medium|high|xhigh|max", "summary": "=auto|concise|detailed"}, ("effort", "summary"))
    asked = Asked(body["model"], body.get("stream", False), limit=body.get("max_output_tokens"), reasoning=reasoning.get("effort", "none") != "none")
    asked.summary = reasoning.get("summary") is not None
    for wish in body.get("include", ()):
        check.kind(wish, "include", "=reasoning.encrypted_content|message.output_text.logprobs|web_search_call.action.sources")
    asked.encrypted = "reasoning.encrypted_content" in body.get("include", ())
    if body.get("instructions"):
        asked.system.append(body["instructions"])
    items = body["input"]
    for number, one in enumerate([{"role": "user", "content": items}] if isinstance(items, str) else items):
        item(asked, one, f"input[{number}]")
    for number, tool in enumerate(body.get("tools", ())):
        asked.tools.update(read_tool(tool, f"tools[{number}]"))
    value = body.get("tool_choice", "auto")
    asked.choice = members(value, "tool_choice", {"type": "=function|custom", "name": "text"})["name"] if isinstance(value, dict) else value
    check.kind(asked.choice, "tool_choice", "=auto|none|required|" + "|".join(asked.tools))
    text = members(body.get("text") or {}, "text", {}, {"format": "object", "verbosity": "=low|medium|high"})
    form = text.get("format", {"type": "text"})
    if form.get("type") != "text":
        asked.schema = members(form, "text.format", {"type": "=json_schema", "name": "text", "schema": "object"}, {"description": "text", "strict": "flag"}, ("description", "strict"))["schema"]
    return asked


def read_tool(tool: dict, at: str) -> dict:
    if tool.get("type") == "custom":
        members(tool, at, {"type": "text", "name": "text"}, {"description": "text", "format": "object"})
        return {tool["name"]: {"custom": True}}
    if tool.get("type") == "web_search":
        return {}
    if tool.get("type") == "namespace":
        members(tool, at, {"type": "text", "name": "text", "tools": "list"}, {"description": "text"})
        inner = {name: schema for one in tool["tools"] for name, schema in read_tool(one, at + ".tools").items()}
        return {f"{tool['name']}__{name}": {**schema, "namespace": tool["name"]} for name, schema in inner.items()}
    members(tool, at, {"type": "=function", "name": "text", "parameters": "object"}, {"description": "text", "strict": "flag"}, ("strict", "description"))
    return {tool["name"]: tool["parameters"]}


def item(asked: Asked, one: dict, at: str) -> None:
    kind = one.get("type", "message")
    demand(kind in ITEMS, f"{at}.type: {kind!r}")
    required, optional = ITEMS[kind]
    members(one, at, required, {"type": "text", **optional}, ("status", "encrypted_content", "id", "content", "phase", "namespace"))
    turns = asked.turns
    if kind == "message" and one["role"] in ("system", "developer"):
        asked.system.append("".join(part.text for part in content(one["content"], at)))
    elif kind.endswith("_output"):
        called = {part.id for turn in turns for part in turn.parts if isinstance(part, Call)}
        demand(one["call_id"] in called, f"{at}.call_id: no call {one['call_id']!r}")
        push(turns, "tool", [Result("".join(part.text for part in content(one["output"], at)), one["call_id"])])
    elif kind == "message":
        push(turns, one["role"], content(one["content"], at))
    elif kind == "reasoning":
        texts = [members(part, at + ".summary", {"type": "=summary_text", "text": "text"})["text"] for part in one["summary"]]
        push(turns, "assistant", [Think("".join(texts), one.get("encrypted_content"))])
    else:
        arguments = {"input": one["input"]} if kind == "custom_tool_call" else check.parsed(one["arguments"], at + ".arguments")
        group = one["namespace"] + "__" if one.get("namespace") else ""
        push(turns, "assistant", [Call(group + one["name"], arguments, one["call_id"])])


def push(turns: list[Turn], role: str, parts: list) -> None:
    if not turns or turns[-1].role != role:
        turns.append(Turn(role, []))
    turns[-1].parts += parts


def content(value, at: str) -> list:
    if isinstance(value, str):
        return [Text(value)]
    out = []
    for number, part in enumerate(value):
        here = f"{at}.content[{number}]"
        if part.get("type") == "input_image":
            members(part, here, {"type": "text", "image_url": "text"}, {"detail": "=auto|low|high"})
            out.append(check.data_url(part["image_url"], here))
        else:
            members(part, here, {"type": "=input_text|output_text", "text": "text"}, {"annotations": "list", "logprobs": "list"}, ("logprobs", "annotations"))
            out.append(Text(part["text"]))
    return out


def usage(answer: Answer) -> dict:
    count = answer.usage
    return {"input_tokens": count.input, "input_tokens_details": {"cached_tokens": count.cached}, "output_tokens": count.output,
            "output_tokens_details": {"reasoning_tokens": count.reasoning}, "total_tokens": count.input + count.output}


def items(asked: Asked, answer: Answer) -> list[dict]:
    out = []
    for number, part in enumerate(answer.parts):
        if isinstance(part, Think):
            sealed = {"encrypted_content": part.state} if asked.encrypted else {}
            summary = [{"type": "summary_text", "text": part.text}] if asked.summary else []
            out.append({"id": f"rs_played{number}", "type": "reasoning", "summary": summary, **sealed})
        elif isinstance(part, Text):
            text = {"type": "output_text", "text": part.text, "annotations": [], "logprobs": []}
            out.append({"id": f"msg_played{number}", "type": "message", "status": "completed", "role": "assistant", "content": [text]})
        elif asked.tools.get(part.name, {}).get("custom"):
            out.append({"id": f"ctc_played{number}", "type": "custom_tool_call", "status": "completed", "call_id": f"call_played{part.id or number}", "name": part.name, "input": part.arguments["input"]})
        else:
            group = asked.tools.get(part.name, {}).get("namespace")
            named = {"name": part.name.removeprefix(group + "__"), "namespace": group} if group else {"name": part.name}
            out.append({"id": f"fc_played{number}", "type": "function_call", "status": "completed", "call_id": f"call_played{part.id or number}", **named, "arguments": json.dumps(part.arguments)})
    return out


def whole(asked: Asked, answer: Answer) -> dict:
    cut_off = answer.end == "length"
    return {"id": "resp_played", "object": "response", "created_at": 1721172741, "status": "incomplete" if cut_off else "completed", "error": None,
            "incomplete_details": {"reason": "max_output_tokens"} if cut_off else None, "instructions": None, "model": asked.model, "output": items(asked, answer),
            "parallel_tool_calls": True, "temperature": 1.0, "tool_choice": "auto", "tools": [], "top_p": 1.0, "metadata": {}, "usage": usage(answer)}


def stream(asked: Asked, answer: Answer) -> list[bytes]:
    final = whole(asked, answer)
    begun = {**final, "status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    events = [{"type": "response.created", "response": begun}, {"type": "response.in_progress", "response": begun}]
    broken = answer.end in ("cut", "short", "error")
    for index, one in enumerate(final["output"]):
        told = list(itemised(one, index))
        events += told[:-3] if broken else told
    if answer.end == "error":
        events.append({"type": "error", "code": "server_error", "message": "The server had an error", "param": None})
    elif not broken:
        events.append({"type": "response.incomplete" if answer.end == "length" else "response.completed", "response": final})
    return [f"event: {one['type']}\ndata: {json.dumps({**one, 'sequence_number': number})}\n\n".encode() for number, one in enumerate(events)]


STREAM_TYPE = "text/event-stream; charset=utf-8"


def itemised(one: dict, index: int):
    """The events of one item."""
    place = {"output_index": index, "item_id": one["id"]}
    if one["type"] == "reasoning" and not one["summary"]:
        yield {"type": "response.output_item.added", "output_index": index, "item": one}
    elif one["type"] == "reasoning":
        text, part = one["summary"][0]["text"], {**place, "summary_index": 0}
        yield {"type": "response.output_item.added", "output_index": index, "item": {**one, "summary": []}}
        yield {"type": "response.reasoning_summary_part.added", **part, "part": {"type": "summary_text", "text": ""}}
        for piece in pieces(text):
            yield {"type": "response.reasoning_summary_text.delta", **part, "delta": piece}
        yield {"type": "response.reasoning_summary_text.done", **part, "text": text}
        yield {"type": "response.reasoning_summary_part.done", **part, "part": one["summary"][0]}
    elif one["type"] == "message":
        text, part = one["content"][0]["text"], {**place, "content_index": 0}
        yield {"type": "response.output_item.added", "output_index": index, "item": {**one, "status": "in_progress", "content": []}}
        yield {"type": "response.content_part.added", **part, "part": {**one["content"][0], "text": ""}}
        for piece in pieces(text):
            yield {"type": "response.output_text.delta", **part, "delta": piece, "logprobs": []}
        yield {"type": "response.output_text.done", **part, "text": text, "logprobs": []}
        yield {"type": "response.content_part.done", **part, "part": one["content"][0]}
    else:
        slot, name = ("input", "custom_tool_call_input") if one["type"] == "custom_tool_call" else ("arguments", "function_call_arguments")
        yield {"type": "response.output_item.added", "output_index": index, "item": {**one, "status": "in_progress", slot: ""}}
        for piece in pieces(one[slot]):
            yield {"type": f"response.{name}.delta", **place, "delta": piece}
        yield {"type": f"response.{name}.done", **place, slot: one[slot]}
    yield {"type": "response.output_item.done", "output_index": index, "item": one}


def failure(kind: str, message: str, code: str | None) -> dict:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def refused(why: str):
    return failure("invalid_request_error", why, None), {}


def limited():
    return failure("requests", "Rate limit reached", "rate_limit_exceeded"), {"retry-after": str(RETRY_SECONDS)}
