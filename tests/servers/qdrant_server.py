"""A Qdrant for tests: its REST on loopback, over its real engine (`loopback_qdrant/`).

Stands in for the server binary, which can't be had everywhere. Each request is checked against Qdrant's OpenAPI
description when CAFE24_TEST_DATA names a folder with `specs/`, else against the client's models; a test that sends
what the description doesn't allow fails. What this can't prove: gRPC, clusters, the server's own optimizer, and
everything else that is in the server and not in its engine.
"""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).parent / "loopback_qdrant"
VERSION = "1.19.0"
"""The version that the server says it is: that of the description."""


@dataclass
class QdrantServer:
    """A running test server."""

    folder: Path
    api_key: str = ""
    version: str = VERSION
    options: tuple[str, ...] = ()
    url: str = ""
    port: int = 0
    grpc_port: int = 0
    _process: "subprocess.Popen[str] | None" = field(default=None, repr=False)

    def start(self) -> None:
        """Start it; on the port that it had before, if it had one."""
        command = [
            sys.executable, str(PROGRAM), str(self.folder), "--port", str(self.port), "--api-key", self.api_key,
            "--version", self.version, *self.options,
        ]  # fmt: skip
        log = (self.folder.parent / f"{self.folder.name}.log").open("a")
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.startswith("QDRANT "):
            raise RuntimeError(f"the test server did not start: {Path(log.name).read_text()[-2000:]}")
        self.url, self.grpc_port = line.split()[1], int(line.split()[2])
        self.port = int(self.url.rpartition(":")[2])

    def kill(self) -> None:
        """End it without a word, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)

    def stop(self) -> None:
        """End it and wait."""
        if self._process is not None and self._process.poll() is None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()

    def violations(self) -> list[str]:
        """Requests that the description doesn't allow, and answers of ours that it doesn't."""
        return self._ask("/_violations")["violations"]

    def checked_by(self) -> str:
        """Which description the requests are checked against."""
        return self._ask("/_violations")["checked_by"]

    def faults(self, *faults: dict[str, Any]) -> None:
        """Make coming answers go wrong: `match` (a pattern for "METHOD /path"), `times`, `skip`, `status`, `body`,
        `headers`, `cut` (end the connection in the middle), `after` (only once the work is done).
        """
        self._ask("/_faults", list(faults))

    def met(self) -> list[int]:
        """How often each fault was met."""
        return [one["met"] for one in self._ask("/_faults")]

    def seen(self) -> list[str]:
        """Requests since the last call, as "METHOD /path"."""
        return self._ask("/_seen")

    def _ask(self, path: str, body: Any = None) -> Any:
        data = json.dumps(body).encode() if body is not None else None
        with urllib.request.urlopen(urllib.request.Request(self.url + path, data=data), timeout=20) as answer:
            return json.load(answer)


@contextmanager
def local_qdrant(folder: Path, **more: Any) -> Iterator[QdrantServer]:
    """A server whose data are in `folder` for as long as the block runs; requests it refused fail the test."""
    server = QdrantServer(folder, **more)
    server.start()
    try:
        yield server
        if server._process is not None and server._process.poll() is None and (wrong := server.violations()):
            raise AssertionError("; ".join(wrong))
    finally:
        server.stop()


@pytest.fixture(scope="session")
def qdrant_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QdrantServer]:
    """A running Qdrant on loopback, for tests that use malls of their own."""
    with local_qdrant(tmp_path_factory.mktemp("qdrant") / "data", options=("--grpc",)) as server:
        yield server
