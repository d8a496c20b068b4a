"""The trace of one row through a multilayer perceptron, whose inputs are the columns of X."""

from typing import Any

import numpy as np

from chainrule.arrays import Floats
from chainrule.errors import InputError
from chainrule.estimators.mlp_missing import Filling
from chainrule.table import TargetEncoder
from chainrule.table.target import LabelType
from chainrule.trace import EncodedInput

_LABEL_TYPES: dict[type, LabelType] = {
    bool: "boolean",
    int: "integer",
    float: "float",
    str: "text",
}


def inputs_of(x: Floats, names: list[str], filling: Filling | None) -> tuple[EncodedInput, ...]:
    """The numbers that the row x (d,) enters with: its own, and those that stand for what it lacks.

    Args:
        x: the row; NaN where a value is missing.
        names: of its columns.
        filling: what fills it; None if nothing does.
    """
    missing = np.isnan(x)
    X = x if filling is None else filling.apply(x[None, :])[0]
    flagged = [] if filling is None else filling.flagged.tolist()
    columns = [*range(len(x)), *flagged]
    found = []
    for i, (column, value) in enumerate(zip(columns, X.tolist(), strict=True)):
        name, is_flag = names[column], i >= len(x)
        how = "as it is in X"
        if is_flag:
            how = f"{value:.0f}, as the cell is {'' if missing[column] else 'not '}missing"
        elif missing[column]:
            how = f"missing, so the median {value:.10g}"
        found.append(
            EncodedInput(
                index=i,
                name=f"{name} is missing" if is_flag else name,
                column=name,
                cell=None if missing[column] else repr(x[column].item()).removesuffix(".0"),
                value=value,
                part="flag" if is_flag else "value",
                how=how,
            )
        )
    return tuple(found)


def target_of(classes: Any) -> TargetEncoder:
    """The target "y", which the network learnt as it is; `classes` are None for a regressor.

    Raises:
        InputError: there is a single class.
    """
    labels = [] if classes is None else np.asarray(classes).tolist()
    if len(labels) == 1:
        raise InputError(f"there is nothing to trace where all rows are of the class {labels[0]}.")
    kinds = {type(label) for label in labels}
    kind = kinds.pop() if len(kinds) == 1 and kinds <= set(_LABEL_TYPES) else str
    return TargetEncoder(
        name="y",
        task="regression" if classes is None else "classification",
        reason="as the estimator is for it",
        classes=tuple(kind(label) for label in labels),
        label_type="float" if classes is None else _LABEL_TYPES[kind],
        scaling="none",
        center=0.0,
        scale=1.0,
        low=0.0,
        high=0.0,
        missing=(),
    )
