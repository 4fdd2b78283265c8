"""Analytics stage: CRM tables that people and later stages read."""

from typing import TYPE_CHECKING

import dagster as dg

from cafe24_pipelines.assets.metadata import preview
from cafe24_pipelines.names import ANALYTICS, CRM_TEAM
from cafe24_pipelines.partitions import malls
from cafe24_pipelines.resources.lake import LakeResource

if TYPE_CHECKING:
    import pandas as pd


@dg.asset(
    deps=["orders", "order_items", "customers"],
    group_name=ANALYTICS,
    kinds={"parquet", "duckdb"},
    owners=[CRM_TEAM],
    code_version="1",
    partitions_def=malls,
)
def rfm(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
    """Recency, frequency and monetary scores of every buyer, with a named segment and an action."""
    from cafe24_pipelines.crm.rfm import rfm as score
    from cafe24_pipelines.crm.rfm import rfm_segments

    mall = lake.mall(context.partition_key)
    frame = score(lake.of(mall.mall_id), mall)
    return _publish(lake, mall.mall_id, "rfm", frame, rfm_segments(frame))


@dg.asset(
    deps=["orders", "customers"],
    group_name=ANALYTICS,
    kinds={"parquet", "duckdb"},
    owners=[CRM_TEAM],
    code_version="1",
    partitions_def=malls,
)
def cohorts(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
    """Monthly cohorts by first purchase: who came back, what they brought, and what can't be known yet."""
    from cafe24_pipelines.crm.cohorts import cohorts as build

    mall = lake.mall(context.partition_key)
    frame = build(lake.of(mall.mall_id), mall)
    return _publish(lake, mall.mall_id, "cohorts", frame, frame.head(12))


def _publish(
    lake: LakeResource, mall_id: str, name: str, frame: "pd.DataFrame", shown: "pd.DataFrame"
) -> dg.MaterializeResult:
    from cafe24_pipelines.crm.tables import CrmTables

    digest = CrmTables(lake.settings().home.analytics).publish(mall_id, name, frame)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(frame),
            "content_digest": digest,
            "preview": preview({str(k): v for k, v in row.items()} for row in shown.to_dict("records")),
        }
    )
