"""Processes that share a mall; a test starts them with a JSON order and reads a JSON line from each.

The first one imports, waits for `go`, and forks the others: eight cost little more than one.

token: renew. calls: call an API for some seconds. die: take the renewal lease and be killed in the middle.
"""

import json
import os
import sys
import time
from typing import Any

from cafe24_pipelines.cafe24.admin_api.client import AdminClient
from cafe24_pipelines.cafe24.admin_api.clock import SystemClock
from cafe24_pipelines.cafe24.admin_api.limits import Limiter
from cafe24_pipelines.cafe24.admin_api.tokens import TokenKeeper, TokenStore
from cafe24_pipelines.cafe24.sealing import seal_for
from cafe24_pipelines.settings import Settings
from cafe24_pipelines.stores.shared_state import SharedState


def main() -> None:
    order: dict[str, Any] = json.loads(sys.argv[1])
    print("ready", flush=True)
    sys.stdin.readline()
    if order["number"] == 1:
        work(order)
        return
    children = []
    for _ in range(order["number"]):
        child = os.fork()
        if child == 0:
            try:
                work(order)
            finally:
                sys.stdout.flush()
                os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)


def work(order: dict[str, Any]) -> None:
    settings = Settings.from_env(order["env"])
    state = SharedState(order["state"])
    store = TokenStore(state, lambda mall: seal_for(settings, mall, "tokens"))
    keeper = TokenKeeper(settings, "testmall", store, SystemClock(), lease_seconds=order.get("lease", 60.0))
    if order["do"] == "token":
        print(json.dumps({"token": keeper.access_token()}), flush=True)
    elif order["do"] == "die":
        assert store.lease("testmall", "killed", order["lease"], now=time.time())
        print("leased", flush=True)
        time.sleep(60)
    else:
        client = AdminClient(settings, "testmall", keeper, Limiter(state, "testmall", SystemClock()), SystemClock())
        end = time.time() + order["seconds"]
        while time.time() < end:
            client.get("orders")
        report = client.report()
        print(json.dumps({"calls": sum(report.calls.values()), "429": report.statuses[429]}), flush=True)


main()
