"""Google's SDK against every format."""

import httpx2
import pytest
from google import genai
from google.genai import errors, types
from pydantic import BaseModel

import pairs
from played.script import FORM, PNG, QUESTION, SYSTEM, TEXT, THOUGHT

form = pairs.every_format("gemini_generate")
TOOL = types.Tool(function_declarations=[types.FunctionDeclaration(name="tide", description="The next high tide", parameters_json_schema=pairs.PARAMETERS)])
THINKING = types.ThinkingConfig(include_thoughts=True, thinking_budget=2048)
BY_HAND = types.AutomaticFunctionCallingConfig(disable=True)


class Reading(BaseModel):
    port: str
    metres: int


@pytest.fixture
def models(gateway, form):
    options = types.HttpOptions(base_url=pairs.url(gateway, form, ""), api_version="v1beta")
    client = genai.Client(api_key=pairs.key(gateway, form), http_options=options)

    def ask(scenario, contents=QUESTION, stream=False, **config):
        # The SDK writes `models/` in front of a bare name; with it the name may hold a slash.
        asked = {"model": "models/" + pairs.model(gateway, form, scenario), "contents": contents, "config": types.GenerateContentConfig(**config)}
        if not stream:
            return [client.models.generate_content(**asked)]
        return list(client.models.generate_content_stream(**asked))

    ask.client, ask.model = client, lambda scenario: "models/" + pairs.model(gateway, form, scenario)
    yield ask
    client.close()


both = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


def parts_of(chunks) -> list:
    return [part for chunk in chunks for candidate in chunk.candidates or () for part in (candidate.content and candidate.content.parts) or ()]


def text_of(chunks) -> str:
    return "".join(part.text for part in parts_of(chunks) if part.text and not part.thought)


@both
def test_text(models, stream, form):
    chunks = models("system", stream=stream, system_instruction=SYSTEM)
    assert (text_of(chunks), chunks[-1].candidates[0].finish_reason) == (TEXT, types.FinishReason.STOP)
    usage = chunks[-1].usage_metadata
    total, output, cached, thoughts = pairs.counted(form)
    assert (usage.prompt_token_count, (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)) == (total, output)
    assert (usage.cached_content_token_count, usage.thoughts_token_count) == (cached, thoughts)
    assert usage.total_token_count == total + output


@both
def test_a_limit(models, stream):
    assert models("length", stream=stream, max_output_tokens=64)[-1].candidates[0].finish_reason == types.FinishReason.MAX_TOKENS


@both
def test_reasoning(models, stream):
    chunks = models("think", stream=stream, thinking_config=THINKING, max_output_tokens=4096)
    assert ("".join(part.text for part in parts_of(chunks) if part.thought), text_of(chunks)) == (THOUGHT, TEXT)


@both
@pytest.mark.parametrize("scenario", ["tool", "tools"])
def test_tools_over_two_turns(models, stream, scenario):
    more = {"tools": [TOOL], "stream": stream, "automatic_function_calling": BY_HAND, "thinking_config": THINKING, "max_output_tokens": 4096}
    question = types.UserContent(QUESTION)
    first = models(scenario, [question], **more)
    calls = [part.function_call for part in parts_of(first) if part.function_call]
    # The content goes back as the SDK gave it; its chat joins the parts of a stream as it is done here.
    results = [types.Part(function_response=types.FunctionResponse(id=call.id, name=call.name, response={"at": pairs.result_of(call.args)})) for call in calls]
    said = [question, types.Content(role="model", parts=parts_of(first)), types.Content(role="user", parts=results)]
    assert text_of(models(scenario, said, **more)) == TEXT


@both
def test_calls_in_a_loop(models, stream):
    said = [types.UserContent(QUESTION)]
    for _ in range(3):
        answer = models("loop", said, stream, tools=[TOOL], automatic_function_calling=BY_HAND, thinking_config=THINKING, max_output_tokens=4096)
        calls = [part.function_call for part in parts_of(answer) if part.function_call]
        results = [types.Part(function_response=types.FunctionResponse(id=call.id, name=call.name, response={"output": pairs.result_of(call.args)})) for call in calls]
        said += [types.Content(role="model", parts=parts_of(answer)), types.Content(role="user", parts=results)]
    assert (calls, text_of(answer)) == ([], TEXT)


@both
def test_a_forced_call(models, stream):
    quay = types.Tool(function_declarations=[types.FunctionDeclaration(name="quay")])
    forced = types.ToolConfig(function_calling_config=types.FunctionCallingConfig(mode="ANY", allowed_function_names=["tide"]))
    answer = models("forced", stream=stream, tools=[TOOL, quay], tool_config=forced, automatic_function_calling=BY_HAND)
    assert [part.function_call.name for part in parts_of(answer) if part.function_call] == ["tide"]


def test_a_chat_keeps_its_own_history(models, form):
    asked = types.GenerateContentConfig(tools=[TOOL], automatic_function_calling=BY_HAND, thinking_config=THINKING, max_output_tokens=4096)
    chat = models.client.chats.create(model=models.model("tools"), config=asked)
    calls = [part.function_call for part in parts_of(chat.send_message_stream(QUESTION)) if part.function_call]
    results = [types.Part(function_response=types.FunctionResponse(id=call.id, name=call.name, response={"at": pairs.result_of(call.args)})) for call in calls]
    if form != "gemini_generate":
        assert all(call.id for call in calls)
    assert text_of([chat.send_message(results)]) == TEXT


@both
def test_an_image(models, stream):
    parts = [types.Part.from_text(text=QUESTION), types.Part.from_bytes(data=PNG, mime_type="image/png")]
    assert text_of(models("image", [types.UserContent(parts)], stream)) == TEXT


@both
def test_structured_output(models, stream):
    chunks = models("form", stream=stream, response_mime_type="application/json", response_schema=Reading)
    assert Reading.model_validate_json(text_of(chunks)) == Reading(**FORM)
    assert stream or chunks[0].parsed == Reading(**FORM)


def test_tokens_are_counted(models):
    assert models.client.models.count_tokens(model=models.model("text"), contents=QUESTION).total_tokens > 0


@both
def test_too_many_requests(models, stream):
    with pytest.raises(errors.ClientError) as caught:
        models("limit", stream=stream)
    assert (caught.value.code, caught.value.status) == (429, "RESOURCE_EXHAUSTED")


def test_an_error_before_the_answer(models):
    with pytest.raises(errors.APIError):
        models("early", stream=True)


@pytest.mark.parametrize("scenario", pairs.BROKEN)
def test_a_broken_stream(models, scenario):
    chunks = []
    with pytest.raises((errors.APIError, httpx2.TransportError)):
        for chunk in models.client.models.generate_content_stream(model=models.model(scenario), contents=QUESTION):
            chunks.append(chunk)
    assert not [candidate for chunk in chunks for candidate in chunk.candidates or () if candidate.finish_reason]
    assert text_of(chunks) and TEXT.startswith(text_of(chunks))
