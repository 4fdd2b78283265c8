"""Which source a run uses: what was asked for on the command line, else what the mall used before."""

from pathlib import Path

from cafe24_pipelines.cafe24.malls import Mall, known_malls, register
from cafe24_pipelines.errors import BadInput, ConfigError
from cafe24_pipelines.names import SANDBOX_MALL
from cafe24_pipelines.settings import Settings


def choose_source(
    settings: Settings, mall_id: str, source: str | None, path: Path | None, mapping: Path | None
) -> Mall:
    """The mall to run, registered with its source so that later runs and the UI use the same.

    Raises:
        BadInput: the path or mapping does not exist, or the sandbox mall is asked to be something else.
        ConfigError: the mall is unknown and no source was given.
    """
    known = known_malls(settings.home)
    if source is None:
        if path or mapping:
            raise BadInput("--path and --mapping go with --source csv", remedy="add --source csv")
        if mall_id not in known:
            raise ConfigError(
                f"mall {mall_id!r} has no source yet", remedy=f"cafe24 run --mall {mall_id} --source csv --path DIR"
            )
        return known[mall_id]
    if source == "api":
        raise ConfigError(
            "this version has no Admin API connector yet",
            remedy="export the mall's orders as CSV and use --source csv --path DIR",
        )
    if source == "sandbox":
        mall = Mall(mall_id)
    else:
        mall = _csv_mall(mall_id if mall_id != SANDBOX_MALL else "shop", path, mapping)
    register(settings.home, mall)
    return mall


def _csv_mall(mall_id: str, path: Path | None, mapping: Path | None) -> Mall:
    if path is None:
        raise BadInput("--source csv needs --path DIR", remedy="name the folder that holds orders.csv")
    for file in (path, mapping):
        if file is not None and not file.exists():
            raise BadInput("no such file or folder", where=str(file), remedy="check the path")
    zone, currency = _zone_and_currency(mapping)
    resolved = str(mapping.resolve()) if mapping else ""
    return Mall(mall_id, "csv", str(path.resolve()), resolved, zone, currency)


def _zone_and_currency(mapping: Path | None) -> tuple[str, str]:
    from cafe24_pipelines.cafe24.csv_import.mapping import load_mapping

    found = load_mapping(mapping)
    return found.time_zone, found.currency
