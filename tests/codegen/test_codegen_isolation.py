"""Nothing gets out of a cell: no network but the mall's, no files, no other processes, no more than its bounds."""

import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from benchmarks.loopback import handled
from cafe24_pipelines.codegen import isolation as rooms
from cafe24_pipelines.codegen.cell import Bounds
from cafe24_pipelines.codegen.isolation import Isolation, NotIsolated

QUICK = Bounds(wall_s=8, cpu_s=2, memory=256 << 20, output=4096)


def attempt(code: str) -> str:
    """A program that tries something and says whether it worked."""
    body = "\n".join(f"    {line}" for line in code.strip().splitlines())
    told = "except BaseException as e:\n    print('REFUSED', type(e).__name__)\nelse:\n    print('WORKED')\n"
    return f"try:\n{body}\n{told}"


def test_host_loopback_and_the_world_are_out_of_reach(isolation: Isolation) -> None:
    asked: list[str] = []

    class Canary(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with handled(Canary) as httpd:
        for host, port in (("127.0.0.1", httpd.server_port), ("1.1.1.1", 53), ("10.0.0.1", 80)):
            run = isolation.run(attempt(f"import socket\nsocket.create_connection(({host!r}, {port}), timeout=2)"))
            assert "REFUSED" in run.output, (host, run)
    assert asked == []
    names = isolation.run("import socket\nprint([name for _, name in socket.if_nameindex()])")
    assert [n for n in ("eth", "ens", "wl", "docker") if n in names.output] == []


def test_host_files_and_environment_are_not_there(
    isolation: Isolation, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_API_KEY", "host-key")
    files = ["/etc/passwd", "/etc/shadow", "/proc/self/environ", "/proc/1/environ", f"/proc/{os.getpid()}/environ",
             "/sys/kernel", "/dev/kmsg", Path.home() / ".bashrc", Path(rooms.ROOT) / "pyproject.toml"]  # fmt: skip
    for path in (outside, *files):
        run = isolation.run(attempt(f"print(open({str(path)!r}).read())"))
        assert "REFUSED FileNotFoundError" in run.output, (path, run)
    seen = isolation.run("import os\nprint(sorted(os.environ), os.listdir('/'), os.getcwd(), os.listdir('.'))").output
    assert "['CAFE24_ACCESS_TOKEN', 'CAFE24_API_URL'" in seen and "host-key" not in seen and "/empty []" in seen
    for path in ("/x", "/empty/x", "/snippet.py", "/tmp/x", "/usr/lib/x", "/site/x"):
        run = isolation.run(attempt(f"open({path!r}, 'w').write('x')"))
        assert "REFUSED" in run.output, (path, run)


@pytest.mark.parametrize(
    "code",
    [
        "import os\nif os.fork() == 0: os._exit(0)",
        "import threading\nthreading.Thread(target=print).start()",
        "import subprocess\nsubprocess.run(['/bin/sh', '-c', 'id'], check=True)",
        "import os\nos.kill(-1, 9)",
        "import os\nos.setuid(0)\nassert os.getuid() == 1",
        "import os\nos.chroot('/site')",
        "import ctypes\nassert ctypes.CDLL(None, use_errno=True).unshare(0x10000000) == 0",
        "import ctypes\nassert ctypes.CDLL(None, use_errno=True).mount(b'x', b'/empty', b'tmpfs', 0, None) == 0",
        "import ctypes\nassert ctypes.CDLL(None, use_errno=True).ptrace(16, 1, 0, 0) == 0",
        "import resource\nresource.setrlimit(resource.RLIMIT_CPU, (99, 99))",
        "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
    ],
)  # fmt: skip
def test_a_snippet_has_no_rights(isolation: Isolation, code: str) -> None:
    assert "REFUSED" in isolation.run(attempt(code), bounds=QUICK).output


def test_bombs_end(isolation: Isolation) -> None:
    fork = "import os\nfor _ in range(10_000):\n    try: os.fork()\n    except OSError: pass\nprint('alive')"
    assert isolation.run(fork, bounds=QUICK).output == "alive\n"
    memory = isolation.run("x = bytearray(1 << 30)", bounds=QUICK)
    assert memory.exit != 0 and "MemoryError" in memory.output
    assert isolation.run("while True: pass", bounds=QUICK).exit < 0  # CPU seconds
    assert isolation.run("import time\ntime.sleep(60)", bounds=Bounds(wall_s=1)).stopped == "time"
    flood = isolation.run("while True: print('x' * 1000)", bounds=QUICK)
    assert flood.stopped == "output" and len(flood.output) <= QUICK.output
    assert isolation.run("print(input())", bounds=QUICK).exit == 1  # stdin is at its end
    assert isolation.run("print('still works')", bounds=QUICK).output == "still works\n"


def test_runs_leave_nothing_to_the_next(isolation: Isolation) -> None:
    call = (
        "import os, httpx\nurl = os.environ['CAFE24_API_URL']\n"
        "print(httpx.put(url + '/_sandbox/config', json={'error_rate': 1.0, 'approved': False}).status_code)"
    )
    assert isolation.run(call).output == "200\n"
    read = (
        "import os, httpx\nurl, token = os.environ['CAFE24_API_URL'], os.environ['CAFE24_ACCESS_TOKEN']\n"
        "r = httpx.get(url + '/api/v2/admin/products', headers={'Authorization': f'Bearer {token}'})\n"
        "print(r.status_code, token)"
    )
    run = isolation.run(read)
    assert run.output == "200 [토큰]\n"
    assert run.calls == {"GET products": 1} and run.statuses == {"200": 1}


def test_without_namespaces_nothing_is_run(tmp_path: Path, outside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mall = tmp_path / "mall.db"
    mall.write_bytes(b"")
    refusing = (
        "import sys; sys.path.insert(0, sys.argv[1]); import cafe24_pipelines.codegen.kernel as k\n"
        "def refuse(flags): raise OSError(1, 'unshare: Operation not permitted')\n"
        "k.unshare = refuse\nfrom cafe24_pipelines.codegen.launcher import main; main(*sys.argv[1:])"
    )
    monkeypatch.setattr(rooms, "_BOOT", refusing)
    with Isolation(mall) as locked, pytest.raises(NotIsolated, match="not permitted"):
        locked.run(f"open({str(outside)!r}, 'w').write('changed')")
    assert outside.read_text() == "host-secret"


@pytest.mark.skipif(os.geteuid() != 0, reason="as another user every test of this file already runs without rights")
def test_it_works_for_a_user_without_rights(isolation: Isolation, tmp_path: Path) -> None:
    """The same, started by a process that is user 1000 in a user namespace and holds no capability."""
    program = (
        "import os, sys\nfrom pathlib import Path\nfrom cafe24_pipelines.codegen.isolation import Isolation\n"
        "assert os.geteuid() == 1000\n"
        "with Isolation(Path(sys.argv[1])) as cell:\n"
        '    print(cell.run(\'import os\\nprint(os.listdir("/empty"), os.path.exists("/etc/passwd"))\').output)\n'
        "    print(cell.run('import os\\ntry: os.fork()\\nexcept OSError: print(\"no fork\")').output)\n"
    )
    command = ["unshare", "--user", "--map-user=1000", "--map-group=1000", sys.executable, "-c", program,
               str(isolation._mall_file)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=rooms.ROOT)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "[] False" in done.stdout and "no fork" in done.stdout
