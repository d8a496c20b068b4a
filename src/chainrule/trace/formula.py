"""A formula with places for numbers, which can be computed and written down."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from chainrule.trace.written import bracketed, operand_decimals, written

Numbers = Mapping[str, float]
_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Formula:
    """A formula as text with named places, "1 - {a}²", and as a function of these numbers."""

    template: str
    function: Callable[[Numbers], float]

    def compute(self, numbers: Numbers) -> float:
        """What the formula comes to; infinite or NaN where a number is too large for it."""
        with np.errstate(all="ignore"):
            return float(self.function(numbers))

    def with_numbers(self, numbers: Numbers, decimals: Mapping[str, int]) -> str:
        """The text with numbers of so many decimals, negative ones in brackets where needed."""
        filled, end = "", 0
        for place in _PLACE.finditer(self.template):
            filled += self.template[end : place.start()]
            end = place.end()
            text = written(numbers[place[1]], decimals[place[1]])
            is_squared = self.template.startswith("²", end)
            is_bare = not is_squared and (not filled or filled[-1] in "(^|")
            filled += text if is_bare else bracketed(text)
        return filled + self.template[end:]

    def worked(self, numbers: Numbers, result: float, decimals: int) -> str:
        """The text with as many digits as it takes to get the last digit of the result.

        The result is written with `decimals`.
        """
        names = tuple(dict.fromkeys(_PLACE.findall(self.template)))
        needed = operand_decimals(
            lambda *values: self.compute(dict(zip(names, map(float, values), strict=True))),
            [numbers[name] for name in names],
            result,
            decimals,
        )
        return self.with_numbers(numbers, dict(zip(names, needed, strict=True)))
