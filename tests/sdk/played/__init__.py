"""The seven formats, played from one script by strict vendors: `/played/<format>` is the base of each.

It knows nothing of the gateway; what it demands stands in the vendors' descriptions.
"""

import json

from . import anthropic_messages, bedrock_converse, cohere_chat, gemini_generate, ollama_chat, openai_chat, openai_responses, script
from .check import members

FORMATS = {module.__name__.rpartition(".")[2]: module for module in (
    openai_chat, openai_responses, anthropic_messages, gemini_generate, cohere_chat, bedrock_converse, ollama_chat)}
# Names of families, since some fields depend on them.
MODELS = {
    "openai_chat": "gpt-5", "openai_responses": "gpt-5", "anthropic_messages": "claude-sonnet-4-5", "gemini_generate": "gemini-2.5-flash",
    "cohere_chat": "command-a-reasoning", "bedrock_converse": "us.anthropic.claude-sonnet-4-5", "ollama_chat": "qwen3",
}
BASE = "/played/"


def key(name: str) -> str:
    return f"key-of-{name}-0004"


def key_rule(path: str) -> tuple[str, str]:
    """The header that must hold the provider's key, and its value."""
    name = path.removeprefix(BASE).partition("/")[0]
    header, form = FORMATS[name].KEY
    return header, form.format(key(name))


def answer(request, make):
    name, slash, rest = request.path.removeprefix(BASE).partition("/")
    play, path = FORMATS[name], slash + rest
    header, value = key_rule(request.path)
    # Anthropic's SDK sends its key as a Bearer token, and the vendor takes that too.
    if request.header(header) != value and request.header("authorization") != f"Bearer {key(name)}":
        return make(json.dumps({"message": "no such key"}).encode(), 401)
    query = request.target.partition("?")[2]
    try:
        return exchange(play, path, query, request.json, make)
    except (script.Refused, KeyError, TypeError, AttributeError) as error:
        body, headers = play.refused(f"{type(error).__name__}: {error}")
        return make(json.dumps(body).encode(), 400, headers=headers)
    except script.Limited:
        body, headers = play.limited()
        return make(json.dumps(body).encode(), 429, headers=headers)


def exchange(play, path: str, query: str, body, make):
    wanted = getattr(play, "PATH", None)
    counting = path.endswith(("/count_tokens", ":countTokens"))
    script.demand(wanted is None or path == wanted or counting, f"no path {path!r}")
    if counting:
        return make(json.dumps(count(play, path, query, body)).encode())
    asked = play.read(path, query, body)
    asked.state, asked.signed = play.STATE, play in (anthropic_messages, bedrock_converse)
    said = script.play(asked)
    if not asked.stream:
        script.demand(said.end not in ("error", "cut", "short"), "an end for streams only")
        return make(json.dumps(play.whole(asked, said), ensure_ascii=False).encode())
    cut = said.end == "cut"
    return make(pieces=play.stream(asked, said), content_type=play.STREAM_TYPE, cut=cut)


def count(play, path: str, query: str, body) -> dict:
    if play is gemini_generate:
        members(body, "body", {}, {"contents": "list", "generateContentRequest": "object"})
        return {"totalTokens": 11}
    play.read(path, query, body)
    return {"input_tokens": 11}
