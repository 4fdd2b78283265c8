"""Recommendations: ten products for each buyer and for members yet to buy, by the method that won offline.

The methods and the protocol that judges them are the package `recommender`; here a shop is read, the winner put to
use and each line given a reason. Does not belong here: a method, or sending anything to anybody.
"""

from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.crm.analysis import Lacking, Outcome, analysis
from cafe24_pipelines.korean import filled

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pandas as pd
    import pyarrow as pa
    from duckdb import DuckDBPyConnection
    from numpy.typing import NDArray

    from cafe24_pipelines.crm.recommender.history import History
    from cafe24_pipelines.crm.recommender.methods import Model
    from cafe24_pipelines.crm.recommender.protocol import Trial
    from cafe24_pipelines.crm.shop import Shop

EVALUATED: Final = 100_000
"""Buyers on whom methods are judged: all, or in a larger shop so many chosen by a hash of their key."""
RECOMMENDED: Final = 100_000
"""Buyers who get recommendations: all, or in a larger shop the last ones."""
NEWCOMERS: Final = 20_000
"""Members without a sale who get recommendations, the newest ones."""
MINIMUM_MEMBERS: Final = 20
MINIMUM_PRODUCTS: Final = 3
FALLBACK: Final = "recent_popularity"
"""The method in use where none can be judged."""
_BATCH: Final = 500
_HALF: Final = 0.5  # a new product takes the last place if it is half as alike as the most alike product

METHODS_KO: Final = {
    "random": "무작위", "popularity": "인기", "recent_popularity": "최근 인기", "repeat": "본인이 산 상품",
    "item_knn": "함께 산 상품(코사인)", "item_bm25": "함께 산 상품(BM25)", "content": "비슷한 상품",
    "bought_next": "다음에 산 상품", "blend": "혼합", "first_orders": "첫 구매 인기", "new_product": "새 상품",
}  # fmt: skip

_REASONS: Final = {
    "bought_next": "'{anchor}'을(를) 산 고객이 다음에 많이 사요",
    "item_knn": "'{anchor}'을(를) 산 고객이 많이 사는 상품이에요",
    "item_bm25": "'{anchor}'을(를) 산 고객이 많이 사는 상품이에요", "content": "'{anchor}'과(와) 비슷한 상품이에요",
    "new_product": "새로 나온 상품인데, '{anchor}'과(와) 비슷해요",
    "repeat": "전에 산 상품이에요. 다시 필요할 수 있어요",
    "popularity": "많은 고객이 산 상품이에요", "recent_popularity": "요즘 많이 팔리는 상품이에요",
    "first_orders": "처음 사는 고객이 많이 고른 상품이에요",
}  # fmt: skip
_UNANCHORED: Final = "비슷한 고객이 많이 사는 상품이에요"

_NEWCOMERS_SQL: Final = """
    SELECT c.member_key FROM known_customers c ANTI JOIN order_facts o ON o.member_key = c.member_key AND o.is_sale
    WHERE c.landed ORDER BY c.created_at DESC NULLS LAST, c.member_key LIMIT {cap}"""


def _columns() -> "Mapping[str, pa.DataType]":
    import pyarrow as pa

    from cafe24_pipelines.stores.schemas import INT, TEXT

    return {
        "member_key": TEXT, "rank": INT, "product_no": TEXT, "product_name": TEXT,
        "score": pa.float64(), "method": TEXT, "reason": TEXT,
    }  # fmt: skip


@analysis(
    name="recommendations",
    title_ko="상품 추천",
    title_en="Recommendations",
    needs=("orders", "order_items", "customers", "products"),
    columns=_columns,
)
def recommendations(shop: "Shop", mall: Mall) -> Outcome:
    """Ten products for each member, by the method that was best on a validation window, each with its reason.

    One row a member and rank, ordered by both. The last `RECOMMENDED` buyers and the newest `NEWCOMERS` members
    without a sale; the summary says how many are left out.

    Columns: member_key, rank (1 to 10), product_no, product_name, score (at most 1, comparable within a member),
    method (the part of the method in use that spoke most for it; `first_orders` for members without a sale;
    `new_product` for a product without a sale that is alike to what was bought), reason (Korean). Left out: products
    that aren't selling, out of stock or, without a product file, unsold for 180 days; and what the member bought
    within 90 days unless a tenth of its buyers buy it again. The summary holds the offline comparison on a later
    test window with 95 % intervals, and says whether the method in use beats popularity.
    """
    import pandas as pd

    from cafe24_pipelines.crm.recommender.history import catalog, history

    with shop.duckdb(zone=mall.time_zone) as db:
        goods = catalog(db)
        trial, lacking = _trial(db, goods)
        past, keys = history(db, members=RECOMMENDED, recent=True)
        waiting = [key for (key,) in db.sql(_NEWCOMERS_SQL.format(cap=NEWCOMERS)).fetchall()]
        buyers = _buyers(db)
    if len(keys) < MINIMUM_MEMBERS or len(goods) < MINIMUM_PRODUCTS or not len(past.member):
        few = Lacking("구매한 회원", len(keys), MINIMUM_MEMBERS)
        fewer = Lacking("판매한 상품", len(goods), MINIMUM_PRODUCTS)
        return Outcome(_table([], goods), {}, lacking=(few if len(keys) < MINIMUM_MEMBERS else fewer,))
    method = trial.chosen if trial else FALLBACK
    model = _model(past, goods, trial)
    parts = [_for_buyers(model, method, keys, goods), _for_newcomers(model, sorted(waiting))]
    frame = _table(parts, goods)
    if frame.empty:
        lacking = (*lacking, Lacking("추천할 수 있는(판매 중이고 재고가 있는) 상품", 0, 1))
    summary: dict[str, Any] = {
        "method": method, "method_ko": METHODS_KO[method], "members": int(frame["member_key"].nunique()),
        "buyers_left_out": buyers - len(keys), "members_without_sale": len(waiting),
        "products": int(pd.Series(frame["product_no"]).nunique()), "products_available": int(model.available.sum()),
        "products_left_out": int((~model.available).sum()),
        "products_without_sale": int((model.available & (goods["lines"] == 0).to_numpy()).sum()),
    }  # fmt: skip
    if trial:
        summary["offline"] = told(trial)
    return Outcome(frame, summary, {"methods": _chart(trial)} if trial else {}, lacking)


def evaluate(shop: "Shop", mall: Mall) -> "Trial | Lacking":
    """The offline protocol on a shop (see `recommender/protocol.py`), or what is missing for it.

    A shop with more than `EVALUATED` buyers is judged on so many, chosen by a hash of their key.
    """
    from cafe24_pipelines.crm.recommender.history import catalog

    with shop.duckdb(zone=mall.time_zone) as db:
        trial, lacking = _trial(db, catalog(db))
    return trial or lacking[0]


def told(trial: "Trial") -> dict[str, Any]:
    """A trial as JSON values, with a verdict in Korean."""
    chosen, baseline = trial.chosen, trial.beats_popularity
    if chosen == "popularity":
        verdict = "검증 기간에 인기 순위보다 나은 방법이 없어 인기 순위를 씁니다."
    elif baseline is None:
        verdict = f"'{METHODS_KO[chosen]}' 방법이 인기 순위보다 낫다고 말할 수 없습니다(95 % 구간이 0을 포함)."
    else:
        verdict = f"'{METHODS_KO[chosen]}' 방법은 인기 순위보다 {'낫습니다' if baseline else '못합니다'}(nDCG@10)."
    return {
        "window_days": trial.days, "members": trial.members, "products": trial.products, "chosen": chosen,
        "beats_popularity": baseline, "verdict": verdict, "validation_ndcg": dict(trial.validation),
        "blend": dict(trial.blend),
        "methods": {n: {f: e._asdict() for f, e in one.items()} for n, one in trial.figures.items()},
        "against": {
            base: {n: {f: e._asdict() for f, e in one.items()} for n, one in rest.items()}
            for base, rest in trial.against.items()
        },
        "first_order_hit_rate": {n: e._asdict() for n, e in trial.newcomers.items()},
        "first_order_members": trial.newcomers_judged,
    }  # fmt: skip


# -- inside --------------------------------------------------------------------------------------------------


def _trial(db: "DuckDBPyConnection", goods: "pd.DataFrame") -> "tuple[Trial | None, tuple[Lacking, ...]]":
    from cafe24_pipelines.crm.recommender.history import history
    from cafe24_pipelines.crm.recommender.protocol import run

    past, _ = history(db, members=EVALUATED, recent=False)
    if past.products < MINIMUM_PRODUCTS:
        return None, (Lacking("판매한 상품", past.products, MINIMUM_PRODUCTS),)
    found = run(past, _alike(goods), _end(past))
    if isinstance(found, tuple):
        return None, (Lacking("추천을 견주어 볼, 앞뒤 기간에 모두 산 회원", *found),)
    return found, ()


def _model(past: "History", goods: "pd.DataFrame", trial: "Trial | None") -> "Model":
    """Fitted on everything, with what can be sold now."""
    from dataclasses import replace

    from cafe24_pipelines.crm.recommender.methods import FADING, fit

    on = _end(past)
    known = goods["landed"] | (goods["last_day"] >= on - FADING)
    available = (goods["available"] & known).to_numpy(bool)
    model = fit(past, _alike(goods), on, available)
    return replace(model, blend=trial.blend) if trial else model


def _alike(goods: "pd.DataFrame") -> Any:
    from cafe24_pipelines.crm.recommender.items import described_alike

    return described_alike(goods["product_name"].tolist(), goods["category"].tolist())


def _end(past: "History") -> float:
    return float(past.day.max(initial=0.0)) + 1e-6


def _buyers(db: "DuckDBPyConnection") -> int:
    sql = "SELECT count(DISTINCT member_key) FROM order_facts WHERE is_sale"
    return int(db.sql(sql).fetchall()[0][0])


def _for_buyers(model: "Model", method: str, keys: "NDArray[np.object_]", goods: "pd.DataFrame") -> "pd.DataFrame":
    """Member, rank, codes, score and method of every recommendation to buyers."""
    import numpy as np
    import pandas as pd

    from cafe24_pipelines.crm.recommender import methods

    fresh = model.available & (goods["lines"] == 0).to_numpy()
    rows = []
    for start in range(0, len(keys), _BATCH):
        members = np.arange(start, min(start + _BATCH, len(keys)))
        parts = methods.parts(model, method, members)
        scored = methods.combined(parts)
        lists = methods.best(model, scored, members)
        which = np.array([*parts, FALLBACK], object)[methods.leading(parts, lists)]
        values = np.take_along_axis(scored, np.maximum(lists, 0), axis=1)
        _add_new(model, fresh, members, lists, which)
        rows.append(_rows(model, members, lists, which, values))
    frame = pd.concat(rows, ignore_index=True)
    return frame.assign(member_key=keys[frame.pop("member").to_numpy()])


def _add_new(model: "Model", fresh: "NDArray[np.bool_]", members: "NDArray[np.int64]", lists: "NDArray[np.int64]",
             which: "NDArray[np.object_]") -> None:  # fmt: skip
    """The last place goes to the product without a sale that is most alike to what a member bought."""
    import numpy as np

    from cafe24_pipelines.crm.recommender.methods import scores

    if not fresh.any():
        return
    alike = np.where(fresh, scores(model, "content", members), 0)
    code = alike.argmax(axis=1)
    taken = (alike[np.arange(len(members)), code] >= _HALF) & ~(lists == code[:, None]).any(axis=1)
    lists[taken, -1], which[taken, -1] = code[taken], "new_product"


def _rows(model: "Model", members: "NDArray[np.int64]", lists: "NDArray[np.int64]", which: "NDArray[np.object_]",
          values: "NDArray[np.float32]") -> "pd.DataFrame":  # fmt: skip
    """One row a recommendation, with the purchase that explains it."""
    import numpy as np
    import pandas as pd

    from cafe24_pipelines.crm.recommender.methods import LIKENESS, anchors

    member, place = np.repeat(members, lists.shape[1]), np.tile(np.arange(lists.shape[1]), len(members))
    frame = pd.DataFrame({"member": member, "rank": place + 1, "product": lists.ravel(), "score": values.ravel(),
                          "method": which.ravel(), "anchor": -1})  # fmt: skip
    frame = frame[frame["product"] >= 0].reset_index(drop=True)
    for name in (*LIKENESS, "new_product"):
        rows = np.flatnonzero(frame["method"] == name)
        likeness = "content" if name == "new_product" else name
        told_by = anchors(model, likeness, frame["member"].to_numpy()[rows], frame["product"].to_numpy()[rows])
        frame.loc[rows, "anchor"] = told_by
    return frame


def _for_newcomers(model: "Model", waiting: list[str]) -> "pd.DataFrame":
    """The same list for every member without a sale: what is popular in first orders."""
    import numpy as np
    import pandas as pd

    from cafe24_pipelines.crm.recommender.methods import best

    popular = model.popularity["first_orders"]
    [codes] = best(model, popular[None, :], np.zeros(1, int), plain=True)
    codes = codes[codes >= 0]
    return pd.DataFrame(
        {
            "member_key": np.repeat(np.array(waiting, object), len(codes)),
            "rank": np.tile(np.arange(len(codes)) + 1, len(waiting)), "product": np.tile(codes, len(waiting)),
            "score": np.tile(popular[codes], len(waiting)), "method": "first_orders", "anchor": -1,
        }
    )  # fmt: skip


def _table(parts: "list[pd.DataFrame]", goods: "pd.DataFrame") -> "pd.DataFrame":
    """The declared columns, with names and reasons instead of codes."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    if not sum(map(len, parts)):
        return pa.schema(list(_columns().items())).empty_table().to_pandas()
    frame = pd.concat([part for part in parts if len(part)], ignore_index=True)
    number, name = goods["product_no"].to_numpy(object), goods["product_name"].to_numpy(object)
    product = frame["product"].to_numpy(int)
    reasons = {
        key: _reason(key[0], str(name[key[1]]) if key[1] >= 0 else "")
        for key in frame[["method", "anchor"]].drop_duplicates().itertuples(index=False, name=None)
    }
    frame["reason"] = [reasons[key] for key in zip(frame["method"], frame["anchor"], strict=True)]
    frame["score"] = np.clip(frame["score"].astype(float), 0, 1).round(6)
    frame["product_no"], frame["product_name"] = number[product], name[product]
    frame = frame.sort_values(["member_key", "rank"], kind="stable")
    return frame[list(_columns())].reset_index(drop=True)


def _reason(method: str, anchor: str) -> str:
    text = _REASONS[method]
    if "{anchor}" not in text:
        return text
    return filled(text, anchor=anchor) if anchor else _UNANCHORED


def _chart(trial: "Trial") -> str:
    """nDCG of every method on the test window, best first."""
    from cafe24_pipelines.crm.charts import bars

    order = sorted(trial.figures, key=lambda name: -trial.figures[name]["ndcg"].value)
    figures = [trial.figures[name]["ndcg"] for name in order]
    return bars(
        [METHODS_KO[name] for name in order], [one.value for one in figures],
        low=[one.low for one in figures], high=[one.high for one in figures],
        title="추천 방법 비교(시험 기간)", x="nDCG@10(95 % 구간)",
    )  # fmt: skip
