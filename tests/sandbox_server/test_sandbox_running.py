"""Running sandboxes: in a process, with a clock that others share, its failures told, and the demo's lines."""

import re
import signal
import socket
import subprocess
import sys
import time
from datetime import datetime, timedelta

import httpx
import pytest

from cafe24_pipelines.errors import ConfigError
from cafe24_pipelines.sandbox.mall.mall import END
from cafe24_pipelines.sandbox.server import MallClock, RunningSandbox, ServerConfig, create_app, serve
from cafe24_pipelines.sandbox.server.demo import how_to_connect
from cafe24_pipelines.sandbox.server.running import SandboxFailed
from cafe24_pipelines.settings import Settings


def test_a_process_of_its_own_serves_and_ends(mall_path):
    with RunningSandbox(mall_path, process=True, speed=0, limits=False) as sandbox:
        tokens = sandbox.control.grant()
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        assert (
            httpx.get(f"{sandbox.url}/sandbox/api/v2/admin/shops", headers=headers, trust_env=False).status_code
            == 200
        )
        assert sandbox.control.now() == END
        url = sandbox.url
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, trust_env=False)


def test_a_process_that_loses_its_parent_ends_by_itself(mall_path, tmp_path):
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from cafe24_pipelines.sandbox.server import RunningSandbox\n"
        "sandbox = RunningSandbox(Path(sys.argv[1]), process=True).__enter__()\n"
        "print(sandbox.url, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(mall_path)], stdout=subprocess.PIPE, text=True)
    url = parent.stdout.readline().strip()
    assert httpx.get(f"{url}/_sandbox/clock", trust_env=False).status_code == 200
    parent.kill()
    parent.wait(10)
    parent.stdout.close()
    for _ in range(100):
        try:
            httpx.get(f"{url}/_sandbox/clock", trust_env=False)
        except httpx.ConnectError:
            return
        time.sleep(0.1)
    pytest.fail("the sandbox outlived its parent")


def test_a_start_that_fails_says_why(tmp_path):
    with pytest.raises(SandboxFailed, match="did not start"), RunningSandbox(tmp_path / "nothing.db", process=True):
        pass


def test_an_order_that_makes_no_sense_is_refused(api):
    with pytest.raises(SandboxFailed, match="do must be"):
        api.control.tokens("multiply")
    with pytest.raises(SandboxFailed):
        api.control.config(nonsense=1)


def test_the_clock_can_be_set_advanced_sped_up_and_shared():
    at = datetime.fromisoformat("2026-01-01T00:00:00+09:00")
    origin = time.time() - 10
    one, other = MallClock(at, speed=60, origin=origin), MallClock(at, speed=60, origin=origin)
    assert abs(one.now() - other.now()) < 1
    assert timedelta(minutes=10) <= one.kst() - at < timedelta(minutes=11)
    one.run_at(0)
    stopped = one.now()
    one.advance(5)
    assert one.now() == stopped + 5
    one.set(at)
    assert one.kst() == at
    with pytest.raises(ValueError, match="backwards"):
        one.run_at(-1)


def test_several_malls_behind_one_server(mall, start):
    api = start(mall_ids=("second", "third"), limits=False)
    for mall_id in ("second", "third"):
        api.token = api.control.grant(mall_id=mall_id)["access_token"]
        assert api.raw("GET", f"/{mall_id}/api/v2/admin/shops").status_code == 200


def test_the_demo_says_how_to_connect(mall):
    config = ServerConfig()
    app = create_app(mall, config, MallClock(END))
    lines = how_to_connect(app, config, "http://127.0.0.1:8024", "sandbox")
    text = "\n".join(lines)
    env = dict(re.findall(r"export (\w+)=(\S+)", text))
    settings = Settings.from_env(env)
    assert settings.api_url.format(mall_id="sandbox") == "http://127.0.0.1:8024/sandbox"
    assert settings.client_secret == config.client_secret and settings.refresh_token
    assert "state=" not in text, "only who asks for a consent knows its state"
    assert "cafe24 authorize" in text
    start = re.search(r"cafe24 serve and open (\S+)", text)
    assert start is not None and start[1] == "http://127.0.0.1:8000/oauth/start?mall_id=sandbox"


def test_serve_refuses_settings_that_do_not_exist(tmp_path):
    settings = Settings.from_env({}, home=tmp_path)
    with pytest.raises(ConfigError, match="gremlins"):
        serve(settings, port=0, customers=20, seed=1, say=lambda line: None, gremlins=1)
    assert not (tmp_path / "sandbox").exists()


def test_serve_builds_serves_and_ends_on_interrupt(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = (
        "import sys\n"
        "from cafe24_pipelines.sandbox.server import serve\n"
        "from cafe24_pipelines.settings import Settings\n"
        "serve(Settings.from_env({}, home=sys.argv[1]), port=int(sys.argv[2]), customers=20, seed=1,\n"
        "      say=lambda line: print(line, flush=True), limits=False)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path), str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline().startswith("building the mall: 20 customers")
        for _ in range(600):
            try:
                state = httpx.get(f"http://127.0.0.1:{port}/_sandbox/state", trust_env=False).json()
                break
            except httpx.ConnectError:
                assert process.poll() is None, process.stderr.read()
                time.sleep(0.05)
        assert state["tokens"] == {"access": 1, "refresh": 1}
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=15)
        assert "export CAFE24_REFRESH_TOKEN=" in out
    finally:
        process.kill()
        process.wait(10)
