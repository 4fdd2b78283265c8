"""`python -m cafe24_pipelines.sandbox.server`: serves finished malls, for `RunningSandbox` and benchmarks.

Does not belong here: the command for people (`cafe24 sandbox`, over `demo.serve`).
"""

import argparse
import os
import socket
import sys
import threading
from datetime import datetime
from pathlib import Path

import msgspec
import uvicorn

from cafe24_pipelines.sandbox.mall.mall import END, SandboxMall
from cafe24_pipelines.sandbox.server.app import create_app
from cafe24_pipelines.sandbox.server.clock import MallClock
from cafe24_pipelines.sandbox.server.config import ServerConfig
from cafe24_pipelines.sandbox.server.running import server_config
from cafe24_pipelines.stores.files import write_atomic


def main() -> None:
    """Serve until interrupted, or until standard input closes if that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mall-file", action="append", required=True, type=Path, help="a finished mall; repeatable")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--start", type=datetime.fromisoformat, default=END, help="the mall's time at the start")
    parser.add_argument("--speed", type=float, default=1.0, help="mall seconds in a real second")
    parser.add_argument("--config", default="{}", help="settings of ServerConfig, as JSON")
    parser.add_argument("--ready-file", type=Path, help="gets the port once the server listens")
    parser.add_argument("--while-stdin-is-open", action="store_true")
    args = parser.parse_args()
    config = msgspec.json.decode(args.config, type=ServerConfig)
    malls = [SandboxMall.open(path) for path in args.mall_file]
    app = create_app(malls, config, MallClock(args.start, speed=args.speed))
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", args.port))
    listener.listen(512)
    if args.ready_file is not None:
        write_atomic(args.ready_file, str(listener.getsockname()[1]))
    server = uvicorn.Server(server_config(app))
    if args.while_stdin_is_open:
        threading.Thread(target=_stop_at_end_of_input, args=(server,), daemon=True).start()
    server.run([listener])


def _stop_at_end_of_input(server: uvicorn.Server) -> None:
    """Ask the server to end when the process that holds the other end of the pipe closes it or dies."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    server.should_exit = True


main()
