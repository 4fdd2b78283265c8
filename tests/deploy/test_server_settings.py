"""Settings for servers: Neo4j's own reader takes them, what is said twice is said alike, and they fit the machine."""

import os
import re
import runpy
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
NEO4J, QDRANT = ROOT / "deploy" / "neo4j", ROOT / "deploy" / "qdrant"
GIB = 2**30
MEMORY = {
    "server.memory.heap.initial_size", "server.memory.heap.max_size", "server.memory.pagecache.size",
    "db.memory.transaction.max", "dbms.memory.transaction.total.max",
}  # fmt: skip


def settings(path: Path) -> dict[str, str]:
    """`name=value` lines; a name that comes twice is a mistake."""
    lines = [x for x in path.read_text().splitlines() if x and not x.startswith("#")]
    pairs = [line.split("=", 1) for line in lines]
    assert len({name for name, _ in pairs}) == len(pairs), path
    return dict(pairs)


def from_environment(name: str) -> str:
    """A setting's name out of the image's spelling of it."""
    words = name.removeprefix("NEO4J_").split("__")
    return "_".join(word.replace("_", ".") for word in words)


def size(value: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([mg])", value).groups()  # type: ignore[union-attr]
    return int(number) * {"m": 2**20, "g": GIB}[unit]


@pytest.fixture(scope="module")
def as_neo4j_reads() -> dict[str, str]:
    """Every explicit setting of neo4j.conf, as Neo4j's strict reader understood it."""
    missing = [tool for tool in ("java", "mvn") if not shutil.which(tool)]
    if missing:
        reason = f"no {' and no '.join(missing)}: install a Java 17 runtime and Maven"
        (pytest.fail if os.environ.get("CAFE24_REQUIRE_NEO4J") == "1" else pytest.skip)(reason)
    jars: Any = runpy.run_path(str(ROOT / "tests" / "servers" / "neo4j_server.py"))["_class_path"]
    reader = str(Path(__file__).parent / "ReadConf.java")
    command = ["java", "-XX:TieredStopAtLevel=1", "-cp", jars(), reader, str(NEO4J / "neo4j.conf")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)


@pytest.mark.neo4j
def test_neo4j_takes_every_line(as_neo4j_reads: dict[str, str]) -> None:
    assert set(settings(NEO4J / "neo4j.conf")) <= set(as_neo4j_reads)


@pytest.mark.neo4j
def test_the_memory_fits_the_machine_that_the_file_names(as_neo4j_reads: dict[str, str]) -> None:
    bytes_of = {name: int(as_neo4j_reads[name]) for name in MEMORY}
    heap, cache = bytes_of["server.memory.heap.max_size"], bytes_of["server.memory.pagecache.size"]
    assert bytes_of["server.memory.heap.initial_size"] == heap
    assert heap + cache + 2 * GIB <= 16 * GIB
    assert bytes_of["db.memory.transaction.max"] < bytes_of["dbms.memory.transaction.total.max"] < heap
    # 5.3 KB an order were measured, with both copies; a million of them stay in memory, with a fifth to spare.
    assert cache >= 1_000_000 * 5_300 * 1.2


def test_compose_says_the_same_with_less_memory() -> None:
    conf = settings(NEO4J / "neo4j.conf")
    env = {from_environment(name): value for name, value in settings(NEO4J / "neo4j.env").items()}
    of_the_image = {"server.default_listen_address"}  # the image sets it
    assert set(env) == set(conf) - of_the_image
    assert {n: v for n, v in env.items() if n not in MEMORY} == {
        n: v for n, v in conf.items() if n not in MEMORY | of_the_image
    }
    assert all(size(env[name]) < size(conf[name]) for name in MEMORY)
    heap = size(env["server.memory.heap.max_size"])
    assert size(env["server.memory.heap.initial_size"]) == heap > size(env["dbms.memory.transaction.total.max"])
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert services["neo4j"]["env_file"] == "./deploy/neo4j/neo4j.env"


def test_waiting_writers_and_their_locks_are_not_timed_out() -> None:
    # A second writer of a mall waits for the first one's lock, as long as its load takes.
    assert "db.lock.acquisition.timeout" not in settings(NEO4J / "neo4j.conf")


def test_analysts_reach_servers_on_loopback_only() -> None:
    services = yaml.safe_load((NEO4J / "compose.analysts.yml").read_text())["services"]
    assert services["neo4j"]["ports"] == ["127.0.0.1:7474:7474", "127.0.0.1:7687:7687"]
    assert services["guide"]["ports"] == ["127.0.0.1:8001:8001"]
    mounted = services["guide"]["volumes"][0].split(":")[0]
    assert (ROOT / mounted / "serve_guide.py").is_file()


def test_the_cluster_of_neo4j_is_named_alike() -> None:
    given = settings(NEO4J / "cluster" / "neo4j.conf")
    members = given["dbms.cluster.discovery.v2.endpoints"].split(",")
    assert f"{given['server.default_advertised_address']}:6000" in members
    assert given["dbms.cluster.minimum_initial_system_primaries_count"] == str(len(members))
    copies = [int(given[f"initial.dbms.default_{kind}_count"]) for kind in ("primaries", "secondaries")]
    assert sum(copies) == len(members)
    topology = (NEO4J / "cluster" / "topology.cypher").read_text()
    assert f"TOPOLOGY {copies[0]} PRIMARY {copies[1]} SECONDARIES" in topology
    assert not set(given) & set(settings(NEO4J / "neo4j.conf"))


def test_qdrants_cluster_is_its_single_server_and_more() -> None:
    def within(part: Any, whole: Any) -> bool:
        if isinstance(part, dict):
            return isinstance(whole, dict) and all(k in whole and within(v, whole[k]) for k, v in part.items())
        return bool(part == whole)

    one = yaml.safe_load((QDRANT / "production.yaml").read_text())
    many = yaml.safe_load((QDRANT / "cluster.yaml").read_text())
    assert within(one, many)
    collection = many["storage"]["collection"]
    # Readers rely on the order of writes, so a write counts once every copy has it.
    assert collection["replication_factor"] == collection["write_consistency_factor"] > 1
    mounts = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["qdrant"]["volumes"]
    assert "./deploy/qdrant/production.yaml:/qdrant/config/production.yaml:ro" in mounts
