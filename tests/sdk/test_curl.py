"""curl: what the READMEs of the vendors tell people to type, and the raw bytes of a stream."""

import json
import subprocess

import pytest

import hosts
from answers import OPENAI_KEY, openai_chunks, sse
from conftest import DIRECT


def curl(*args: str) -> subprocess.CompletedProcess:
    command = ["curl", "--silent", "--show-error", "--no-buffer", "--max-time", "30", "--noproxy", "*", *args]
    return subprocess.run(command, capture_output=True, check=True, timeout=60)


def test_a_stream_comes_byte_for_byte(gateway):
    body = json.dumps({"model": gateway.model("openai", "gpt-4o-mini"), "stream": True, "messages": []})
    url = gateway.url("/v1/chat/completions", "/openai/v1/chat/completions")
    out = curl(url, "-H", f"Authorization: Bearer {gateway.key(OPENAI_KEY)}", "-H", "Content-Type: application/json", "-d", body)
    assert out.stdout == b"".join(sse(openai_chunks({}, False), done=True))


def test_a_large_upload_streams_through(gateway, providers, tmp_path):
    file = tmp_path / "large.bin"
    file.write_bytes(bytes(range(256)) * 4096 * 3)
    url = gateway.url("/openai/files", "/openai/v1/files")
    out = curl(url, "-H", f"Authorization: Bearer {gateway.key(OPENAI_KEY)}", "-F", "purpose=batch", "-F", f"file=@{file}")
    assert json.loads(out.stdout)["id"] == "file-1"
    request = providers.last()
    assert file.read_bytes() in request.body
    assert DIRECT or request.header("expect") is None


def test_http2_by_prior_knowledge(gateway):
    if DIRECT:
        pytest.skip("the played provider speaks HTTP/1.1 only")
    if hosts.WORKER:
        pytest.skip("on Cloudflare the platform speaks HTTP/2, behind TLS; a local one speaks HTTP/1.1")
    out = curl("--http2-prior-knowledge", "--write-out", "%{http_version}", "--output", "/dev/null", gateway.base + "/health")
    assert out.stdout == b"2"


def test_health_needs_no_key(gateway):
    if DIRECT:
        pytest.skip("the gateway's own path")
    assert json.loads(curl(gateway.base + "/health").stdout)["status"] == "ok"
