"""The peer, neo4j-graphrag's Neo4jWriter, in an environment of its own: made once, kept in the user's cache.

`benchmarks/rivals.txt` pins it; it is never among this project's own requirements. Does not belong here: the server.
"""

import json
import pickle
import subprocess
from pathlib import Path
from typing import Any, Final

from benchmarks import rival_environment as environment
from benchmarks.rival_neo4j.servers import HERE

REQUIREMENTS: Final = HERE.parent / "rivals.txt"
Named = tuple[str, list[dict[str, Any]]]
"""A label or a type, and its rows."""


def version() -> str:
    """The peer's name and version."""
    return environment.version(REQUIREMENTS, "neo4j-graphrag")


def write(uri: str, folder: Path, loads: list[list[Named]]) -> list[float]:
    """Seconds of each load in turn, the server wiped after each.

    Args:
        uri: of a server with APOC.
        folder: for files in which rows are handed over.
        loads: what to write, nodes before relationships.
    """
    files = []
    for number, parts in enumerate(loads):
        files.append(folder / f"load-{number}.pickle")
        files[-1].write_bytes(pickle.dumps(parts))
    command = [str(one) for one in (environment.python(REQUIREMENTS), HERE / "write.py", uri, *files)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False, text=True)
    if done.returncode:
        raise SystemExit("the peer failed")
    return json.loads(done.stdout)
