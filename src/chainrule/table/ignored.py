"""A column that becomes no input, and why."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from chainrule.table.cells import Cells


@dataclass(frozen=True)
class IgnoredColumn:
    """A column that is left out; predicting does not need it."""

    kind: ClassVar[str] = "ignored"

    name: str
    reason: str
    note: str

    @property
    def inputs(self) -> tuple[str, ...]:
        """None."""
        return ()

    def encode(self, cells: Cells) -> NDArray[np.float32]:
        """(n, 0)."""
        return np.empty((len(cells), 0), dtype=np.float32)

    def describe(self) -> str:
        """One line for the screen: the reason."""
        return self.reason
