"""Parameters that scikit-learn's multilayer perceptrons do not have: each does what it says."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import load_iris, make_classification
from sklearn.metrics import log_loss, recall_score
from sklearn.preprocessing import scale

from chainrule import MLPClassifier, MLPRegressor
from chainrule.activations import ACTIVATIONS
from chainrule.errors import InputError
from chainrule.schedules import OneCycle

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, y = load_iris(return_X_y=True)
X = scale(X)
rng = np.random.default_rng(0)
LINE = rng.uniform(-2, 2, size=(400, 1))
WAVE = np.sin(2 * LINE[:, 0]) + 0.1 * rng.standard_normal(400)


def small(**settings):
    return MLPClassifier(
        **{
            "hidden_layer_sizes": (8,),
            "learning_rate_init": 0.02,
            "max_iter": 30,
            "batch_size": 30,
            "random_state": 0,
            **settings,
        }
    )


# Classes and weights


def test_class_weights_are_row_weights_by_class():
    by_class = small(class_weight={0: 1, 1: 2.5, 2: 0.25}).fit(X, y)
    of_class = np.array([1, 2.5, 0.25])[y]
    by_row = small().fit(X, y, sample_weight=of_class)
    assert np.array_equal(by_class.coefs_[0], by_row.coefs_[0])
    of_row = rng.uniform(0.5, 2, size=150)
    by_class.fit(X, y, sample_weight=of_row)
    by_row.fit(X, y, sample_weight=of_class * of_row)
    assert np.array_equal(by_class.coefs_[0], by_row.coefs_[0])


def test_a_batch_may_lack_a_class_that_has_a_weight():
    order = np.argsort(y, kind="stable")
    by_class = small(class_weight={0: 3.0, 2: 0.5}, batch_size="auto")
    by_row = small(batch_size="auto")
    for some in np.split(order, 6):
        by_class.partial_fit(X[some], y[some], classes=[0, 1, 2])
        weight = np.array([3.0, 1.0, 0.5])[y[some]]
        by_row.partial_fit(X[some], y[some], weight, classes=[0, 1, 2])
    assert np.array_equal(by_class.coefs_[0], by_row.coefs_[0])


def test_weights_of_several_labels_are_multiplied():
    labels = np.column_stack([y == 0, y > 0, np.arange(150) % 2]).astype(int)
    weights = [{1: 2.0}, {0: 3.0, 1: 0.5}, {}]
    of_row = np.where(labels[:, 0], 2.0, 1.0) * np.where(labels[:, 1], 0.5, 3.0)
    by_label = small(class_weight=weights)
    by_row = small().fit(X, labels, sample_weight=of_row)
    for form in (np.asarray, csr_array):
        assert np.array_equal(by_label.fit(X, form(labels)).coefs_[0], by_row.coefs_[0])


@pytest.mark.parametrize(
    ("class_weight", "targets", "said"),
    [
        ({7: 1.0}, y, r"\[7\], of class_weight are not in y"),
        ({0: -1.0}, y, "finite numbers from 0 on"),
        ({0: "many"}, y, "no number"),
        ([{0: 1.0}], y, "must be 'balanced' or a dict"),
        ({0: 1.0}, np.eye(3)[y], "list of 3 dicts"),
        ([{0: 1.0}], np.eye(3)[y], "list of 3 dicts"),
    ],
)
def test_class_weights_that_mean_nothing_are_refused(class_weight, targets, said):
    with pytest.raises(InputError, match=said):
        small(class_weight=class_weight).fit(X, targets)


def test_balanced_classes_find_more_of_a_rare_class():
    a, b = make_classification(600, weights=[0.95], class_sep=0.7, random_state=0)
    plain, balanced = (small(class_weight=w).fit(a, b) for w in (None, "balanced"))
    assert recall_score(b, balanced.predict(a)) > recall_score(b, plain.predict(a))


# Validation


def test_rows_of_ones_own_give_a_validation_loss_curve_and_change_nothing_else():
    settings = {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.01, "n_iter_no_change": 2,
                "max_iter": 60}  # fmt: skip
    watched = small(**settings).fit(X[::2], y[::2], validation_data=(X[1::2], y[1::2]))
    alone = small(**settings).fit(X[::2], y[::2])
    assert len(watched.validation_loss_curve_) == watched.n_iter_
    expected = log_loss(y[1::2], watched.predict_proba(X[1::2]))
    assert watched.validation_loss_curve_[-1] == pytest.approx(expected)
    assert np.array_equal(watched.coefs_[0], alone.coefs_[0])
    assert alone.validation_loss_curve_ is None


def test_weights_of_validation_rows_count():
    weight = np.where(y == 2, 5.0, 1.0)
    model = small().fit(X, y, validation_data=(X, y, weight))
    expected = log_loss(y, model.predict_proba(X), sample_weight=weight)
    assert model.validation_loss_curve_[-1] == pytest.approx(expected)


def test_the_network_with_the_lowest_validation_loss_is_kept():
    noisy = np.where(rng.random(len(y)) < 0.3, rng.integers(3, size=len(y)), y)
    model = small(
        hidden_layer_sizes=(50,), max_iter=150, early_stopping=True, monitor="loss",
        n_iter_no_change=20,
    )  # fmt: skip
    model.fit(X[::2], noisy[::2], validation_data=(X[1::2], noisy[1::2]))
    assert model.n_iter_ < 150
    lowest = min(model.validation_loss_curve_)
    assert lowest < model.validation_loss_curve_[-1]
    assert log_loss(noisy[1::2], model.predict_proba(X[1::2])) == pytest.approx(lowest)
    assert len(model.validation_scores_) == model.n_iter_


def test_the_network_with_the_best_validation_score_is_kept():
    model = small(early_stopping=True, n_iter_no_change=5, max_iter=200)
    model.fit(X[::2], y[::2], validation_data=(X[1::2], y[1::2]))
    assert model.score(X[1::2], y[1::2]) == model.best_validation_score_


@pytest.mark.filterwarnings("ignore:The number of unique classes")
def test_one_row_for_each_class_is_no_reason_to_fail():
    many = np.arange(30) % 29  # a class with two rows, all others with one
    MLPClassifier(early_stopping=True, max_iter=2).fit(X[:30], many)


# Networks


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_learns(name):
    assert small(activation=name).fit(X, y).score(X, y) > 0.9


def test_layers_have_activations_of_their_own():
    model = small(hidden_layer_sizes=(7, 5), activation=("tanh", "relu")).fit(X, y)
    A = model.activations(X)
    np.testing.assert_allclose(A[1], np.tanh(X @ model.coefs_[0] + model.intercepts_[0]))
    np.testing.assert_allclose(
        A[2], np.maximum(A[1] @ model.coefs_[1] + model.intercepts_[1], 0), atol=1e-12
    )
    np.testing.assert_allclose(A[3], model.predict_proba(X), rtol=1e-12)
    assert [a.shape[1] for a in A] == [4, 7, 5, 3]


def test_no_hidden_layer_is_a_linear_model():
    model = small(hidden_layer_sizes=()).fit(X, y)
    assert [W.shape for W in model.coefs_] == [(4, 3)]


def test_dropout_changes_the_training_and_not_the_prediction():
    plain, dropped = (small(dropout=share).fit(X, y) for share in (0.0, 0.3))
    assert not np.allclose(plain.coefs_[0], dropped.coefs_[0])
    assert np.array_equal(dropped.predict_proba(X), dropped.predict_proba(X))


# Losses


def test_the_median_forgets_outliers_that_the_mean_follows():
    t = WAVE.copy()
    t[::10] += 50
    settings = {"learning_rate_init": 0.01, "max_iter": 100, "random_state": 0}
    errors = {
        loss: np.mean(np.abs(MLPRegressor(loss, (30,), **settings).fit(LINE, t).predict(LINE)
                             - WAVE))
        for loss in ("squared_error", "absolute_error", "huber")
    }  # fmt: skip
    assert errors["absolute_error"] < 0.5 < 2 < errors["squared_error"]
    assert errors["huber"] < 0.5


def test_a_wide_huber_loss_is_the_squared_error():
    settings = {"max_iter": 5, "random_state": 0}
    wide = MLPRegressor("huber", huber_delta=1e6, **settings).fit(LINE, WAVE)
    squared = MLPRegressor(**settings).fit(LINE, WAVE)
    np.testing.assert_allclose(wide.predict(LINE), squared.predict(LINE), rtol=1e-9)


def test_quantiles_hold_their_share_of_rows():
    levels = (0.1, 0.5, 0.9)
    model = MLPRegressor(
        "quantile", (30,), quantile_levels=levels, learning_rate_init=0.01, max_iter=100,
        random_state=0,
    ).fit(LINE, WAVE)  # fmt: skip
    found = model.predict(LINE)
    assert found.shape == (400, 3)
    assert (np.diff(found, axis=1) >= 0).all()
    np.testing.assert_allclose((WAVE[:, None] < found).mean(axis=0), levels, atol=0.07)
    middle = MLPRegressor("quantile", (30,), max_iter=2).fit(LINE, WAVE)
    assert middle.predict(LINE).shape == (400,)
    assert 0.8 < model.score(LINE, WAVE) < 1


# Steps


@pytest.mark.parametrize("solver", ["adamw", "rmsprop"])
@pytest.mark.parametrize("policy", ["cosine", "one_cycle", "warm_up", OneCycle(peak=0.2)])
def test_our_solvers_and_schedules_learn(solver, policy):
    assert small(solver=solver, learning_rate=policy, max_iter=60).fit(X, y).score(X, y) > 0.9


def test_a_schedule_counts_for_adam_and_the_policies_of_scikit_learn_do_not():
    constant, falling, cosine = (
        small(learning_rate=policy).fit(X, y).coefs_[0]
        for policy in ("constant", "invscaling", "cosine")
    )
    assert np.array_equal(constant, falling)
    assert not np.allclose(constant, cosine)


def test_weight_decay_shrinks():
    little, much = (
        np.abs(small(solver="adamw", weight_decay=decay).fit(X, y).coefs_[0]).sum()
        for decay in (0.0, 5.0)
    )
    assert much < 0.7 * little


def test_no_step_is_longer_than_a_clipped_gradient():
    one = {"solver": "sgd", "momentum": 0, "max_iter": 1, "batch_size": 150, "warm_start": True}
    model = small(**one, learning_rate_init=1.0, clip=1e-3).fit(100 * X, y)
    before = [*model.coefs_, *model.intercepts_]
    model.fit(100 * X, y)
    after = [*model.coefs_, *model.intercepts_]
    step = np.sqrt(sum(np.sum((a - b) ** 2) for a, b in zip(after, before, strict=True)))
    assert step == pytest.approx(1e-3)


def test_an_average_of_parameters_wobbles_less():
    noisy = {"solver": "sgd", "learning_rate_init": 0.3, "batch_size": 5, "max_iter": 40, "tol": 0}
    curves = [
        small(**noisy, averaging=decay).fit(X[::2], y[::2], validation_data=(X[1::2], y[1::2]))
        .validation_loss_curve_[10:]
        for decay in (None, 0.98)
    ]  # fmt: skip
    assert np.std(curves[1]) < 0.5 * np.std(curves[0])


# What computes


@pytest.mark.parametrize("solver", ["lbfgs", "sgd", "adam"])
def test_both_engines_give_the_same_network(solver):
    pytest.importorskip("numba")
    reference, compiled = (
        small(solver=solver, engine=engine, activation="tanh", max_iter=8, dropout=dropout)
        .fit(X, y)
        .predict_proba(X)
        for engine in ("reference", "compiled")
        for dropout in [0.0 if solver == "lbfgs" else 0.2]
    )
    np.testing.assert_allclose(compiled, reference, rtol=1e-5)


@pytest.mark.parametrize("form", [np.asarray, csr_array])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_precision_is_that_of_a_table_which_was_converted_before(solver, form):
    told = small(precision="float32", solver=solver).fit(form(X), y)
    converted = small(solver=solver).fit(form(X.astype(np.float32)), y)
    assert {part.dtype for part in told.coefs_ + told.intercepts_} == {np.dtype(np.float32)}
    assert all(map(np.array_equal, told.coefs_, converted.coefs_))
    answers = told.predict_proba(form(X))
    assert answers.dtype == np.float32
    assert np.array_equal(answers, converted.predict_proba(form(X.astype(np.float32))))
    wide = small(precision="float64", solver=solver).fit(form(X.astype(np.float32)), y)
    assert wide.coefs_[0].dtype == np.float64


def test_bfloat16_is_float32_whose_wide_products_are_rounded():
    answers = {}
    for precision in ("float32", "bfloat16"):
        model = small(
            hidden_layer_sizes=(40, 40), precision=precision, engine="reference", max_iter=3
        ).fit(X, y)
        assert model.coefs_[0].dtype == np.float32
        answers[precision] = model.predict_proba(X)
    apart = np.abs(answers["bfloat16"] - answers["float32"]).max()
    assert 1e-6 < apart < 0.02


def test_bfloat16_is_refused_where_no_product_would_be_rounded():
    with pytest.raises(InputError, match="bfloat16"):
        small(precision="bfloat16", solver="lbfgs").fit(X, y)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_number_beyond_float32_is_refused_where_that_is_the_precision():
    with pytest.raises(ValueError, match="too large for dtype"):
        small(precision="float32").fit(X * 1e39, y)
