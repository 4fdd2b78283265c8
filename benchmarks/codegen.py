"""How often the templates answer a task with the right, checked, running code: `python -m benchmarks.codegen`.

`codegen_questions.csv` holds Korean tasks as developers and merchants put them, with the operations that may answer
each. The grounding was tuned on one half; the other was counted only. For each half and rate: k of n with the 95 %
Wilson interval. The rival is the retriever alone (its first endpoint). Does not belong here: the tests.
"""

import argparse
import csv
import json
import sys
from collections import Counter
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from cafe24_pipelines import parts
from cafe24_pipelines.answers.figures import wilson
from cafe24_pipelines.codegen.asked import read_question
from cafe24_pipelines.codegen.generate import by_template
from cafe24_pipelines.codegen.grounding import choose
from cafe24_pipelines.codegen.isolation import isolation_of
from cafe24_pipelines.codegen.lookup import served_by_sandbox
from cafe24_pipelines.codegen.plan import make_plan
from cafe24_pipelines.knowledge.documents import documents_table, load_documents
from cafe24_pipelines.knowledge.index import publish_documents
from cafe24_pipelines.names import API_DOCS, SANDBOX_MALL
from cafe24_pipelines.settings import Settings

QUESTIONS: Final = Path(__file__).with_name("codegen_questions.csv")
HALVES: Final = ("tuned", "held_out")
LAST_DAY: Final = date(2026, 10, 31)
"""The sandbox mall's last day: what "오늘" means."""


def questions() -> list[dict[str, str]]:
    """The tasks: half, question, operations (any of them will do, separated by |)."""
    with QUESTIONS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def measure(settings: Settings) -> list[dict[str, Any]]:
    """One row a task: whether the retriever alone and the grounding are right, the verdict, and its reason."""
    vectors, isolation = parts.vector_store(settings), isolation_of(settings)
    retriever = parts.retriever(settings, vectors, SANDBOX_MALL)
    found = []
    for task in questions():
        text, gold = task["question"], task["operations"].split("|")
        alone = retriever.search(text, collection=API_DOCS, limit=1, filters={"kind": "endpoint"})
        row: dict[str, Any] = {
            "half": task["half"],
            "question": text,
            "retriever": bool(alone) and alone[0].document_id in gold,
        }
        grounded = choose(text, retriever)
        row |= {"right": False, "checked": False, "status": "refused", "served": False, "reason": grounded.refusal}
        if grounded.operations:
            plan = make_plan(grounded.operations[0], read_question(text, LAST_DAY), SANDBOX_MALL)
            made = by_template(text, plan, isolation)
            row |= {
                "right": plan.operation.id in gold, "checked": made.verdict.status != "invalid",
                "status": made.verdict.status, "reason": made.verdict.reason, "operation": plan.operation.id,
                "dry": plan.operation.method != "GET", "served": all(served_by_sandbox(op) for op in plan.operations),
            }  # fmt: skip
        found.append(row)
    vectors.close()
    return found


def table(rows: list[dict[str, Any]]) -> Table:
    """Rates by half."""
    told = Table(title="code generation by templates (no model)")
    for name in ("", *HALVES, "all"):
        told.add_column(name, justify="left" if not name else "right")
    rates = {
        "operation, retriever alone": lambda r: r["retriever"],
        "operation right": lambda r: r["right"],
        "checks passed": lambda r: r["checked"],
        "operation right and executed OK": lambda r: r["right"] and r["status"] == "executed_ok",
        "executed OK, of all": lambda r: r["status"] == "executed_ok",
        "... of these, dry runs of writes": lambda r: r["status"] == "executed_ok" and r.get("dry"),
    }
    groups = [[r for r in rows if r["half"] == half] for half in HALVES] + [rows]
    for name, right in rates.items():
        told.add_row(name, *(_rate(sum(map(right, group)), len(group)) for group in groups))
    runnable = [[r for r in group if r["served"] or (r["status"] == "executed_ok")] for group in groups]
    counted = [(sum(r["status"] == "executed_ok" for r in group), len(group)) for group in runnable]
    told.add_row("executed OK, of those that the sandbox mall can run", *(_rate(k, n) for k, n in counted))
    return told


def _rate(k: int, n: int) -> str:
    low, high = wilson(k, n)
    return f"{k}/{n} = {100 * k / n:.0f} % [{low:.0f}, {high:.0f}]"


def prepared(folder: Path) -> Settings:
    """A home with the documentation published for the sandbox mall, and nothing else."""
    settings = Settings.from_env({}, home=folder)
    lake, vectors = parts.mall_lake(settings, SANDBOX_MALL), parts.vector_store(settings)
    lake.land("documents", documents_table(load_documents("")), snapshot=True)
    publish_documents(lake, vectors, parts.encoder_store(settings))
    vectors.close()
    return settings


def main() -> None:
    """Measure, print the table, and what went wrong in the tuned half."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, help="a home whose sandbox mall has published documents; default: made")
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    args = parser.parse_args()
    with TemporaryDirectory(prefix="codegen-bench-") as folder:
        settings = Settings.from_env({}, home=args.home) if args.home else prepared(Path(folder))
        rows = measure(settings)
        isolation_of(settings).close()
    if args.json:
        sys.stdout.write(json.dumps(rows, ensure_ascii=False, indent=1) + "\n")
        return
    console = Console(width=150)
    console.print(table(rows))
    console.print(dict(Counter(r["status"] for r in rows)))
    for row in rows:
        if row["half"] == "tuned" and not row["right"]:
            console.print(f"wrong: {row['question']} -> {row.get('operation', row['reason'])}")


if __name__ == "__main__":
    main()
