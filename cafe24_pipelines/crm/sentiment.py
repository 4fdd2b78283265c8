"""Is a Korean review positive or negative, and what is it about: a word list, and a small model of the shop's own.

The word list (`ASPECTS`, `POSITIVE`, `NEGATIVE`) needs no data. The model is a logistic regression on hashed
character n-grams, trained on the shop's reviews with stars as labels and judged by cross-validation in which equal
texts share a fold, so that copied reviews don't judge themselves. Text is data: it is counted, never obeyed, and
nothing of it is kept. Does not belong here: products (see `review_sentiment.py`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cafe24_pipelines.discovery.statistics import Estimate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ASPECTS: Final = {
    "배송": "배송|택배|도착|늦게 와|늦게 왔|기다렸|지연",
    "포장·파손": "포장|파손|깨진|깨져|깨졌|깨지|완충재|뽁뽁이|찌그러|샜어|새어|상자|박스",
    "품질": "품질|마감|고장|튼튼|내구|불량|허접|재질|퀄리티",
    "사이즈": "사이즈|치수|발볼|길이|크기|작아서|커서",
    "가격": "가격|가성비|비싸|비싼|저렴|할인",
    "향": "(^|[^가-힣])향|향기|냄새",
    "색상": "색상|색이|색은|색깔|색감|발색|컬러",
    "사용감": "피부|자극|트러블|따갑|끈적|흡수|촉촉|보습|발림|착용감|사용감",
    "응대": "응대|상담|고객센터|답변|친절|불친절|안내",
}
"""The topics that a review may be about, and the pattern that finds each; only these names are ever shown."""
POSITIVE: Final = (
    "좋아|좋았|좋습|좋은|좋네|최고|만족|추천|강추|빠르|빨라|빨리|예뻐|예쁘|예쁜|튼튼|꼼꼼|촉촉|저렴|가성비|훌륭|"
    "기대 이상|마음에 들|맘에 들|편해|편하|고급|친절|딱 맞|잘 맞|은은|또 살|또 사|잘 쓸|감사|순해|부드러|완벽|든든"
)
NEGATIVE: Final = (
    "실망|별로|아쉽|아쉬|최악|불량|고장|깨져|깨진|깨졌|파손|늦어|늦게|늦을|지연|비싸|비싼|독해|냄새|따갑|붉어|끈적여|"
    "뒤집어|엉성|허술|허접|샜어|환불|반품|교환|달라요|다른 향|다르|작아서|좁아|불편|불친절|후회|속상|안 할|안 살|"
    "지워져|싸구려|너무 적|아파요|개선이 필요|이 품질은|화나|짜증|엉망"
)
NEGATED: Final = "안 좋|좋지 않|만족스럽지|추천하지 않|추천은 못"
"""Positive words turned round: counted twice against."""

LABELS: Final = ("부정", "중립", "긍정")
"""The answers that a classifier may give; any other is dropped."""
TRAINED: Final = 10_000
MINIMUM_RATED: Final = 100
MINIMUM_EACH: Final = 20
_FOLDS: Final = 5
_RESAMPLES: Final = 200
_SEED: Final = 13

Classify = Callable[[list[str]], list[str]]


@dataclass(frozen=True)
class Quality:
    """How well something tells low from high ratings, with 95 % intervals.

    `decided` is the share of reviews that it had an answer for; `auc` is None where there are answers but no scores.
    """

    accuracy: Estimate
    macro_f1: Estimate
    auc: Estimate | None
    decided: float

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "accuracy": self.accuracy._asdict(), "macro_f1": self.macro_f1._asdict(),
            "auc": self.auc._asdict() if self.auc else None, "decided": self.decided,
        }  # fmt: skip


def too_few(negative: "NDArray[np.bool_]") -> bool:
    """Whether so many low and high ratings can't train a model."""
    low = int(negative.sum())
    return len(negative) < MINIMUM_RATED or min(low, len(negative) - low) < MINIMUM_EACH


def cross_validated(texts: Sequence[str], negative: "NDArray[np.bool_]") -> "NDArray[np.float64]":
    """Probability of a low rating of each text, by a model that hasn't seen that text; NaN where there is none."""
    import numpy as np

    x, text = _vectors(texts), text_codes(texts)
    fold = np.random.default_rng(_SEED).permutation(int(text.max(initial=-1)) + 1)[text] % _FOLDS
    found = np.full(len(texts), np.nan)
    for k in range(_FOLDS):
        seen = fold != k
        if negative[seen].any() and not negative[seen].all() and not seen.all():
            found[~seen] = _fitted(x[seen], negative[seen]).predict_proba(x[~seen])[:, 1]
    return found


def predicted(texts: Sequence[str], negative: "NDArray[np.bool_]", new: Sequence[str]) -> "NDArray[np.float64]":
    """Probability of a low rating of each new text, by a model of all `texts`."""
    import numpy as np

    if not len(new):
        return np.zeros(0)
    return np.asarray(_fitted(_vectors(texts), negative).predict_proba(_vectors(new))[:, 1], float)


def answers(classify: Classify, texts: Sequence[str]) -> "NDArray[np.float64]":
    """A classifier's answers as 1 (negative), 0 (positive) and NaN: neutral, outside the fixed labels, or missing."""
    import numpy as np

    given = list(classify(list(texts)))
    if len(given) != len(texts):
        return np.full(len(texts), np.nan)
    known = {LABELS[0]: 1.0, LABELS[2]: 0.0}
    return np.array([known.get(one, np.nan) if isinstance(one, str) else np.nan for one in given], float)


def quality(
    negative: "NDArray[np.bool_]", judged: "NDArray[np.bool_]", text: "NDArray[np.int64]",
    *, scores: "NDArray[np.float64] | None" = None, decided: float = 1.0,
) -> Quality:  # fmt: skip
    """Accuracy, macro-F1 and AUC with bootstrap intervals over distinct texts (`text` codes them)."""
    import numpy as np
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(_SEED)
    count = int(text.max(initial=-1)) + 1
    weights = [np.ones(len(text))]
    weights += [rng.multinomial(count, np.full(count, 1 / count))[text].astype(float) for _ in range(_RESAMPLES)]
    kept = [w for w in weights if (w @ negative) > 0 and (w @ ~negative) > 0]
    table = [_figures(negative, judged, w) for w in kept]
    auc = None
    if scores is not None and len(kept) > 1:
        auc = _interval([float(roc_auc_score(negative, scores, sample_weight=w)) for w in kept])
    distinct = [len(np.unique(text[group])) for group in (negative, ~negative)]
    accuracy, f1 = (_widened(_interval([one[k] for one in table]), distinct) for k in range(2))
    return Quality(accuracy, f1, _widened(auc, distinct) if auc else None, decided)


def beats(
    negative: "NDArray[np.bool_]", judged: "NDArray[np.bool_]", other: "NDArray[np.bool_]", text: "NDArray[np.int64]"
) -> Estimate:
    """Macro-F1 of `judged` less that of `other`, with a paired bootstrap interval over distinct texts."""
    import numpy as np

    rng = np.random.default_rng(_SEED)
    count = int(text.max(initial=-1)) + 1
    weights = [np.ones(len(text))]
    weights += [rng.multinomial(count, np.full(count, 1 / count))[text].astype(float) for _ in range(_RESAMPLES)]
    return _interval([_figures(negative, judged, w)[1] - _figures(negative, other, w)[1] for w in weights])


def text_codes(texts: Sequence[str]) -> "NDArray[np.int64]":
    """Equal texts get equal codes, from 0."""
    import numpy as np

    if not len(texts):
        return np.zeros(0, int)
    return np.unique(np.array([" ".join(text.split()) for text in texts], object), return_inverse=True)[1]


# -- inside --------------------------------------------------------------------------------------------------


def _vectors(texts: Sequence[str]) -> Any:
    """Hashed character n-grams (2 to 4, within words) of each text."""
    from sklearn.feature_extraction.text import HashingVectorizer

    made = HashingVectorizer(
        analyzer="char_wb", ngram_range=(2, 4), n_features=2**16, alternate_sign=False, norm=None
    )  # plain counts: TF-IDF takes their logarithm
    return made.transform(list(texts))


def _fitted(x: Any, negative: "NDArray[np.bool_]") -> Any:
    """TF-IDF weights and a logistic regression that gives both classes equal weight."""
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from threadpoolctl import threadpool_limits

    model = LogisticRegression(C=4.0, class_weight="balanced", solver="liblinear", random_state=_SEED)
    with threadpool_limits(1):
        return make_pipeline(TfidfTransformer(sublinear_tf=True), model).fit(x, negative)


def _figures(
    negative: "NDArray[np.bool_]", judged: "NDArray[np.bool_]", w: "NDArray[np.float64]"
) -> tuple[float, float]:
    """(accuracy, macro-F1) with a weight a review."""
    both, none = float(w @ (negative & judged)), float(w @ (~negative & ~judged))
    miss, false = float(w @ (negative & ~judged)), float(w @ (~negative & judged))
    total = both + none + miss + false
    f1 = [2 * right / below if (below := 2 * right + miss + false) > 0 else 0.0 for right in (both, none)]
    return ((both + none) / total if total else 0.0), sum(f1) / 2


def _widened(found: Estimate, distinct: Sequence[int]) -> Estimate:
    """Where nothing went wrong no resample does either: the rule of three over the rarer class's distinct texts."""
    if found.value < 1 - 1e-12:
        return found
    return Estimate(1.0, min(found.low, max(0.0, 1 - 3 / max(1, min(distinct)))), 1.0)


def _interval(values: Sequence[float]) -> Estimate:
    """The first value with the 95 % interval of the others (its resamples)."""
    import numpy as np

    low, high = np.quantile(values[1:], [0.025, 0.975]) if len(values) > 1 else (values[0], values[0])
    return Estimate(values[0], float(low), float(high))
