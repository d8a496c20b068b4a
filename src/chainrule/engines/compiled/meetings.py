"""Where threads wait for one another: twice a step, for a fraction of a microsecond.

A thread that waits looks again and again, since a sleep and an awakening take longer than a step of
a small network; after some microseconds it gives way to the rest of the machine.
"""

from chainrule.engines.compiled.job import GIVE_WAY, SYNC
from chainrule.engines.compiled.kernels import inner
from chainrule.engines.compiled.machine import atomic_add, atomic_load, call, peek

MET, PARTY = 0, 64
"""Bytes from `sync`: how often a thread has come to a meeting, and how many threads there are."""

PATIENCE = 4000
"""How often a thread looks whether the others have come, before it lets other processes run."""


@inner
def join(job: int, me: int, helpers: int) -> int:
    """Wait until thread 0 has begun; the number of threads, or -1 if it never will."""
    party = peek(job, SYNC) + PARTY
    if me == 0:
        atomic_add(party, helpers + 1)
        return helpers + 1
    waited = 0
    while atomic_load(party) == 0:
        waited += 1
        if waited > PATIENCE:
            call(peek(job, GIVE_WAY), (0,))
    return atomic_load(party)


@inner
def meet(job: int, party: int, meetings: int) -> int:
    """Wait until every thread has come here; the number of meetings so far."""
    if party > 1:
        met, waited = peek(job, SYNC) + MET, 0
        atomic_add(met, 1)
        while atomic_load(met) < party * (meetings + 1):
            waited += 1
            if waited > PATIENCE:
                call(peek(job, GIVE_WAY), (0,))
    return meetings + 1
