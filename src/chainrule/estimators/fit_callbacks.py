"""`sklearn.callback` on our estimators: progress bars, scoring monitors and the like.

scikit-learn has it from version 1.9 on; before, estimators simply lack `set_callbacks`.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn before 1.9
    Method = TypeVar("Method", bound=Callable[..., Any])

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """An estimator that knows nothing of callbacks."""

    def with_callbacks(method: Method) -> Method:
        """The method as it is."""
        return method


__all__ = ["CallbackSupportMixin", "FitTask", "with_callbacks"]


class FitTask:
    """A call of `fit` as the callbacks of its estimator see it: a task with a subtask per epoch."""

    def __init__(
        self, estimator: Any, X: Any, y: Any, metadata: Mapping[str, Any], epochs: int
    ) -> None:
        """Begin the task, and that of the first epoch."""
        self._context: Any = None
        self._epoch: Any = None
        if not hasattr(estimator, "_init_callback_context"):
            return
        self._estimator = estimator
        self._of_task: dict[str, Any] = {"X": X, "y": y, "metadata": dict(metadata)}
        # one more than there are epochs: the last one to begin never runs
        self._context = estimator._init_callback_context(max_subtasks=epochs + 1)
        self._context.call_on_fit_task_begin(estimator=estimator, **self._of_task)
        if getattr(estimator, "_skl_callbacks", None):
            self._begin_epoch()

    def epoch_ended(self, fitted: Callable[[], dict[str, Any]]) -> bool:
        """Report an epoch; whether a callback asks to stop.

        `fitted` gives the attributes that an estimator would predict with after that epoch.
        """
        if self._epoch is None:
            return False
        stop = self._epoch.call_on_fit_task_end(
            estimator=self._estimator, reconstruction_attributes=fitted, **self._of_task
        )
        self._begin_epoch()
        return bool(stop)

    def end(self) -> None:
        """End the task, of a fit that came to its end."""
        if self._epoch is not None:
            self._epoch.call_on_fit_task_end(estimator=self._estimator)
        if self._context is not None:
            self._context.call_on_fit_task_end(
                estimator=self._estimator, reconstruction_attributes={}, **self._of_task
            )

    def _begin_epoch(self) -> None:
        self._epoch = self._context.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(estimator=self._estimator, **self._of_task)
