"""How many CPUs there are for this process."""

import os


def cores() -> int:
    """CPUs that this process may run on, or as few of them as OMP_NUM_THREADS says.

    joblib says so to its worker processes, among which it has divided the CPUs: if each of them
    took all, they would keep one another from running.
    """
    count = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    wanted = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return max(1, min(count, int(wanted))) if wanted.isdecimal() else count
