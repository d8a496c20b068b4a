"""The learning curves of a fitted estimator as a plot, in the manner of scikit-learn's displays."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.errors import InputError


class LossCurveDisplay:
    """The loss after each epoch, that of the validation rows or their score, and the best epoch.

    Use `from_estimator`. Plots need matplotlib: `pip install 'chainrule[plot]'`.

    Parameters
    ----------
    loss_curve : sequence of float
        The training loss after each epoch, with the penalty.
    validation_loss_curve : sequence of float, default=None
        The loss of the validation rows, without it; of the last epochs, if there are fewer.
    validation_scores : sequence of float, default=None
        Their score, likewise; it is drawn where there is no validation loss.
    best_epoch : int, default=None
        The epoch to mark, counted from 1.
    estimator_name : str, default=None
        The name that stands above.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes of the losses.
    figure_ : matplotlib Figure
        The figure that holds them.
    line_ : matplotlib Line2D
        The training loss.
    validation_line_ : matplotlib Line2D or None
        The validation loss, or the score.
    score_ax_ : matplotlib Axes or None
        The axes of the score, to the right.
    best_line_ : matplotlib Line2D or None
        The upright line at the best epoch.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from chainrule import LossCurveDisplay, MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = MLPClassifier(max_iter=40, tol=0.1, random_state=0)
    >>> classifier = classifier.fit(X[::2], y[::2], validation_data=(X[1::2], y[1::2]))
    >>> display = LossCurveDisplay.from_estimator(classifier)  # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        loss_curve: Sequence[float],
        validation_loss_curve: Sequence[float] | None = None,
        validation_scores: Sequence[float] | None = None,
        best_epoch: int | None = None,
        estimator_name: str | None = None,
    ) -> None:
        self.loss_curve = loss_curve
        self.validation_loss_curve = validation_loss_curve
        self.validation_scores = validation_scores
        self.best_epoch = best_epoch
        self.estimator_name = estimator_name

    @classmethod
    def of(cls, estimator: Any) -> "LossCurveDisplay":
        """The curves of a fitted estimator, not yet drawn.

        Parameters
        ----------
        estimator : fitted estimator
            One with a `loss_curve_`: `MLPClassifier`, `MLPRegressor`, and scikit-learn's own.

        Returns
        -------
        LossCurveDisplay
            With `best_epoch` by the validation score, or by the validation loss where that is what
            was watched or there is no score; None without validation rows.
        """
        curve = getattr(estimator, "loss_curve_", None)
        if not curve:
            raise InputError(
                f"{type(estimator).__name__} has no loss_curve_: fit it first, and choose a solver "
                "that keeps one."
            )
        losses = getattr(estimator, "validation_loss_curve_", None)
        scores = getattr(estimator, "validation_scores_", None)
        judged = np.asarray(losses or [])
        if scores and (not losses or estimator.monitor == "score"):
            judged = -np.asarray(scores)
        best_epoch = None
        if np.isfinite(judged).any():
            best_epoch = len(curve) - len(judged) + int(np.nanargmin(judged)) + 1
        return cls(
            loss_curve=curve,
            validation_loss_curve=losses,
            validation_scores=scores,
            best_epoch=best_epoch,
            estimator_name=type(estimator).__name__,
        )

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None, **kwargs: Any) -> "LossCurveDisplay":
        """Draw the curves of a fitted estimator.

        Parameters
        ----------
        estimator : fitted estimator
            One with a `loss_curve_`: `MLPClassifier`, `MLPRegressor`, and scikit-learn's own.
        ax : matplotlib Axes, default=None
            Where to draw; by default new axes are made.
        **kwargs : dict
            Handed to `ax.plot` of the training loss.

        Returns
        -------
        LossCurveDisplay
            With what was drawn.
        """
        return cls.of(estimator).plot(ax, **kwargs)

    def plot(self, ax: Any = None, **kwargs: Any) -> "LossCurveDisplay":
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; by default new axes are made.
        **kwargs : dict
            Handed to `ax.plot` of the training loss.

        Returns
        -------
        LossCurveDisplay
            Itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        try:
            from matplotlib import pyplot
        except ImportError as error:
            raise ImportError(
                "LossCurveDisplay draws with matplotlib, which is not installed; install it with: "
                "pip install 'chainrule[plot]'"
            ) from error
        if ax is None:
            _, ax = pyplot.subplots()
        self.ax_, self.figure_ = ax, ax.figure
        (self.line_,) = ax.plot(
            self._epochs(self.loss_curve), self.loss_curve, **{"label": "training loss", **kwargs}
        )
        self.validation_line_ = self.score_ax_ = self.best_line_ = None
        if self.validation_loss_curve:
            (self.validation_line_,) = ax.plot(
                self._epochs(self.validation_loss_curve),
                self.validation_loss_curve,
                label="validation loss",
            )
        elif self.validation_scores:
            self.score_ax_ = ax.twinx()
            self.score_ax_.set_ylabel("Validation score")
            (self.validation_line_,) = self.score_ax_.plot(
                self._epochs(self.validation_scores),
                self.validation_scores,
                color="C1",
                label="validation score",
            )
        if self.best_epoch is not None:
            self.best_line_ = ax.axvline(
                self.best_epoch, color="0.5", linestyle=":", label=f"best epoch: {self.best_epoch}"
            )
        drawn = [self.line_, self.validation_line_, self.best_line_]
        ax.legend(handles=[line for line in drawn if line is not None])
        ax.set(xlabel="Epoch", ylabel="Loss", title=self.estimator_name or "")
        return self

    def _epochs(self, curve: Sequence[float]) -> range:
        """The epochs of a curve, from 1; one that began later than the training ends with it."""
        n = len(self.loss_curve)
        return range(n - len(curve) + 1, n + 1)
