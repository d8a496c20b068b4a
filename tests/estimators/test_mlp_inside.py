"""Looking inside: gradients, activations and traces."""

import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.preprocessing import scale

from chainrule import MLPClassifier, MLPRegressor
from chainrule.errors import InputError
from chainrule.trace.page import forward_page

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning"),
]

X, y = load_iris(return_X_y=True)
X = scale(X)
rng = np.random.default_rng(0)
GAPS = np.where(rng.random(X.shape) < [0.2, 0.0, 0.3, 0.1], np.nan, X)
SETTINGS = {"hidden_layer_sizes": (6,), "learning_rate_init": 0.02, "max_iter": 8,
            "random_state": 0}  # fmt: skip


def model(kind=MLPClassifier, **settings):
    return kind(**{**SETTINGS, **settings})


LINE = rng.uniform(-2, 2, size=(400, 1))
WAVE = np.sin(2 * LINE[:, 0]) + 0.1 * rng.standard_normal(400)


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel", "numbers", "counts"])
def test_gradients_are_those_of_finite_differences(task):
    weight = rng.uniform(0.5, 2, size=60)
    settings = {"hidden_layer_sizes": (4,), "activation": "tanh", "alpha": 0.7, "max_iter": 2}
    a = X[::2][:60]
    if task in ("numbers", "counts"):
        b = np.abs(WAVE[:60]).round() if task == "counts" else WAVE[:120].reshape(60, 2)
        model = MLPRegressor("poisson" if task == "counts" else "squared_error", **settings)
    else:
        b = {
            "binary": y[::2][:60] > 0,
            "multiclass": np.arange(60) % 3,
            "multilabel": make_multilabel_classification(60, n_classes=3, random_state=0)[1],
        }[task]
        model = MLPClassifier(**settings)
    model.fit(a, b)

    def J():
        probe = pickle.loads(pickle.dumps(model))  # a step of lbfgs from here tells J here
        probe.set_params(solver="sgd", learning_rate_init=1e-300, max_iter=1, warm_start=True)
        return probe.set_params(batch_size=60).fit(a, b, sample_weight=weight).loss_

    by_weights, by_biases = model.gradients(a, b, sample_weight=weight)
    for values, gradient in [*zip(model.coefs_, by_weights, strict=True),
                             *zip(model.intercepts_, by_biases, strict=True)]:  # fmt: skip
        assert gradient.shape == values.shape
        at, h = tuple(np.array(values.shape) - 1), 1e-5
        values[at] += h
        above = J()
        values[at] -= 2 * h
        below = J()
        values[at] += h
        assert gradient[at] == pytest.approx((above - below) / (2 * h), rel=1e-5, abs=1e-8)


# Traces


LABELS = {
    "text": np.array(["a", "b", "c"]),
    "objects": np.array(["a", "b", "c"], dtype=object),
    "integers": np.arange(3),
    "floats": np.array([1.0, 2.0, 3.0]),
    "two texts": np.array(["x", "y", "x"]),
    "booleans": np.array([True, False, True]),
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_a_trace_gives_the_probabilities_and_the_gradient_of_its_row(labels):
    t = labels[y]
    fitted = model(hidden_layer_sizes=(6, 5), activation=("tanh", "gelu"), alpha=0).fit(X, t)
    trace = fitted.trace(X[70], t[70])
    np.testing.assert_allclose(trace.answers, fitted.predict_proba(X[70:71])[0], rtol=1e-9)
    assert trace.answer == fitted.predict(X[70:71])[0]
    assert trace.truth.value == t[70]
    by_coefs, by_intercepts = fitted.gradients(X[70:71], t[70:71])
    for l, (W, b) in enumerate(zip(by_coefs, by_intercepts, strict=True)):
        np.testing.assert_allclose(trace.gradient.W[l], W, rtol=1e-9, atol=1e-15)
        np.testing.assert_allclose(trace.gradient.b[l], b, rtol=1e-9, atol=1e-15)
    assert [one.name for one in trace.inputs] == ["x0", "x1", "x2", "x3"]
    assert any("x3" in line for line in forward_page(trace))
    assert fitted.trace(X[70]).gradient is None


MULTILABEL = make_multilabel_classification(80, 4, n_classes=3, random_state=0)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix, sparse.csr_array])
def test_a_trace_follows_all_labels_of_a_row(solver, form):
    a, b = MULTILABEL
    fitted = model(solver=solver, alpha=0).fit(a, form(b))
    trace = fitted.trace(a[5], form(b)[[5]])
    np.testing.assert_allclose(trace.answers, fitted.predict_proba(a[5:6])[0], rtol=1e-9)
    predicted = fitted.predict(a[5:6])
    predicted = predicted if form is np.asarray else predicted.toarray()
    assert trace.answer == predicted[0].tolist()
    assert trace.truth.value == b[5].tolist()
    assert trace.truth.loss == pytest.approx(
        -np.log(np.where(b[5] == 1, trace.answers, 1 - trace.answers)).sum()
    )
    by_coefs, by_intercepts = fitted.gradients(a[5:6], form(b)[[5]])
    for l, (W, db) in enumerate(zip(by_coefs, by_intercepts, strict=True)):
        np.testing.assert_allclose(trace.gradient.W[l], W, rtol=1e-9, atol=1e-15)
        np.testing.assert_allclose(trace.gradient.b[l], db, rtol=1e-9, atol=1e-15)
    page = forward_page(trace)
    for name in ("y[0]", "y[1]", "y[2]"):
        assert any(name in line for line in page)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_a_trace_follows_all_targets_of_a_row(solver, loss):
    targets = np.abs(X[:, :2])
    fitted = model(MLPRegressor, loss=loss, solver=solver, alpha=0).fit(X, targets)
    trace = fitted.trace(X[7], targets[7])
    np.testing.assert_allclose(trace.answers, fitted.predict(X[7:8])[0], rtol=1e-9)
    assert trace.answer == trace.answers.tolist()
    assert trace.truth.value == targets[7].tolist()
    by_coefs, _ = fitted.gradients(X[7:8], targets[7:8])
    np.testing.assert_allclose(trace.gradient.W[0], by_coefs[0], rtol=1e-9, atol=1e-15)
    assert any("y[1]" in line for line in forward_page(trace))
    assert "nearest" not in " ".join(forward_page(trace))


def test_the_gradient_is_0_where_lbfgs_came_to_its_end():
    fitted = model(solver="lbfgs", activation="tanh", max_iter=2000, alpha=1.0, tol=1e-9).fit(X, y)
    assert max(np.abs(G).max() for G in fitted.gradients(X, y)[0]) < 1e-4
    fitted.coefs_[1][0, 0] += 0.1
    assert max(np.abs(G).max() for G in fitted.gradients(X, y)[0]) > 1e-3
    assert [A.shape for A in fitted.activations(X)] == [(150, 4), (150, 6), (150, 3)]


@pytest.mark.parametrize("loss", ["squared_error", "huber", "quantile", "poisson"])
def test_a_trace_of_a_regressor_ends_with_its_prediction(loss):
    levels = {"quantile_levels": (0.1, 0.5, 0.9)} if loss == "quantile" else {}
    fitted = model(MLPRegressor, loss=loss, **levels).fit(X, y)
    trace = fitted.trace(X[7], y[7])
    np.testing.assert_allclose(trace.answers, np.ravel(fitted.predict(X[7:8])), rtol=1e-9)
    assert trace.truth.value == y[7]
    by_coefs, _ = fitted.set_params(alpha=0).gradients(X[7:8], y[7:8])
    np.testing.assert_allclose(trace.gradient.W[0], by_coefs[0], rtol=1e-9, atol=1e-15)
    assert forward_page(trace)


def test_a_trace_shows_what_stands_for_a_gap():
    fitted = model(missing="indicator").fit(GAPS, y)
    row = int(np.flatnonzero(np.isnan(GAPS[:, 0]) & ~np.isnan(GAPS[:, 2]))[0])
    trace = fitted.trace(GAPS[row], y[row])
    np.testing.assert_allclose(trace.answers, fitted.predict_proba(GAPS[row : row + 1])[0])
    first, flag, other = trace.inputs[0], trace.inputs[4], trace.inputs[5]
    assert (first.cell, first.value) == (None, fitted.medians_[0])
    assert first.how.startswith("missing, so the median")
    assert (flag.name, flag.value, flag.how) == ("x0 is missing", 1, "1, as the cell is missing")
    assert (other.name, other.value) == ("x2 is missing", 0)
    assert forward_page(trace)


def test_a_trace_takes_a_row_in_any_form():
    pd = pytest.importorskip("pandas")
    names = ["a", "b", "c", "d"]
    frame = pd.DataFrame(X, columns=names)
    fitted = model().fit(frame, y)
    rows = [X[3], list(X[3]), frame.iloc[3], frame.iloc[[3]]]
    traces = [fitted.trace(row, y[3]) for row in rows]
    assert len({trace.truth.loss for trace in traces}) == 1
    assert [one.name for one in traces[0].inputs] == names
    plain = model().fit(X, y)
    for row in (X[3:4], sparse.csr_matrix(X)[3], sparse.csr_array(X)[3]):
        assert plain.trace(row).answers.tolist() == plain.trace(X[3]).answers.tolist()
    with pytest.raises(ValueError, match="feature names should match"):
        fitted.trace(frame.iloc[[3]].rename(columns={"a": "z"}))


def test_a_trace_of_what_cannot_be_traced_is_refused_in_words():
    fitted = model().fit(X, y)
    with pytest.raises(InputError, match=r"shape \(2, 4\), but a trace is of one row of 4"):
        fitted.trace(X[:2])
    with pytest.raises(InputError, match=r"shape \(3,\)"):
        fitted.trace(X[0, :3])
    with pytest.raises(InputError, match="classes not in"):
        fitted.trace(X[0], 7)
    with pytest.raises(ValueError, match="contains NaN"):
        fitted.trace(GAPS[np.isnan(GAPS).any(axis=1)][0])
    with pytest.raises(InputError, match=r"y has shape \(2,\), but a row .* has 1 targets"):
        fitted.trace(X[0], y[:2])
    several = model(MLPRegressor).fit(X, X[:, :2])
    with pytest.raises(InputError, match=r"y has shape \(\), but a row .* has 2 targets"):
        several.trace(X[0], 1.0)
    labels = model().fit(*MULTILABEL)
    with pytest.raises(InputError, match="must hold 0 and 1 only"):
        labels.trace(MULTILABEL[0][0], [0, 1, 2])
    with pytest.raises(InputError, match="all rows are of the class 1"):
        model().fit(X, np.ones(150, int)).trace(X[0])
