"""Gemini's generateContent, played; its calls have no ids: <https://ai.google.dev/api/generate-content>."""

import json
import re

from . import check
from .check import filled, members
from .script import RETRY_SECONDS, STATES, Answer, Asked, Call, Image, Result, Text, Think, Turn, demand, pieces

KEY = ("x-goog-api-key", "{}")
STATE = STATES["gemini"]
TOP = {"systemInstruction": "object", "tools": "list", "toolConfig": "object", "generationConfig": "object", "safetySettings": "list", "serviceTier": "text"}
GENERATION = {
    "temperature": "number", "topP": "number", "topK": "number", "candidateCount": "whole", "maxOutputTokens": "whole", "stopSequences": "list", "responseMimeType": "text",
    "responseSchema": "object", "responseJsonSchema": "object", "presencePenalty": "number", "frequencyPenalty": "number", "seed": "whole", "thinkingConfig": "object",
}


def model(path: str, _body: dict) -> str:
    return path.removeprefix("/v1beta/models/").partition(":")[0]


def read(path: str, query: str, body: dict) -> Asked:
    name, _, method = path.removeprefix("/v1beta/models/").partition(":")
    demand(method in ("generateContent", "streamGenerateContent"), f"no method {method!r}")
    demand(method == "generateContent" or "alt=sse" in query.split("&"), "a stream without alt=sse")
    body = camel(body)
    members(body, "body", {"contents": "list"}, TOP)
    asked = Asked(name, method == "streamGenerateContent")
    instruction = members(body.get("systemInstruction", {"parts": []}), "systemInstruction", {"parts": "list"}, {"role": "text"})
    asked.system = [part.text for part in parts(instruction, "systemInstruction")]
    for number, content in enumerate(body["contents"]):
        at = f"contents[{number}]"
        members(content, at, {"role": "=user|model", "parts": "list"})
        said = parts(content, at)
        demand(said, at + ".parts: empty")
        role = "assistant" if content["role"] == "model" else "tool" if isinstance(said[0], Result) else "user"
        if role == "tool":
            said = [one for one in said if isinstance(one, Result)]
        # Streamed contents come back piece by piece from Google's own chat, and belong together.
        if asked.turns and asked.turns[-1].role == role == "assistant":
            asked.turns[-1].parts += said
        else:
            asked.turns.append(Turn(role, said))
    check.alternate(asked.turns, "contents")
    for number, tool in enumerate(body.get("tools", ())):
        for declared in members(tool, f"tools[{number}]", {"functionDeclarations": "list"})["functionDeclarations"]:
            members(declared, f"tools[{number}].functionDeclarations", {"name": "text"}, {"description": "text", "parameters": "object", "parametersJsonSchema": "object"})
            demand("parameters" not in declared or "parametersJsonSchema" not in declared, "two schemas")
            asked.tools[declared["name"]] = declared.get("parametersJsonSchema", declared.get("parameters", {}))
    asked.choice = choice(body)
    generation(asked, body.get("generationConfig", {}))
    return asked


# What the caller names, not the format.
FREE = {"args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema"}


def camel(value):
    """Names in snake case are taken too; Google's own SDK sends both."""
    if isinstance(value, list):
        return [camel(one) for one in value]
    if not isinstance(value, dict):
        return value
    named = {re.sub("_([a-z])", lambda found: found[1].upper(), name): one for name, one in value.items()}
    return {name: one if name in FREE else camel(one) for name, one in named.items()}


def generation(asked: Asked, config: dict) -> None:
    members(config, "generationConfig", {}, GENERATION)
    asked.limit = config.get("maxOutputTokens")
    schema = config.get("responseJsonSchema", config.get("responseSchema"))
    demand(schema is None or config.get("responseMimeType") == "application/json", "a schema without responseMimeType")
    asked.schema = schema
    thinking = members(config.get("thinkingConfig", {}), "thinkingConfig", {}, {"includeThoughts": "flag", "thinkingBudget": "whole", "thinkingLevel": "text"})
    demand("thinkingBudget" not in thinking or "thinkingLevel" not in thinking, "a budget and a level")
    if level := thinking.get("thinkingLevel"):
        check.kind(level.lower(), "thinkingLevel", "=minimal|low|medium|high")
    asked.reasoning = thinking.get("includeThoughts", False)


def choice(body: dict) -> str:
    config = members(body.get("toolConfig", {}), "toolConfig", {}, {"functionCallingConfig": "object"}).get("functionCallingConfig", {})
    members(config, "functionCallingConfig", {}, {"mode": "=AUTO|ANY|NONE|VALIDATED", "allowedFunctionNames": "list"})
    names = config.get("allowedFunctionNames", [])
    demand(not names or config["mode"] in ("ANY", "VALIDATED"), "names without mode ANY")
    return names[0] if len(names) == 1 else {"ANY": "required", "NONE": "none"}.get(config.get("mode"), "auto")


SIGNED = {"thoughtSignature": "text"}


def parts(content: dict, at: str) -> list:
    return [part(one, f"{at}.parts[{number}]") for number, one in enumerate(content["parts"])]


def plain(text: str | None) -> str | None:
    """Google's own SDK writes the URL-safe alphabet of base64."""
    return text and text.replace("-", "+").replace("_", "/")


def part(one: dict, at: str):
    if "text" in one:
        members(one, at, {"text": "text"}, {"thought": "flag", **SIGNED})
        if one.get("thought"):
            return Think(one["text"], plain(one.get("thoughtSignature")))
        return Text(filled(one["text"], at))
    if "inlineData" in one:
        data = members(members(one, at, {"inlineData": "object"})["inlineData"], at, {"mimeType": "text", "data": "text"})
        return Image(data["mimeType"], check.unpacked(plain(data["data"]), at))
    if "functionCall" in one:
        call = members(members(one, at, {"functionCall": "object"}, SIGNED)["functionCall"], at, {"name": "text"}, {"args": "object", "id": "text"})
        return Call(call["name"], call.get("args", {}), state=plain(one.get("thoughtSignature")))
    result = members(members(one, at, {"functionResponse": "object"})["functionResponse"], at, {"name": "text", "response": "object"}, {"id": "text"})
    return Result(json.dumps(result["response"], ensure_ascii=False), name=result["name"])


def usage(answer: Answer) -> dict:
    count = answer.usage
    return {"promptTokenCount": count.input, "cachedContentTokenCount": count.cached, "candidatesTokenCount": count.output - count.reasoning,
            "thoughtsTokenCount": count.reasoning, "totalTokenCount": count.input + count.output}


FINISH = {"stop": "STOP", "calls": "STOP", "length": "MAX_TOKENS"}


def written(one) -> dict:
    if isinstance(one, Text):
        return {"text": one.text}
    if isinstance(one, Think):
        return {"text": one.text, "thought": True}
    return {"functionCall": {"name": one.name, "args": one.arguments}, **({"thoughtSignature": one.state} if one.state else {})}


def chunk(asked: Asked, answer: Answer, said: list[dict], finish: str | None) -> dict:
    candidate = {"content": {"parts": said, "role": "model"}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "usageMetadata": usage(answer), "modelVersion": asked.model, "responseId": "played"}


def whole(asked: Asked, answer: Answer) -> dict:
    return chunk(asked, answer, [written(one) for one in answer.parts], FINISH.get(answer.end))


def stream(asked: Asked, answer: Answer) -> list[bytes]:
    said = []
    for one in answer.parts:
        if isinstance(one, Call):
            said.append(written(one))
        else:
            said += [{**written(one), "text": piece} for piece in pieces(one.text)]
    chunks = [chunk(asked, answer, [one], None) for one in said]
    if answer.end == "error":
        chunks.append(failure(503, "UNAVAILABLE", "The model is overloaded."))
    elif answer.end not in ("cut", "short"):
        chunks[-1]["candidates"][0]["finishReason"] = FINISH[answer.end]
    return [b"data: " + json.dumps(one).encode() + b"\r\n\r\n" for one in chunks]


STREAM_TYPE = "text/event-stream"


def failure(code: int, status: str, message: str, details: list | None = None) -> dict:
    return {"error": {"code": code, "message": message, "status": status, **({"details": details} if details else {})}}


def refused(why: str):
    return failure(400, "INVALID_ARGUMENT", why), {}


def limited():
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{RETRY_SECONDS}s"}
    return failure(429, "RESOURCE_EXHAUSTED", "Quota exceeded.", [info]), {}
