"""Whether all threads or one are faster just now, learnt from the pace of the work itself.

Threads that meet after every half of a step are the slower way where other processes hold the
cores: each meeting then waits until the system has run everybody. One thread waits for nobody.
"""

from collections import deque

GAIN = 0.95
"""All threads are taken where a step then takes less than this share of what one thread takes."""

RETRY = 5
"""After how many slices alone the threads are tried together again."""


class Tempo:
    """What steps took of late, with all threads and with one."""

    def __init__(self) -> None:
        self._together: deque[float] = deque(maxlen=2)
        self._alone: float | None = None
        self._slices_alone = 0

    def threads(self, most: int) -> int:
        """How many threads to take for the next slice, at most so many."""
        if most == 1:
            return 1
        if not self._together:
            return most
        if self._alone is None:
            return 1
        # the better of two: one slice is easily disturbed
        if min(self._together) < GAIN * self._alone:
            return most
        self._slices_alone = (self._slices_alone + 1) % RETRY
        return 1 if self._slices_alone else most

    @property
    def known(self) -> bool:
        """Whether both ways have been tried."""
        return bool(self._together) and self._alone is not None

    def note(self, threads: int, seconds: float) -> None:
        """Remember what a step took with so many threads."""
        if threads == 1:
            self._alone = seconds
        else:
            self._together.append(seconds)
