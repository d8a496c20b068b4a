"""Finalists: the best points of a search as ensembles, the defaults among them.

One validation part says little about which of two good trials is better, and the best of many looks
better than it is. So the best few are trained again as the model would be, with the same seeds and
the same folds for all; the mean of the members' best validation losses decides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chainrule.calibration import answering
from chainrule.engines import Engine
from chainrule.ensemble import Ensemble
from chainrule.experiment import Experiment
from chainrule.model import Model
from chainrule.tuning.trials import Trial

CHALLENGERS = 2
"""Trials that are tried beside the defaults."""


@dataclass(frozen=True)
class Finalist:
    """A point of the space as the ensemble that it gives.

    Attributes:
        values: of the searched options.
        model: what was trained.
        loss: the mean of the members' best validation losses.
    """

    values: Mapping[str, Any]
    model: Model
    loss: float


def points(defaults: Mapping[str, Any], ranked: Sequence[Trial]) -> list[Mapping[str, Any]]:
    """The defaults, and the best trials that are not the defaults."""
    others = [trial.values for trial in ranked if dict(trial.values) != dict(defaults)]
    return [defaults, *others[:CHALLENGERS]]


def trained(
    values: Mapping[str, Any],
    experiment: Experiment,
    engine: Engine,
    *,
    at_once: int,
    until: float | None,
) -> Finalist:
    """The ensemble of an experiment, trained; until then at the latest, by `time.monotonic`.

    Raises:
        DivergedError: the loss of a member became NaN or infinite.
    """
    ensemble = Ensemble(experiment)
    for _ in ensemble.train(engine, at_once=at_once, until=until):
        pass
    losses = [last.best_loss for k in ensemble.finished if (last := ensemble.courses[k].last)]
    return Finalist(values, answering(ensemble), sum(losses) / len(losses))
