"""`serve` in a process of its own: its access log, and what survives when it is killed."""

import os
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx

from cafe24_pipelines.cafe24.webhooks import TYPES
from cafe24_pipelines.serving.app import create_app
from cafe24_pipelines.settings import Settings

KEY = "the-key-of-the-developer-centre"  # as in conftest.py


def event(n: int = 1, mall: str = "good-shop") -> dict:
    return {"event_no": 90023, "resource": {"mall_id": mall, "event_shop_no": "1", "order_id": f"20261001-{n:07}"}}


_SERVE = """
import sys
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.serving.app import serve
serve(Settings.from_env({"CAFE24_WEBHOOK_KEY": sys.argv[3]}, home=sys.argv[1]), port=int(sys.argv[2]))
"""


def serving_process(settings: Settings) -> tuple[subprocess.Popen[str], str]:
    """`serve` in a process of its own, ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", _SERVE, str(settings.home.root), str(port), KEY]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            httpx.get(f"http://127.0.0.1:{port}/health")
            break
        except httpx.TransportError:
            time.sleep(0.05)
    return process, f"http://127.0.0.1:{port}"


def test_a_served_app_prints_an_access_log_without_query_strings_and_ends_on_a_signal(settings):
    process, url = serving_process(settings)
    httpx.get(f"{url}/oauth/callback?code=secret-code&state=secret-state")
    httpx.get(f"{url}/oauth/start?hmac=secret-hmac&user_name=secret-name")
    httpx.get(f"{url}/elsewhere?code=secret-code")
    process.terminate()
    printed, _ = process.communicate(timeout=60)
    assert "GET /oauth/callback 400" in printed and "GET /oauth/start 503" in printed and "(other) 404" in printed
    assert "secret" not in printed.replace("CAFE24_CLIENT_SECRET", "")


def test_what_was_answered_200_survives_a_kill_of_the_server(served, settings, log, tmp_path):
    """A server in a process of its own, killed while eight threads send: every 200 is in the log, once."""
    process, url = serving_process(settings)
    accepted, lock, stop = [], threading.Lock(), time.monotonic() + 120

    def send(first: int) -> None:
        with httpx.Client(timeout=10) as client:
            for n in range(first, 4000, 8):
                try:
                    answer = client.post(f"{url}/webhooks/cafe24", json=event(n), headers={"X-API-Key": KEY})
                except httpx.HTTPError:
                    if process.poll() is not None or time.monotonic() > stop:
                        return
                    time.sleep(0.05)
                    continue
                if answer.status_code == 200:
                    with lock:
                        accepted.append(n)

    with ThreadPoolExecutor(8) as pool:
        for first in range(1, 9):
            pool.submit(send, first)
        while len(accepted) < 80 and time.monotonic() < stop:
            time.sleep(0.02)
        os.kill(process.pid, 9)
        process.wait(10)
    logged = [e.payload["order_ids"][0] for e in log.read("good-shop", types=TYPES, limit=10_000)]
    assert len(accepted) >= 80 and len(logged) == len(set(logged))
    assert {f"20261001-{n:07}" for n in accepted} <= set(logged)
    restarted = Settings.from_env({"CAFE24_WEBHOOK_KEY": KEY}, home=settings.home.root)
    with served(create_app(restarted)) as again:  # and what was logged is a repetition for the next server
        answer = httpx.post(f"{again}/webhooks/cafe24", json=event(accepted[-1]), headers={"X-API-Key": KEY})
    assert answer.status_code == 200 and len(log.read("good-shop", types=TYPES, limit=10_000)) == len(logged)
