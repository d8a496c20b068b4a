"""The linear start: what a network begins as, and that it is no worse than that."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from chainrule.activations import ACTIVATIONS, RELU, SILU
from chainrule.engines import Rows, reference
from chainrule.errors import InputError
from chainrule.experiment import prepare
from chainrule.initializers import initial_parameters
from chainrule.linear_start import (
    PENALTIES,
    LinearModel,
    beginning_as,
    carries_lines,
    linear_models,
)
from chainrule.losses import BinaryCrossEntropy, SoftmaxCrossEntropy, SquaredError
from chainrule.monitored_loss import robust_loss
from chainrule.network import multilayer_perceptron
from chainrule.options import Options


def draws():
    return np.random.default_rng(3)


def table(n=400, noise=1.0):
    X = draws().normal(size=(n, 4))
    y = X @ [1.0, -2.0, 0.5, 0.0] + noise * draws().normal(size=(2, n))[1]
    return pl.DataFrame({f"x{j}": x for j, x in enumerate(X.T)} | {"y": y})


@pytest.mark.parametrize("activation", [RELU, SILU, ACTIVATIONS["gelu"]])
@pytest.mark.parametrize("hidden", [(6,), (8, 7), (8, 6, 9)])
def test_a_network_gives_the_answers_of_the_linear_model_it_begins_as(activation, hidden):
    loss = SoftmaxCrossEntropy()
    network = multilayer_perceptron(5, hidden, 3, activation=activation, loss=loss)
    linear = LinearModel(draws().normal(size=(5, 3)), draws().normal(size=3))
    drawn = initial_parameters(network, draws())
    X = draws().normal(size=(50, 5))
    begun = beginning_as(network, drawn, linear)
    assert np.allclose(reference.scores(network, begun, X), X @ linear.W + linear.b, atol=1e-12)
    assert not np.allclose(reference.scores(network, drawn, X), X @ linear.W + linear.b)


@pytest.mark.parametrize(
    ("activation", "hidden", "can"),
    [
        ("relu", (6,), True),
        ("silu", (6, 6), True),
        ("relu", (5,), False),  # three scores take six neurons
        ("relu", (), False),
        ("tanh", (20,), False),
        ("leaky_relu", (20,), False),
        ("selu", (20,), False),
    ],
)
def test_a_line_needs_room_and_an_activation_that_carries_it(activation, hidden, can):
    loss = SoftmaxCrossEntropy()
    kind = ACTIVATIONS[activation]
    assert carries_lines(multilayer_perceptron(4, hidden, 3, activation=kind, loss=loss)) is can


def judged(loss):
    return lambda y, scores, weight: float(np.average(loss.value(y, scores), weights=weight))


@pytest.mark.parametrize("d", [5, 120])  # fewer inputs than rows, and more
def test_numbers_are_learnt_as_by_scikit_learns_ridge(d):
    X = draws().normal(size=(2, 60, d))
    y = (X[:, :, 0] + 0.1 * X[:, :, 1] - 3 + 0.5 * draws().normal(size=(2, 60)))[..., None]
    parts = [(Rows(X[0], y[0]), Rows(X[1], y[1]))]
    loss = SquaredError()
    (found,) = linear_models(loss, 1, parts, judged(loss), draws())
    ridges = [Ridge(alpha=60 * a).fit(X[0], y[0]) for a in np.geomspace(1e-6, 4, 80)]
    apart = [
        np.abs(r.predict(X[1]).ravel() - (X[1] @ found.W + found.b).ravel()).max() for r in ridges
    ]
    assert min(apart) < 0.05
    best = min(np.mean((r.predict(X[1]).ravel() - y[1].ravel()) ** 2) for r in ridges)
    assert np.mean((X[1] @ found.W + found.b - y[1]) ** 2) < 1.1 * best


def test_classes_are_learnt_as_by_scikit_learns_logistic_regression():
    X = draws().normal(size=(2, 300, 4))
    y = (X @ [2.0, -1, 0, 0] + draws().logistic(size=(2, 300)) > 0).astype(float)[..., None]
    loss = BinaryCrossEntropy()
    parts = [(Rows(X[0], y[0]), Rows(X[1], y[1]))]
    (found,) = linear_models(loss, 1, parts, judged(loss), draws())
    known = [
        LogisticRegression(C=1 / (300 * a), tol=1e-8).fit(X[0], y[0].ravel()) for a in PENALTIES
    ]
    assert min(np.abs(found.W.ravel() - one.coef_).max() for one in known) < 0.02


def test_inputs_that_are_not_wanted_have_no_weight_and_low_ones_no_disadvantage():
    X = draws().normal(size=(400, 3))
    X[:, 2] = draws().random(400) < 0.3
    y = (X[:, 0] + 2 * X[:, 2])[:, None]
    low = X * [1, 1, 0.03]
    wanted = np.array([True, False, True])
    loss = SquaredError()
    (plain,), (lowered,) = (
        linear_models(
            loss, 1, [(Rows(A[:, wanted], y), Rows(A[:, wanted], y))], judged(loss), draws()
        )
        for A in (X, low)
    )
    assert plain.widened(wanted).W[1] == 0
    assert np.allclose(low @ lowered.widened(wanted).W, X @ plain.widened(wanted).W, atol=1e-6)


def test_a_table_mostly_of_noughts_is_learnt_like_any_other():
    X = draws().poisson(0.1, size=(300, 40)).astype(float)
    y = X @ draws().normal(size=(40, 1))
    parts = [(Rows(X[:200], y[:200]), Rows(X[200:], y[200:]))]
    loss = SquaredError()
    (found,) = linear_models(loss, 1, parts, judged(loss), draws())
    assert np.abs(X @ found.W + found.b - y).max() < 0.1


@pytest.mark.parametrize("rate", [0.001, 0.3])
def test_no_member_is_worse_on_its_held_out_rows_than_the_linear_model(rate):
    experiment = prepare(table(), "y", Options(epochs=10, hidden=(32, 32), rate=rate))
    for member in range(4):
        rows, linear = experiment.judging(member), experiment.starts[member]
        *_, last = experiment.train(member=member)
        kept = reference.scores(experiment.network, last.best, rows.X)
        of_linear = rows.X @ linear.W + linear.b
        assert robust_loss(rows.y, kept, None) <= robust_loss(rows.y, of_linear, None) + 1e-6


def test_where_no_epoch_is_better_the_start_is_kept():
    experiment = prepare(table(), "y", Options(epochs=5, hidden=(32,), rate=1.0, members=1))
    *_, last = experiment.train()
    linear = experiment.starts[0]
    X = experiment.table.X
    assert last.best_number == 0
    assert last.start_loss < last.validation_loss
    kept = reference.scores(experiment.network, last.best, X)
    assert np.allclose(kept, X @ linear.W + linear.b, atol=1e-4)


@pytest.mark.parametrize(
    "options", [{"initializer": "he_normal"}, {"activation": ("tanh",)}, {"hidden": ()}]
)
def test_who_decides_how_weights_are_drawn_gets_them_drawn(options):
    assert prepare(table(), "y", Options(**options)).starts == ()


def test_few_rows_of_which_none_is_held_out_have_a_start_too():
    experiment = prepare(table(30), "y", Options(members=3))
    assert experiment.validation is None
    assert len(experiment.starts) == 3


@pytest.mark.parametrize(
    ("members", "use", "said"), [(1, "learnt", "learns from"), (4, "held_out", "holds out")]
)
@pytest.mark.parametrize("hidden", [(8,), ()])
def test_parts_of_which_no_row_counts_are_refused(members, use, said, hidden):
    rows, options = table(), Options(members=members, hidden=hidden)
    fold = prepare(rows, "y", options).folds[-1]
    weight = np.ones(len(rows))
    weight[getattr(fold, use)] = 0
    with pytest.raises(InputError, match=rf"'w' is 0 in all \d+ rows that a network {said}"):
        prepare(rows.with_columns(w=weight), "y", replace(options, weight="w"))


@pytest.mark.parametrize("counting", [1, 5, 20])
def test_few_rows_of_which_fewer_count_are_learnt(counting):
    weight = (np.arange(30) < counting).astype(float)
    experiment = prepare(table(30).with_columns(w=weight), "y", Options(weight="w", members=3))
    *_, last = experiment.train()
    assert np.isfinite(last.loss)


def test_a_linear_model_scores_in_the_precision_of_the_inputs():
    model = LinearModel(draws().normal(size=(5, 2)), draws().normal(size=2))
    X = draws().normal(size=(20, 5))
    assert np.array_equal(model.scores(X), X @ model.W + model.b)
    assert np.allclose(model.scores(X.astype(np.float32)), X @ model.W + model.b, atol=1e-5)
