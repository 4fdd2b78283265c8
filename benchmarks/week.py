"""A simulated week of all schedules and sensors, the daemon for a while, and many malls.

    python -m benchmarks.week [--days 1|2|7] [--members 600] [--out DIR]
    python -m benchmarks.week daemon [--minutes 5] [--members 60]
    python -m benchmarks.week malls [--malls 200] [--home DIR]

Everything is real but the time of the first: the sandbox mall behind its server, Dagster's public tick calls on an
embedded home, runs in this process. Ends with 1 if anything is not as it should be. Does not belong here: the parts
(`week_*.py`).
"""

import argparse
import logging
import sys
import tempfile
import warnings
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Do what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.week")
    parser.add_argument("what", nargs="?", default="week", choices=["week", "daemon", "malls"])
    parser.add_argument("--days", type=int, default=7, choices=[1, 2, 7])
    parser.add_argument("--members", type=int, help="of the mall; 600, for the daemon 60")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--malls", type=int, default=200)
    parser.add_argument("--home", type=Path, help="malls: a home with a built sandbox mall, which is copied")
    parser.add_argument("--out", type=Path, help="where timeline and picture go")
    given = parser.parse_args(arguments)
    warnings.filterwarnings("ignore")
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="week-") as folder:
        return {"week": _week, "daemon": _daemon, "malls": _malls}[given.what](given, Path(folder))


def _week(given: argparse.Namespace, folder: Path) -> int:
    from benchmarks.week_drawing import costs, svg, table, timeline
    from benchmarks.week_judge import judged
    from benchmarks.week_walk import SENSOR_MINUTES, walk

    members = given.members or 600
    found = walk(folder, given.days, members, _say)
    answers = judged(found)
    text = "\n\n".join([
        f"{given.days} days from {found.begin:%Y-%m-%d %H:%M}, {members} members; sensors every "
        f"{SENSOR_MINUTES} minutes; {len(found.ticks)} ticks, {len(found.runs)} runs, {found.webhooks} webhooks, "
        f"{len(found.events)} events; {found.seconds:.0f} s, {found.cpu:.0f} s CPU; "
        f"at most {found.latest:.0f} s late",
        timeline(found), table(found), costs(found),
        "\n".join(_answer(question, wrong) for question, wrong in answers.items()),
    ])  # fmt: skip
    print(text)
    if given.out:
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / "week.txt").write_text(text + "\n", encoding="utf-8")
        (given.out / "week.svg").write_text(svg(found), encoding="utf-8")
    return 1 if any(answers.values()) else 0


def _daemon(given: argparse.Namespace, folder: Path) -> int:
    from benchmarks.week_daemon import stretch

    found = stretch(folder, given.minutes, given.members or 60, _say)
    for name, ticks in sorted(found.ticks.items()):
        print(f"{name:<24} {dict(sorted(ticks.items()))}")
    for (job, status), count in sorted(found.runs.items()):
        print(f"{job:<24} {status:<10} {count}")
    print(_answer(f"{found.seconds:.0f} s of the daemon, {found.stopped}", found.wrong))
    return 1 if found.wrong else 0


def _malls(given: argparse.Namespace, folder: Path) -> int:
    from benchmarks.week_malls import SIZES, batch, measure, verdicts

    sizes = sorted({size for size in SIZES if size < given.malls} | {given.malls})
    wrong = verdicts(measure(folder, sizes, _say, given.home))
    print(_answer("every sensor and schedule is flat, and within its time", wrong))
    took = batch(folder, min(given.malls, 50), _say, given.home)
    wrong += [f"{what} failed" for what, seconds in took.items() if seconds == float("inf")]
    return 1 if wrong else 0


def _answer(question: str, wrong: list[str]) -> str:
    return "\n".join([f"{'NO ' if wrong else 'yes'}  {question}", *(f"       {line}" for line in wrong)])


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
