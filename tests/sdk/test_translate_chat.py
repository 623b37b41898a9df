"""The OpenAI SDK's chat completions against every format."""

import base64
import json

import openai
import pytest
from pydantic import BaseModel

import pairs
from played.script import FORM, PNG, QUESTION, RETRY_SECONDS, SYSTEM, TEXT, THOUGHT

form = pairs.every_format("openai_chat")
TOOLS = [{"type": "function", "function": {"name": "tide", "description": "The next high tide", "parameters": pairs.PARAMETERS}}]
ASK = [{"role": "user", "content": QUESTION}]


class Reading(BaseModel):
    port: str
    metres: int


@pytest.fixture
def chat(gateway, form):
    client = openai.OpenAI(base_url=pairs.url(gateway, form, "/v1"), api_key=pairs.key(gateway, form), max_retries=0)

    def ask(scenario, messages=ASK, stream=False, **more):
        more = {"model": pairs.model(gateway, form, scenario), "messages": messages, **more}
        if not stream:
            return client.chat.completions.create(**more)
        with client.chat.completions.stream(**more, stream_options={"include_usage": True}) as events:
            return events.get_final_completion()

    ask.client, ask.model = client, lambda scenario: pairs.model(gateway, form, scenario)
    return ask


both = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


@both
def test_text(chat, stream, form):
    answer = chat("system", [{"role": "system", "content": SYSTEM}, *ASK], stream)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == (TEXT, "stop")
    details = answer.usage
    cached = details.prompt_tokens_details and details.prompt_tokens_details.cached_tokens
    thoughts = details.completion_tokens_details and details.completion_tokens_details.reasoning_tokens
    assert (details.prompt_tokens, details.completion_tokens, cached, thoughts) == pairs.counted(form)


@both
def test_a_limit(chat, stream):
    answer = chat.client.chat.completions.create(model=chat.model("length"), messages=ASK, max_completion_tokens=64, stream=stream)
    if not stream:
        assert answer.choices[0].finish_reason == "length"
        return
    chunks = list(answer)
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices][-1] == "length"
    assert all(chunk.usage is None for chunk in chunks)


@both
def test_reasoning(chat, stream, form):
    answer = chat("think", stream=stream, reasoning_effort="medium")
    message = answer.choices[0].message
    # The dialect has no word to ask for a summary, which Responses shows only if asked.
    shown = "" if form == "openai_responses" else THOUGHT
    assert (getattr(message, "reasoning_content", ""), message.content) == (shown, TEXT)


@both
@pytest.mark.parametrize("scenario", ["tool", "tools"])
def test_tools_over_two_turns(chat, stream, scenario):
    more = {"tools": TOOLS, "stream": stream, "reasoning_effort": "low"}
    first = chat(scenario, **more).choices[0]
    assert first.finish_reason == "tool_calls"
    calls = first.message.tool_calls
    assert len({call.id for call in calls}) == len(calls)
    # The message goes back as the SDK gave it.
    results = [{"role": "tool", "tool_call_id": call.id, "content": pairs.result_of(json.loads(call.function.arguments))} for call in calls]
    answer = chat(scenario, [*ASK, first.message, *results], **more)
    assert answer.choices[0].message.content == TEXT


@both
def test_calls_in_a_loop(chat, stream):
    messages = [*ASK]
    while not messages[1:] or messages[-1].get("role") == "tool":
        message = chat("loop", messages, stream, tools=TOOLS, reasoning_effort="low").choices[0].message
        # As many agents keep it: all that is set, with the fields the SDK doesn't know.
        messages.append(message.model_dump(exclude_none=True, exclude={"parsed"}))
        messages += [{"role": "tool", "tool_call_id": call.id, "content": pairs.result_of(json.loads(call.function.arguments))} for call in message.tool_calls or ()]
    assert (len(messages), messages[-1]["content"]) == (6, TEXT)


@both
def test_a_forced_call(chat, stream):
    quay = {"type": "function", "function": {"name": "quay", "parameters": {"type": "object", "properties": {}}}}
    answer = chat("forced", stream=stream, tools=[*TOOLS, quay], tool_choice={"type": "function", "function": {"name": "tide"}}, parallel_tool_calls=False)
    assert [call.function.name for call in answer.choices[0].message.tool_calls] == ["tide"]


@both
def test_an_image(chat, stream):
    url = "data:image/png;base64," + base64.b64encode(PNG).decode()
    parts = [{"type": "text", "text": QUESTION}, {"type": "image_url", "image_url": {"url": url}}]
    assert chat("image", [{"role": "user", "content": parts}], stream).choices[0].message.content == TEXT


@both
def test_structured_output(chat, stream):
    if stream:
        message = chat("form", stream=True, response_format=Reading).choices[0].message
    else:
        message = chat.client.chat.completions.parse(model=chat.model("form"), messages=ASK, response_format=Reading).choices[0].message
    assert message.parsed == Reading(**FORM)


@both
def test_too_many_requests(chat, stream):
    with pytest.raises(openai.RateLimitError) as caught:
        chat("limit", stream=stream)
    assert caught.value.response.headers["retry-after"] == str(RETRY_SECONDS)


def test_an_error_before_the_answer(chat):
    with pytest.raises(openai.APIError):
        chat("early", stream=True)


@pytest.mark.parametrize("scenario", pairs.BROKEN)
def test_a_broken_stream(chat, scenario, form):
    seen = []
    with pytest.raises((openai.APIError, *pairs.CUT)):
        for chunk in chat.client.chat.completions.create(model=chat.model(scenario), messages=ASK, stream=True):
            seen += [choice.delta.content or "" for choice in chunk.choices]
            assert not any(choice.finish_reason for choice in chunk.choices)
    assert TEXT.startswith("".join(seen)) and seen
