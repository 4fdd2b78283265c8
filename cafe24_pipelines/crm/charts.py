"""Charts of analyses as SVG: heat maps, distributions, curves with their bands, calibration.

Text stays text (drawn by the reader's fonts, so Korean needs none here), and equal data give equal bytes. Does not
belong here: what is drawn (each analysis says that), or pages that hold charts.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

_SETTINGS: Final = {
    "svg.fonttype": "none", "svg.hashsalt": "cafe24", "font.size": 10, "axes.spines.top": False,
    "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.25, "axes.axisbelow": True,
    "axes.unicode_minus": False,
}  # fmt: skip
_FONTS: Final = "'Apple SD Gothic Neo','Malgun Gothic','Noto Sans KR','Noto Sans CJK KR',sans-serif"
_INK, _ACCENT, _SECOND = "#1d3557", "#1d6fb8", "#e07a1f"
COLOURS: Final = (_ACCENT, _SECOND, "#2a9d5c", "#9b5de5", "#c1121f", "#6c757d")


@dataclass(frozen=True)
class Line:
    """One curve: its points and, where they are known, the bounds around them."""

    name: str
    x: "ArrayLike"
    y: "ArrayLike"
    low: "ArrayLike | None" = None
    high: "ArrayLike | None" = None
    dashed: bool = False


def heat_map(
    values: "ArrayLike", rows: Sequence[str], columns: Sequence[str], *, title: str, x: str, y: str,
    form: str = "{:.0%}",
) -> str:  # fmt: skip
    """A grid of values with each written in its cell; NaN is left blank.

    Args:
        values: `(len(rows), len(columns))`.
        form: how a value is written.
    """
    import numpy as np

    grid = np.asarray(values, float)
    with _drawn((max(4.0, 1.6 + 0.52 * len(columns)), max(2.4, 1.2 + 0.34 * len(rows)))) as (figure, axes):
        axes.grid(False)
        known = grid[np.isfinite(grid)]
        top = float(known.max()) if known.size else 1.0
        axes.imshow(np.ma.masked_invalid(grid), cmap="Blues", aspect="auto", vmin=min(0.0, float(known.min())
                    if known.size else 0.0), vmax=top or 1.0)  # fmt: skip
        for (i, j), value in np.ndenumerate(grid):
            if np.isfinite(value):
                ink = "white" if value > 0.6 * top else _INK
                axes.text(
                    j, i, form.format(value), ha="center", va="center", color=ink, fontsize=8, in_layout=False
                )  # they lie within the grid: measuring each takes longest
        axes.set_xticks(range(len(columns)), columns, rotation=45 if len(columns) > 8 else 0)
        axes.set_yticks(range(len(rows)), rows)
        _named(axes, title, x, y)
        return _svg(figure)


def distribution(values: "ArrayLike", *, title: str, x: str, y: str = "고객 수", bins: int = 40) -> str:
    """A histogram, with the median and the 90th percentile marked; infinities and NaN are left out."""
    import numpy as np

    found = np.asarray(values, float)
    found = found[np.isfinite(found)]
    with _drawn((6.4, 3.4)) as (figure, axes):
        if found.size:
            axes.hist(found, bins=bins, color=_ACCENT)
            for share, style in ((0.5, "-"), (0.9, "--")):
                at = float(np.quantile(found, share))
                axes.axvline(at, color=_SECOND, linestyle=style, label=f"{share:.0%}: {at:,.4g}")
            axes.legend(frameon=False)
        _named(axes, title, x, y)
        return _svg(figure)


def curves(lines: Sequence[Line], *, title: str, x: str, y: str, marks: Sequence[float] = ()) -> str:
    """Curves in one picture, each with its band; `marks` are horizontal lines."""
    import numpy as np

    with _drawn((6.4, 3.6)) as (figure, axes):
        for line, colour in zip(lines, COLOURS * (1 + len(lines) // len(COLOURS)), strict=False):
            at = np.asarray(line.x)
            style, marker = "--" if line.dashed else "-", "o" if len(at) <= 24 else ""
            axes.plot(
                at, np.asarray(line.y, float), style, color=colour, label=line.name, marker=marker, markersize=3
            )
            if line.low is not None and line.high is not None:
                axes.fill_between(at, np.asarray(line.low, float), np.asarray(line.high, float),
                                  color=colour, alpha=0.18, linewidth=0)  # fmt: skip
        for mark in marks:
            axes.axhline(mark, color="#6c757d", linestyle=":", linewidth=1)
        if len(lines) > 1:
            axes.legend(frameon=False)
        _named(axes, title, x, y)
        return _svg(figure)


def calibration(predicted: "ArrayLike", observed: "ArrayLike", low: "ArrayLike", high: "ArrayLike",
                *, title: str, x: str = "예측 확률", y: str = "실제 비율") -> str:  # fmt: skip
    """Observed shares with their intervals over predicted ones, beside the diagonal; one point a bin."""
    import numpy as np

    p, o, below, above = (np.asarray(one, float) for one in (predicted, observed, low, high))
    with _drawn((4.4, 4.2)) as (figure, axes):
        axes.plot([0, 1], [0, 1], color="#6c757d", linestyle=":", linewidth=1)
        axes.errorbar(p, o, yerr=np.clip([o - below, above - o], 0, None), fmt="o", color=_ACCENT, capsize=3)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        _named(axes, title, x, y)
        return _svg(figure)


def bars(names: Sequence[str], values: "ArrayLike", *, title: str, x: str,
         low: "ArrayLike | None" = None, high: "ArrayLike | None" = None) -> str:  # fmt: skip
    """Horizontal bars, the first on top, each with its interval where one is given."""
    import numpy as np

    found = np.asarray(values, float)
    with _drawn((6.4, max(1.8, 0.9 + 0.32 * len(names)))) as (figure, axes):
        at = np.arange(len(names))[::-1]
        axes.barh(at, found, color=_ACCENT, height=0.62)
        if low is not None and high is not None:
            span = np.clip([found - np.asarray(low, float), np.asarray(high, float) - found], 0, None)
            axes.errorbar(found, at, xerr=span, fmt="none", color=_INK, capsize=3)
        axes.set_yticks(at, names)
        _named(axes, title, x, "")
        return _svg(figure)


# -- inside --------------------------------------------------------------------------------------------------


@contextmanager
def _drawn(size: tuple[float, float]) -> "Iterator[tuple[Figure, Axes]]":
    """A figure of its own, drawn by no window system and known to no global state (runs have threads)."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_SETTINGS):  # type: ignore[arg-type]
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasSVG(figure)
        yield figure, figure.add_subplot()


def _named(axes: "Axes", title: str, x: str, y: str) -> None:
    axes.set_title(title, loc="left", color=_INK, fontweight="bold")
    axes.set_xlabel(x)
    axes.set_ylabel(y)


def _svg(figure: "Figure") -> str:
    """The figure as SVG without a date; glyphs that the drawing font lacks are the reader's."""
    import logging
    import warnings

    out: Any = StringIO()
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(out, format="svg", metadata={"Date": None})
    return str(out.getvalue()).replace("'DejaVu Sans'", _FONTS)
