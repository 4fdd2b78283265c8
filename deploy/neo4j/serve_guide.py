"""Serve this folder on loopback, so that Neo4j Browser can show the guide: `python deploy/neo4j/serve_guide.py`.

Browser fetches a guide from its own page, so the answer must allow any origin; `localhost` is among the hosts that it
takes guides from without a setting. Needs nothing but Python.
"""

import argparse
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent


class Handler(SimpleHTTPRequestHandler):
    """Files as they are, readable from any page."""

    def end_headers(self) -> None:
        """Say so in every answer."""
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Access-Control-Allow-Headers", "*")
        super().end_headers()

    def do_OPTIONS(self) -> None:
        """Browser asks first, because it sends cache headers along."""
        self.send_response(204)
        self.end_headers()


def guide_server(port: int, host: str = "127.0.0.1") -> ThreadingHTTPServer:
    """A server of this folder, not yet serving; port 0 takes any free one."""
    return ThreadingHTTPServer((host, port), partial(Handler, directory=str(HERE)))


if __name__ == "__main__":
    options = argparse.ArgumentParser(description="Serve the Neo4j Browser guide.")
    options.add_argument("--port", type=int, default=8001)
    options.add_argument("--host", default="127.0.0.1")
    given = options.parse_args()
    with guide_server(given.port, given.host) as server:
        sys.stdout.write(f":play http://localhost:{server.server_port}/browser-guide.html\n")
        sys.stdout.flush()
        server.serve_forever()
