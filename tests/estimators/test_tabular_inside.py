"""Inside the tabular estimators: margins, activations, gradients and traces of their members."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.special import expit, softmax
from sklearn.datasets import load_iris

from chainrule import TabularClassifier, TabularRegressor
from chainrule.errors import InputError, TableError
from chainrule.trace.page import forward_page

X, SPECIES = load_iris(return_X_y=True)
FRAME = pd.DataFrame(X, columns=["a", "b", "c", "d"]).assign(
    colour=np.array(["red", "blue", None], dtype=object)[np.arange(150) % 3]
)
LABELS = {
    "three texts": np.array(["x", "y", "z"])[SPECIES],
    "two texts": np.array(["x", "y"])[(SPECIES > 0).astype(int)],
    "booleans": SPECIES > 0,
}
LENGTH = FRAME["a"].to_numpy() + 0.1 * np.arange(150)


def classifier(**parameters):
    return TabularClassifier((5,), max_iter=6, n_members=2, random_state=0, **parameters)


def regressor(**parameters):
    return TabularRegressor((5,), max_iter=6, n_members=2, random_state=0, **parameters)


# Margins


@pytest.mark.parametrize("calibrate", [False, True])
@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_the_link_of_the_margins_is_the_probabilities(labels, calibrate):
    fitted = classifier(calibrate=calibrate).fit(FRAME, labels)
    margins, probabilities = fitted.decision_function(FRAME), fitted.predict_proba(FRAME)
    if len(fitted.classes_) == 2:
        assert margins.shape == (150,)
        np.testing.assert_allclose(expit(margins), probabilities[:, 1])
        answers = fitted.classes_[(margins > 0).astype(int)]
    else:
        assert margins.shape == (150, 3)
        np.testing.assert_allclose(softmax(margins, axis=1), probabilities)
        answers = fitted.classes_[margins.argmax(axis=1)]
    assert np.array_equal(answers, fitted.predict(FRAME))
    np.testing.assert_allclose(np.log(probabilities), fitted.predict_log_proba(FRAME))


def test_the_margin_of_one_network_is_its_score():
    fitted = classifier().set_params(n_members=1).fit(FRAME, LABELS["booleans"])
    model = fitted.model_.in_float64()
    scores = model.scores(model.encoder.encode(FRAME))[0, :, 0]
    np.testing.assert_allclose(fitted.decision_function(FRAME), scores)


def test_a_class_that_is_almost_impossible_still_has_a_logarithm():
    y = X[:, 2] > 2.5
    fitted = TabularClassifier((8,), n_members=1, random_state=0, max_iter=40).fit(X, y)
    last = fitted.model_.parameters
    last.W[-1][...] *= 200
    last.b[-1][...] *= 200
    margins = fitted.decision_function(X)
    assert np.abs(margins).max() > 750
    log_probabilities = fitted.predict_log_proba(X)
    assert np.isfinite(log_probabilities).all()
    np.testing.assert_allclose(log_probabilities.min(axis=1), -np.abs(margins), atol=1e-12)
    assert fitted.predict_proba(X).min() < 1e-300


# Layers and derivatives


def test_the_last_of_the_activations_are_the_predictions_of_the_member():
    fitted = classifier().fit(FRAME, LABELS["three texts"])
    for k, member in enumerate(fitted.members_):
        layers = fitted.activations(FRAME, member=k)
        assert layers[0].shape == (150, len(fitted.get_feature_names_out()))
        assert layers[1].shape == (150, 5)
        expected = member.in_float64().predict_probabilities(FRAME)
        np.testing.assert_allclose(layers[-1], expected)
    numbers = regressor().fit(FRAME, LENGTH)
    scaled = numbers.activations(FRAME, member=1)[-1]
    answers = numbers.members_[1].in_float64().predict(FRAME)
    np.testing.assert_allclose(numbers.model_.target.decode(scaled)[:, 0], answers)


@pytest.mark.parametrize("task", ["three texts", "two texts", "numbers", "quantiles"])
def test_gradients_of_a_member_are_those_of_finite_differences(task):
    weight = np.random.default_rng(0).uniform(0.5, 2, 150)
    if task in LABELS:
        y, factor = LABELS[task], {"x": 3.0}
        fitted = classifier(alpha=0.01, class_weight=factor, label_smoothing=0.1).fit(FRAME, y)
        counted = weight * np.where(y == "x", 3.0, 1.0)
        index = np.searchsorted(fitted.classes_, y)
        targets = index if task == "three texts" else index[:, None].astype(float)
    else:
        y, counted = LENGTH, weight
        loss = {"loss": "quantile"} if task == "quantiles" else {}
        fitted = regressor(alpha=0.01, activation="tanh", **loss).fit(FRAME, y)
        targets = ((y - fitted.model_.target.center) / fitted.model_.target.scale)[:, None]
    model = fitted.model_.in_float64()
    fitted.model_ = model
    parameters, loss = model.members[1].parameters, model.network.loss
    inputs = model.encoder.encode(FRAME)

    def J():
        losses = loss.value(targets, model.scores(inputs)[1])
        penalty = 0.01 / 2 * sum((W**2).sum() for W in parameters.W)
        return np.average(losses, weights=counted) + penalty

    by_weights, by_biases = fitted.gradients(FRAME, y, weight, member=1)
    for values, gradient in [*zip(parameters.W, by_weights, strict=True),
                             *zip(parameters.b, by_biases, strict=True)]:  # fmt: skip
        assert values.shape == gradient.shape
        at = np.unravel_index(np.abs(gradient).argmax(), gradient.shape)
        before, h = values[at], 1e-6
        values[at] = before + h
        above = J()
        values[at] = before - h
        below = J()
        values[at] = before
        assert gradient[at] == pytest.approx((above - below) / (2 * h), rel=1e-4, abs=1e-8)


# Traces


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_a_trace_gives_the_probabilities_and_the_gradient_of_its_row(labels):
    fitted = classifier().fit(FRAME, labels)
    for k, member in enumerate(fitted.members_):
        trace = fitted.trace(FRAME.iloc[[70]], labels[70], member=k)
        expected = member.in_float64().predict_probabilities(FRAME[70:71])[0]
        np.testing.assert_allclose(trace.answers, expected, rtol=1e-6)
        assert trace.truth.value == labels[70]
        by_weights, by_biases = fitted.gradients(FRAME[70:71], labels[70:71], member=k)
        for l, (W, b) in enumerate(zip(by_weights, by_biases, strict=True)):
            np.testing.assert_allclose(trace.gradient.W[l], W, rtol=1e-9, atol=1e-15)
            np.testing.assert_allclose(trace.gradient.b[l], b, rtol=1e-9, atol=1e-15)
    assert fitted.trace(FRAME.iloc[[70]]).gradient is None
    assert any("colour" in line for line in forward_page(trace))


def test_a_trace_of_a_regressor_ends_with_the_number_of_its_member():
    fitted = regressor().fit(FRAME, LENGTH)
    trace = fitted.trace(FRAME.iloc[[7]], LENGTH[7], member=1)
    assert trace.answer == pytest.approx(fitted.members_[1].predict(FRAME[7:8])[0], rel=1e-5)
    assert trace.truth.value == LENGTH[7]


ROWS = {
    "a slice of pandas": FRAME.iloc[[7]],
    "a row of pandas": FRAME.iloc[7],
    "a dict": FRAME.iloc[7].to_dict(),
    "a dict in another order": dict(reversed(FRAME.iloc[7].to_dict().items())),
    "a slice of Polars": pl.from_pandas(FRAME)[7:8],
    "a row of Polars": pl.from_pandas(FRAME).row(7, named=True),
    "a slice of PyArrow": pl.from_pandas(FRAME).to_arrow().slice(7, 1),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_row_is_traced_in_whatever_form_it_comes(row):
    fitted = classifier().fit(FRAME, LABELS["three texts"])
    found = fitted.trace(row, "x")
    expected = fitted.model_.trace(FRAME.assign(target=LABELS["three texts"]), row=7)
    assert found.answers.tolist() == expected.answers.tolist()
    assert found.truth.loss == expected.truth.loss
    assert [one.cell for one in found.inputs] == [one.cell for one in expected.inputs]


@pytest.mark.parametrize("row", [X[3], X[3].tolist(), tuple(X[3]), X[3:4]])
def test_a_row_of_an_array_is_traced(row):
    fitted = classifier().fit(X, SPECIES)
    assert fitted.trace(row, 0).truth.value == 0
    assert next(one.column for one in fitted.trace(row).inputs) == "x0"


def test_a_row_that_cannot_be_traced_is_refused_in_words():
    fitted = classifier().fit(FRAME, LABELS["three texts"])
    with pytest.raises(InputError, match="x has 150 rows, but a trace is of one row"):
        fitted.trace(FRAME)
    with pytest.raises(ValueError, match="yet now missing:\n- b"):
        fitted.trace({"a": 1.0})
    with pytest.raises(InputError, match="y holds 2 values, but a row has one target"):
        fitted.trace(FRAME[:1], ["x", "y"])
    with pytest.raises(TableError, match="'w' is not one of the classes learnt"):
        fitted.trace(FRAME[:1], "w")
    for ask in (
        lambda: fitted.trace(FRAME[:1], member=2),
        lambda: fitted.activations(FRAME, member=2),
        lambda: fitted.gradients(FRAME, LABELS["three texts"], member=-1),
    ):
        with pytest.raises(InputError, match="there is no network"):
            ask()


@pytest.mark.parametrize(
    "name",
    ["members_", "n_iter_", "loss_curve_", "validation_loss_curve_", "partial_fit", "coefs_"],
)
def test_before_the_fit_and_for_what_there_is_not_there_is_no_attribute(name):
    assert not hasattr(classifier(), name)
    assert not hasattr(regressor(), name)


@pytest.mark.parametrize(
    "ask",
    [
        lambda one: one.predict(X),
        lambda one: one.activations(X),
        lambda one: one.gradients(X, SPECIES),
        lambda one: one.trace(X[0]),
        lambda one: one.get_feature_names_out(),
        lambda one: one.save("nowhere"),
    ],
)
def test_what_is_not_fitted_says_so(ask):
    with pytest.raises(ValueError, match="is not fitted yet"):
        ask(regressor())
