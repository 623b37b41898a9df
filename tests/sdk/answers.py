"""What the played providers answer: small hand-written bodies in each vendor's form."""

import json

import played

OPENAI_KEY = "sk-openai-provider-0001"
ANTHROPIC_KEY = "sk-ant-provider-0002"
GEMINI_KEY = "AIza-gemini-provider-0003"

STREAM_WORDS = ["Ships", " dock", " at", " the wharf", " — ✓"]
TEXT = "".join(STREAM_WORDS)


def answer(request, make):
    """Finds the answer by path; a wrong provider key is refused as the vendor would."""
    if request.path.startswith(played.BASE):
        return played.answer(request, make)
    for prefix, vendor in (("/openai/v1", openai), ("/anthropic", anthropic), ("/gemini", gemini)):
        if request.path.startswith(prefix):
            return vendor(request, request.path.removeprefix(prefix), make)
    return make(b'{"error":"no such provider"}', 404)


def as_json(value) -> bytes:
    return json.dumps(value).encode()


def sse(events, named=False, done=False) -> list[bytes]:
    """Server-sent events, one piece each."""
    pieces = []
    for event in events:
        name = f"event: {event['type']}\n" if named else ""
        pieces.append(f"{name}data: {json.dumps(event)}\n\n".encode())
    return pieces + ([b"data: [DONE]\n\n"] if done else [])


# --- OpenAI -----------------------------------------------------------------------------------------------------------


def openai(request, path, make):
    if request.header("authorization") != f"Bearer {OPENAI_KEY}":
        return make(as_json({"error": {"message": "Incorrect API key", "type": "invalid_request_error", "code": "invalid_api_key"}}), 401)
    if path == "/models":
        models = [{"id": name, "object": "model", "created": 1721172741, "owned_by": "system"} for name in ("gpt-4o-mini", "whisper-1")]
        return make(as_json({"object": "list", "data": models}))
    if path == "/chat/completions":
        return openai_chat(request.json, make)
    if path == "/responses":
        return openai_responses(request.json, make)
    if path == "/embeddings":
        return make(as_json({"object": "list", "model": request.json["model"], "data": [{"object": "embedding", "index": 0, "embedding": [0.25, -0.5]}], "usage": {"prompt_tokens": 2, "total_tokens": 2}}))
    if path == "/files":
        return make(as_json({"id": "file-1", "object": "file", "bytes": len(request.body), "created_at": 1721172741, "filename": "batch.jsonl", "purpose": "batch", "status": "processed"}))
    if path == "/audio/transcriptions":
        return make(as_json({"text": TEXT}))
    return make(as_json({"error": {"message": f"no {path}", "type": "invalid_request_error"}}), 404)


def openai_chat(body, make):
    if body["model"] == "gpt-broken":
        error = {"error": {"message": "Rate limit reached", "type": "requests", "param": None, "code": "rate_limit_exceeded"}}
        return make(as_json(error), 429, headers={"retry-after": "1", "x-should-retry": "false"})
    wants_tool = "tools" in body and body["messages"][-1]["role"] != "tool"
    if body.get("stream"):
        return make(pieces=sse(openai_chunks(body, wants_tool), done=True), content_type="text/event-stream; charset=utf-8")
    message = {"role": "assistant", "content": TEXT, "refusal": None}
    if wants_tool:
        call = {"id": "call_1", "type": "function", "function": {"name": "tide", "arguments": '{"port":"Hamburg"}'}}
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "tool_calls" if wants_tool else "stop"}
    usage = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}
    return make(as_json({"id": "chatcmpl-1", "object": "chat.completion", "created": 1721172741, "model": "gpt-4o-mini-2024-07-18", "choices": [choice], "usage": usage}))


def openai_chunks(body, wants_tool):
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1721172741, "model": "gpt-4o-mini-2024-07-18"}

    def chunk(delta, finish=None):
        return {**base, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]}

    yield chunk({"role": "assistant", "content": None if wants_tool else ""})
    if wants_tool:
        yield chunk({"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": {"name": "tide", "arguments": ""}}]})
        for part in ('{"port":', '"Hamburg"}'):
            yield chunk({"tool_calls": [{"index": 0, "function": {"arguments": part}}]})
    else:
        for word in STREAM_WORDS:
            yield chunk({"content": word})
    yield chunk({}, "tool_calls" if wants_tool else "stop")
    if body.get("stream_options", {}).get("include_usage"):
        yield {**base, "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}}


def openai_responses(body, make):
    item = {"id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": [{"type": "output_text", "text": TEXT, "annotations": []}]}
    whole = {"id": "resp_1", "object": "response", "created_at": 1721172741, "status": "completed", "model": "gpt-4o-mini", "output": [item], "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
             "usage": {"input_tokens": 9, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 5, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 14}}
    if not body.get("stream"):
        return make(as_json(whole))
    events = [{"type": "response.created", "response": {**whole, "status": "in_progress", "output": []}}]
    events += [{"type": "response.output_text.delta", "item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": word, "logprobs": []} for word in STREAM_WORDS]
    events.append({"type": "response.completed", "response": whole})
    numbered = [{**event, "sequence_number": number} for number, event in enumerate(events)]
    return make(pieces=sse(numbered, named=True), content_type="text/event-stream")


# --- Anthropic --------------------------------------------------------------------------------------------------------


def anthropic(request, path, make):
    # The SDK sends a Bearer token, older ones and the gateway `x-api-key`; the vendor takes either.
    if ANTHROPIC_KEY not in (request.header("x-api-key"), (request.header("authorization") or "").removeprefix("Bearer ")):
        return make(as_json({"type": "error", "error": {"type": "authentication_error", "message": "invalid x-api-key"}}), 401)
    if path == "/v1/models":
        model = {"type": "model", "id": "claude-wharf-1", "display_name": "Claude Wharf", "created_at": "2025-01-01T00:00:00Z"}
        return make(as_json({"data": [model], "has_more": False, "first_id": model["id"], "last_id": model["id"]}))
    if path == "/v1/messages/count_tokens":
        return make(as_json({"input_tokens": 11}))
    if path == "/v1/messages":
        return anthropic_messages(request.json, make)
    return make(as_json({"type": "error", "error": {"type": "not_found_error", "message": path}}), 404)


def anthropic_messages(body, make):
    last = body["messages"][-1]["content"]
    answered = isinstance(last, list) and last[0].get("type") == "tool_result"
    wants_tool = "tools" in body and not answered
    block = {"type": "text", "text": TEXT}
    if wants_tool:
        block = {"type": "tool_use", "id": "toolu_1", "name": "tide", "input": {"port": "Hamburg"}}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-wharf-1", "content": [block],
               "stop_reason": "tool_use" if wants_tool else "end_turn", "stop_sequence": None, "usage": {"input_tokens": 9, "output_tokens": 5}}
    if not body.get("stream"):
        return make(as_json(message), headers={"request-id": "req_1"})
    return make(pieces=sse(anthropic_events(message, wants_tool), named=True), content_type="text/event-stream; charset=utf-8")


def anthropic_events(message, wants_tool):
    start = {**message, "content": [], "stop_reason": None, "usage": {"input_tokens": 9, "output_tokens": 1}}
    yield {"type": "message_start", "message": start}
    if wants_tool:
        yield {"type": "content_block_start", "index": 0, "content_block": {**message["content"][0], "input": {}}}
        deltas = [{"type": "input_json_delta", "partial_json": part} for part in ("", '{"port": ', '"Hamburg"}')]
    else:
        yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        deltas = [{"type": "text_delta", "text": word} for word in STREAM_WORDS]
    yield {"type": "ping"}
    for delta in deltas:
        yield {"type": "content_block_delta", "index": 0, "delta": delta}
    yield {"type": "content_block_stop", "index": 0}
    yield {"type": "message_delta", "delta": {"stop_reason": message["stop_reason"], "stop_sequence": None}, "usage": {"output_tokens": 5}}
    yield {"type": "message_stop"}


# --- Gemini -----------------------------------------------------------------------------------------------------------


def gemini(request, path, make):
    if request.header("x-goog-api-key") != GEMINI_KEY:
        return make(as_json({"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}}), 400)
    # The SDK has moved from v1beta to v1; both are spoken.
    path = path.removeprefix("/v1beta").removeprefix("/v1")
    if path == "/models":
        model = {"name": "models/gemini-wharf", "version": "1", "displayName": "Gemini Wharf", "inputTokenLimit": 1000, "outputTokenLimit": 100, "supportedGenerationMethods": ["generateContent"]}
        return make(as_json({"models": [model]}))
    if path == "/models/gemini-wharf:countTokens":
        return make(as_json({"totalTokens": 11}))
    if path == "/models/gemini-wharf:generateContent":
        return make(as_json(gemini_whole(request.json)))
    if path == "/models/gemini-wharf:streamGenerateContent":
        chunks = [gemini_part({"text": word}, None) for word in STREAM_WORDS[:-1]]
        chunks.append(gemini_part({"text": STREAM_WORDS[-1]}, "STOP"))
        return make(pieces=[piece.replace(b"\n\n", b"\r\n\r\n") for piece in sse(chunks)], content_type="text/event-stream")
    return make(as_json({"error": {"code": 404, "message": path, "status": "NOT_FOUND"}}), 404)


def gemini_whole(body):
    answered = any("functionResponse" in part for part in body["contents"][-1]["parts"])
    if "tools" in body and not answered:
        return gemini_part({"functionCall": {"name": "tide", "args": {"port": "Hamburg"}}}, "STOP")
    return gemini_part({"text": TEXT}, "STOP")


def gemini_part(part, finish):
    candidate = {"index": 0, "content": {"role": "model", "parts": [part]}}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 5, "totalTokenCount": 14}, "modelVersion": "gemini-wharf"}
