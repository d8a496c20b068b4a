"""How much a row counts for its class: `class_weight` as numbers."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils.class_weight import compute_sample_weight

from chainrule.arrays import Floats
from chainrule.errors import InputError


def weights_by_class(class_weight: Any, y: Any, classes: NDArray[Any]) -> Floats:
    """What each row counts for its class, shape (n,); for its labels, the product of their weights.

    Unlike scikit-learn's function of that purpose, a dict may name a class that is not in these
    rows, as in a batch or in validation rows.

    Args:
        class_weight: a dict from class to weight, in which 1 may be left out; for several labels a
            list of them, one for each; or "balanced", n / (number of classes x rows of the class).
        y: the class of each row (n,), or yes and no for each label (n, k), also sparse.
        classes: all classes there are; of several labels, their numbers.

    Raises:
        InputError: a class that there is not, a weight that is no number from 0 on, or not as many
            dicts as labels.
    """
    if isinstance(class_weight, str):
        balanced: Floats = compute_sample_weight(class_weight, y)
        return balanced
    if y.ndim == 1:
        return _looked_up(_dict_of(class_weight), y, classes)
    columns = np.asarray(y.toarray() if issparse(y) else y)
    if not isinstance(class_weight, list) or len(class_weight) != columns.shape[1]:
        raise InputError(
            f"class_weight of {columns.shape[1]} labels must be 'balanced' or a list of "
            f"{columns.shape[1]} dicts, one for each; got {class_weight!r}."
        )
    yes_and_no = np.array([0, 1])
    of_labels = [
        _looked_up(weights, column, yes_and_no)
        for weights, column in zip(class_weight, columns.astype(int).T, strict=True)
    ]
    return np.prod(of_labels, axis=0)


def _dict_of(class_weight: Any) -> Mapping[Any, Any]:
    if not isinstance(class_weight, Mapping):
        raise InputError(
            "class_weight of one class for each row must be 'balanced' or a dict from class to "
            f"weight; got {class_weight!r}."
        )
    return class_weight


def _looked_up(weights: Mapping[Any, Any], y: NDArray[Any], classes: NDArray[Any]) -> Floats:
    known = classes.tolist()
    if unknown := [label for label in weights if label not in known]:
        raise InputError(
            f"The classes, {unknown}, of class_weight are not in y, which holds {known}."
        )
    try:
        of_class = np.array([weights.get(label, 1.0) for label in known], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"class_weight holds something that is no number: {error}.") from error
    if not np.isfinite(of_class).all() or (of_class < 0).any():
        raise InputError(f"class_weight must hold finite numbers from 0 on; got {dict(weights)}.")
    at = np.searchsorted(classes, y)
    return of_class[np.minimum(at, len(known) - 1)]
