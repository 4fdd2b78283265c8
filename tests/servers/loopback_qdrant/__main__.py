"""Run the test server: `python tests/servers/loopback_qdrant FOLDER [--api-key KEY] [--version 1.19.0] …`.

Prints `QDRANT <url> <gRPC port>` once it answers, and stops when its standard input closes.
"""

import argparse
import os
import signal
import socket
import sys
import threading
from pathlib import Path

import uvicorn
from app import Server, application
from description import description
from registry import Registry


def main() -> None:
    """Serve until the standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--api-key", default="")
    parser.add_argument("--version", default="1.19.0")
    parser.add_argument("--cluster", action="store_true", help="take shard keys, as a server in distributed mode")
    parser.add_argument("--grpc", action="store_true", help="answer gRPC calls as well, on a port of its own")
    parser.add_argument("--unchecked", action="store_true", help="no checks of requests, for benchmarks")
    given = parser.parse_args()
    checks = None if given.unchecked else description(os.environ.get("CAFE24_TEST_DATA", ""))
    server = Server(
        Registry(given.folder), checks, api_key=given.api_key, version=given.version, cluster=given.cluster
    )
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", given.port))
    config = uvicorn.Config(application(server), log_level="critical", access_log=False, ws="none", lifespan="off")
    running = uvicorn.Server(config)
    threading.Thread(target=_until_closed, daemon=True).start()
    listener.listen(128)
    grpc_port = 0
    if given.grpc:
        from grpc_front import serve

        grpc_port = serve(server)
    print(f"QDRANT http://127.0.0.1:{listener.getsockname()[1]} {grpc_port}", flush=True)
    running.run(sockets=[listener])


def _until_closed() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
