"""The sandbox mall's HTTP server: it answers, limits and refuses as the Cafe24 Admin API does.

`create_app` makes the Starlette application, `RunningSandbox` runs one for tests and proofs, `serve` for people.
Belongs here: everything that travels over HTTP (OAuth, limits, checks of parameters, faults, webhooks, and the
`/_sandbox` control routes). Does not belong here: what the mall holds (`sandbox/mall`).

Where the public documentation leaves the API's behaviour open, the server takes the side on which a client that
works here also works there: it refuses what might be refused.
"""

from cafe24_pipelines.sandbox.server.app import create_app
from cafe24_pipelines.sandbox.server.clock import MallClock
from cafe24_pipelines.sandbox.server.config import ServerConfig
from cafe24_pipelines.sandbox.server.demo import serve
from cafe24_pipelines.sandbox.server.running import RunningSandbox

__all__ = ["MallClock", "RunningSandbox", "ServerConfig", "create_app", "serve"]
