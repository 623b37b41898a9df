"""The official Google SDK, on the pass-through and on the model route."""

import pytest
from google import genai
from google.genai import errors, types

from answers import GEMINI_KEY, TEXT

TOOL = types.Tool(function_declarations=[types.FunctionDeclaration(name="tide", parameters_json_schema={"type": "object", "properties": {"port": {"type": "string"}}})])
BY_HAND = types.GenerateContentConfig(tools=[TOOL], automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True))


def make(gateway, through, key=None, **options):
    options = types.HttpOptions(base_url=gateway.url(through, "/gemini"), **options)
    return genai.Client(api_key=key or gateway.key(GEMINI_KEY), http_options=options)


@pytest.fixture(params=["pass-through", "model route"])
def way(request, gateway):
    """The client, the model's name, and the path that must arrive, on either way."""
    if request.param == "pass-through":
        client = make(gateway, "/google-ai-studio")
        return client, "gemini-wharf", f"/gemini/{client._api_client._http_options.api_version}/models/gemini-wharf"
    # The SDK writes `models/` in front of a bare name; with it the name may hold a slash.
    model = "models/" + gateway.model("google-ai-studio", "gemini-wharf")
    return make(gateway, "", api_version="v1beta"), model, "/gemini/v1beta/models/gemini-wharf"


def test_content(way, providers):
    client, model, path = way
    answer = client.models.generate_content(model=model, contents="hi ✓")
    assert (answer.text, answer.usage_metadata.total_token_count) == (TEXT, 14)
    request = providers.last()
    assert request.path == path + ":generateContent"
    assert request.json["contents"] == [{"parts": [{"text": "hi ✓"}], "role": "user"}]


def test_stream(way, providers):
    client, model, path = way
    chunks = list(client.models.generate_content_stream(model=model, contents="hi"))
    assert "".join(chunk.text for chunk in chunks) == TEXT
    assert chunks[-1].candidates[0].finish_reason == types.FinishReason.STOP
    assert providers.last().target == path + ":streamGenerateContent?alt=sse"


def test_a_tool_call_in_two_turns(way, providers):
    client, model, _ = way
    question = types.UserContent("When is high tide?")
    first = client.models.generate_content(model=model, contents=[question], config=BY_HAND)
    call = first.function_calls[0]
    assert (call.name, call.args) == ("tide", {"port": "Hamburg"})
    result = types.Content(role="user", parts=[types.Part.from_function_response(name="tide", response={"at": "noon"})])
    answer = client.models.generate_content(model=model, contents=[question, first.candidates[0].content, result], config=BY_HAND)
    assert answer.text == TEXT
    assert providers.last().json["contents"][-1]["parts"][0]["functionResponse"]["response"] == {"at": "noon"}


def test_tokens_are_counted(way):
    client, model, _ = way
    assert client.models.count_tokens(model=model, contents="hi").total_tokens == 11


def test_models_are_listed(gateway):
    client = make(gateway, "/google-ai-studio")
    assert [one.name for one in client.models.list()] == ["models/gemini-wharf"]


def test_a_wrong_caller_key_is_the_sdks_error(gateway, providers):
    client = make(gateway, "/google-ai-studio", "wrong-key-0000")
    with pytest.raises(errors.ClientError):
        client.models.generate_content(model="gemini-wharf", contents="hi")
    providers.forget()
