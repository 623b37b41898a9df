"""Anthropic's SDK against every format."""

import base64

import anthropic
import pytest
from pydantic import BaseModel

import pairs
from played.script import FORM, PNG, QUESTION, RETRY_SECONDS, SYSTEM, TEXT, THOUGHT

form = pairs.every_format("anthropic_messages")
TOOLS = [{"name": "tide", "description": "The next high tide", "input_schema": pairs.PARAMETERS}]
ASK = [{"role": "user", "content": QUESTION}]
THINKING = {"max_tokens": 4096, "thinking": {"type": "enabled", "budget_tokens": 2048}}


class Reading(BaseModel):
    port: str
    metres: int


@pytest.fixture
def messages(gateway, form):
    client = anthropic.Anthropic(base_url=pairs.url(gateway, form, ""), api_key=pairs.key(gateway, form), max_retries=0)

    def ask(scenario, said=ASK, stream=False, **more):
        more = {"model": pairs.model(gateway, form, scenario), "max_tokens": 512, "messages": said, **more}
        if not stream:
            return client.messages.create(**more)
        with client.messages.stream(**more) as events:
            return events.get_final_message()

    ask.client, ask.model = client, lambda scenario: pairs.model(gateway, form, scenario)
    return ask


both = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


def text_of(message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


@both
def test_text(messages, stream, form):
    answer = messages("system", stream=stream, system=SYSTEM)
    assert (text_of(answer), answer.stop_reason) == (TEXT, "end_turn")
    usage = answer.usage
    total, output, cached, _ = pairs.counted(form)
    assert (usage.input_tokens + (usage.cache_read_input_tokens or 0), usage.output_tokens) == (total, output)
    assert (usage.cache_read_input_tokens or None) == cached


def test_the_text_stream(messages):
    with messages.client.messages.stream(model=messages.model("text"), max_tokens=512, messages=ASK) as events:
        assert "".join(events.text_stream) == TEXT


@both
def test_a_limit(messages, stream):
    assert messages("length", stream=stream, max_tokens=64).stop_reason == "max_tokens"


@both
def test_reasoning(messages, stream):
    answer = messages("think", stream=stream, **THINKING)
    assert [block.type for block in answer.content] == ["thinking", "text"]
    assert (answer.content[0].thinking, text_of(answer)) == (THOUGHT, TEXT)


@both
@pytest.mark.parametrize("scenario", ["tool", "tools"])
def test_tools_over_two_turns(messages, stream, scenario):
    more = {"tools": TOOLS, "stream": stream, **THINKING}
    first = messages(scenario, **more)
    assert first.stop_reason == "tool_use"
    calls = [block for block in first.content if block.type == "tool_use"]
    assert len({call.id for call in calls}) == len(calls)
    # The blocks go back as the SDK gave them.
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": pairs.result_of(call.input)} for call in calls]
    said = [*ASK, {"role": "assistant", "content": first.content}, {"role": "user", "content": results}]
    assert text_of(messages(scenario, said, **more)) == TEXT


@both
def test_calls_in_a_loop(messages, stream):
    said = [*ASK]
    for _ in range(3):
        answer = messages("loop", said, stream, tools=TOOLS, **THINKING)
        calls = [block for block in answer.content if block.type == "tool_use"]
        results = [{"type": "tool_result", "tool_use_id": call.id, "content": pairs.result_of(call.input)} for call in calls]
        said += [{"role": "assistant", "content": answer.content}, {"role": "user", "content": results}]
    assert (calls, text_of(answer)) == ([], TEXT)


@both
def test_a_forced_call(messages, stream):
    quay = {"name": "quay", "input_schema": {"type": "object", "properties": {}}}
    answer = messages("forced", stream=stream, tools=[*TOOLS, quay], tool_choice={"type": "tool", "name": "tide", "disable_parallel_tool_use": True})
    assert [block.name for block in answer.content if block.type == "tool_use"] == ["tide"]


@both
def test_an_image(messages, stream):
    source = {"type": "base64", "media_type": "image/png", "data": base64.b64encode(PNG).decode()}
    parts = [{"type": "image", "source": source}, {"type": "text", "text": QUESTION}]
    assert text_of(messages("image", [{"role": "user", "content": parts}], stream)) == TEXT


@both
def test_structured_output(messages, stream):
    if stream:
        answer = messages("form", stream=True, output_format=Reading)
    else:
        answer = messages.client.messages.parse(model=messages.model("form"), max_tokens=512, messages=ASK, output_format=Reading)
    assert answer.parsed_output == Reading(**FORM)


def test_tokens_are_counted(messages, form):
    counted = messages.client.messages.with_raw_response.count_tokens(model=messages.model("text"), messages=ASK, system=SYSTEM)
    assert counted.parse().input_tokens > 0
    assert counted.headers.get("x-wharf-estimated") == (None if form == "anthropic_messages" else "true")


@both
def test_too_many_requests(messages, stream):
    with pytest.raises(anthropic.RateLimitError) as caught:
        messages("limit", stream=stream)
    assert caught.value.response.headers["retry-after"] == str(RETRY_SECONDS)


def test_an_error_before_the_answer(messages):
    with pytest.raises(anthropic.APIError):
        messages("early", stream=True)


@pytest.mark.parametrize("scenario", pairs.BROKEN)
def test_a_broken_stream(messages, scenario):
    events = []
    with pytest.raises((anthropic.APIError, *pairs.CUT)):
        for event in messages.client.messages.create(model=messages.model(scenario), max_tokens=512, messages=ASK, stream=True):
            events.append(event)
    assert not [event for event in events if event.type in ("message_delta", "message_stop")]
    said = "".join(event.delta.text for event in events if event.type == "content_block_delta")
    assert said and TEXT.startswith(said)
