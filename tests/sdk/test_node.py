"""The SDKs for Node against every format: each file in `node` is run by Node's own test runner."""

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

import pairs
import played
from played import script

HERE = Path(__file__).parent / "node"
# Where the packages of `node/package.json` are installed; without it there is no Node, and scripts/sdk-test says so.
MODULES = os.environ.get("WHARF_SDK_NODE_MODULES")
# What each dialect's packages want behind the address: through the gateway, and at a played provider.
BASES = {"openai_chat": ("/v1", ""), "openai_responses": ("/v1", ""), "anthropic_messages": ("/v1", "/v1"), "gemini_generate": ("/v1beta", "/v1beta")}


@pytest.mark.skipif(not MODULES, reason="there is no node")
@pytest.mark.parametrize("name", sorted(file.name for file in HERE.glob("*.test.mjs")))
def test_node(gateway, tmp_path, name):
    # Node looks for packages beside the file that wants them.
    for file in HERE.glob("*.mjs"):
        shutil.copy(file, tmp_path)
    (tmp_path / "node_modules").symlink_to(MODULES)
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "WHARF_SDK_PLAY": json.dumps(play(gateway))}
    command = ["node", "--test", "--test-reporter=tap", name]
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, failures(ran.stdout) or ran.stdout[-4000:] + ran.stderr[-4000:]


def play(gateway) -> dict:
    told = {"text": script.TEXT, "thought": script.THOUGHT, "question": script.QUESTION, "system": script.SYSTEM, "form": script.FORM,
            "results": script.RESULTS, "retrySeconds": script.RETRY_SECONDS, "png": base64.b64encode(script.PNG).decode()}
    formats = {}
    for form in played.FORMATS:
        urls = {own: gateway.url(through, played.BASE + form + direct) for own, (through, direct) in BASES.items()}
        formats[form] = {"urls": urls, "key": pairs.key(gateway, form), "model": gateway.model("play-" + form, played.MODELS[form])}
    return {"direct": pairs.DIRECT, "script": told, "formats": formats}


def failures(report: str) -> str:
    """The failed tests of a TAP report, each with what it says, under the names they stand in."""
    out, above = [], {}
    lines = report.splitlines()
    for number, line in enumerate(lines):
        depth = len(line) - len(line.lstrip())
        if "# Subtest: " in line:
            above[depth] = line.split("# Subtest: ", 1)[1]
        elif line.strip().startswith("not ok"):
            said = next((text.strip() for text in lines[number:number + 12] if text.strip().startswith(("error:", "failureType: 'subtestsFailed'"))), "")
            more = [text.strip() for text in lines[number:number + 16] if "error: |-" in said and len(text) - len(text.lstrip()) > depth + 2]
            if "subtest" not in said:
                out.append(" / ".join(name for level, name in sorted(above.items()) if level <= depth) + f": {said} {' '.join(more)}"[:600])
    return "\n".join(out)
