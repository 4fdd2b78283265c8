"""The redirect address that `cafe24 sandbox` prints is the one at which `cafe24 serve` finishes a consent."""

from pathlib import Path
from urllib.parse import urlsplit

from starlette.routing import Route

from cafe24_pipelines.commands.servers import serve
from cafe24_pipelines.sandbox.server.config import ServerConfig
from cafe24_pipelines.serving.app import create_app
from cafe24_pipelines.settings import Settings


def test_a_consent_comes_back_to_serve(tmp_path: Path) -> None:
    back = urlsplit(ServerConfig().redirect_uris[0])
    options = {option.name: option.default for option in serve.params}
    paths = {
        route.path for route in create_app(Settings.from_env({}, home=tmp_path)).routes if isinstance(route, Route)
    }
    assert (back.scheme, back.hostname, back.port) == ("http", options["host"], options["port"])
    assert back.path in paths
