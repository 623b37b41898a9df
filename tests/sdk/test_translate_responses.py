"""The OpenAI SDK's responses against every format."""

import base64
import json

import openai
import pytest
from pydantic import BaseModel

import pairs
from played.script import FORM, PNG, QUESTION, RETRY_SECONDS, SYSTEM, TEXT, THOUGHT

form = pairs.every_format("openai_responses")
TOOLS = [{"type": "function", "name": "tide", "description": "The next high tide", "parameters": pairs.PARAMETERS, "strict": False}]
KEPT = {"store": False, "include": ["reasoning.encrypted_content"], "reasoning": {"effort": "low", "summary": "auto"}}


class Reading(BaseModel):
    port: str
    metres: int


@pytest.fixture
def responses(gateway, form):
    client = openai.OpenAI(base_url=pairs.url(gateway, form, "/v1"), api_key=pairs.key(gateway, form), max_retries=0)

    def ask(scenario, items=QUESTION, stream=False, **more):
        more = {"model": pairs.model(gateway, form, scenario), "input": items, **more}
        if not stream:
            parse = "text_format" in more
            return client.responses.parse(**more) if parse else client.responses.create(**more)
        with client.responses.stream(**more) as events:
            for _ in events:
                pass
            return events.get_final_response()

    ask.client, ask.model = client, lambda scenario: pairs.model(gateway, form, scenario)
    return ask


both = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


@both
def test_text(responses, stream, form):
    answer = responses("system", stream=stream, instructions=SYSTEM)
    assert (answer.output_text, answer.status) == (TEXT, "completed")
    usage = answer.usage
    cached, thoughts = usage.input_tokens_details.cached_tokens, usage.output_tokens_details.reasoning_tokens
    # Both are demanded by the dialect, so what isn't known is 0.
    assert (usage.input_tokens, usage.output_tokens, cached, thoughts) == tuple(count or 0 for count in pairs.counted(form))


@both
def test_a_limit(responses, stream):
    answer = responses.client.responses.create(model=responses.model("length"), input=QUESTION, max_output_tokens=64, stream=stream)
    if stream:
        last = list(answer)[-1]
        assert last.type == "response.incomplete"
        answer = last.response
    assert (answer.status, answer.incomplete_details.reason) == ("incomplete", "max_output_tokens")


@both
def test_reasoning(responses, stream):
    answer = responses("think", stream=stream, reasoning={"effort": "medium", "summary": "auto"})
    (thought,) = [item for item in answer.output if item.type == "reasoning"]
    assert ("".join(part.text for part in thought.summary), answer.output_text) == (THOUGHT, TEXT)


@both
@pytest.mark.parametrize("scenario", ["tool", "tools"])
def test_tools_over_two_turns(responses, stream, scenario):
    more = {"tools": TOOLS, "stream": stream, **KEPT}
    items = [{"role": "user", "content": QUESTION}]
    first = responses(scenario, items, **more)
    calls = [item for item in first.output if item.type == "function_call"]
    assert len({call.call_id for call in calls}) == len(calls) == (2 if scenario == "tools" else 1)
    # The items go back as the SDK gave them.
    items += [item.model_dump(exclude={"parsed_arguments"}, exclude_none=True) if stream else item for item in first.output]
    items += [{"type": "function_call_output", "call_id": call.call_id, "output": pairs.result_of(json.loads(call.arguments))} for call in calls]
    assert responses(scenario, items, **more).output_text == TEXT


@both
def test_calls_in_a_loop(responses, stream):
    items = [{"role": "user", "content": QUESTION}]
    for _ in range(3):
        answer = responses("loop", items, stream, tools=TOOLS, **KEPT)
        items += [item.model_dump(exclude={"parsed_arguments"}, exclude_none=True) for item in answer.output]
        calls = [item for item in answer.output if item.type == "function_call"]
        items += [{"type": "function_call_output", "call_id": call.call_id, "output": pairs.result_of(json.loads(call.arguments))} for call in calls]
    assert (calls, answer.output_text) == ([], TEXT)


@both
def test_a_forced_call(responses, stream):
    quay = {"type": "function", "name": "quay", "parameters": {"type": "object", "properties": {}}, "strict": False}
    answer = responses("forced", stream=stream, tools=[*TOOLS, quay], tool_choice={"type": "function", "name": "tide"}, parallel_tool_calls=False)
    assert [item.name for item in answer.output if item.type == "function_call"] == ["tide"]


@both
def test_an_image(responses, stream):
    url = "data:image/png;base64," + base64.b64encode(PNG).decode()
    parts = [{"type": "input_text", "text": QUESTION}, {"type": "input_image", "image_url": url, "detail": "auto"}]
    assert responses("image", [{"role": "user", "content": parts}], stream).output_text == TEXT


@both
def test_structured_output(responses, stream):
    assert responses("form", stream=stream, text_format=Reading).output_parsed == Reading(**FORM)


@both
def test_too_many_requests(responses, stream):
    with pytest.raises(openai.RateLimitError) as caught:
        responses("limit", stream=stream)
    assert caught.value.response.headers["retry-after"] == str(RETRY_SECONDS)


def test_an_error_before_the_answer(responses, form):
    if form == "openai_responses":
        pytest.skip("the played vendor announces the answer before it fails")
    with pytest.raises(openai.APIError):
        list(responses.client.responses.create(model=responses.model("early"), input=QUESTION, stream=True))


@pytest.mark.parametrize("scenario", pairs.BROKEN)
def test_a_broken_stream(responses, scenario):
    events = []
    try:
        for event in responses.client.responses.create(model=responses.model(scenario), input=QUESTION, stream=True):
            events.append(event)
    except (openai.APIError, *pairs.CUT):
        events.append(None)
    # The SDK hands an error event out as an event.
    assert events[-1] is None or events[-1].type in ("error", "response.failed")
    assert not [event for event in events if event and event.type in ("response.completed", "response.incomplete", "response.output_item.done")]
    said = "".join(event.delta for event in events if event and event.type == "response.output_text.delta")
    assert said and TEXT.startswith(said)
