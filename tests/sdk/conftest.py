"""Starts the played providers and the gateway in front of them.

With `WHARF_SDK_DIRECT=1` the SDKs talk to the played providers directly: that checks this folder without a gateway.
"""

import json
import os
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

import answers
import played
from upstream import Upstream

CALLER_KEY = "caller-sdk-key-0001"
ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 30
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
    folder = tmp_path_factory.mktemp("gateway")
    config = folder / "sdk.jsonc"
    config.write_text(json.dumps(configuration(providers.base)))
    binary = Path(os.environ.get("WHARF_BIN", ROOT / "target/debug/wharf")).resolve()
    if not binary.exists():
        pytest.exit(f"{binary} is not built; name the gateway's binary with WHARF_BIN", 2)
    command = [str(binary), "--config", str(config), "--listen", "127.0.0.1:0"]
    process = subprocess.Popen(command, cwd=folder, env={"HOME": str(folder)}, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    log: list[str] = []
    try:
        yield Gateway(address(process, log), providers, False)
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    text = "".join(log)
    for secret in (CALLER_KEY, answers.OPENAI_KEY, answers.ANTHROPIC_KEY, answers.GEMINI_KEY):
        assert secret not in text, "the gateway's log holds a credential"
    assert process.returncode == 0, f"the gateway ended with {process.returncode}:\n{text}"


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


def address(process: subprocess.Popen, log: list[str]) -> str:
    """Reads the address from the banner and goes on collecting the log."""
    found: list[str] = []
    ready = threading.Event()

    def read() -> None:
        for line in process.stderr:
            log.append(line)
            if not found and "listening on http://" in line:
                rest = line.split("listening on ", 1)[1]
                found.append(rest.split()[0].rstrip('."},'))
                ready.set()
        ready.set()

    threading.Thread(target=read, daemon=True).start()
    ready.wait(PATIENCE)
    if not found:
        pytest.exit("the gateway did not start:\n" + "".join(log), 2)
    return found[0]


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
