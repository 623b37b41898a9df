"""The official Anthropic SDK, on the pass-through and on the model route."""

import anthropic
import pytest

from answers import ANTHROPIC_KEY, TEXT
from conftest import DIRECT

TOOLS = [{"name": "tide", "input_schema": {"type": "object", "properties": {"port": {"type": "string"}}}}]
ASK = [{"role": "user", "content": "When is high tide?"}]


@pytest.fixture(params=["pass-through", "model route"])
def way(request, gateway):
    """The client and the model's name on either way."""
    through, model = ("/anthropic", "claude-wharf-1") if request.param == "pass-through" else ("", gateway.model("anthropic", "claude-wharf-1"))
    client = anthropic.Anthropic(base_url=gateway.url(through, "/anthropic"), api_key=gateway.key(ANTHROPIC_KEY), max_retries=0)
    return client, model


def test_message(way, providers):
    client, model = way
    answer = client.messages.create(model=model, max_tokens=64, messages=ASK)
    assert (answer.content[0].text, answer.usage.output_tokens, answer.stop_reason) == (TEXT, 5, "end_turn")
    request = providers.last()
    assert request.path == "/anthropic/v1/messages"
    assert request.json == {"max_tokens": 64, "messages": ASK, "model": "claude-wharf-1"}
    assert request.header("anthropic-version") == client.default_headers["anthropic-version"]
    assert DIRECT or request.header("authorization") is None


def test_stream(way):
    client, model = way
    with client.messages.stream(model=model, max_tokens=64, messages=ASK) as stream:
        assert "".join(stream.text_stream) == TEXT
        assert stream.get_final_message().usage.output_tokens == 5


@pytest.mark.parametrize("streamed", [False, True])
def test_a_tool_call_in_two_turns(way, providers, streamed):
    client, model = way
    if streamed:
        with client.messages.stream(model=model, max_tokens=64, messages=ASK, tools=TOOLS) as stream:
            first = stream.get_final_message()
    else:
        first = client.messages.create(model=model, max_tokens=64, messages=ASK, tools=TOOLS)
    call = first.content[0]
    assert (first.stop_reason, call.name, call.input) == ("tool_use", "tide", {"port": "Hamburg"})
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "noon"}
    turns = [*ASK, {"role": "assistant", "content": [call.model_dump(include={"type", "id", "name", "input"})]}, {"role": "user", "content": [result]}]
    answer = client.messages.create(model=model, max_tokens=64, messages=turns, tools=TOOLS)
    assert answer.content[0].text == TEXT
    assert providers.last().json["messages"][-1]["content"] == [result]


def test_tokens_are_counted(way):
    client, model = way
    assert client.messages.count_tokens(model=model, messages=ASK).input_tokens == 11


def test_models_are_listed(gateway):
    client = anthropic.Anthropic(base_url=gateway.url("/anthropic", "/anthropic"), api_key=gateway.key(ANTHROPIC_KEY), max_retries=0)
    assert [one.id for one in client.models.list()] == ["claude-wharf-1"]


def test_a_wrong_caller_key_is_the_sdks_error(way, providers):
    client, model = way
    with pytest.raises(anthropic.AuthenticationError):
        client.with_options(api_key="wrong-key-0000").messages.create(model=model, max_tokens=1, messages=ASK)
    providers.forget()
