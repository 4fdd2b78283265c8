"""Reviews: what each product is rated, how much of it is negative, what complaints are about, and whether it changed.

Stars say whether a review is negative (1 or 2); text says so only for reviews without stars, and only if the model or
the word list beats the majority guess on the shop's own rated reviews. No text leaves this room: it may hold personal
data or sentences that try to give orders, so it is matched against fixed patterns and counted. Does not belong here:
the patterns and the model (`sentiment.py`).
"""

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cafe24_pipelines.cafe24.malls import Mall
from cafe24_pipelines.crm.analysis import Lacking, Outcome, analysis
from cafe24_pipelines.crm.sentiment import ASPECTS, NEGATED, NEGATIVE, POSITIVE, TRAINED, Classify
from cafe24_pipelines.discovery.statistics import wilson_columns

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pandas as pd
    import pyarrow as pa
    from duckdb import DuckDBPyConnection
    from numpy.typing import NDArray

    from cafe24_pipelines.crm.shop import Shop

MINIMUM_JUDGED: Final = 5
"""Reviews of a product (in each period, for a change) that a comparison takes."""
RECENT_DAYS: Final = 90
COMPLAINTS: Final = 2
"""Negative reviews of a product that must name a topic for it to be its top complaint."""
_Q: Final = 0.05
_UNRATED: Final = 50_000
_ASKED: Final = 500  # texts that a given classifier is asked about, and as many to measure it
WORSE, BETTER, SAME, UNKNOWN = "나빠짐", "좋아짐", "변화 없음", "판단할 수 없음"

_WORDS_SQL: Final = """
    CREATE OR REPLACE TEMP TABLE worded AS
    SELECT review_no, product_no, rating, created_at, coalesce(trim(content), '') AS body,
           len(regexp_extract_all(body, $positive)) - len(regexp_extract_all(body, $negative))
           - 2 * len(regexp_extract_all(body, $negated)) AS score, {aspects}
    FROM reviews"""

_SAMPLE_SQL: Final = """
    SELECT body, rating <= 2 AS negative, score FROM (
        SELECT * FROM worded WHERE body <> '' AND rating <> 3 ORDER BY md5(review_no), review_no LIMIT $cap
    ) ORDER BY review_no"""

_UNRATED_SQL: Final = """
    SELECT review_no, body, score FROM worded WHERE rating IS NULL AND body <> ''
    ORDER BY md5(review_no), review_no LIMIT $cap"""

_PRODUCTS_SQL: Final = """
    WITH last AS (SELECT max(created_at) AS at FROM worded), judged AS (
        SELECT w.*, CASE WHEN w.rating IS NOT NULL THEN w.rating <= 2 ELSE g.negative END AS negative,
               w.created_at > last.at - to_days({recent}) AS recent
        FROM worded w LEFT JOIN guessed g USING (review_no), last
    )
    SELECT j.product_no, coalesce(nullif(any_value(k.product_name), ''), j.product_no) AS product_name,
           count(*) AS reviews, count(rating) AS rated, avg(rating)::DOUBLE AS mean_rating,
           coalesce(var_samp(rating), 0)::DOUBLE AS variance, count(negative) AS judged,
           count(*) FILTER (negative) AS low, count(negative) FILTER (recent) AS new_judged,
           count(*) FILTER (negative AND recent) AS new_low, {aspects}
    FROM judged j LEFT JOIN known_products k USING (product_no) GROUP BY j.product_no ORDER BY j.product_no"""


class _Sample(NamedTuple):
    """Rated reviews with text: the text, whether the rating is low, and the word list's score."""

    texts: list[str]
    negative: "NDArray[np.bool_]"
    score: "NDArray[np.float64]"


def _columns() -> "Mapping[str, pa.DataType]":
    import pyarrow as pa

    from cafe24_pipelines.stores.schemas import INT, TEXT

    real = pa.float64()
    return {
        "product_no": TEXT, "product_name": TEXT, "reviews": INT, "rated": INT, "mean_rating": real,
        "mean_low": real, "mean_high": real, "negative_share": real, "negative_low": real, "negative_high": real,
        "below_others_q": real, "top_complaint": TEXT, "top_complaint_reviews": INT, "change": TEXT, "change_q": real,
    }  # fmt: skip


def review_outcome(shop: "Shop", mall: Mall, classify: Classify | None = None) -> Outcome:
    """The analysis `review_sentiment`, with a classifier of texts if one is given (a language model, say).

    Args:
        classify: answers "부정", "중립" or "긍정" for each text; anything else is dropped. It is asked about reviews
            without stars only, and measured on rated ones.
    """
    with shop.duckdb(zone=mall.time_zone) as db:
        _read(db)
        total, rated = db.sql("SELECT count(*), count(rating) FROM worded").fetchall()[0]
        if not total:
            return Outcome(_empty(), {}, lacking=(Lacking("상품 리뷰", 0, 1),))
        sample = _sample(db)
        told, guesses = _judged_words(db, sample, classify)
        db.register("guessed", guesses)
        listed = ", ".join(f"count(*) FILTER (negative AND a{k}) AS a{k}" for k in range(len(ASPECTS)))
        products = db.sql(_PRODUCTS_SQL.format(recent=RECENT_DAYS, aspects=listed)).df()
        topics = _topics(db)
    table = _table(products)
    lacking = () if topics else (Lacking("별점 1~2점과 4~5점의 글 있는 리뷰", len(sample.texts), 2 * MINIMUM_JUDGED),)
    summary = {
        "reviews": int(total), "rated": int(rated), "products": len(table),
        "mean_rating": float((products["mean_rating"] * products["rated"]).sum() / rated) if rated else None,
        "negative_share": int(products["low"].sum()) / judged if (judged := int(products["judged"].sum())) else None,
        "sentiment": told, "topics": topics, "topics_tested": len(topics), **_found(table),
    }  # fmt: skip
    return Outcome(table, summary, {"topics": _chart(topics)} if topics else {}, lacking)


@analysis(
    name="review_sentiment",
    title_ko="리뷰 분석",
    title_en="Reviews",
    needs=("reviews", "products", "order_items", "orders"),
    columns=_columns,
)
def review_sentiment(shop: "Shop", mall: Mall) -> Outcome:
    """What reviews say of each product: rating, negative share, the topic of complaints, and changes.

    One row a product with a review, ordered by `product_no`.

    Columns: product_no, product_name, reviews, rated, mean_rating with its 95 % interval (variance drawn towards the
    shop's as by five more reviews), negative_share (1 or 2 stars; without stars as the text is judged) with Wilson's
    interval, below_others_q (negative more often than the other products: Benjamini–Hochberg over products with at
    least five judged reviews; null when it isn't more often), top_complaint (a topic of a fixed list, by negative
    reviews that name it) with its count, change (last 90 days against before) and its q. The summary holds each
    topic's share among low against high ratings, and how well text tells the rating on this shop's own reviews.
    """
    return review_outcome(shop, mall)


# -- reading -------------------------------------------------------------------------------------------------


def _empty() -> "pd.DataFrame":
    import pyarrow as pa

    return pa.schema(list(_columns().items())).empty_table().to_pandas()


def _read(db: "DuckDBPyConnection") -> None:
    aspects = ", ".join(f"regexp_matches(body, $a{k}) AS a{k}" for k in range(len(ASPECTS)))
    patterns = {f"a{k}": pattern for k, pattern in enumerate(ASPECTS.values())}
    words = {"positive": POSITIVE, "negative": NEGATIVE, "negated": NEGATED}
    db.execute(_WORDS_SQL.format(aspects=aspects), words | patterns)


def _sample(db: "DuckDBPyConnection") -> _Sample:
    import numpy as np

    rows = db.execute(_SAMPLE_SQL, {"cap": TRAINED}).fetchall()
    texts, negative, score = ([row[k] for row in rows] for k in range(3))
    return _Sample(texts, np.array(negative, bool), np.array(score, float))


# -- judging text --------------------------------------------------------------------------------------------


def _judged_words(
    db: "DuckDBPyConnection", sample: _Sample, classify: Classify | None
) -> "tuple[dict[str, Any], pd.DataFrame]":
    """(how well text tells the rating, by each way; what reviews without stars are judged to be)."""
    import pandas as pd

    from cafe24_pipelines.crm import sentiment

    rows = db.execute(_UNRATED_SQL, {"cap": _UNRATED}).fetchall()
    number, texts, score = ([row[k] for row in rows] for k in range(3))
    told, method = _measured(sample)
    guess: list[bool | None] = [None] * len(rows)
    if method == "model":
        guess = [bool(p > 0.5) for p in sentiment.predicted(sample.texts, sample.negative, texts)]
    elif method == "lexicon":
        guess = [None if one == 0 else one < 0 for one in score]
    if classify:
        told["classifier"] = _measured_classifier(sample, classify)
        for k, answer in enumerate(sentiment.answers(classify, texts[:_ASKED])):
            guess[k] = guess[k] if answer != answer else bool(answer)  # noqa: PLR0124 (NaN: no usable answer)
    told |= {"unrated": len(rows), "unrated_judged": sum(one is not None for one in guess)}
    frame = pd.DataFrame({"review_no": pd.Series(number, dtype="str"), "negative": pd.Series(guess, dtype="boolean")})
    return told, frame


def _measured(sample: _Sample) -> tuple[dict[str, Any], str]:
    """The model, the word list and the majority guess on the shop's own rated reviews; and which one is in use."""
    import numpy as np

    from cafe24_pipelines.crm import sentiment

    negative, n = sample.negative, len(sample.texts)
    told: dict[str, Any] = {"rated_texts": n, "negative": int(negative.sum()), "in_use": "none"}
    if n < 2 * MINIMUM_JUDGED or negative.all() or not negative.any():
        return told, "none"
    most = bool(negative.mean() > 0.5)
    majority = np.full(n, most)
    text = sentiment.text_codes(sample.texts)
    by_words = np.where(sample.score == 0, most, sample.score < 0)
    told["majority"] = sentiment.quality(negative, majority, text).to_json()
    told["lexicon"] = sentiment.quality(
        negative, by_words, text, scores=-sample.score, decided=float((sample.score != 0).mean())
    ).to_json()
    ways = {"lexicon": by_words}
    if not sentiment.too_few(negative):
        p = sentiment.cross_validated(sample.texts, negative)
        if np.isfinite(p).all():
            ways["model"] = p > 0.5
            told["model"] = sentiment.quality(negative, p > 0.5, text, scores=p).to_json()
            difference = sentiment.beats(negative, ways["model"], by_words, text)
            told["model_over_lexicon_f1"] = difference._asdict()
    best = max(ways, key=lambda way: float(told[way]["macro_f1"]["value"]))
    gain = sentiment.beats(negative, ways[best], majority, text)
    told["gain_over_majority_f1"] = gain._asdict()
    told["in_use"] = best if gain.low > 0 else "none"
    return told, str(told["in_use"])


def _measured_classifier(sample: _Sample, classify: Classify) -> dict[str, Any]:
    """A given classifier on rated reviews: how many answers were usable, and how good those are."""
    import numpy as np

    from cafe24_pipelines.crm import sentiment

    given = sentiment.answers(classify, sample.texts[:_ASKED])
    usable = np.isfinite(given)
    told: dict[str, Any] = {"asked": len(given), "usable": int(usable.sum())}
    negative = sample.negative[:_ASKED][usable]
    if negative.any() and not negative.all():
        text = sentiment.text_codes([one for one, ok in zip(sample.texts[:_ASKED], usable, strict=True) if ok])
        told |= sentiment.quality(negative, given[usable] == 1, text, decided=float(usable.mean())).to_json()
    return told


# -- products and topics -------------------------------------------------------------------------------------


def _table(products: "pd.DataFrame") -> "pd.DataFrame":
    """The declared columns of every product."""
    import numpy as np
    import pandas as pd
    from scipy.stats import t

    frame = products[["product_no", "product_name", "reviews", "rated", "mean_rating"]].copy()
    n, mean = products["rated"].to_numpy(float), products["mean_rating"].to_numpy(float)
    shop = float((products["variance"] * np.maximum(n - 1, 0)).sum() / max((n - 1).clip(0).sum(), 1)) or 0.5
    variance = (products["variance"] * np.maximum(n - 1, 0) + 5 * shop) / (np.maximum(n - 1, 0) + 5)
    half = t.ppf(0.975, np.maximum(n - 1, 0) + 5) * np.sqrt(variance / np.maximum(n, 1))
    frame["mean_low"], frame["mean_high"] = np.clip(mean - half, 1, 5), np.clip(mean + half, 1, 5)
    judged, low = products["judged"].to_numpy(float), products["low"].to_numpy(float)
    share, below, above = wilson_columns(low, judged)
    frame["negative_share"], frame["negative_low"], frame["negative_high"] = share, below, above
    frame["below_others_q"] = _below_others(products)
    named = products[[f"a{k}" for k in range(len(ASPECTS))]].to_numpy(int)
    top, count = named.argmax(axis=1), named.max(axis=1)
    names = np.array(list(ASPECTS), object)[top]
    frame["top_complaint"] = [
        name if k >= COMPLAINTS else None for name, k in zip(names.tolist(), count.tolist(), strict=True)
    ]
    frame["top_complaint_reviews"] = pd.array(np.where(count >= COMPLAINTS, count, 0), dtype="int64")
    frame["change"], frame["change_q"] = _change(products)
    return frame[list(_columns())].reset_index(drop=True)


def _below_others(products: "pd.DataFrame") -> "NDArray[np.float64]":
    """q that a product's reviews are negative more often than those of all others; NaN where not more often."""
    import numpy as np

    from cafe24_pipelines.discovery.statistics import benjamini_hochberg, two_proportions

    judged, low = products["judged"].to_numpy(int), products["low"].to_numpy(int)
    rest, rest_low = judged.sum() - judged, low.sum() - low
    tested = np.flatnonzero((judged >= MINIMUM_JUDGED) & (rest >= MINIMUM_JUDGED))
    p = [
        two_proportions(int(low[k]), int(judged[k]), int(rest_low[k]), int(rest[k]))
        if 0 < low.sum() < judged.sum() else 1.0
        for k in tested
    ]  # fmt: skip
    q = np.full(len(products), np.nan)
    q[tested] = benjamini_hochberg(p)
    worse = low * rest > rest_low * judged
    return np.where(worse, q, np.nan)


def _change(products: "pd.DataFrame") -> "tuple[list[str], NDArray[np.float64]]":
    """(what became of each product's negative share in the last days, q); can't tell where reviews are too few."""
    import numpy as np

    from cafe24_pipelines.discovery.statistics import benjamini_hochberg, two_proportions

    n1, k1 = products["new_judged"].to_numpy(int), products["new_low"].to_numpy(int)
    n0, k0 = products["judged"].to_numpy(int) - n1, products["low"].to_numpy(int) - k1
    tested = np.flatnonzero((n1 >= MINIMUM_JUDGED) & (n0 >= MINIMUM_JUDGED))
    p = [
        two_proportions(int(k1[i]), int(n1[i]), int(k0[i]), int(n0[i])) if 0 < k0[i] + k1[i] < n0[i] + n1[i] else 1.0
        for i in tested
    ]
    q = np.full(len(products), np.nan)
    q[tested] = benjamini_hochberg(p)
    words = [
        UNKNOWN if not known else SAME if value >= _Q else WORSE if up else BETTER
        for known, value, up in zip(np.isfinite(q), q, k1 * n0 > k0 * n1, strict=True)
    ]
    return words, q


def _topics(db: "DuckDBPyConnection") -> list[dict[str, Any]]:
    """Each topic's share among low (1, 2) against high (4, 5) ratings, in reviews with text; [] when too few."""
    from cafe24_pipelines.discovery.statistics import benjamini_hochberg, newcombe, two_proportions

    counts = ", ".join(f"count(*) FILTER (a{k}) AS a{k}" for k in range(len(ASPECTS)))
    sql = f"SELECT rating <= 2 AS low, count(*), {counts} FROM worded WHERE rating <> 3 AND body <> '' GROUP BY 1"
    rows = {row[0]: row[1:] for row in db.sql(sql).fetchall() if row[0] is not None}
    (n1, *low), (n2, *high) = rows.get(True, (0,)), rows.get(False, (0,))
    if min(n1, n2) < MINIMUM_JUDGED:
        return []
    p = [
        two_proportions(a, n1, b, n2) if 0 < a + b < n1 + n2 else 1.0 for a, b in zip(low, high, strict=True)
    ]  # fmt: skip
    found = []
    for topic, a, b, one, q in zip(ASPECTS, low, high, p, benjamini_hochberg(p), strict=True):
        difference = newcombe(a, n1, b, n2)
        found.append({"topic": topic, "low_ratings": n1, "low_mentions": a, "high_ratings": n2, "high_mentions": b,
                      "difference": difference._asdict(), "p": one, "q": q,
                      "verdict": "불만에 더 많음" if q < _Q and difference.value > 0
                      else "칭찬에 더 많음" if q < _Q else UNKNOWN})  # fmt: skip
    return found


def _found(table: "pd.DataFrame") -> dict[str, Any]:
    """Products that stand out: negative more often than others, and changed."""
    worst = table[table["below_others_q"] < _Q].sort_values(["below_others_q", "product_no"])
    changed = table[table["change"].isin([WORSE, BETTER])].sort_values(["change_q", "product_no"])
    columns = ["product_name", "reviews", "mean_rating", "negative_share", "negative_low", "negative_high",
               "below_others_q", "top_complaint"]  # fmt: skip
    told = worst[columns].astype(object)
    return {
        "products_compared": int((table["reviews"] >= MINIMUM_JUDGED).sum()),
        "below_others": told.where(told.notna(), None).head(10).to_dict("records"),
        "changed": changed[["product_name", "change", "change_q"]].head(10).to_dict("records"),
    }


def _chart(topics: list[dict[str, Any]]) -> str:
    """How much more often low ratings name each topic than high ones."""
    from cafe24_pipelines.crm.charts import bars

    order = sorted(topics, key=lambda one: -one["difference"]["value"])
    return bars(
        [one["topic"] for one in order], [one["difference"]["value"] for one in order],
        low=[one["difference"]["low"] for one in order], high=[one["difference"]["high"] for one in order],
        title="불만 리뷰가 더 자주 말하는 주제", x="낮은 별점의 언급 비율 - 높은 별점의 언급 비율(95 % 구간)",
    )  # fmt: skip
