"""The official OpenAI SDK, on the model routes and on the pass-through."""

import json

import openai
import pytest

from answers import OPENAI_KEY, TEXT

TOOLS = [{"type": "function", "function": {"name": "tide", "parameters": {"type": "object", "properties": {"port": {"type": "string"}}}}}]


@pytest.fixture
def client(gateway):
    return openai.OpenAI(base_url=gateway.url("/v1", "/openai/v1"), api_key=gateway.key(OPENAI_KEY), max_retries=0)


@pytest.fixture
def passthrough(gateway):
    return openai.OpenAI(base_url=gateway.url("/openai", "/openai/v1"), api_key=gateway.key(OPENAI_KEY), max_retries=0)


@pytest.fixture
def model(gateway):
    return gateway.model("openai", "gpt-4o-mini")


def test_models_are_listed(client, gateway):
    names = [one.id for one in client.models.list()]
    assert gateway.model("openai", "gpt-4o-mini") in names


def test_chat(client, model, providers):
    answer = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "hi ✓"}], temperature=0.5)
    assert (answer.choices[0].message.content, answer.usage.total_tokens) == (TEXT, 14)
    assert providers.last().json == {"messages": [{"role": "user", "content": "hi ✓"}], "model": "gpt-4o-mini", "temperature": 0.5}


def test_chat_stream_with_usage(client, model, providers):
    stream = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "hi"}], stream=True, stream_options={"include_usage": True})
    chunks = list(stream)
    assert "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices) == TEXT
    assert chunks[-1].usage.total_tokens == 14
    assert providers.last().json["model"] == "gpt-4o-mini"


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_call_in_two_turns(client, model, providers, stream):
    messages = [{"role": "user", "content": "When is high tide?"}]
    if stream:
        with client.chat.completions.stream(model=model, messages=messages, tools=TOOLS) as events:
            message = events.get_final_completion().choices[0].message
    else:
        message = client.chat.completions.create(model=model, messages=messages, tools=TOOLS).choices[0].message
    call = message.tool_calls[0]
    assert (call.function.name, json.loads(call.function.arguments)) == ("tide", {"port": "Hamburg"})
    called = {"id": call.id, "type": "function", "function": {"name": "tide", "arguments": call.function.arguments}}
    messages += [{"role": "assistant", "tool_calls": [called]}, {"role": "tool", "tool_call_id": call.id, "content": "noon"}]
    answer = client.chat.completions.create(model=model, messages=messages, tools=TOOLS)
    assert answer.choices[0].message.content == TEXT
    assert providers.last().json["messages"][-1]["content"] == "noon"


def test_responses(client, model, providers):
    assert client.responses.create(model=model, input="hi").output_text == TEXT
    assert providers.last().path == "/openai/v1/responses"
    events = list(client.responses.create(model=model, input="hi", stream=True))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == TEXT
    assert events[-1].type == "response.completed"


def test_embeddings(client, gateway, providers):
    answer = client.embeddings.create(model=gateway.model("openai", "text-embedding-3-small"), input="hi", encoding_format="float")
    assert answer.data[0].embedding == [0.25, -0.5]
    assert providers.last().json["model"] == "text-embedding-3-small"


def test_an_upstream_error_is_the_sdks_error(client, gateway):
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model=gateway.model("openai", "gpt-broken"), messages=[])
    assert caught.value.code == "rate_limit_exceeded"
    assert caught.value.response.headers["retry-after"] == "1"


def test_a_wrong_caller_key_is_the_sdks_error(client, model, providers):
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="wrong-key-0000").chat.completions.create(model=model, messages=[])
    providers.forget()


def test_a_file_upload_passes_through(passthrough, providers):
    content = b'{"custom_id":"1"}\n\x00\xff--not a boundary\r\n'
    created = passthrough.files.create(file=("batch.jsonl", content), purpose="batch")
    assert created.id == "file-1"
    request = providers.last()
    assert request.path == "/openai/v1/files" and content in request.body
    assert request.header("content-type").startswith("multipart/form-data; boundary=")


def test_a_transcription_passes_through(passthrough, providers):
    answer = passthrough.audio.transcriptions.create(file=("a.wav", b"RIFF\x00\x01"), model="whisper-1")
    assert answer.text == TEXT
    assert providers.last().path == "/openai/v1/audio/transcriptions"


def test_a_transcription_is_routed_by_its_model(client, gateway, providers):
    answer = client.audio.transcriptions.create(file=("a.wav", b"RIFF\x00\x01"), model=gateway.model("openai", "whisper-1"))
    assert answer.text == TEXT
    body = providers.last("/audio/transcriptions").body
    assert b"whisper-1" in body and b"openai/whisper-1" not in body and b"RIFF\x00\x01" in body


async def collect(client, model):
    stream = await client.chat.completions.create(model=model, messages=[{"role": "user", "content": "hi"}], stream=True)
    return "".join([choice.delta.content or "" async for chunk in stream for choice in chunk.choices])


def test_the_asynchronous_client_streams(gateway, model):
    import asyncio

    async def run():
        async with openai.AsyncOpenAI(base_url=gateway.url("/v1", "/openai/v1"), api_key=gateway.key(OPENAI_KEY)) as client:
            return await asyncio.gather(*(collect(client, model) for _ in range(8)))

    assert asyncio.run(run()) == [TEXT] * 8
