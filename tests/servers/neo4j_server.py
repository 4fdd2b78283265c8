"""A real Neo4j 5 for tests: the one NEO4J_URI names, else one started here from Maven Central's jars on loopback.

The jars are resolved once into the user's cache. The server lives in a temporary folder, on a free port, and stops
when this process closes its standard input (or dies). Without Java or Maven tests skip and say how to enable them;
CAFE24_REQUIRE_NEO4J=1 turns that into a failure.
"""

import os
import select
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "local_neo4j"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "cafe24-pipelines" / "neo4j"
JAVA = ("-Xmx1g", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""A short life on few cores: compiling less and collecting with one thread takes a third of the time."""
RESOLVE_SECONDS, START_SECONDS = 400, 120


@dataclass(frozen=True)
class Neo4jServer:
    """Where a test finds the server; `stop` ends one that was started here."""

    uri: str
    user: str
    password: str
    stop: Callable[[], None] = field(default=lambda: None, repr=False)


def _class_path() -> str:
    """The server's jars, resolved by Maven the first time."""
    path = CACHE / "classpath.txt"
    if path.exists() and all(Path(jar).exists() for jar in path.read_text().split(os.pathsep)):
        return path.read_text()
    CACHE.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    subprocess.run(
        ["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), "dependency:build-classpath", f"-Dmdep.outputFile={fresh}"],
        check=True, timeout=RESOLVE_SECONDS, capture_output=True, text=True,
    )  # fmt: skip
    fresh.replace(path)
    return path.read_text()


def _address(process: "subprocess.Popen[str]", log: Path) -> str:
    """Wait for the line that names the Bolt address."""
    assert process.stdout is not None
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        if select.select([process.stdout], [], [], 1)[0]:
            line = process.stdout.readline()
            if line.startswith("BOLT "):
                return line.split()[1]
    raise RuntimeError(f"Neo4j did not start: {log.read_text()[-2000:]}")


@contextmanager
def local_neo4j(folder: Path, *, port: int = 0, password: str = "") -> Iterator[Neo4jServer]:
    """A server in `folder` for as long as the block runs; what it holds stays there for the next one.

    Args:
        folder: its data and its log.
        port: on loopback; 0 takes a free one.
        password: of the user `neo4j`; without one the server asks for none.
    """
    log = folder / "server.log"
    arguments = [str(HERE / "LocalNeo4j.java"), str(folder), str(port or _free())]
    command = ["java", *JAVA, "-cp", _class_path(), *arguments]
    with log.open("a") as errors:
        process = subprocess.Popen(
            [*command, password], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
        )
    try:
        yield Neo4jServer(_address(process, log), "neo4j", password or "neo4j", lambda: _stop(process))
    finally:
        process.kill()  # what it holds is on disk, committed; the next server recovers it
        process.wait(30)


def _stop(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)


def _free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def neo4j_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neo4jServer]:
    """A running Neo4j 5, for the tests of one file."""
    if uri := os.environ.get("NEO4J_URI"):
        yield Neo4jServer(uri, os.environ.get("NEO4J_USER", "neo4j"), os.environ.get("NEO4J_PASSWORD", ""))
        return
    missing = [tool for tool in ("java", "mvn") if not shutil.which(tool)]
    if missing:
        reason = f"no {' and no '.join(missing)}: install a Java 17 runtime and Maven, or set NEO4J_URI"
        (pytest.fail if os.environ.get("CAFE24_REQUIRE_NEO4J") == "1" else pytest.skip)(reason)
    with local_neo4j(tmp_path_factory.mktemp("neo4j")) as server:
        yield server
