"""The target column: classes or numbers to learn, scaled for training and given back in their own
units and types.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from chainrule.errors import TableError
from chainrule.plain import from_plain, to_plain
from chainrule.table.booleans import truth_of
from chainrule.table.cells import Cells, read_cells
from chainrule.table.kinds import nearly_numbers
from chainrule.table.numbers import numbers_of

Task = Literal["regression", "classification"]
Scaling = Literal["standard", "robust", "positive", "none"]
#: The type of the class labels: that of the column, or int or float for text that is numbers
#: throughout.
LabelType = Literal["text", "integer", "float", "boolean"]
Label = str | int | float | bool

#: Whole numbers with at most this many values, each in this many rows on average, are taken for
#: classes.
MOST_INTEGER_CLASSES = 10
ROWS_PER_INTEGER_CLASS = 10
MOST_CLASSES = 1000

#: Whole numbers that float64 holds exactly, without leading zeros.
_WHOLE = re.compile(r"[+-]?(0|[1-9][0-9]{0,14})")


@dataclass(frozen=True)
class TargetEncoder:
    """What was learnt of the target.

    `reason` says in one sentence why the task was chosen. Classification has `classes`, sorted, of
    type `label_type`; regression has y = (target - center) / scale, and the range `low .. high` of
    the training targets.
    """

    name: str
    task: Task
    reason: str
    classes: tuple[bool | int | float | str, ...]
    label_type: LabelType
    scaling: Scaling
    center: float
    scale: float
    low: float
    high: float
    missing: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.scale > 0:
            raise ValueError(f"the scale of a target must be positive, not {self.scale}")
        if (self.task == "classification") != (len(self.classes) >= 2):
            raise ValueError(f"{self.task} cannot have {len(self.classes)} classes")
        python = {"text": str, "integer": int, "float": float, "boolean": bool}[self.label_type]
        if any(type(label) is not python for label in self.classes):
            raise ValueError(f"the classes are not all of type {self.label_type}")
        if sorted(set(self.classes)) != list(self.classes):
            raise ValueError("the classes must be sorted and differ")

    @classmethod
    def fit(
        cls,
        series: Any,
        *,
        task: str | None = None,
        scaling: str = "standard",
        missing: Collection[str] = (),
        rows: NDArray[np.int64] | None = None,
        fewest_rows: int = 2,
    ) -> "TargetEncoder":
        """Learn the target of the training rows; `task` None infers it from the values.

        Raises TableError for missing values (`missing_rows` finds them), a constant target, a class
        with fewer than `fewest_rows` rows, more classes than can be learnt, infinities and
        magnitudes beyond 1e38, text where numbers are needed, and points in time, durations and
        times of day.
        """
        _check(task, (None, *get_args(Task)), "task")
        _check(scaling, get_args(Scaling), "scaling")
        cells = read_cells(series, missing=tuple(missing)).take(rows)
        _refuse_type(cells)
        _refuse_missing(cells)
        if not len(cells):
            raise TableError(f"the target {cells.name!r} has no rows")
        if cells.is_constant:
            raise _constant(cells)
        inferred, reason = infer_task(cells)
        if task is not None:
            reason = f"{task}, as asked for"
        if (task or inferred) == "regression":
            return cls._fit_regression(cells, reason, scaling)
        return cls._fit_classification(cells, reason, fewest_rows)

    @classmethod
    def _fit_regression(cls, cells: Cells, reason: str, scaling: str) -> "TargetEncoder":
        y = numbers_of(cells, "correct it, or train a classification (--task classification)")
        if y.min() == y.max():
            raise _constant(cells)
        center, scale = _center_and_scale(y, scaling, cells)
        return cls(
            name=cells.name,
            task="regression",
            reason=reason,
            classes=(),
            label_type="float",
            scaling=next(known for known in get_args(Scaling) if known == scaling),
            center=center,
            scale=scale,
            low=float(y.min()),
            high=float(y.max()),
            missing=cells.missing,
        )

    @classmethod
    def _fit_classification(cls, cells: Cells, reason: str, fewest_rows: int) -> "TargetEncoder":
        if cells.numbers.complete:
            numbers_of(cells, "correct it, or leave the row out")
        label_type = _label_type(cells)
        values = _labels(cells, label_type)
        counts = values.value_counts(name="count")
        counts.columns = ["label", "count"]
        counts = counts.sort("label")
        _refuse_classes(cells, counts, fewest_rows)
        return cls(
            name=cells.name,
            task="classification",
            reason=reason,
            classes=tuple(counts["label"]),
            label_type=label_type,
            scaling="none",
            center=0.0,
            scale=1.0,
            low=0.0,
            high=0.0,
            missing=cells.missing,
        )

    def encode(
        self, series: Any, rows: NDArray[np.int64] | None = None
    ) -> NDArray[np.float64] | NDArray[np.int64]:
        """y of these rows (None: all): (n, 1) float64, scaled; or (n,) int64, class indices.

        Raises TableError for a missing value, a class that was not there in training, or a value
        that is no number; durations and times of day are none.
        """
        cells = read_cells(series, self.name, self.missing).take(rows)
        if cells.form == "seconds":
            _refuse_type(cells)
        _refuse_missing(cells)
        advice = "correct it, or leave the row out"
        if self.task == "regression":
            y = (numbers_of(cells, advice) - self.center) / self.scale
            return y[:, None]
        values = _labels(cells, self.label_type)
        classes = pl.Series(self.classes, dtype=values.dtype)
        index = values.replace_strict(
            classes, pl.Series(range(len(classes)), dtype=pl.Int64), default=-1
        ).to_numpy()
        if (index < 0).any():
            known = ", ".join(repr(label) for label in self.classes[:10])
            more = ", ..." if len(self.classes) > 10 else ""
            row = int(np.argmax(index < 0))
            raise cells.refuse(row, f"is not one of the classes learnt ({known}{more})", advice)
        encoded: NDArray[np.int64] = index
        return encoded

    def decode(self, predictions: NDArray[Any]) -> NDArray[Any]:
        """Scaled predictions (n, q) in the target's units, same shape; or class indices (n,) as
        labels of their own type.
        """
        if self.task == "regression":
            return np.asarray(predictions, dtype=np.float64) * self.scale + self.center
        # Text as objects: fixed-width arrays cost four bytes a letter of the longest label in every
        # row.
        dtype = object if self.label_type == "text" else None
        return np.asarray(self.classes, dtype=dtype)[np.asarray(predictions)]

    def to_dict(self) -> dict[str, Any]:
        """The fitted state as plain JSON data."""
        data: dict[str, Any] = to_plain(self)
        return data

    @classmethod
    def from_dict(cls, data: Any) -> "TargetEncoder":
        """The encoder that `to_dict` described; raises ModelFileError for anything but such a
        description.
        """
        return from_plain(cls, data, "target encoding")


def missing_rows(series: Any, missing: Collection[str] = ()) -> NDArray[np.int64]:
    """The rows (from 0) whose target is missing; words such as NA count as missing where all others
    are numbers.
    """
    return np.flatnonzero(_missing(read_cells(series, missing=tuple(missing))))


def infer_task(cells: Cells) -> tuple[Task, str]:
    """The task that the values of a target suggest, and why, in a sentence that names the way to
    override it.
    """
    if cells.form == "boolean":
        return "classification", "classification, because its values are true and false"
    numbers = cells.numbers
    if cells.declared or numbers.padded or not numbers.complete:
        return "classification", "classification, because its values are texts"
    values = numbers.values[np.isfinite(numbers.values)]
    if (values % 1 != 0).any():
        return "regression", "regression, because its values are numbers with fractions"
    # Whole numbers beyond 2^53 may differ as integers and yet be one float64.
    n, k = len(values), len(cells.distinct if cells.form == "integer" else np.unique(values))
    if k == 2:
        return "classification", "classification, because it has two values"
    if k <= MOST_INTEGER_CLASSES and n >= k * ROWS_PER_INTEGER_CLASS:
        reason = f"classification, because it has only {k} different whole numbers"
        return "classification", f"{reason}; --task regression predicts them as amounts"
    reason = f"regression, because it has {k:,} different whole numbers"
    if k <= 100:
        reason += "; --task classification takes them for classes"
    return "regression", reason


def _center_and_scale(y: NDArray[np.float64], scaling: str, cells: Cells) -> tuple[float, float]:
    """Center and scale, the squares of the targets neither overflowing nor vanishing."""
    if scaling == "none":
        return 0.0, 1.0
    if scaling == "positive":
        if (y < 0).any():
            raise cells.refuse(
                int(np.argmax(y < 0)),
                "is negative, and this loss needs targets of 0 or more",
                "correct it, or choose another loss",
            )
        return 0.0, float(y.mean())
    if scaling == "robust":
        q25, median, q75 = (float(q) for q in np.quantile(y, (0.25, 0.5, 0.75)))
        # The quartiles of a normal distribution lie 1.349 standard deviations apart.
        return median, (q75 - q25) / 1.349 or _deviation(y, median)
    mean = float(y.mean())
    return mean, _deviation(y, mean)


def _deviation(y: NDArray[np.float64], center: float) -> float:
    """Root mean square of y - center, not 0 unless every y is `center`."""
    largest = float(np.abs(y - center).max())
    return largest * float(np.sqrt(np.mean(((y - center) / largest) ** 2)))


def _label_type(cells: Cells) -> LabelType:
    """The type of the column; int or float for text that is numbers throughout."""
    if cells.form == "text":
        numbers = cells.numbers
        exact = np.abs(numbers.values).max(initial=0) < 2.0**53 if numbers.complete else False
        if cells.declared or numbers.padded or not exact:
            return "text"
        whole = all(_WHOLE.fullmatch(text) for text in cells.distinct)
        return "integer" if whole else "float"
    types: dict[str, LabelType] = {"boolean": "boolean", "integer": "integer", "float": "float"}
    return types[cells.form]


def _labels(cells: Cells, label_type: LabelType) -> pl.Series:
    """The column as labels of one type; what cannot be one is null."""
    if label_type == "text":
        return cells.texts
    if label_type == "boolean":
        advice = "correct it, or leave the row out"
        return pl.Series(truth_of(cells, advice) == 1.0, dtype=pl.Boolean)
    if label_type == "integer" and cells.form == "integer":
        return cells.values
    numbers = pl.Series(cells.numbers.values).fill_nan(None)
    if label_type == "float":
        return numbers
    exact = (numbers % 1 == 0) & (numbers.abs() < 2.0**53)
    return pl.select(pl.when(exact).then(numbers)).to_series().cast(pl.Int64)


def _missing(cells: Cells) -> NDArray[np.bool_]:
    numbers = cells.numbers
    if cells.form == "text" and numbers.complete:
        return np.isnan(numbers.values)
    return cells.is_missing


def _refuse_type(cells: Cells) -> None:
    """Refuse points in time, durations and times of day, whose unit nobody has said."""
    if cells.form not in ("time", "seconds", "unsupported"):
        return
    number = "a number of seconds" if cells.form == "seconds" else "a number, as days from today"
    raise TableError(
        f"the target {cells.name!r} holds values of type {cells.dtype}, which can be neither "
        f"classes nor numbers to predict; turn it into {number}"
    )


def _refuse_missing(cells: Cells) -> None:
    missing = _missing(cells)
    if missing.any():
        n, row = int(missing.sum()), int(np.argmax(missing))
        where = f"row {row + 1}" if n == 1 else f"{n:,} rows, the first of them row {row + 1}"
        if n == len(cells):
            where = "every row"
        raise TableError(
            f"the target {cells.name!r} is missing in {where}; leave such rows out, or fill them in"
        )


def _constant(cells: Cells) -> TableError:
    return TableError(
        f"the target {cells.name!r} is {cells.at(0)} in every row, so that there is nothing to "
        "learn; choose another target, or a table with more than one outcome"
    )


def _refuse_classes(cells: Cells, counts: pl.DataFrame, fewest_rows: int) -> None:
    """Refuse more classes than can be learnt, and classes with one row."""
    n, k = len(cells), len(counts)
    if k == 1:
        raise _constant(cells)
    if k > MOST_CLASSES or (k > n / 2 and k > MOST_INTEGER_CLASSES):
        advice = nearly_numbers(cells) or "choose a target with fewer classes"
        if cells.numbers.complete:
            advice = "train a regression (--task regression)"
        raise TableError(
            f"the target {cells.name!r} has {k:,} classes in {n:,} rows, like an identifier or an "
            f"amount; {advice}"
        )
    single = counts.filter(pl.col("count") == 1)["label"]
    if len(single) and fewest_rows > 1:
        names = ", ".join(repr(label) for label in single.head(5))
        more = f" and {len(single) - 5:,} more" if len(single) > 5 else ""
        what = "class" if len(single) == 1 else "classes"
        raise TableError(
            f"the target {cells.name!r} has only one row of the {what} {names}{more}, too few to "
            "learn from and to check on; leave out such rows, or join the class with another"
        )


def _check(value: str | None, choices: tuple[str | None, ...], what: str) -> None:
    if value not in choices:
        known = ", ".join(choice for choice in choices if choice)
        raise TableError(f"{what} {value!r} is not known; choose one of {known}")
