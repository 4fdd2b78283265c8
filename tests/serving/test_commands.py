"""`cafe24 keys`, `cafe24 feedback` and `cafe24 serve` as a person uses them."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest
from click.testing import CliRunner

from cafe24_pipelines import parts
from cafe24_pipelines.answers.feedback import all_feedback
from cafe24_pipelines.cli import main


def run(settings, *arguments: str) -> str:
    done = CliRunner().invoke(main, [*arguments, "--home", str(settings.home.root)])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_key_is_shown_once_listed_without_itself_and_revoked(settings):
    made = json.loads(run(settings, "keys", "add", "--mall", "good-shop", "--name", "assistant", "--json"))
    assert made["key"].startswith("cafe24.good-shop.") and len(made["key"].rpartition(".")[2]) == 43
    listed = run(settings, "keys", "list", "--mall", "good-shop", "--json")
    assert made["key_id"] in listed and made["key"] not in listed and "sha256" not in listed
    assert json.loads(run(settings, "keys", "list", "--mall", "other-shop", "--json")) == []
    assert "폐기했습니다" in run(settings, "keys", "revoke", made["key_id"], "--mall", "good-shop")
    assert "이미" in run(settings, "keys", "revoke", made["key_id"], "--mall", "good-shop")
    assert json.loads(run(settings, "keys", "list", "--mall", "good-shop", "--json"))[0]["revoked"]


@pytest.mark.parametrize(
    "arguments",
    [("keys", "add", "--mall", "stranger"), ("keys", "add", "--mall", "good-shop", "--name", "a\nb"),
     ("keys", "revoke", "nothing", "--mall", "good-shop")],
)  # fmt: skip
def test_what_makes_no_sense_is_one_line_and_exit_1(settings, arguments):
    done = CliRunner().invoke(main, [*arguments, "--home", str(settings.home.root)])
    assert done.exit_code == 1 and done.stderr.startswith("cafe24: ") and len(done.stderr.splitlines()) == 1


def test_feedback_from_the_command_line_is_about_the_answer_of_now(two_malls):
    told = [
        "feedback",
        "지난달 매출은?",
        "--verdict",
        "correction",
        "--text",
        "반품을 빼고 세야 합니다",
        "--mall",
        "sandbox",
    ]
    one = json.loads(run(two_malls, *told, "--json"))
    assert one["recorded"] and not json.loads(run(two_malls, *told, "--json"))["recorded"]
    kept = next(f for f in all_feedback(parts.event_log(two_malls), "sandbox") if f.answer_id == one["answer_id"])
    assert kept.question == "지난달 매출은?" and kept.arm == "ontology" and kept.build
    neither = CliRunner().invoke(main, ["feedback", "--verdict", "positive", "--home", str(two_malls.home.root)])
    assert neither.exit_code == 1 and "--answer-id" in neither.stderr


@pytest.mark.slow
def test_the_curl_line_of_a_new_key_works_against_serve_which_says_what_is_open(two_malls):
    """The way of the README, with a server in a process of its own; its log is JSON lines without the question."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    curl = json.loads(run(two_malls, "keys", "add", "--mall", "sandbox", "--json"))["curl"]
    token, body = re.search(r"X-API-Key: (\S+)'", curl)[1], re.search(r"-d '(.*?)'", curl)[1]
    command = [sys.executable, "-W", "ignore", "-c", "from cafe24_pipelines.cli import main; main()", "serve"]
    process = subprocess.Popen(
        [*command, "--port", str(port), "--home", str(two_malls.home.root)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                httpx.get(f"http://127.0.0.1:{port}/health")
                break
            except httpx.TransportError:
                time.sleep(0.1)
        where, headers = f"http://127.0.0.1:{port}/cafe24-crm/ontology-plus", {"X-API-Key": token}
        answer = httpx.post(where, json=json.loads(body), headers=headers, timeout=120)
    finally:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert answer.status_code == 200 and answer.json()["numbers"]
    assert out == "" and f"127.0.0.1:{port}" in err and "sandbox" in err and "CORS: 닫힘" in err
    lines = [json.loads(line) for line in err.splitlines() if line.startswith("{")]
    asked = next(line for line in lines if line.get("route") == "/cafe24-crm/ontology-plus")
    assert asked["status"] == 200 and asked["request_id"] == answer.headers["x-request-id"]
    assert "매출" not in "".join(line["message"] for line in lines) and token not in err
