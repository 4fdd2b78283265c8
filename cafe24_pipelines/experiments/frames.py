"""A mall's landed tables as the frames that gold is computed from. Does not belong here: any computing."""

from typing import TYPE_CHECKING

from cafe24_pipelines.names import SHOP_TABLES

if TYPE_CHECKING:
    from cafe24_pipelines.cafe24.malls import Mall
    from cafe24_pipelines.experiments.raw import Raw
    from cafe24_pipelines.stores.lake import MallLake


def raw_of_lake(lake: "MallLake", mall: "Mall") -> "Raw":
    """Every landed row of the shop's tables, as the source gave them: no view, no aggregate."""
    from cafe24_pipelines.experiments.raw import raw_of

    tables = {name: lake.read(name).to_pandas() for name in SHOP_TABLES}
    return raw_of(tables, zone=mall.time_zone, currency=mall.currency)
