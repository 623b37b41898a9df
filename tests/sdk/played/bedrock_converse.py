"""Amazon Bedrock's Converse, played by a Claude; frames with their checksums are built here.

<https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>
"""

import json
import re
import struct
import zlib
from urllib.parse import unquote

from . import check
from .check import filled, members
from .script import RETRY_SECONDS, STATES, Answer, Asked, Call, Image, Result, Text, Think, Turn, demand, pieces

KEY = ("authorization", "Bearer {}")
STATE = STATES["claude"]
TOP = {
    "system": "list", "inferenceConfig": "object", "toolConfig": "object", "additionalModelRequestFields": "object", "additionalModelResponseFieldPaths": "list",
    "serviceTier": "object", "outputConfig": "object", "requestMetadata": "object",
}
INFERENCE = {"maxTokens": "whole", "temperature": "number", "topP": "number", "stopSequences": "list"}


def model(path: str, _body: dict) -> str:
    return unquote(path.removeprefix("/model/").rpartition("/")[0])


def read(path: str, _query: str, body: dict) -> Asked:
    method = path.rpartition("/")[2]
    demand(method in ("converse", "converse-stream"), f"no method {method!r}")
    members(body, "body", {"messages": "list"}, TOP)
    inference = members(body.get("inferenceConfig", {}), "inferenceConfig", {}, INFERENCE)
    asked = Asked(model(path, body), method == "converse-stream", limit=inference.get("maxTokens"))
    extra = members(body.get("additionalModelRequestFields", {}), "additionalModelRequestFields", {}, {"thinking": "object", "top_k": "whole", "anthropic_beta": "list", "tool_choice": "object", "output_config": "object"})
    thinking = extra.get("thinking", {"type": "disabled"})
    asked.reasoning = thinking["type"] in ("enabled", "adaptive")
    demand(thinking.get("budget_tokens", 1024) >= 1024, "budget_tokens: too small")
    demand(thinking.get("budget_tokens", 0) < inference.get("maxTokens", 1 << 20), "budget_tokens: not below maxTokens")
    for number, one in enumerate(body.get("system", ())):
        if "cachePoint" not in one:
            asked.system.append(filled(members(one, f"system[{number}]", {"text": "text"})["text"], "system"))
    for number, message in enumerate(body["messages"]):
        turn(asked, message, f"messages[{number}]")
    check.alternate(asked.turns, "messages")
    tools(asked, body)
    config = members(body.get("outputConfig", {}), "outputConfig", {}, {"textFormat": "object", "effort": "text"})
    if form := config.get("textFormat"):
        members(form, "textFormat", {"type": "=json_schema", "structure": "object"})
        schema = members(form["structure"], "structure", {"jsonSchema": "object"})["jsonSchema"]
        asked.schema = check.parsed(members(schema, "jsonSchema", {"schema": "text"}, {"name": "text", "description": "text"})["schema"], "schema")
    return asked


def tools(asked: Asked, body: dict) -> None:
    history = any(isinstance(part, (Call, Result)) for turn in asked.turns for part in turn.parts)
    demand(not history or "toolConfig" in body, "calls in the history, and no toolConfig")
    config = members(body.get("toolConfig", {"tools": []}), "toolConfig", {"tools": "list"}, {"toolChoice": "object"})
    for number, tool in enumerate(config["tools"]):
        if "cachePoint" in tool:
            continue
        spec = members(members(tool, f"tools[{number}]", {"toolSpec": "object"})["toolSpec"], f"tools[{number}].toolSpec", {"name": "text", "inputSchema": "object"}, {"description": "text", "strict": "flag"})
        demand(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", spec["name"]) and spec.get("description", "-"), f"tools[{number}]")
        schema = members(spec["inputSchema"], "inputSchema", {"json": "object"})["json"]
        demand(schema.get("type") == "object", f"tools[{number}]: the schema's type")
        asked.tools[spec["name"]] = schema
    choice = members(config.get("toolChoice", {"auto": {}}), "toolChoice", {}, {"auto": "object", "any": "object", "tool": "object"})
    demand(len(choice) == 1, "toolChoice is a union")
    asked.choice = choice["tool"]["name"] if "tool" in choice else "required" if "any" in choice else "auto"
    demand(not asked.reasoning or asked.choice == "auto", "toolChoice forces a call while thinking")


def turn(asked: Asked, message: dict, at: str) -> None:
    members(message, at, {"role": "=user|assistant", "content": "list"})
    parts = [block(one, f"{at}.content[{number}]") for number, one in enumerate(message["content"]) if "cachePoint" not in one]
    demand(parts, at + ".content: empty")
    results = [part for part in parts if isinstance(part, Result)]
    open_ids = {part.id for turn in asked.turns[-1:] for part in turn.parts if isinstance(part, Call)}
    demand({part.id for part in results} == open_ids, f"{at}: results don't match the calls {sorted(open_ids)}")
    asked.turns.append(Turn("tool", results) if results else Turn(message["role"], parts))


def block(one: dict, at: str):
    demand(isinstance(one, dict) and len(one) == 1, f"{at}: a block is a union")
    ((kind, value),) = one.items()
    if kind == "text":
        return Text(filled(value, at))
    if kind == "image":
        members(value, at, {"format": "=png|jpeg|gif|webp", "source": "object"})
        return Image("image/" + value["format"], check.unpacked(members(value["source"], at, {"bytes": "text"})["bytes"], at))
    if kind == "toolUse":
        members(value, at, {"toolUseId": "text", "name": "text", "input": "object"})
        demand(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", value["toolUseId"]), at + ".toolUseId")
        return Call(value["name"], value["input"], value["toolUseId"])
    if kind == "reasoningContent":
        text = members(members(value, at, {"reasoningText": "object"})["reasoningText"], at, {"text": "text", "signature": "text"})
        return Think(text["text"], text["signature"])
    demand(kind == "toolResult", f"{at}: {kind!r}")
    members(value, at, {"toolUseId": "text", "content": "list"}, {"status": "=success|error"})
    texts = [members(part, at, {}, {"text": "text", "json": "any"}) for part in value["content"]]
    return Result("".join(part.get("text") or json.dumps(part.get("json")) for part in texts), value["toolUseId"])


FINISH = {"stop": "end_turn", "calls": "tool_use", "length": "max_tokens"}


def usage(answer: Answer) -> dict:
    count = answer.usage
    return {"inputTokens": count.input - count.cached, "outputTokens": count.output, "totalTokens": count.input + count.output, "cacheReadInputTokens": count.cached, "cacheWriteInputTokens": 0}


def call_id(one: Call, number: int) -> str:
    return f"tooluse_Played-{one.id or number}_x"


def whole(_asked: Asked, answer: Answer) -> dict:
    content = []
    for number, part in enumerate(answer.parts):
        if isinstance(part, Text):
            content.append({"text": part.text})
        elif isinstance(part, Think):
            content.append({"reasoningContent": {"reasoningText": {"text": part.text, "signature": part.state}}})
        else:
            content.append({"toolUse": {"toolUseId": call_id(part, number), "name": part.name, "input": part.arguments}})
    return {"metrics": {"latencyMs": 5}, "output": {"message": {"role": "assistant", "content": content}}, "stopReason": FINISH.get(answer.end), "usage": usage(answer)}


def stream(_asked: Asked, answer: Answer) -> list[bytes]:
    frames = []

    def event(kind: str, payload: dict) -> None:
        frames.append(frame({":event-type": kind, ":content-type": "application/json", ":message-type": "event"}, {**payload, "p": "abcdef"}))

    if answer.parts:
        event("messageStart", {"role": "assistant"})
    for index, part in enumerate(answer.parts):
        if isinstance(part, Call):
            event("contentBlockStart", {"contentBlockIndex": index, "start": {"toolUse": {"toolUseId": call_id(part, index), "name": part.name}}})
            deltas = [{"toolUse": {"input": piece}} for piece in pieces(json.dumps(part.arguments))]
        elif isinstance(part, Text):
            deltas = [{"text": piece} for piece in pieces(part.text)]
        else:
            deltas = [{"reasoningContent": {"text": piece}} for piece in pieces(part.text)] + [{"reasoningContent": {"signature": part.state}}]
        for delta in deltas:
            event("contentBlockDelta", {"contentBlockIndex": index, "delta": delta})
        if answer.end not in ("cut", "short", "error"):
            event("contentBlockStop", {"contentBlockIndex": index})
    if answer.end == "error":
        headers = {":exception-type": "modelStreamErrorException", ":content-type": "application/json", ":message-type": "exception"}
        frames.append(frame(headers, {"message": "The model stopped"}))
    elif answer.end not in ("cut", "short"):
        event("messageStop", {"stopReason": FINISH[answer.end]})
        event("metadata", {"usage": usage(answer), "metrics": {"latencyMs": 5}})
    return frames


STREAM_TYPE = "application/vnd.amazon.eventstream"


def frame(headers: dict[str, str], payload: dict) -> bytes:
    """One message of AWS's event stream: lengths, their checksum, headers of type 7, payload, checksum of all."""
    head = b"".join(struct.pack(">B", len(name)) + name.encode() + struct.pack(">BH", 7, len(value)) + value.encode() for name, value in headers.items())
    body = json.dumps(payload).encode()
    prelude = struct.pack(">II", 16 + len(head) + len(body), len(head))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + head + body
    return message + struct.pack(">I", zlib.crc32(message))


def refused(why: str):
    return {"message": why}, {"x-amzn-errortype": "ValidationException:http://internal.amazon.com/"}


def limited():
    return {"message": "Too many requests"}, {"x-amzn-errortype": "ThrottlingException:http://internal.amazon.com/", "retry-after": str(RETRY_SECONDS)}
