"""Retrieval of the packaged documents, ours against others: hit@k, MRR and nDCG over the Korean evaluation set.

`python -m benchmarks.retrieval` prints one Markdown table: each half of the questions and each kind in it, with 95 %
bootstrap intervals, and for whole halves the paired comparison with ours. `python -m benchmarks.retrieval speed`
measures queries at 1,000 and 100,000 chunks. Tuning looks at the tuned half only. Does not belong here: the
retrievers (see `retrieval_parts.py`), the speed (see `retrieval_speed.py`).
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from benchmarks import retrieval_parts as parts
from benchmarks.rival_embeddings import rival
from cafe24_pipelines.discovery.statistics import Estimate
from cafe24_pipelines.knowledge.evaluation import (
    HALVES,
    KINDS,
    METRICS,
    Question,
    Scored,
    Search,
    compare,
    evaluate,
    load_questions,
)

OURS: Final = "ours, hybrid"
HEAD: Final = (
    "half",
    "kind",
    "questions",
    "retriever",
    *METRICS,
    "ours minus it, nDCG@10",
    "first: ours / it only, p",
)


def run() -> list[dict[str, Any]]:
    """Rows of speed, for `python -m benchmarks`."""
    from benchmarks.retrieval_speed import measure

    return measure()


def score(questions: tuple[Question, ...]) -> tuple[dict[str, Scored], list[str]]:
    """What each retriever reached, by its name, and what was not run and why."""
    with tempfile.TemporaryDirectory(prefix="bench-retrieval-") as folder:
        home, given = parts.publish(Path(folder)), parts.corpus()
        from cafe24_pipelines.knowledge.tokens import tokenize

        made: dict[str, Callable[[], Search]] = {
            "BM25, whitespace": lambda: parts.bm25(given, parts.whitespace),
            "BM25, Kiwi": lambda: parts.bm25(given, tokenize),
            "BM25, Kiwi, with our sayings": lambda: parts.bm25(parts.corpus(sayings=True), tokenize),
            "character 2-4-grams": lambda: parts.ngrams(given),
            rival.version(): lambda: parts.minilm(given, [q.text for q in questions]),
            "ours, sparse alone": lambda: parts.sparse_alone(home),
            "ours, dense alone (LSA)": lambda: parts.dense_alone(home),
            OURS: lambda: parts.hybrid(home),
        }
        found, missing = {}, []
        for name, make in made.items():
            try:
                found[name] = evaluate(make(), questions)
            except rival.NotHere as e:
                missing.append(f"{name} was not run: {e}")
        return found, missing


def table(found: dict[str, Scored]) -> str:
    """Markdown: whole halves first, then kinds within them."""
    lines = [" | ".join(HEAD), " | ".join("---" for _ in HEAD)]
    for half in HALVES:
        for kind in ("all", *KINDS):

            def belongs(question: Question, half: str = half, kind: str = kind) -> bool:
                return question.half == half and kind in ("all", question.kind)

            some = {name: scored.where(belongs) for name, scored in found.items()}
            lines += [_line(half, kind, name, some) for name in some]
    return "\n".join(f"| {line} |" for line in lines)


def _line(half: str, kind: str, name: str, some: dict[str, Scored]) -> str:
    scored = some[name]
    cells = [half, kind, str(len(scored.questions)), name]
    cells += [_interval(estimate) for estimate in scored.estimates().values()]
    if name == OURS or kind != "all":
        return " | ".join([*cells, "", ""])
    against = compare(some[OURS], scored)
    pairs = f"{against.only_first} / {against.only_second}, p {against.p:.2g}"
    return " | ".join([*cells, _interval(against.ndcg, "+"), pairs])


def _interval(estimate: Estimate, sign: str = "") -> str:
    return f"{estimate.value:{sign}.3f} [{estimate.low:{sign}.3f}, {estimate.high:{sign}.3f}]"


def main(names: list[str]) -> None:
    """Print the table, or the speed."""
    if names == ["speed"]:
        for row in run():
            print(f"{row['name']}: {1000 * row['seconds']:,.2f} ms; {row['peer']}: {1000 * row['peer_seconds']:,.2f} "
                  f"ms; ratio {row['ratio']:.2f}; {row['note']}", flush=True)  # fmt: skip
        return
    if names:
        raise SystemExit("usage: python -m benchmarks.retrieval [speed]")
    found, missing = score(load_questions())
    print(table(found))
    for line in missing:
        print(f"\n{line}")


if __name__ == "__main__":
    main(sys.argv[1:])
