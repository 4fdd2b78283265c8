"""The API under 100 connections for a minute, and retrieval against the bare engine that it stands on.

The app runs in a process of its own on loopback, over a sandbox mall made for this run (or a copy of `--home DIR`),
with the offline model, so that what is timed is this project's own work. `wrk` asks when it is there, else a small
generator of this file, and the row says which. No request may fail. Retrieval and the bare engine are timed in turn,
in one process: ours encodes the question, asks both sides and ranks documents; the engine gets ready vectors.

Run both with `python -m benchmarks.serving`, or one: `load`, `retrieval`. Does not belong here: answers' quality.
"""

import argparse
import asyncio
import json
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.sandbox_home import publish_sandbox
from cafe24_pipelines import parts
from cafe24_pipelines.cafe24.malls import Mall, register
from cafe24_pipelines.names import API_DOCS
from cafe24_pipelines.settings import Settings

CONNECTIONS, SECONDS, ROUNDS = 100, 60, 20
MALL = "sandbox"
QUESTIONS = (
    "지난달 매출은?", "주문 목록을 조회하려면 어떤 API를 쓰나요?", "고객 이탈 예측 방법", "잘 팔리는 상품 5개",
    "쿠폰 사용률은?", "상품 재고를 수정하는 API", "재구매율을 높이려면?", "회원 등급별 고객 수",
    "VIP 고객의 주문 패턴을 분석하려면 어떤 API를 어떤 순서로 호출해야 하나요?", "취소 접수 엔드포인트",
)  # fmt: skip
_SERVE = """
import sys
from cafe24_pipelines.serving.app import ApiLimits, serve
from cafe24_pipelines.settings import Settings
limits = ApiLimits(per_key="10000000/minute")
serve(Settings.from_env({}, home=sys.argv[1]), port=int(sys.argv[2]), limits=limits)
"""
_LUA = """
local bodies, n = BODIES, 0
wrk.method = "POST"
wrk.headers["Content-Type"], wrk.headers["X-API-Key"] = "application/json", "TOKEN"
request = function()
  n = n + 1
  return wrk.format(nil, nil, nil, bodies[n % #bodies + 1])
end
"""


def run(home: Path | None = None, wanted: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Rows of both, or of the wanted ones; seconds are latencies."""
    with tempfile.TemporaryDirectory(prefix="bench-serving-") as folder:
        settings = _mall(Path(folder) / "home", home)
        return [row for name in wanted or MEASURES for row in MEASURES[name](settings, Path(folder))]


def load(settings: Settings, folder: Path) -> list[dict[str, Any]]:
    """p99 and p50 of the whole ontology arm at 100 connections.

    Raises:
        RuntimeError: a request failed.
    """
    from cafe24_pipelines.serving.keys import KeyRing

    _, token = KeyRing(parts.event_log(settings)).add(MALL, name="bench")
    with _server(settings, folder / "serve.log") as address:
        url = f"{address}/cafe24-crm/ontology-plus"
        _asked(url, token)  # the first question loads the tokeniser and the model's client
        by_wrk = shutil.which("wrk") is not None
        told = _wrk(url, token, folder) if by_wrk else asyncio.run(_generator(url, token))
    if told["failed"]:
        raise RuntimeError(f"{told['failed']} of {told['requests']} requests failed")
    note = f"{told['requests']} requests by {'wrk' if by_wrk else 'our own generator'}, none failed, " \
           f"{told['requests'] / SECONDS:.1f}/s at {CONNECTIONS} connections for {SECONDS} s"  # fmt: skip
    return [_row("answer, p99 under load", told["p99"], "its p50", told["p50"], note)]


def retrieval(settings: Settings, folder: Path) -> list[dict[str, Any]]:
    """p95 of a search against p95 of the engine's two bare queries for the same question."""
    from cafe24_pipelines.knowledge.index import encoder_of

    vectors = parts.vector_store(settings)
    try:
        retriever = parts.retriever(settings, vectors, MALL)
        build = vectors.published(MALL, API_DOCS)
        assert build is not None
        encoder = retriever.encoders.load(encoder_of(build[0]))
        encoded = [encoder.encode_query(question) for question in QUESTIONS]
        bare = _bare(settings)
        ours, theirs = list[float](), list[float]()
        for turn in range(ROUNDS + 1):
            for question, ready in zip(QUESTIONS, encoded, strict=True):
                asked = f"{question} {turn}"  # a new text each time: nothing is answered from a cache
                first = _seconds(partial(retriever.search, asked, collection=API_DOCS))
                second = _seconds(partial(bare, ready))
                if turn:  # the first round warms both
                    ours.append(first)
                    theirs.append(second)
    finally:
        vectors.close()
    note = f"{vectors.counts(MALL)[API_DOCS]} chunks, {len(ours)} questions, no model; p50 " \
           f"{1000 * _quantile(ours, 0.5):.1f} ms against {1000 * _quantile(theirs, 0.5):.1f} ms"  # fmt: skip
    return [_row("retrieval, p95", _quantile(ours, 0.95), "bare Qdrant Edge", _quantile(theirs, 0.95), note)]


MEASURES: dict[str, Callable[[Settings, Path], list[dict[str, Any]]]] = {"load": load, "retrieval": retrieval}


def _mall(target: Path, home: Path | None) -> Settings:
    """A home with a sandbox mall: landed, indexed, in a graph; or a copy of `home`."""
    settings, mall = Settings.from_env({}, home=target), Mall(MALL)
    if home is not None:
        shutil.copytree(home, target)
        return settings
    register(settings.home, mall)
    publish_sandbox(settings, mall)
    return settings


def _bare(settings: Settings) -> Callable[[Any], None]:
    """The engine alone: one dense and one sparse query for ready vectors, with the filter that every search has."""
    import qdrant_edge as qe

    from cafe24_pipelines.stores.files import Published

    build = Published(settings.home.vectors / MALL / API_DOCS).current()
    assert build is not None
    shard = qe.EdgeShard.load(str(build.path))
    of_mall = qe.Filter(must=[qe.FieldCondition("mall_id", match=qe.MatchValue(MALL))])

    def ask(ready: Any) -> None:
        sparse = qe.SparseVector(list(ready.sparse.indices), list(ready.sparse.values))
        for vector, side in ((list(ready.dense), "dense"), (sparse, "sparse")):
            nearest = qe.Query.Nearest(vector, using=side)
            shard.query(qe.QueryRequest(limit=10, query=nearest, filter=of_mall, with_payload=True))

    return ask


@contextmanager
def _server(settings: Settings, log: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with log.open("w") as out:
        command = [sys.executable, "-W", "ignore", "-c", _SERVE, str(settings.home.root), str(port)]
        process = subprocess.Popen(command, stdout=out, stderr=out)
        try:
            for _ in range(600):
                with socket.socket() as tried:
                    if tried.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(30)


def _asked(url: str, token: str) -> None:
    import httpx

    headers = {"X-API-Key": token}
    for question in QUESTIONS:
        httpx.post(url, json={"question": question}, headers=headers, timeout=300).raise_for_status()


def _wrk(url: str, token: str, folder: Path) -> dict[str, Any]:
    """What wrk measured: requests, failures (statuses, sockets, time-outs), p50 and p99 in seconds."""
    bodies = ", ".join(json.dumps(json.dumps({"question": q}, ensure_ascii=False), ensure_ascii=False)
                       for q in QUESTIONS)  # fmt: skip
    script = folder / "ask.lua"
    script.write_text(_LUA.replace("BODIES", f"{{{bodies}}}").replace("TOKEN", token), encoding="utf-8")
    command = ["wrk", "-t2", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--timeout", "90s", "--latency", "-s", str(script)]
    text = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    failed = sum(map(int, re.findall(r"Non-2xx or 3xx responses: (\d+)", text)))
    failed += sum(int(n) for line in re.findall(r"Socket errors: (.*)", text) for n in re.findall(r"\d+", line))
    quantiles = {name: _wrk_seconds(value) for name, value in re.findall(r"(50|99)%\s+(\S+)", text)}
    requests = int(re.findall(r"(\d+) requests in", text)[0])
    return {"requests": requests, "failed": failed, "p50": quantiles["50"], "p99": quantiles["99"]}


def _wrk_seconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()  # type: ignore[union-attr]
    return float(number) * {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}[unit]


async def _generator(url: str, token: str) -> dict[str, Any]:
    """100 tasks that ask one question after another for a minute; not wrk: its own work is in the latencies."""
    import httpx

    times, failed, until = list[float](), 0, time.monotonic() + SECONDS

    async def ask(client: httpx.AsyncClient, first: int) -> None:
        nonlocal failed
        turn = first
        while time.monotonic() < until:
            started, body = time.perf_counter(), {"question": QUESTIONS[turn % len(QUESTIONS)]}
            try:
                answer = await client.post(url, json=body)
                failed += answer.status_code != 200
            except httpx.HTTPError:
                failed += 1
            times.append(time.perf_counter() - started)
            turn += 1

    limits = httpx.Limits(max_connections=CONNECTIONS)
    async with httpx.AsyncClient(headers={"X-API-Key": token}, timeout=90, limits=limits) as client:
        await asyncio.gather(*(ask(client, n) for n in range(CONNECTIONS)))
    return {"requests": len(times), "failed": failed, "p50": _quantile(times, 0.5), "p99": _quantile(times, 0.99)}


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def _row(name: str, seconds: float, peer: str, peer_seconds: float, note: str) -> dict[str, Any]:
    return {
        "name": name, "seconds": seconds, "peer": peer, "peer_seconds": peer_seconds,
        "ratio": seconds / peer_seconds, "note": note,
    }  # fmt: skip


if __name__ == "__main__":
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("wanted", nargs="*", choices=[*MEASURES, []])
    given.add_argument("--home", type=Path, help="A home with a built sandbox mall, instead of making one.")
    options = given.parse_args()
    print(json.dumps(run(options.home, options.wanted), ensure_ascii=False, indent=1))
