"""How the multilayer perceptrons learn: `fit` and `partial_fit` as scikit-learn means them.

Names, defaults and meaning are scikit-learn's; `train` does the work, and is left where its rules
of stopping say so.
"""

import math
import warnings
from abc import abstractmethod
from functools import partial
from typing import Any, Self

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state

from chainrule.arrays import Floats, Targets
from chainrule.engines import Rows
from chainrule.errors import DivergedError, InputError
from chainrule.estimators.fit_callbacks import FitTask
from chainrule.estimators.mlp_course import NEGATIVE_SCORE, Course, Past, course_of
from chainrule.estimators.mlp_fitted import FittedPerceptron
from chainrule.estimators.mlp_missing import Filling
from chainrule.estimators.mlp_parameters import STOCHASTIC_SOLVERS, check_parameters, hidden_widths
from chainrule.estimators.mlp_start import initial_parameters, own_seed
from chainrule.estimators.plateau import DIVISOR, SMALLEST_RATE, Progress, RateByPlateaus
from chainrule.network import Network, Parameters
from chainrule.training import Checkpoint, Epoch


class MultilayerPerceptron(FittedPerceptron):
    """Base of `MLPClassifier` and `MLPRegressor`: it fits."""

    best_loss_: float | None
    loss_curve_: list[float]
    validation_loss_curve_: list[float] | None
    validation_scores_: list[float] | None
    best_validation_score_: float | None

    # What a classifier and a regressor do in ways of their own

    @abstractmethod
    def _learn_targets(self, y: Any, *, goes_on: bool, one_epoch: bool) -> None:
        """Take from y what must be known of all targets before any of them is encoded."""

    @abstractmethod
    def _judged(self, y: Targets, predictions: Floats, weight: Floats | None) -> float:
        """What `score` says of encoded targets and the network's predictions for them."""

    def _strata(self, y: Targets) -> Any:
        """The classes of which validation rows get their share; None draws them from all alike."""
        return None

    def _offset(self, rows: Rows) -> float:
        """The part of scikit-learn's loss that is left out of ours: a constant of the targets."""
        return 0.0

    # Fitting

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        validation_data: Any = None,
        *,
        one_epoch: bool = False,
    ) -> Self:
        parameters = self.get_params(deep=False)
        check_parameters(type(self).__name__, parameters)
        if one_epoch and self.early_stopping:
            raise InputError(
                "partial_fit does not support early_stopping=True: it takes one epoch, and there "
                "is nothing to stop. Set early_stopping=False, or use fit."
            )
        if one_epoch and self.averaging is not None:
            raise InputError(
                "partial_fit does not support averaging: it would go on from the average. Set "
                "averaging=None, or use fit with warm_start=True."
            )
        goes_on = hasattr(self, "coefs_") and (self.warm_start or one_epoch)
        checked_X, checked_y = self._checked(X, y, reset=not goes_on)
        self._learn_targets(checked_y, goes_on=goes_on, one_epoch=one_epoch)
        rows = self._rows(checked_X, checked_y, sample_weight)
        random = check_random_state(self.random_state)
        seed = own_seed(random)
        widths = hidden_widths(self.hidden_layer_sizes)
        network = self._network(rows.X.shape[1], widths, self.n_outputs_)
        start: Parameters | None = None
        if not goes_on and self.missing != "indicator":  # which may widen the network
            start = initial_parameters(network, random, seed)
        rows, validation = self._split(rows, validation_data, random)
        rows, validation = self._filled(rows, validation, goes_on=goes_on)
        if self.missing is not None:
            network = self._network(rows.X.shape[1], widths, self.n_outputs_)
        if goes_on:
            past = self._past(network, one_epoch=one_epoch)
        else:
            start = start or initial_parameters(network, random, seed)
            rate = float(self.learning_rate_init)
            past = Past(Checkpoint(0, 0, start, None), 0, Progress(), rate)
        course = course_of(
            parameters, network, rows, validation, past, random, seed=seed, one_epoch=one_epoch
        )
        self._begin(course, goes_on=goes_on)
        if one_epoch:
            self._run(course, None)
        else:
            metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
            task = FitTask(self, X, y, metadata, self.max_iter)
            self._run(course, task)
            task.end()
        return self

    def _split(self, rows: Rows, validation_data: Any, random: Any) -> tuple[Rows, Rows | None]:
        """The rows to learn from, and those to judge on if there are any."""
        if validation_data is not None:
            if not isinstance(validation_data, tuple | list) or len(validation_data) not in (2, 3):
                raise InputError("validation_data must be (X, y) or (X, y, sample_weight).")
            X, y = self._checked(*validation_data[:2], reset=False)
            weight = validation_data[2] if len(validation_data) == 3 else None
            return rows, self._rows(X, y, weight)
        if not self.early_stopping or self.solver == "lbfgs":
            return rows, None
        n = len(rows)
        held_out = max(2, math.ceil(self.validation_fraction * n))
        if n - held_out < 1:
            raise InputError(
                "The validation set is too small. Increase 'validation_fraction' or the size of "
                f"your dataset: with n_samples = {n}, {held_out} would be held out, and none left "
                "to learn from."
            )
        learnt, judged = train_test_split(
            np.arange(n),
            test_size=held_out,
            random_state=random,
            stratify=self._strata(rows.y),
        )
        return _taken(rows, learnt), _taken(rows, judged)

    def _filled(
        self, rows: Rows, validation: Rows | None, *, goes_on: bool
    ) -> tuple[Rows, Rows | None]:
        """The same rows without NaN; what fills it is learnt in the first call, of `rows` alone."""
        filling = self._filling()
        if not goes_on or filling is None:
            filling = None if self.missing is None else Filling.of(rows.X, self.missing)
            self.medians_ = None if filling is None else filling.medians
            self.flagged_ = None if filling is None else filling.flagged
        if filling is None:
            return rows, validation
        rows = Rows(filling.apply(rows.X), rows.y, rows.weight)
        if validation is not None:
            validation = Rows(filling.apply(validation.X), validation.y, validation.weight)
        return rows, validation

    def _past(self, network: Network, *, one_epoch: bool) -> Past:
        """What earlier calls left for this one."""
        rate = float(self.learning_rate_init)
        left: dict[str, Any] = getattr(self, "_left_behind", {})
        progress = Progress()
        if left and left["monitor"] == (self.monitor if self.early_stopping else None):
            progress = Progress(left["best"], self._no_improvement_count)
        parameters = self._parameters(network)
        if one_epoch and left.get("solver") == self.solver:  # fit takes a new optimizer
            checkpoint = Checkpoint(left["epochs"], left["steps"], parameters, left["state"])
            rate = left["rate"]
        else:
            checkpoint = Checkpoint(0, 0, parameters, None)
        return Past(checkpoint, getattr(self, "t_", 0), progress, rate)

    def _begin(self, course: Course, *, goes_on: bool) -> None:
        """Set the attributes that epochs add to; those of earlier calls stay if it goes on."""
        self.n_iter_ = 0
        self.n_layers_ = len(course.network.layers) + 1
        start: dict[str, Any] = {
            "t_": 0,
            "loss_curve_": [],
            "validation_loss_curve_": None,
            "validation_scores_": None,
            "best_validation_score_": None,
            "best_loss_": None,
            "_no_improvement_count": 0,
        }
        for name, value in start.items():
            if not goes_on or not hasattr(self, name):
                setattr(self, name, value)
        if course.validation is not None and self.validation_loss_curve_ is None:
            self.validation_loss_curve_ = []
        if course.monitor is None and self.best_loss_ is None:
            self.best_loss_ = math.inf
        if course.monitor is not None and self.validation_scores_ is None:
            self.validation_scores_, self.best_validation_score_ = [], -math.inf

    def _run(self, course: Course, task: FitTask | None) -> None:
        """Go through the epochs; a `partial_fit`, which is no task, through one of them."""
        adaptive = isinstance(course.settings.schedule, RateByPlateaus)
        rate, progress = course.settings.rate, course.past.progress
        last: Epoch | None = None
        try:
            for last in course.epochs(self._judged):
                self._note(last, course)
                progress = progress.after(course.monitored(last), self.tol)
                self._no_improvement_count = progress.waited
                if self.solver != "lbfgs" and progress.waited > self.n_iter_no_change:
                    watched = "Training loss" if course.monitor is None else "Validation score"
                    self._say(
                        f"{watched} did not improve more than tol={self.tol:f} for "
                        f"{self.n_iter_no_change} consecutive epochs."
                    )
                    if not adaptive or rate <= SMALLEST_RATE:
                        self._say("Stopping.")
                        break
                    rate, progress = rate / DIVISOR, Progress(progress.best)
                    self._no_improvement_count = 0
                    self._say(f"Setting learning rate to {rate:f}")
                if task is None or task.epoch_ended(partial(_fitted, last.parameters, course)):
                    break
            else:
                self._warn_if_unfinished(last)
        except DivergedError as error:
            self._on_divergence(error, course, last)
        except KeyboardInterrupt:
            if last is None:
                raise
            warnings.warn("Training interrupted by user.", stacklevel=5)
        assert last is not None
        self._take(course, last, progress, rate)

    def _note(self, epoch: Epoch, course: Course) -> None:
        """Add an epoch to the attributes that tell of them."""
        self.n_iter_ += 1
        self.loss_ = epoch.loss + self._offset(course.rows)
        self.loss_curve_.append(self.loss_)
        if self.solver != "lbfgs":
            self.t_ += len(course.rows)
        self._say(f"Iteration {self.n_iter_}, loss = {self.loss_:.8f}")
        if course.validation is not None and self.validation_loss_curve_ is not None:
            loss = course.validation_loss(epoch) + self._offset(course.validation)
            self.validation_loss_curve_.append(loss)
        if course.monitor is not None and self.validation_scores_ is not None:
            score = -epoch.metrics[NEGATIVE_SCORE]
            self.validation_scores_.append(score)
            self.best_validation_score_ = max(self.validation_scores_)
            self._say(f"Validation score: {score:f}")
        elif self.best_loss_ is not None:
            self.best_loss_ = min(self.best_loss_, self.loss_)

    def _say(self, line: str) -> None:
        if self.verbose:
            print(line)  # noqa: T201 - as `verbose` asks

    def _warn_if_unfinished(self, last: Epoch | None) -> None:
        """Warn where the epochs came to their end before the training came to its own."""
        if self.solver == "lbfgs":
            evaluations = last.state["evaluations"] if last else 0
            started_at_the_end = evaluations == 1  # it took no step, and yet one epoch is told of
            if started_at_the_end or (self.n_iter_ < self.max_iter and evaluations <= self.max_fun):
                return
            reached = f"{self.n_iter_} iteration(s) and {evaluations} evaluation(s) of the loss"
            advice = "Increase max_iter or max_fun, or scale the data to similar ranges."
            text = f"lbfgs failed to converge after {reached}. {advice}"
        else:
            text = (
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the "
                "optimization hasn't converged yet. Increase max_iter or learning_rate_init, or "
                "scale the data to similar ranges."
            )
        warnings.warn(text, ConvergenceWarning, stacklevel=6)

    def _on_divergence(self, error: DivergedError, course: Course, last: Epoch | None) -> None:
        """Keep the best epoch where there is one to keep.

        Raises:
            InputError: there is none.
        """
        if course.monitor is None or self.validation_scores_ is None or last is None:
            raise InputError(
                "Solver produced non-finite parameter weights. The input data may contain large "
                f"values and need to be preprocessed. In other words, {error}"
            ) from error
        self.validation_scores_.append(math.nan)
        warnings.warn(
            f"{error} The best parameters before that are kept.", ConvergenceWarning, stacklevel=6
        )

    def _take(self, course: Course, last: Epoch, progress: Progress, rate: float) -> None:
        """Keep what the last epoch left behind, or the best one where that is monitored."""
        self._left_behind = {
            "solver": self.solver,
            "state": dict(last.state),
            "epochs": last.number,
            "steps": last.steps,
            "rate": rate,
            "monitor": course.monitor,
            "best": progress.best,
        }
        if course.monitor is None:
            kept = last.parameters
        elif last.best_loss < course.past.progress.best or not hasattr(self, "coefs_"):
            kept = last.best
        else:
            return  # an earlier call came further
        for name, value in _fitted(kept, course).items():
            setattr(self, name, value)


def takes_steps(estimator: MultilayerPerceptron) -> bool:
    """Whether there is a `partial_fit`.

    Raises:
        AttributeError: there is none.
    """
    if estimator.solver not in STOCHASTIC_SOLVERS:
        raise AttributeError(
            "partial_fit is only available for stochastic optimizers. "
            f"{estimator.solver} is not stochastic."
        )
    return True


def _taken(rows: Rows, which: Any) -> Rows:
    weight = None if rows.weight is None else rows.weight[which]
    return Rows(rows.X[which], rows.y[which], weight)


def _fitted(parameters: Parameters, course: Course) -> dict[str, list[Floats]]:
    """The attributes that predict, in the dtype of the table that was fitted."""
    own = parameters.astype(course.dtype)
    return {"coefs_": list(own.W), "intercepts_": list(own.b)}
