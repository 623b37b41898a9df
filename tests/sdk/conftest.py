"""Starts the played providers and the gateway in front of them.

With `WHARF_SDK_DIRECT=1` the SDKs talk to the played providers directly: that checks this folder without a gateway.
"""

import os
import signal
from dataclasses import dataclass

import pytest

import answers
import hosts
import played
from upstream import Upstream

CALLER_KEY = "caller-sdk-key-0001"
DIRECT = os.environ.get("WHARF_SDK_DIRECT") == "1"

# The SDKs read keys, addresses and proxies from the environment: none of the machine's may reach a test.
for name in list(os.environ):
    if name.startswith(("OPENAI_", "ANTHROPIC_", "GOOGLE_", "GEMINI_")) or name.lower().endswith("_proxy"):
        del os.environ[name]


@dataclass
class Gateway:
    """Where each SDK finds its provider, and with which credential."""

    base: str
    upstream: Upstream
    direct: bool

    def url(self, through: str, direct: str) -> str:
        return self.upstream.base + direct if self.direct else self.base + through

    def key(self, own: str) -> str:
        return own if self.direct else CALLER_KEY

    def model(self, provider: str, name: str) -> str:
        return name if self.direct else f"{provider}/{name}"


@pytest.fixture(scope="session")
def providers():
    upstream = Upstream()
    yield upstream
    upstream.close()


@pytest.fixture(scope="session")
def gateway(providers, tmp_path_factory):
    if DIRECT:
        yield Gateway(providers.base, providers, True)
        return
    running = hosts.start(tmp_path_factory.mktemp("gateway"), configuration(providers.base))
    try:
        yield Gateway(running.base, providers, False)
    finally:
        code = running.stop()
    text = "".join(running.log)
    for secret in (CALLER_KEY, answers.OPENAI_KEY, answers.ANTHROPIC_KEY, answers.GEMINI_KEY):
        assert secret not in text, "the gateway's log holds a credential"
    # Wrangler ends with the signal that it got.
    ends = (0, -signal.SIGTERM, 128 + signal.SIGTERM) if hosts.WORKER else (0,)
    assert code in ends, f"the gateway ended with {code}:\n{text}"


def configuration(base: str) -> dict:
    return {
        "PROXY_API_KEY": CALLER_KEY,
        "OPENAI_API_KEY": answers.OPENAI_KEY,
        "ANTHROPIC_API_KEY": answers.ANTHROPIC_KEY,
        "GEMINI_API_KEY": answers.GEMINI_KEY,
        "providers": {
            "openai": {"base_url": f"{base}/openai/v1"},
            "anthropic": {"base_url": f"{base}/anthropic"},
            "google-ai-studio": {"base_url": f"{base}/gemini"},
            **{f"play-{name}": {"base_url": f"{base}{played.BASE}{name}", "format": name, "keys": played.key(name)} for name in played.FORMATS},
        },
    }


@pytest.fixture(autouse=True)
def no_caller_key_upstream(providers):
    """After each test: every request carried the provider's own key, and none the caller's."""
    providers.forget()
    yield
    own = {"/openai": ("authorization", f"Bearer {answers.OPENAI_KEY}"), "/anthropic": ("x-api-key", answers.ANTHROPIC_KEY), "/gemini": ("x-goog-api-key", answers.GEMINI_KEY)}
    for request in [] if DIRECT else providers.requests:
        assert CALLER_KEY.encode() not in request.everything(), f"the caller's key reached {request.target}"
        name, value = played.key_rule(request.path) if request.path.startswith(played.BASE) else next(rule for prefix, rule in own.items() if request.path.startswith(prefix))
        assert request.header(name) == value, request.target
