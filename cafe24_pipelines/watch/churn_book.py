"""What the churn watch knows of each member: the last score, whether at risk, and when that was told.

One Parquet file a mall under `analytics/<mall>/watch/churn_signals`, published like an analysis; members by their
pseudonym. It is the watch's memory: nobody is told twice because of it. Does not belong here: deciding who is at risk
(`churn_signal.py`).
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.stores.files import Published

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    import pyarrow as pa

    from cafe24_pipelines.cafe24.malls import Mall
    from cafe24_pipelines.crm.shop import Shop

_FILE: Final = "table.parquet"


def columns() -> "Mapping[str, pa.DataType]":
    """member_key, probability, recency_days, last_bought (local day), at_risk, since (day of the data at which the
    risk began), cause (crossed, jumped, refit, baseline or ""), told_on (day of the data at which it was told),
    told_for (the last purchase that the told silence follows, or one known before the data went back), reason and
    action (Korean), segment, value (net sales of the year before).
    """
    import pyarrow as pa

    from cafe24_pipelines.stores.schemas import INT, TEXT

    day = pa.date32()
    return {
        "member_key": TEXT, "probability": pa.float64(), "recency_days": INT, "last_bought": day,
        "at_risk": pa.bool_(), "since": day, "cause": TEXT, "told_on": day, "told_for": day, "reason": TEXT,
        "action": TEXT, "segment": TEXT, "value": pa.float64(),
    }  # fmt: skip


@dataclass(frozen=True)
class Known:
    """The watch's memory of a mall: of which churn table, of data up to which day, and what it said."""

    made_of: str
    as_of: date
    digest: str
    summary: dict[str, Any]
    table: "pd.DataFrame"


class SignalBook:
    """The churn signals of every mall, under the folder of analytics."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def known(self, mall_id: str) -> Known | None:
        """What is known of a mall; None before the first look."""
        import pyarrow.parquet as pq

        build = self._store(mall_id).current()
        if build is None:
            return None
        meta, table = build.meta, pq.read_table(build.path / _FILE).to_pandas()
        return Known(meta["made_of"], date.fromisoformat(meta["as_of"]), meta["digest"], meta["summary"], table)

    def made_of(self, mall_id: str) -> str:
        """Digest of the churn table that was looked at last ("" before the first look)."""
        build = self._store(mall_id).current()
        return str(build.meta["made_of"]) if build else ""

    def file(self, mall_id: str) -> Path | None:
        """The current table's file."""
        build = self._store(mall_id).current()
        return build.path / _FILE if build else None

    def publish(self, mall_id: str, made_of: str, as_of: date, table: "pd.DataFrame", summary: dict[str, Any]) -> str:
        """Make this the mall's current table; returns its digest. Equal content is not written again."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        from cafe24_pipelines.stores.digest import combine, json_digest, table_digest

        schema = pa.schema(list(columns().items()))
        rows = pa.Table.from_pandas(table[list(columns())], schema=schema, preserve_index=False)
        rows = rows.replace_schema_metadata(None)
        digest = combine([table_digest(rows), json_digest([made_of, as_of.isoformat(), summary])])
        store, current = self._store(mall_id), self._store(mall_id).current()
        if current is None or current.meta["digest"] != digest:
            staging = store.staging(digest)
            pq.write_table(rows, staging / _FILE, compression="zstd")
            meta = {"made_of": made_of, "as_of": as_of.isoformat(), "digest": digest, "summary": summary}
            store.publish(staging, digest, {**meta, "rows": rows.num_rows})
        return digest

    def keep_only(self, mall_id: str, members: "set[str]") -> int:
        """Forget every other member, and the build that still had them; returns how many rows went.

        After the erasure of a member: the lake's members are those that may be known.
        """
        import shutil

        known = self.known(mall_id)
        if known is None:
            return 0
        kept = known.table[known.table["member_key"].isin(members)]
        gone = len(known.table) - len(kept)
        if gone:
            self.publish(mall_id, known.made_of, known.as_of, kept, known.summary)
            current = self._store(mall_id).current()
            for build in (self._store(mall_id).root / "builds").iterdir():
                if current and build.name != current.path.name:
                    shutil.rmtree(build)
        return gone

    def _store(self, mall_id: str) -> Published:
        return Published(self.root / mall_id / "watch" / "churn_signals")


def came_back(book: SignalBook, shop: "Shop", mall: "Mall", first: date, last: date) -> tuple[int, int]:
    """Of the members told on days `first` to `last` of the data: how many, and how many have bought since."""
    known = book.known(mall.mall_id)
    if known is None:
        return 0, 0
    told = known.table.dropna(subset=["told_on"])
    told = told[[first <= day <= last for day in told["told_on"]]]
    sql = (
        "SELECT member_key, max(ordered_local)::DATE AS bought FROM order_facts WHERE is_sale "
        "AND member_key IS NOT NULL AND ordered_local::DATE > $first::DATE GROUP BY 1"
    )
    rows = shop.query(sql, {"first": first.isoformat()}, zone=mall.time_zone).to_pylist()
    bought = {row["member_key"]: row["bought"] for row in rows}
    back = sum(bought.get(key, day) > day for key, day in zip(told["member_key"], told["told_on"], strict=True))
    return len(told), back
