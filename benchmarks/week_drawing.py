"""The week as a table of text and as a picture: a row a workflow, a mark a run, by the mall's time.

Does not belong here: judging (`week_judge.py`).
"""

from collections import Counter
from datetime import datetime, timedelta
from html import escape
from typing import Final

from benchmarks.week_walk import Walk
from cafe24_pipelines.runbook import ORDER

_LEFT, _TOP, _ROW, _WIDTH, _RIGHT = 190, 46, 20, 1050, 24
_INK, _GOOD, _BAD, _SKIP, _LINE = "#1d3557", "#1d6fb8", "#c1121f", "#c9d3de", "#e3e8ee"
_FONTS: Final = "'Apple SD Gothic Neo','Malgun Gothic','Noto Sans KR','Noto Sans CJK KR',sans-serif"


def table(walk: Walk) -> str:
    """Each workflow with its ticks, runs, skips, seconds, and the reason of its last skip."""
    lines = [
        f"{'workflow':<24}{'kind':<10}{'ticks':>7}{'fired':>7}{'runs ok':>9}{'failed':>8}{'CPU s':>8}  last skip"
    ]
    runs = {r.run_id: r for r in walk.runs}
    for name in _names(walk):
        mine = [t for t in walk.ticks if t.name == name]
        started = [runs[i] for t in mine for i in t.runs]
        why = next((t.why for t in reversed(mine) if t.why), "")
        lines.append(
            f"{name:<24}{walk.kinds[name]:<10}{len(mine):>7}{sum(bool(t.runs) for t in mine):>7}"
            f"{sum(r.ok for r in started):>9}{sum(not r.ok for r in started):>8}"
            f"{sum(r.cpu for r in started):>8.1f}  {why[:90]}"
        )
    return "\n".join(lines)


def costs(walk: Walk) -> str:
    """Seconds of the processor by job, the dearest first."""
    spent: Counter[str] = Counter()
    times: Counter[str] = Counter()
    for run in walk.runs:
        spent[run.job] += run.cpu  # type: ignore[assignment]
        times[run.job] += 1
    return "\n".join(f"{job:<24}{times[job]:>5} runs {cpu:>8.1f} s CPU" for job, cpu in spent.most_common())


def timeline(walk: Walk) -> str:
    """What fired and what happened, a line each, in order of time; hourly upkeep is left out."""
    quiet = {"prototype_completion", "heartbeat_upkeep", "shop_sync"}
    failed = {r.run_id for r in walk.runs if not r.ok}
    found = [(h.at, f"* {h.what}") for h in walk.happened]
    for tick in walk.ticks:
        bad = [i for i in tick.runs if i in failed]
        if tick.runs and (tick.name not in quiet or bad):
            found.append((tick.at, f"{tick.name}: {len(tick.runs)} runs{', FAILED' if bad else ''}"))
    return "\n".join(f"{at:%a %m-%d %H:%M}  {what}" for at, what in sorted(found, key=lambda f: f[0]))


def svg(walk: Walk) -> str:
    """The picture."""
    names = _names(walk)
    days = (walk.end - walk.begin).days
    width, height = _LEFT + _WIDTH + _RIGHT, _TOP + _ROW * len(names) + 22 + 16 * len(walk.happened)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="{_FONTS}" font-size="11" fill="{_INK}" role="img" aria-label="a simulated week">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for day in range(days + 1):
        x = _LEFT + day * _WIDTH // days
        parts.append(f'<line x1="{x}" x2="{x}" y1="{_TOP - 12}" y2="{_TOP + _ROW * len(names)}" stroke="{_LINE}"/>')
        if day < days:
            parts.append(f'<text x="{x + 4}" y="{_TOP - 16}">{walk.begin + timedelta(days=day):%a %m-%d}</text>')
    failed = {r.run_id for r in walk.runs if not r.ok}
    for row, name in enumerate(names):
        y = _TOP + _ROW * row + _ROW // 2
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{escape(name)}</text>')
        parts.append(f'<line x1="{_LEFT}" x2="{_LEFT + _WIDTH}" y1="{y}" y2="{y}" stroke="{_LINE}"/>')
        for tick in (t for t in walk.ticks if t.name == name and (t.runs or walk.kinds[name] == "schedule")):
            colour = _SKIP if not tick.runs else _BAD if failed & set(tick.runs) else _GOOD
            parts.append(
                f'<circle cx="{_x(walk, tick.at):.1f}" cy="{y}" r="{3.2 if tick.runs else 1.6}" fill="{colour}">'
                f"<title>{escape(name)} {tick.at:%a %H:%M} {escape(tick.why)}</title></circle>"
            )
    parts += _happenings(walk, _TOP + _ROW * len(names))
    return "\n".join([*parts, "</svg>"])


def _happenings(walk: Walk, bottom: int) -> list[str]:
    found = []
    for number, happening in enumerate(walk.happened):
        x, y = _x(walk, happening.at), bottom + 20 + 16 * number
        found.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 8}" y2="{y - 4}" stroke="#e07a1f" '
                     'stroke-dasharray="2 3" opacity="0.7"/>')  # fmt: skip
        late = x > _LEFT + _WIDTH * 0.7
        found.append(f'<text x="{x + (-4 if late else 4):.1f}" y="{y}" fill="#a4540c" '
                     f'text-anchor="{"end" if late else "start"}">{escape(happening.what)}</text>')  # fmt: skip
    return found


def _x(walk: Walk, at: datetime) -> float:
    return _LEFT + (at - walk.begin) / (walk.end - walk.begin) * _WIDTH


def _names(walk: Walk) -> list[str]:
    """The 24 in the table's order, then upkeep."""
    place = {name: n for n, name in enumerate(ORDER)}
    return sorted(walk.kinds, key=lambda name: (place.get(name, len(place)), name))
