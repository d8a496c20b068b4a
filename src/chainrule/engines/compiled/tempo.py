"""Whether all threads or one are faster just now, learnt from the pace of the work itself.

Threads that wait for one another are the slower way where other processes hold the cores: each
meeting, and the end, then waits until the system has run everybody. One thread waits for nobody.
"""

from collections import deque
from statistics import median

GAIN = 0.95
"""All threads are taken where a step then takes less than this share of what one thread takes."""

RETRY, LONGEST = 5, 40
"""After how many slices alone the threads are tried together again: at first, and at most after one
try in vain upon another, each of which doubles it."""

MEMORY = 5
"""How many slices of either way are remembered; their median counts, as one is easily disturbed."""


class Tempo:
    """What steps took of late, with all threads and with one."""

    def __init__(self) -> None:
        self._together: deque[float] = deque(maxlen=MEMORY)
        self._alone: deque[float] = deque(maxlen=MEMORY)
        self._slices_alone, self._patience = 0, RETRY
        self._disturbed = False

    def threads(self, most: int) -> int:
        """How many threads to take for the next slice, at most so many."""
        if most == 1:
            return 1
        if not self._together:
            return most
        if not self._alone or self._disturbed:
            return 1
        if median(self._together) < GAIN * median(self._alone):
            return most
        self._slices_alone = (self._slices_alone + 1) % self._patience
        return 1 if self._slices_alone else most

    @property
    def known(self) -> bool:
        """Whether both ways have been tried."""
        return bool(self._together) and bool(self._alone)

    def note(self, threads: int, seconds: float) -> None:
        """Remember what a step took with so many threads.

        Threads that were slower together than one is alone were disturbed, or one alone is faster
        by now than it was: so that is tried next.
        """
        if threads == 1:
            self._alone.append(seconds)
            self._disturbed = False
        else:
            self._together.append(seconds)
            self._disturbed = self.known and seconds > median(self._alone)
            self._patience = min(2 * self._patience, LONGEST) if self._disturbed else RETRY
