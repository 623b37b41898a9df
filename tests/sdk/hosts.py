"""The two hosts of the gateway: the native binary, or with `WHARF_HOST=worker` the Worker under `wrangler dev`.

Both take the same configuration, and only loopback is used. A test that one of them can't pass says why where it skips.
"""

import json
import os
import signal
import subprocess
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WORKER = os.environ.get("WHARF_HOST") == "worker"
PATIENCE = 180 if WORKER else 30


class Running:
    """A gateway that answers; its log is collected to the end."""

    def __init__(self, command: list[str], folder: Path, env: dict[str, str], ready: str) -> None:
        self.log: list[str] = []
        self._ready = ready
        self._found: list[str] = []
        # A group of its own: wrangler has children, and all of them have to go.
        self._process = subprocess.Popen(command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                         stderr=subprocess.STDOUT, text=True, start_new_session=True)
        told = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(told,), daemon=True)
        self._reader.start()
        told.wait(PATIENCE)
        if not self._found:
            self.stop()
            pytest.exit("the gateway did not start:\n" + "".join(self.log), 2)
        self.base = self._found[0]

    def _read(self, told: threading.Event) -> None:
        for line in self._process.stdout:
            self.log.append(line)
            if not self._found and self._ready in line:
                rest = line.split(self._ready, 1)[1]
                self._found.append("http://" + rest.split()[0].rstrip('."},'))
                told.set()
        told.set()

    def stop(self) -> int:
        """Ends it, and gives what it ended with."""
        self._process.terminate()
        try:
            code = self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            raise
        self._reader.join(PATIENCE)
        return code


def start(folder: Path, configuration: dict) -> Running:
    return worker(folder, configuration) if WORKER else native(folder, configuration)


def native(folder: Path, configuration: dict) -> Running:
    config = folder / "sdk.jsonc"
    config.write_text(json.dumps(configuration))
    binary = Path(os.environ.get("WHARF_BIN", ROOT / "target/debug/wharf")).resolve()
    if not binary.exists():
        pytest.exit(f"{binary} is not built; name the gateway's binary with WHARF_BIN", 2)
    command = [str(binary), "--config", str(config), "--listen", "127.0.0.1:0"]
    return Running(command, folder, {"HOME": str(folder)}, "listening on http://")


def worker(folder: Path, configuration: dict) -> Running:
    variables = folder / "worker.env"
    variables.touch(0o600)
    variables.write_text("".join(f"{name}='{value}'\n" for name, value in as_variables(configuration).items()))
    bin = ROOT / "crates/worker/node_modules/.bin"
    if not (bin / "wrangler").exists():
        pytest.exit("there is no wrangler: run scripts/worker-packages", 2)
    env = {**os.environ, "PATH": f"{bin}:{os.environ['PATH']}", "CI": "1", "WRANGLER_SEND_METRICS": "false",
           "CLOUDFLARE_CF_FETCH_ENABLED": "false", "NO_COLOR": "1"}
    command = [str(bin / "wrangler"), "dev", "--env-file", str(variables), "--ip", "127.0.0.1", "--port", "0", "--inspector-port", "0",
               "--persist-to", str(folder / "state"), "--show-interactive-dev-session=false"]
    return Running(command, ROOT / "crates/worker", env, "Ready on http://")


def as_variables(configuration: dict) -> dict[str, str]:
    """The upper-case members as they are; the sections as `WHARF_CONFIG`, with their keys moved out into variables."""
    variables = {name: value for name, value in configuration.items() if name.isupper()}
    sections = {name: value for name, value in configuration.items() if not name.isupper()}
    for name, provider in sections.get("providers", {}).items():
        if "keys" in provider:
            variable = f"SDK_{name}_KEY".replace("-", "_").upper()
            variables[variable] = provider["keys"]
            provider["keys"] = [f"env:{variable}"]
    return {**variables, "WHARF_CONFIG": json.dumps(sections)}
