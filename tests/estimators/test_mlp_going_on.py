"""Learning that goes on, is interrupted, or diverges."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

from chainrule import MLPClassifier, MLPRegressor
from chainrule.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, y = load_iris(return_X_y=True)
X = scale(X)


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


@pytest.mark.parametrize("solver", ["sgd", "adam", "adamw", "rmsprop"])
@pytest.mark.parametrize("policy", ["constant", "invscaling", "adaptive", "cosine"])
def test_partial_fit_six_times_is_fit_with_six_epochs(solver, policy):
    settings = {"solver": solver, "learning_rate": policy, "dropout": 0.1, "batch_size": 40}
    settings["shuffle"] = False  # each call begins with the same order, as in scikit-learn
    at_once = small(**settings)
    if policy == "adaptive" and solver == "sgd":
        at_once.set_params(tol=10, n_iter_no_change=1)  # the rate falls after every second epoch
    by_parts = clone(at_once)
    at_once.set_params(max_iter=6).fit(X, y)
    by_parts.set_params(max_iter=6)
    for _ in range(6):
        by_parts.partial_fit(X, y, classes=[0, 1, 2])
    assert at_once.n_iter_ == 6
    np.testing.assert_array_equal(by_parts.coefs_[0], at_once.coefs_[0])
    assert by_parts.loss_curve_ == at_once.loss_curve_


def test_coefficients_may_be_set_and_learning_goes_on_from_them():
    model = small().fit(X, y)
    zeros = [np.zeros_like(W) for W in model.coefs_]
    model.coefs_ = zeros
    model.intercepts_ = [np.zeros_like(b) for b in model.intercepts_]
    np.testing.assert_allclose(model.predict_proba(X), 1 / 3)
    model.set_params(warm_start=True, max_iter=1, solver="sgd").fit(X, y)
    assert not model.coefs_[0].any()  # nothing can reach the first layer through weights of 0
    assert model.intercepts_[1].any()


@pytest.mark.parametrize("form", [np.asarray, csr_matrix])
def test_targets_of_another_kind_are_refused_and_leave_the_classifier_as_it_was(form):
    labels = (X[:, :3] > 0).astype(int)
    model = small().fit(X, form(labels))
    before = model.predict_proba(X)
    for wrong in (np.full(150, 7), np.arange(150) % 3, labels[:, :2]):
        with pytest.raises(InputError):
            model.partial_fit(X, wrong)
        assert np.array_equal(model.predict_proba(X), before)
    one_of_three = small().fit(X, y)
    with pytest.raises(
        InputError, match=r"3 outputs, a label each, but .* for one class of several"
    ):
        one_of_three.partial_fit(X, labels)
    assert (one_of_three.predict(X) == y).mean() > 0.5


def test_a_warm_start_keeps_the_best_network_of_all_its_fits():
    model = small(warm_start=True, early_stopping=True, monitor="loss", max_iter=60)
    data = {"validation_data": (X[1::2], y[1::2])}
    model.fit(X[::2], y[::2], **data)
    kept = model.predict_proba(X)
    model.set_params(solver="sgd", learning_rate_init=5.0, max_iter=3).fit(X[::2], y[::2], **data)
    assert model.validation_loss_curve_[-1] > min(model.validation_loss_curve_[:-3])
    assert np.array_equal(model.predict_proba(X), kept)


def test_a_fit_that_is_interrupted_keeps_what_it_has():
    class Interrupts:
        ended = 0

        def setup(self, estimator, context): ...

        def teardown(self, estimator, context): ...

        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context):
            self.ended += 1
            if self.ended == 5:
                raise KeyboardInterrupt

    model = small().set_callbacks(Interrupts())
    with pytest.warns(UserWarning, match=r"Training interrupted by user\."):
        model.fit(X, y)
    assert model.n_iter_ == 5
    assert model.predict(X).shape == (150,)


def test_training_that_diverges_keeps_the_best_epoch_if_it_stops_early():
    model = MLPRegressor(
        activation="identity", solver="sgd", learning_rate_init=1.0, early_stopping=True,
        random_state=0,
    )  # fmt: skip
    with pytest.warns(ConvergenceWarning, match="diverged in epoch"):
        model.fit(X, y)
    assert np.isfinite(model.predict(X)).all()
    assert np.isnan(model.validation_scores_[-1])
