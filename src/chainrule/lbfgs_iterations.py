"""SciPy's L-BFGS-B, one iteration at a time.

SciPy calls back after each iteration, while training asks for one after the other: so it runs in a
thread of its own, which waits in the callback until the next iteration is wanted. An iteration that
nobody waits for any more, as after an interrupt, ends in the midst of its pass over the rows.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING

import numpy as np

from chainrule.arrays import Floats
from chainrule.engines import Tell
from chainrule.optimizers import LBFGS

if TYPE_CHECKING:
    from scipy.optimize import OptimizeResult

Objective = Callable[[Floats, Tell], tuple[float, Floats]]
"""theta -> J and its gradient, both float64; it tells of its progress, and lets what that raises
end it."""


@dataclass(frozen=True)
class Iteration:
    """Where an iteration ended.

    Attributes:
        J: the loss there.
        theta: the place, float64.
        evaluations: of J so far.
    """

    J: float
    theta: Floats
    evaluations: int


class _UnwantedError(Exception):
    """Nobody waits for this iteration any more."""


def lbfgs_iterations(
    objective: Objective, theta: Floats, optimizer: LBFGS, most: int, precision: float
) -> Generator[Iteration, None, None]:
    """At most `most` iterations from `theta`; what the objective raises comes out of here.

    Args:
        objective: what becomes small; it is called in another thread.
        theta: where to start.
        optimizer: when to stop.
        most: iterations.
        precision: of the objective, relative.
    """
    from scipy.optimize import minimize  # here: it takes long to import

    evaluations, is_wanted = 0, True
    reports: SimpleQueue[Iteration | BaseException | None] = SimpleQueue()
    go_on: SimpleQueue[bool] = SimpleQueue()

    def tell(share: float) -> None:
        if not is_wanted:
            raise _UnwantedError

    def counted(theta: Floats) -> tuple[float, Floats]:
        nonlocal evaluations
        evaluations += 1
        return objective(theta, tell)

    def after_iteration(intermediate_result: "OptimizeResult") -> None:
        J, theta = float(intermediate_result.fun), intermediate_result.x.copy()
        reports.put(Iteration(J, theta, evaluations))
        if not go_on.get():
            raise StopIteration  # SciPy's way of being asked to stop

    @np.errstate(over="ignore", invalid="ignore")
    def run() -> None:
        try:
            found = minimize(
                counted,
                theta.astype(np.float64),
                jac=True,
                method="L-BFGS-B",
                callback=after_iteration,
                options={
                    "maxiter": most,
                    "maxfun": optimizer.evaluations or 20 * most,
                    "maxcor": optimizer.memory,
                    "gtol": optimizer.tolerance,
                    "ftol": precision if optimizer.reduction is None else optimizer.reduction,
                },
            )
            if found.nit == 0:  # no step was possible: the start is all there is to report
                reports.put(Iteration(float(found.fun), found.x, evaluations))
            reports.put(None)
        except BaseException as error:
            reports.put(error)

    worker = Thread(target=run, name="chainrule-lbfgs", daemon=True)
    worker.start()
    try:
        while (report := reports.get()) is not None:
            if isinstance(report, BaseException):
                raise report
            yield report
            go_on.put(True)
    finally:
        is_wanted = False
        go_on.put(False)
        worker.join()
