"""Partial pooling: what shops are like before a shop has shown it, as priors of the models' parameters.

The priors come from two public shops, fitted in days and in units of a shop's mean value of a repeat purchase:

- CDNOW: the sample of Fader, Hardie and Lee (2005), 2,357 customers, 39 weeks; Gamma-Gamma on the 946 of them that
  bought again, with the values published by Fader and Hardie (2013);
- UCI Online Retail (Chen 2015, doi 10.24432/C5BW33): 4,339 customers, 374 days.

A centre is the mean of the logarithms, each weighted by how sure it is: Online Retail hardly tells how customers
leave, and counts for little there. Two shops can't tell how much shops differ; `BETWEEN` is chosen and not estimated:
a standard deviation of 1 in the logarithm, so that a parameter may well be 7 times the centre or a seventh of it.
What the centre itself is unsure of is added. Does not belong here: when a shop is pooled (see `gate.py`).
"""

from typing import Final

from cafe24_pipelines.crm.lifetime.estimate import Prior

BETWEEN: Final = 1.0
"""Standard deviation of a log-parameter between shops."""

SHOPS: Final[dict[str, dict[str, tuple[tuple[float, float], ...]]]] = {
    "BG/NBD": {
        "CDNOW": ((0.2426, 0.052), (30.895, 0.086), (0.7929, 0.234), (2.4258, 0.291)),
        "Online Retail": ((0.8264, 0.032), (68.891, 0.038), (0.00344, 2.38), (6.749, 2.55)),
    },
    "MBG/NBD": {
        "CDNOW": ((0.5248, 0.159), (43.281, 0.113), (0.8914, 0.174), (1.6140, 0.333)),
        "Online Retail": ((0.8273, 0.032), (69.021, 0.038), (0.00186, 3.00), (11.894, 3.00)),
    },
    "Gamma-Gamma": {
        "CDNOW": ((6.2488, 0.190), (2.7446, 0.106), (0.4392, 0.269)),
        "Online Retail": ((2.0013, 0.053), (2.6042, 0.058), (1.3202, 0.089)),
    },
}
"""Of each model and shop: estimate and standard error of its logarithm. In order r, alpha (days), a, b; and p, q - 1,
gamma (units of the mean value)."""


def prior(model: str) -> Prior:
    """The prior of a model's log-parameters for a shop that is none of these: random effects with `BETWEEN` given."""
    from math import log, sqrt

    centre, spread = [], []
    for estimates in zip(*SHOPS[model].values(), strict=True):
        weights = [1 / (BETWEEN**2 + error**2) for _, error in estimates]
        pairs = zip(weights, estimates, strict=True)
        centre.append(sum(weight * log(value) for weight, (value, _) in pairs) / sum(weights))
        spread.append(sqrt(BETWEEN**2 + 1 / sum(weights)))
    return Prior(tuple(centre), tuple(spread))
