"""GET /metrics: for Prometheus on this machine, or anywhere with a metrics key. Does not belong here: counting."""

from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response

from cafe24_pipelines.serving.gate import find_key, given_token
from cafe24_pipelines.serving.guards import on_this_machine
from cafe24_pipelines.serving.keys import INSTALLATION, KeyRing
from cafe24_pipelines.serving.problems import Problem

if TYPE_CHECKING:
    from cafe24_pipelines.serving.telemetry import Telemetry


class MetricsRoute:
    """The exposition. A mall's key doesn't open it: it tells of all malls."""

    def __init__(self, telemetry: "Telemetry", keys: KeyRing) -> None:
        self._telemetry, self._keys = telemetry, keys

    async def get(self, request: Request) -> Response:
        """200 with the metrics; 401 for a stranger."""
        key = await find_key(self._keys, request)
        allowed = key is not None and key.opens == INSTALLATION
        if not allowed and (given_token(request) or not on_this_machine(request)):
            raise Problem("key_needed", headers={"WWW-Authenticate": "Bearer"})
        return Response(self._telemetry.exposition(), media_type=CONTENT_TYPE_LATEST)
