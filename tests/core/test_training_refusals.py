"""Rows, parameters and settings that cannot be trained with, and what is said of them."""

import numpy as np
import pytest

from chainrule.engines import Rows
from chainrule.errors import InputError
from chainrule.network import Parameters
from chainrule.training import TrainingSettings, train
from core.runs import LINEAR, NETWORK, settings, table
from recorded.weyl import numbers

X, Y = numbers(1, 5, 3), numbers(2, 5, 1)


def with_value(array, value):
    changed = array.copy()
    changed[2, 0] = value
    return changed


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (Rows(X[:, :2], Y), r"shape \(5, 2\), but this network takes 3 inputs"),
        (Rows(X[:, 0], Y), r"shape \(5,\), but this network takes 3 inputs"),
        (Rows(X[:0], Y[:0]), "are empty; at least one row is needed"),
        (Rows(X, Y[:4]), "5 rows of inputs, but 4 targets"),
        (Rows(with_value(X, np.nan), Y), "inputs that are NaN or infinite"),
        (Rows(with_value(X, -np.inf), Y), "inputs that are NaN or infinite"),
        (Rows(with_value(X, 1e39), Y), "NaN or infinite in float32"),
        (Rows(X, with_value(Y, np.nan)), "a target is NaN or infinite"),
        (Rows(X, with_value(Y, 1e39)), "targets too large for float32"),
        (Rows(X, Y[:, 0]), r"targets have shape \(5,\)"),
        (Rows(X, Y, np.ones(4)), r"5 rows, but weights of shape \(4,\)"),
        (Rows(X, Y, np.ones((5, 1))), r"weights of shape \(5, 1\)"),
        (Rows(X, Y, np.array([1, 1, -1, 1, 1])), "finite, not negative, and not all 0"),
        (Rows(X, Y, np.array([1, 1, np.nan, 1, 1])), "finite, not negative, and not all 0"),
        (Rows(X, Y, np.array([1, 1, np.inf, 1, 1])), "finite, not negative, and not all 0"),
        (Rows(X, Y, np.zeros(5)), "finite, not negative, and not all 0"),
    ],
)
@pytest.mark.parametrize("role", ["training", "validation"])
def test_rows_that_cannot_be_learnt_from_are_refused_with_a_reason(rows, said, role):
    good = Rows(X, Y)
    training, validation = (rows, None) if role == "training" else (good, rows)
    with pytest.raises(InputError, match=said) as raised:
        list(train(NETWORK, training, TrainingSettings(), validation=validation))
    if "a target is" not in said and "targets have" not in said:
        assert f"the {role} rows" in str(raised.value)


def test_parameters_of_another_network_are_refused():
    with pytest.raises(InputError, match=r"theta has shape \(4,\)"):
        list(train(NETWORK, table(), settings(), parameters=Parameters.zeros(LINEAR)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rate", 0.0),
        ("rate", -1.0),
        ("rate", np.nan),
        ("rate", np.inf),
        ("batch_size", 0),
        ("batch_size", 2.5),
        ("epochs", 0),
        ("epochs", 1.5),
        ("patience", 0),
        ("tolerance", -1e-9),
        ("l2", -0.1),
        ("l2", np.inf),
        ("seed", -1),
        ("seed", 2**64),
        ("seed", 1.5),
        ("tolerance", np.nan),
        ("dtype", np.float16),
        ("dtype", np.int32),
    ],
)
def test_settings_that_mean_nothing_are_refused(name, value):
    with pytest.raises(InputError, match=f"{name} is .*, but must be"):
        TrainingSettings(**{name: value})
