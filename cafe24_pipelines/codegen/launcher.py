"""The launcher: a process in namespaces of its own, where the sandbox mall is served and snippets run.

Started by `isolation.py`, which writes its id maps and then talks to it in lines of JSON over its pipes; it ends when
they close. Only this network exists in here: its own loopback. Does not belong here: one run (`cell.py`), deciding
what is run.
"""

import http.client
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from cafe24_pipelines.codegen import cell, kernel

PORT: Final = 8024
CONFIG: Final = {"approved": True}
_SERVER: Final = (
    "import sys, runpy; sys.path.insert(0, sys.argv.pop(1)); "
    "runpy.run_module('cafe24_pipelines.sandbox.server', run_name='__main__')"
)
_START_S: Final = 60.0


def main(package_root: str, mall_file: str, folder: str) -> None:
    """Leave the host's network, serve the mall, run what is sent until the pipe closes."""
    root = os.geteuid() == 0
    try:
        kernel.unshare(kernel.NEWUSER | kernel.NEWNET | kernel.NEWIPC | kernel.NEWUTS)
    except OSError as e:
        _tell({"error": str(e)})
        return
    _tell({"stage": "unshared"})
    mapped = json.loads(sys.stdin.readline() or "{}")
    if not mapped.get("mapped"):
        return
    try:
        kernel.loopback_up()
        kernel.not_traceable()
        mall = _serve(package_root, mall_file, folder)
        start = _ask("GET", "clock")["now"]
        _tell({"stage": "ready"})
        _work(mall, start, folder, root=root and bool(mapped.get("nobody")))
    except (OSError, RuntimeError, ValueError) as e:
        _tell({"error": str(e)})


def _work(mall: "subprocess.Popen[bytes]", start: str, folder: str, *, root: bool) -> None:
    cells = str(Path(folder) / "cell")
    Path(cells).mkdir(exist_ok=True)
    for line in sys.stdin:
        job = json.loads(line)
        if mall.poll() is not None:
            raise RuntimeError("the sandbox mall ended")
        _reset(start)
        token = _ask("POST", "grant", {})["access_token"]
        url = f"http://127.0.0.1:{PORT}"
        environment = {"CAFE24_API_URL": url, "CAFE24_ACCESS_TOKEN": token}
        if job.get("analytics"):
            environment["CAFE24_ANALYTICS_URL"] = f"{url}/analytics"
        told = cell.run(job["code"], environment, cell.Bounds(**job["bounds"]), cells, root=root)
        told["output"] = str(told.get("output", "")).replace(token, "[토큰]")
        if mall.poll() is None:
            state = _ask("GET", "state")
            told |= {"calls": state["calls"], "statuses": state["statuses"]}
        _tell(told)


def _reset(start: str) -> None:
    """The mall as it was: its time, settings, counters, and without what snippets wrote."""
    _ask("PUT", "clock", {"set": start})
    _ask("PUT", "config", CONFIG)
    _ask("PUT", "faults", {"clear": True})
    _ask("POST", "mall", {"do": "reset"})
    _ask("DELETE", "state")


def _serve(package_root: str, mall_file: str, folder: str) -> "subprocess.Popen[bytes]":
    ready = Path(folder) / "port"
    command = [sys.executable, "-I", "-B", "-c", _SERVER, package_root, "--mall-file", mall_file, "--port", str(PORT),
               "--ready-file", str(ready), "--while-stdin-is-open", "--config", json.dumps(CONFIG)]  # fmt: skip
    process = subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/"
    )
    deadline = time.monotonic() + _START_S
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("the sandbox mall did not start")
        time.sleep(0.02)
    return process


def _ask(method: str, name: str, body: dict[str, Any] | None = None) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
    try:
        connection.request(method, f"/_sandbox/{name}", json.dumps(body) if body is not None else None)
        answer = connection.getresponse()
        text = answer.read()
    finally:
        connection.close()
    if answer.status != 200:
        raise RuntimeError(f"the sandbox mall answered {answer.status} to {name}")
    return json.loads(text) if text else None


def _tell(told: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
