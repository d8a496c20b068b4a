"""The networks of an ensemble, and what each of them answers for one row."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.arrays import Floats
from chainrule.cli.screen import amount
from chainrule.errors import InputError
from chainrule.losses import central_output
from chainrule.model import Model, class_probabilities
from chainrule.table import frame_of
from chainrule.trace.layout import inset, paragraph
from chainrule.trace.written import cut, decimals_of, visible, written

_MOST_CLASSES = 6


def check_member(model: Model, number: int) -> None:
    """Refuse a network that the model does not have.

    Raises:
        InputError: says how many there are.
    """
    if not 1 <= number <= len(model.members):
        raise InputError(
            f"there is no network {number}: this model has {amount(len(model.members), 'network')}"
            ", counted from 1."
        )


@dataclass(frozen=True)
class Together:
    """What the networks of an ensemble answer for one row.

    Attributes:
        names: of what is answered: the classes, or the target.
        answers: probabilities, or numbers in the target's unit; shape (networks, names).
    """

    names: tuple[str, ...]
    answers: Floats

    @classmethod
    def of(cls, model: Model, frame: Any, row: int) -> "Together | None":
        """The answers for that row (from 0); None if there is only one network."""
        if len(model.members) == 1:
            return None
        exact = model.in_float64()
        X = model.encoder.encode(frame_of(frame), np.array([row]))
        predictions = [model.network.loss.link(scores)[0] for scores in exact.scores(X)]
        if model.task == "classification":
            answers = class_probabilities(np.stack(predictions))
            return cls(tuple(str(label) for label in model.target.classes), answers)
        numbers = model.target.decode(np.stack(predictions))
        return cls((model.target.name,), numbers[:, [central_output(model.network.loss)]])

    def lines(self) -> list[str]:
        """The answers below one another, and their mean."""
        mean = self.answers.mean(axis=0)
        shown = np.argsort(-mean, kind="stable")[:_MOST_CLASSES]
        classes = len(self.names) > 1
        names = [cut(visible(self.names[j]), 12) for j in shown]
        decimals = 6 if classes else max(decimals_of(float(x)) for x in self.answers[:, 0])
        texts = [[written(float(one[j]), decimals) for j in shown] for one in (*self.answers, mean)]
        width = max(len(text) for text in (*names, *(t for line in texts for t in line)))
        labels = [*(f"network {k + 1}" for k in range(len(self.answers))), "mean"]
        left = max(map(len, labels))
        head = " " * left + "".join(f"  {name:>{width}}" for name in names)
        rows = [
            f"{label:<{left}}" + "".join(f"  {text:>{width}}" for text in line)
            for label, line in zip(labels, texts, strict=True)
        ]
        more = len(self.names) - len(shown)
        what = "probabilities" if classes else "answers"
        said = f"The model answers with the mean of the {what} of its {len(self.answers)} networks"
        said += f"; {more:,} more classes are less probable." if more else "."
        return ["The other networks", *paragraph(said), *inset([head, *rows])]

    def to_dict(self) -> dict[str, Any]:
        """The answers as plain data."""
        return {
            "names": list(self.names),
            "answers": self.answers.tolist(),
            "mean": self.answers.mean(axis=0).tolist(),
        }
