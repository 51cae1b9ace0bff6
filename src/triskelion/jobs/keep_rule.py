"""How people say which particles to keep by a statistic: ``best 80%``, ``highest 5000``, ``lowest 10%``, ``0.7..1.3``, ``..4``."""

import math
import re
from dataclasses import dataclass

from triskelion.errors import InputError

BEST_HIGHEST = ("contrast", "log_posterior", "rlnMaxValueProbDistribution", "rlnLogLikeliContribution")
BEST_LOWEST = ("rotation_sd_deg", "position_sd_A", "rotation_change_deg", "shift_change_A")
_EXTREME = re.compile(r"(best|highest|lowest)\s+([\d.]+)\s*(%?)")
WANTED = "wanted: best 80%, highest 5000, lowest 10%, 0.7..1.3, 0.7.. or ..4"


@dataclass(frozen=True)
class KeepRule:
    """Which particles stay: a share or a number of them from one end, or all between two values.

    Attributes
    ----------
    highest : bool or None
        The end, None where a range was given.
    share, number : float or int, or None
        How many from that end; one of the two.
    between : tuple of float
        The range.
    """

    highest: bool | None
    share: float | None = None
    number: int | None = None
    between: tuple[float, float] = (-math.inf, math.inf)

    def count(self, n: int) -> int:
        """Return how many of ``n`` particles stay, where an end was given."""
        return round(n * self.share) if self.share is not None else int(self.number or 0)


def parse_keep(text: str, statistic: str) -> KeepRule:
    """Read what is to be kept by ``statistic``.

    Raises
    ------
    InputError
        It is written otherwise, the range is empty, or nobody knows which end of this statistic is best.
    """
    body = text.strip().lower()
    match = _EXTREME.fullmatch(body)
    if match is None:
        return KeepRule(None, between=_parse_range(body, text))
    end, amount, percent = match.groups()
    try:
        number = float(amount)
    except ValueError:
        raise InputError(f"keep is {text!r}; {WANTED}") from None
    highest = _is_best_highest(statistic) if end == "best" else end == "highest"
    if percent:
        if not 0 < number <= 100:
            raise InputError(f"keep is {text!r}: give a share above 0 % and up to 100 %")
        return KeepRule(highest, share=number / 100)
    if number != int(number) or number < 1:
        raise InputError(f"keep is {text!r}: give a whole number of particles, or a share as 80%")
    return KeepRule(highest, number=int(number))


def _parse_range(body: str, text: str) -> tuple[float, float]:
    first, dots, last = body.partition("..")
    try:
        between = (float(first) if first.strip() else -math.inf, float(last) if last.strip() else math.inf)
    except ValueError:
        raise InputError(f"keep is {text!r}; {WANTED}") from None
    if not dots or (not first.strip() and not last.strip()):
        raise InputError(f"keep is {text!r}; {WANTED}")
    if not between[0] <= between[1]:
        raise InputError(f"keep is {text!r}: nothing lies between {first.strip()} and {last.strip()}; the lower end stands first")
    return between


def _is_best_highest(statistic: str) -> bool:
    if statistic in BEST_HIGHEST or statistic in BEST_LOWEST:
        return statistic in BEST_HIGHEST
    raise InputError(f"nobody knows which end of {statistic} is best: say 'highest' or 'lowest' instead of 'best'")
