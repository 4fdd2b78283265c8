"""A real PostgreSQL for tests: a private cluster on loopback, run as an ordinary user, gone after the tests.

CAFE24_REQUIRE_POSTGRES=1 turns the skip on a machine without PostgreSQL into a failure.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

REQUIRED = os.environ.get("CAFE24_REQUIRE_POSTGRES") == "1"  # read early: tests run in a clean environment
REASON = "no PostgreSQL on this machine: `apt-get install postgresql` (pg_ctl under /usr/lib/postgresql) runs this"


def _programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    on_path = shutil.which("pg_ctl")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


def _user() -> str | None:
    """Whom to run it as: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


@contextmanager
def local_postgres() -> Iterator[str]:
    """An SQLAlchemy URL of an empty database for as long as the block runs."""
    programs, user = _programs(), _user()
    if programs is None:
        if REQUIRED:
            pytest.fail(REASON)
        pytest.skip(REASON)
    folder = Path(tempfile.mkdtemp(prefix="cafe24-postgres-"))  # pytest's own folders are closed to other users
    data, log = folder / "data", folder / "log"
    if user:
        shutil.chown(folder, user)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def run(*command: str) -> None:
        done = subprocess.run(command, user=user, cwd="/", capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, f"{command[0]}: {done.stderr}{log.read_text() if log.exists() else ''}"

    run(str(programs / "initdb"), "-D", str(data), "-U", "tester", "-A", "trust", "--no-sync", "-E", "UTF8")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c shared_buffers=16MB"
    run(str(programs / "pg_ctl"), "-D", str(data), "-l", str(log), "-w", "-o", options, "start")
    try:
        yield f"postgresql+psycopg2://tester@127.0.0.1:{port}/postgres"
    finally:
        run(str(programs / "pg_ctl"), "-D", str(data), "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)
