"""Which source a run uses: what was asked for on the command line, else what the mall used before."""

from pathlib import Path

from cafe24_pipelines.cafe24.malls import Mall, known_malls, register
from cafe24_pipelines.errors import BadInput, ConfigError
from cafe24_pipelines.names import SANDBOX_MALL
from cafe24_pipelines.settings import Settings


def choose_source(
    settings: Settings,
    mall_id: str,
    source: str | None,
    path: Path | None,
    mapping: Path | None,
    *,
    keep_contacts: bool | None = None,
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
    if source == "sandbox":
        mall = Mall(mall_id)
    elif source == "api":
        mall = api_mall(settings, mall_id, keep_contacts=keep_contacts)
    else:
        mall = _csv_mall(mall_id if mall_id != SANDBOX_MALL else "shop", path, mapping)
    register(settings.home, mall)
    return mall


def api_mall(settings: Settings, mall_id: str, *, keep_contacts: bool | None = None) -> Mall:
    """The mall with the Admin API as its source; `keep_contacts` None leaves that choice as it was.

    Raises:
        ConfigError: the mall is called "sandbox" and the API is not a local sandbox: that mall's key is public.
    """
    if mall_id == SANDBOX_MALL and not settings.api_is_local:
        raise ConfigError(f"the mall {SANDBOX_MALL!r} holds invented members only",
                          remedy="name your mall with --mall, as in https://MALL.cafe24.com")  # fmt: skip
    before = known_malls(settings.home).get(mall_id)
    kept = before.keep_contacts if before else False
    return Mall(mall_id, "api", keep_contacts=kept if keep_contacts is None else keep_contacts)


def _csv_mall(mall_id: str, path: Path | None, mapping: Path | None) -> Mall:
    if path is None:
        raise BadInput("--source csv needs --path DIR", remedy="name the folder of the admin's downloads")
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
