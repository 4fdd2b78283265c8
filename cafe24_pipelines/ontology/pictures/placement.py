"""Where labels stand: each in a cell of its layer's grid, so that lines are short, cross little and hit no card.

Simulated annealing from fixed seeds: the same ontology gives the same map. Does not belong here: drawing.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Cell = tuple[int, int]

STARTS, STEPS = 4, 4_000
_CROSSING, _THROUGH, _LENGTH = 6.0, 14.0, 1.0
_CARD: Final = 0.42
"""A line that comes so close to the middle of a card (in cells) runs through it."""


def place(
    cells: Mapping[str, Sequence[Cell]], edges: Sequence[tuple[str, str]], *, steps: int = STEPS
) -> dict[str, Cell]:
    """A cell for every name: the best of a few starts.

    Args:
        cells: the cells (column, row) each name may take; names with the same cells share them.
        edges: pairs of names that a line joins.
        steps: attempts to improve, each start.

    Raises:
        ValueError: there are more names than cells.
    """
    import numpy as np

    names = sorted(cells)
    at = _first(cells, names)
    index = {name: i for i, name in enumerate(names)}
    ends = np.array([(index[a], index[b]) for a, b in edges if a != b], dtype=int).reshape(-1, 2)
    first = np.array([at[n] for n in names], dtype=float)
    found = [_anneal(first, ends, [cells[n] for n in names], steps, np.random.default_rng(s)) for s in range(STARTS)]
    points = min(found, key=lambda f: f[0])[1]
    return {name: (int(points[i, 0]), int(points[i, 1])) for i, name in enumerate(names)}


def hit(at: Mapping[str, Cell], edge: tuple[str, str]) -> bool:
    """Whether the straight line between two placed names runs through another one."""
    import numpy as np

    points = np.array([at[edge[0]], at[edge[1]], *(c for n, c in at.items() if n not in edge)], dtype=float)
    return _through(points, np.array([[0, 1]])) > 0


def _anneal(
    points: "NDArray[np.float64]",
    ends: "NDArray[np.int_]",
    choices: Sequence[Sequence[Cell]],
    steps: int,
    random: "np.random.Generator",
) -> "tuple[float, NDArray[np.float64]]":
    """The lowest cost that was met, and where everything stood."""
    import numpy as np

    cost = best_cost = _cost(points, ends)
    best = points
    for step in range(steps):
        moved = _move(points, choices, random)
        new = _cost(moved, ends)
        heat = 6.0 * (1 - step / steps) ** 2 + 1e-3
        if new <= cost or random.random() < np.exp((cost - new) / heat):
            points, cost = moved, new
            if cost < best_cost - 1e-9:
                best, best_cost = points, cost
    return best_cost, best


def _first(cells: Mapping[str, Sequence[Cell]], names: Sequence[str]) -> dict[str, Cell]:
    taken: set[Cell] = set()
    at: dict[str, Cell] = {}
    for name in names:
        free = next((c for c in cells[name] if c not in taken), None)
        if free is None:
            raise ValueError(f"no cell is left for {name}")
        taken.add(free)
        at[name] = free
    return at


def _move(
    points: "NDArray[np.float64]", choices: Sequence[Sequence[Cell]], random: "np.random.Generator"
) -> "NDArray[np.float64]":
    """One name goes to another of its cells; whoever stands there comes here in exchange."""
    i = int(random.integers(len(choices)))
    target = choices[i][int(random.integers(len(choices[i])))]
    moved = points.copy()
    there = (moved == target).all(axis=1).nonzero()[0]
    if len(there):
        moved[there[0]] = points[i]
    moved[i] = target
    return moved


def _cost(points: "NDArray[np.float64]", ends: "NDArray[np.int_]") -> float:
    import numpy as np

    a, b = points[ends[:, 0]], points[ends[:, 1]]
    length = float(np.hypot(*(b - a).T).sum())
    return _LENGTH * length + _CROSSING * _crossings(a, b, ends) + _THROUGH * _through(points, ends)


def _through(points: "NDArray[np.float64]", ends: "NDArray[np.int_]") -> float:
    """How often a line runs through a card that it doesn't end at."""
    import numpy as np

    a, b = points[ends[:, 0]], points[ends[:, 1]]
    along, reach = b - a, points[None, :, :] - a[:, None, :]
    share = np.clip((reach * along[:, None, :]).sum(axis=2) / (along**2).sum(axis=1)[:, None], 0, 1)
    away = np.hypot(*np.moveaxis(reach - share[:, :, None] * along[:, None, :], 2, 0))
    rows = np.arange(len(ends))
    away[rows, ends[:, 0]] = away[rows, ends[:, 1]] = np.inf
    return float((away < _CARD).sum())


def _crossings(a: "NDArray[np.float64]", b: "NDArray[np.float64]", ends: "NDArray[np.int_]") -> float:
    """How many pairs of lines cross (lines that share an end don't)."""
    import numpy as np

    def side(p: "NDArray[np.float64]", q: "NDArray[np.float64]", r: "NDArray[np.float64]") -> "NDArray[np.float64]":
        u, v = (q - p)[:, None, :], r[None, :, :] - p[:, None, :]
        return np.asarray(np.sign(u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]))

    ac, ad = side(a, b, a), side(a, b, b)
    crossing = (ac * ad < 0) & (ac * ad < 0).T
    shared = (ends[:, None, :, None] == ends[None, :, None, :]).any(axis=(2, 3))
    return float((crossing & ~shared).sum()) / 2
