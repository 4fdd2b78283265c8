"""Jobs: named selections of the asset graph. Belongs here: selections only, no logic.

What goes through many malls in one run is in `schedules/batch_jobs.py`.
"""

import dagster as dg

from cafe24_pipelines.assets.admin_api import ORDER_HISTORY
from cafe24_pipelines.names import ADMIN_API, EXPERIMENTS, LEARNING, OPERATIONS, PATTERNS, RESEARCH, SHOP, WATCH

_by_mall = (
    dg.AssetSelection.all()
    - dg.AssetSelection.assets(ORDER_HISTORY, "insight_digest")  # which speaks to people, by the clock
    - dg.AssetSelection.groups(EXPERIMENTS, LEARNING, OPERATIONS, RESEARCH, WATCH)
)
whole_chain = dg.define_asset_job(
    "whole_chain",
    selection=_by_mall,
    description="Everything for one mall, from its source to the fine-tune data set.",
)

shop_chain = dg.define_asset_job(
    "shop_chain",
    selection=_by_mall & dg.AssetSelection.groups(ADMIN_API, SHOP),
    description="Land one mall's source again; what has not changed is not written.",
)

after_landing = dg.define_asset_job(
    "after_landing",
    selection=(_by_mall - dg.AssetSelection.groups(ADMIN_API, SHOP))
    | dg.AssetSelection.assets("benchmark_comparison"),
    description="Rebuild every projection of one mall from what has landed.",
)

discovery = dg.define_asset_job(
    "discovery",
    selection=dg.AssetSelection.groups(PATTERNS).required_multi_asset_neighbors()
    | dg.AssetSelection.assets("rfm", "ontology_facts", "ontology_graph", "cafe24_insights", "benchmark_comparison"),
    description="Run the detectors over what has landed and publish graph, insights and benchmark comparison.",
)

order_backfill = dg.define_asset_job(
    "order_backfill",
    selection=dg.AssetSelection.assets(ORDER_HISTORY),
    description="Land the order history of one mall and month from the Admin API; launch it for any range of months.",
)

comparison = dg.define_asset_job(
    "comparison",
    selection=dg.AssetSelection.assets("ab_answers", "ab_scores"),
    description="One arm answers a mall's question set, and is scored; launch it for every arm of the mall.",
)

comparison_report = dg.define_asset_job(
    "comparison_report",
    selection=dg.AssetSelection.assets("ab_questions", "ab_report"),
    description="The mall's question set with gold, and the report over the arms that have answered it.",
)

research_collection = dg.define_asset_job(
    "research_collection",
    selection=dg.AssetSelection.assets("web_research"),
    description="Visit the allowed web sources once and log what they claim; for all malls.",
)

research_summary = dg.define_asset_job(
    "research_summary",
    selection=dg.AssetSelection.assets("benchmark_comparison"),
    description="One mall beside the research, from the patterns that are published.",
)

dashboard_publication = dg.define_asset_job(
    "dashboard_publication",
    selection=dg.AssetSelection.assets("dashboard_snapshot"),
    description="The snapshot of one mall's dashboard, from what is published.",
)

dashboard_rendering = dg.define_asset_job(
    "dashboard_rendering",
    selection=dg.AssetSelection.assets("dashboard_page"),
    description="One mall's report page, from its snapshot.",
)

heartbeat_beat = dg.define_asset_job(
    "heartbeat_beat",
    selection=dg.AssetSelection.assets("heartbeat"),
    description="One beat: a write to the event log and one to the lake, both read back.",
)

readiness_check = dg.define_asset_job(
    "readiness_check",
    selection=dg.AssetSelection.assets("readiness"),
    description="What is not green in this installation and why; told where that is configured.",
)

model_warming = dg.define_asset_job(
    "model_warming",
    selection=dg.AssetSelection.assets("model_warmth"),
    description="One tiny completion of the fine-tuned model, within the month's budget.",
)

learning = dg.define_asset_job(
    "learning",
    selection=dg.AssetSelection.assets("learning_candidates"),
    description="One mall's feedback judged, and what stands of it.",
)

code_generation = dg.define_asset_job(
    "code_generation",
    selection=dg.AssetSelection.assets("generated_code"),
    description="One mall's requests for code, each answered once.",
)

settings_trial = dg.define_asset_job(
    "settings_trial",
    selection=dg.AssetSelection.assets("retrieval_settings"),
    description="One trial of retrieval settings for one mall, offline.",
)

churn_watch = dg.define_asset_job(
    "churn_watch",
    selection=dg.AssetSelection.assets("churn_signals"),
    description="One mall's customers newly at risk, from the scores that stand.",
)

all_jobs = [
    whole_chain,
    shop_chain,
    after_landing,
    discovery,
    order_backfill,
    comparison,
    comparison_report,
    research_collection,
    research_summary,
    dashboard_publication,
    dashboard_rendering,
    heartbeat_beat,
    readiness_check,
    model_warming,
    learning,
    code_generation,
    settings_trial,
    churn_watch,
]
