"""A fresh Neo4j 5 on loopback for one contestant, like every other contestant's, and emptying it again.

The jars come from Maven Central once, into the user's cache. Does not belong here: what is loaded.
"""

import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from neo4j import Driver

HERE: Final = Path(__file__).parent
CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "cafe24-pipelines" / "benchmarks"
RESOLVE_SECONDS, START_SECONDS, STOP_SECONDS = 400, 180, 60
AUTH: Final = ("neo4j", "neo4j")
"""The servers ask for no password."""


def missing() -> list[str]:
    """What this machine lacks to run a server."""
    return [tool for tool in ("java", "mvn") if not shutil.which(tool)]


@contextmanager
def server(*, apoc: bool = False, heap: str = "2g", page_cache_mb: int = 512) -> Iterator[str]:
    """The Bolt address of a fresh, empty server, stopped when the block ends.

    Args:
        apoc: whether it has APOC.
        heap: of its JVM, taken at once so that growing it costs nobody time.
        page_cache_mb: MB for the store's pages.
    """
    with tempfile.TemporaryDirectory(prefix="bench-neo4j-", ignore_cleanup_errors=True) as folder:
        log = Path(folder) / "server.log"
        script = [str(HERE / "BenchNeo4j.java"), str(Path(folder) / "data"), str(page_cache_mb)]
        command = ["java", f"-Xms{heap}", f"-Xmx{heap}", "-cp", _class_path(apoc=apoc), *script]
        with log.open("w") as errors:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        try:
            yield _address(process, log)
        finally:
            _stop(process)


def wipe(driver: "Driver", *, schema: bool = True) -> None:
    """Leave nothing of a load but a warm machine: no rows, no plans, and with `schema` no constraints or indexes."""
    with driver.session() as session:
        session.run("MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 10000 ROWS").consume()
        if schema:
            for row in session.run("SHOW CONSTRAINTS YIELD name").data():
                session.run(f"DROP CONSTRAINT {row['name']}").consume()
            for row in session.run("SHOW INDEXES YIELD name, type WHERE type <> 'LOOKUP' RETURN name").data():
                session.run(f"DROP INDEX {row['name']}").consume()
        session.run("CALL db.clearQueryCaches()").consume()


def check_counts(driver: "Driver", nodes: int, relationships: int) -> None:
    """End the benchmark if the server doesn't hold just that much."""
    with driver.session() as session:
        there = (
            session.run("MATCH (n) RETURN count(n)").values()[0][0],
            session.run("MATCH ()-[r]->() RETURN count(r)").values()[0][0],
        )
    if there != (nodes, relationships):
        raise SystemExit(f"the server holds {there} nodes and relationships, not {(nodes, relationships)}")


# -- inside --------------------------------------------------------------------------------------------------


def _class_path(*, apoc: bool) -> str:
    """The jars, resolved by Maven the first time; APOC's own are left out of the others' servers."""
    path, pom = CACHE / "classpath.txt", HERE / "pom.xml"
    known = path.read_text().split(os.pathsep) if path.exists() else []
    if not known or path.stat().st_mtime < pom.stat().st_mtime or not all(Path(jar).exists() for jar in known):
        CACHE.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        goal = ["dependency:build-classpath", f"-Dmdep.outputFile={fresh}"]
        subprocess.run(["mvn", "-q", "-B", "-f", str(pom), *goal], check=True, timeout=RESOLVE_SECONDS)
        fresh.replace(path)
        path.touch()
        known = path.read_text().split(os.pathsep)
    return os.pathsep.join(jar for jar in known if apoc or not Path(jar).name.startswith("apoc-"))


def _address(process: "subprocess.Popen[str]", log: Path) -> str:
    """Wait for the line that names the Bolt address."""
    assert process.stdout is not None
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        if select.select([process.stdout], [], [], 1)[0]:
            line = process.stdout.readline()
            if line.startswith("BOLT "):
                return line.split()[1]
    raise SystemExit(f"Neo4j did not start: {log.read_text()[-2000:]}")


def _stop(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)
