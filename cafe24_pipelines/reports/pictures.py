"""Charts of the page as inline SVG: positions are per cent of the width, so that text keeps its size on a phone.

Coloured by classes of the page's style sheet, and so fit for light, dark and paper. Does not belong here: what is
drawn, or the charts of analyses (`crm/charts.py`, for large screens).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10
from typing import Final

from cafe24_pipelines.reports.markup import Markup, tag

_TOP, _HEIGHT, _FOOT = 16.0, 168.0, 22.0
_ROW: Final = 30.0


@dataclass(frozen=True)
class Bar:
    """One bar: its label (drawn for some bars only), value, what it is compared with, and its full text."""

    label: str
    value: float
    before: float | None
    text: str
    faint: bool = False


def bars(found: Sequence[Bar], ticks: "Sequence[tuple[float, str]]", *, alt: str) -> Markup:
    """Upright bars from zero, a dash for what each is compared with; `ticks` are lines across, with text."""
    top = max([*(b.value for b in found), *(b.before or 0.0 for b in found), *(at for at, _ in ticks), 1e-9])
    foot, step = _TOP + _HEIGHT, 100 / max(1, len(found))

    def y(value: float) -> float:
        return round(foot - _HEIGHT * max(0.0, value) / top, 2)

    lines = [tag("line", x1="0", x2="100%", y1=y(at), y2=y(at), class_="grid") for at, _ in ticks]
    axis = [tag("text", text, x="100%", y=y(at) + 4, text_anchor="end", class_="tick") for at, text in ticks]
    drawn: list[str] = [*lines]
    every = max(1, -(-len(found) // 8))
    for place, bar in enumerate(found):
        x, shape = place * step, "bar faint" if bar.faint else "bar"
        height = max(0.5, round(foot - y(bar.value), 2)) if bar.value > 0 else 0
        drawn.append(
            tag(
                "g", tag("title", bar.text),
                tag("rect", x=_share(x + 0.14 * step), width=_share(0.72 * step), y=y(bar.value), height=height,
                    rx=2, class_=shape),
            )
        )  # fmt: skip
        if bar.before is not None:
            edge = {"x1": _share(x + 0.05 * step), "x2": _share(x + 0.95 * step)}
            drawn.append(tag("line", **edge, y1=y(bar.before), y2=y(bar.before), class_="before"))
        back = len(found) - 1 - place
        if back % every == 0:
            minor = " minor" if back % (2 * every) else ""
            end = {"text_anchor": "end", "x": "100%"} if back == 0 and step < 16 else {"text_anchor": "middle"}
            drawn.append(
                tag("text", bar.label, **{"x": _share(x + step / 2), **end}, y=foot + 16, class_=f"tick{minor}")
            )
    height = foot + _FOOT
    return tag(
        "div", tag("svg", *axis, aria_hidden="true", width="100%", height=height),
        tag("svg", *drawn, role="img", aria_label=alt, width="100%", height=height), class_="plot",
    )  # fmt: skip


def interval(value: float, low: float, high: float, neutral: float | None, *, alt: str) -> Markup:
    """One effect with its interval on a line; a mark stands where there would be no effect."""
    ends = [low, high, value, *([] if neutral is None else [neutral])]
    least, most = min(ends), max(ends)
    room = (most - least) or abs(most) or 1.0
    least, most = least - 0.08 * room, most + 0.08 * room

    def x(at: float) -> str:
        return _share(100 * (at - least) / (most - least))

    middle = _ROW / 2
    drawn = [tag("line", x1="0", x2="100%", y1=middle, y2=middle, class_="grid")]
    if neutral is not None:
        drawn.append(tag("line", x1=x(neutral), x2=x(neutral), y1=3, y2=_ROW - 3, class_="null"))
    drawn += [
        tag("line", x1=x(low), x2=x(high), y1=middle, y2=middle, class_="span"),
        tag("circle", cx=x(value), cy=middle, r=5.5, class_="dot"),
    ]
    return tag("svg", *drawn, role="img", aria_label=alt, class_="interval", width="100%", height=_ROW)


def share_bar(share: float, *, alt: str) -> Markup:
    """A share of a whole as a filled line."""
    filled = _share(100 * min(1.0, max(0.0, share)))
    return tag(
        "svg", tag("rect", x="0", y=2, width="100%", height=8, rx=4, class_="rest"),
        tag("rect", x="0", y=2, width=filled, height=8, rx=4, class_="bar"),
        role="img", aria_label=alt, class_="share", width="100%", height=12,
    )  # fmt: skip


def round_ticks(top: float) -> list[float]:
    """Two or three round values below the top of an axis."""
    if top <= 0:
        return []
    size = 10 ** floor(log10(top))
    step = next(s for s in (0.2 * size, 0.5 * size, size, 2 * size, 5 * size) if top / s < 4)
    return [round(step * k, 6) for k in range(1, int(top / step) + 1)]


def heat(value: float, top: float) -> str:
    """The class of a cell by its share of the largest value: h0 (nothing) to h9."""
    return f"h{min(9, max(0, round(9 * value / top))) if top > 0 else 0}"


def _share(value: float) -> str:
    return f"{value:.2f}%"
