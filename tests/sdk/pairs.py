"""What the tests of translation share: an SDK asks in its dialect, a played provider speaks another format."""

import os

import httpx2
import pytest

import played
from played import script

DIRECT = os.environ.get("WHARF_SDK_DIRECT") == "1"
PARAMETERS = {"type": "object", "properties": {"port": {"type": "string"}, "when": {"type": "array", "items": {}}}, "required": ["port"]}
FORM_SCHEMA = {
    "type": "object", "properties": {"port": {"type": "string"}, "metres": {"type": "integer"}},
    "required": ["port", "metres"], "additionalProperties": False,
}
# What ends a stream in the midst, by the scenario's name.
# Without a gateway nobody tells an answer that merely stops from a whole one.
BROKEN = ["late", "cut"] if DIRECT else ["late", "cut", "short"]
# How a transport says that a stream was cut.
CUT = (httpx2.TransportError,)
# Formats whose usage names cached tokens, and thoughts.
NO_CACHED = {"ollama_chat"}
NO_THOUGHTS = {"ollama_chat", "bedrock_converse"}


def every_format(own: str, name: str = "form"):
    """A fixture over the formats; without a gateway only an SDK's own can be spoken."""
    names = [own] if DIRECT else list(played.FORMATS)
    return pytest.fixture(params=names, name=name)(lambda request: request.param)


def model(gateway, form: str, scenario: str) -> str:
    return gateway.model("play-" + form, f"{played.MODELS[form]}--{scenario}")


def url(gateway, form: str, through: str) -> str:
    return gateway.url(through, played.BASE + form)


def key(gateway, form: str) -> str:
    return gateway.key(played.key(form))


def result_of(arguments: dict) -> str:
    return script.RESULTS[arguments["port"]]


def counted(form: str) -> tuple[int, int, int | None, int | None]:
    """Input, output, cached and thought tokens as far as the format can tell."""
    usage = script.Usage()
    return usage.input, usage.output, None if form in NO_CACHED else usage.cached, None if form in NO_THOUGHTS else usage.reasoning
