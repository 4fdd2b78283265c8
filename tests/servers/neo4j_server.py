"""A real Neo4j 5 for tests: the one NEO4J_URI names, else one started here from Maven Central's jars on loopback.

The jars are resolved once into the user's cache. The server lives in a temporary folder, on a free port, and stops
when this process closes its standard input (or dies). Without Java or Maven tests skip and say how to enable them;
CAFE24_REQUIRE_NEO4J=1 turns that into a failure.
"""

import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "local_neo4j"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "cafe24-pipelines" / "neo4j"
RESOLVE_SECONDS, START_SECONDS = 400, 120


@dataclass(frozen=True)
class Neo4jServer:
    """Where a test finds the server."""

    uri: str
    user: str
    password: str


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
def local_neo4j(folder: Path) -> Iterator[Neo4jServer]:
    """A server in `folder` for as long as the block runs."""
    log = folder / "server.log"
    command = ["java", "-Xmx1g", "-cp", _class_path(), str(HERE / "LocalNeo4j.java"), str(folder)]
    with log.open("w") as errors:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        yield Neo4jServer(_address(process, log), "neo4j", "neo4j")
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


@pytest.fixture(scope="session")
def neo4j_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neo4jServer]:
    """A running Neo4j 5."""
    if uri := os.environ.get("NEO4J_URI"):
        yield Neo4jServer(uri, os.environ.get("NEO4J_USER", "neo4j"), os.environ.get("NEO4J_PASSWORD", ""))
        return
    missing = [tool for tool in ("java", "mvn") if not shutil.which(tool)]
    if missing:
        reason = f"no {' and no '.join(missing)}: install a Java 17 runtime and Maven, or set NEO4J_URI"
        (pytest.fail if os.environ.get("CAFE24_REQUIRE_NEO4J") == "1" else pytest.skip)(reason)
    with local_neo4j(tmp_path_factory.mktemp("neo4j")) as server:
        yield server
