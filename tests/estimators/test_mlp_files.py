"""A saved multilayer perceptron is loaded as it was."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale

from chainrule import MLPClassifier, MLPRegressor
from chainrule.schedules import OneCycle, WarmUp

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


SAVED = {
    "classes": (small(class_weight={0: 1.0, 2: 3.0}), y),
    "strings": (small(learning_rate=WarmUp(0.1, OneCycle())), np.array(["a", "b", "c"])[y]),
    "objects": (small(early_stopping=True), np.array(["a", "b", "c"], dtype=object)[y]),
    "yes and no": (small(n_iter_no_change=np.inf, max_iter=3), y > 0),
    "numbers": (MLPRegressor(max_iter=3, random_state=np.random.RandomState(0)), X[:, 0]),
    "counts": (MLPRegressor("poisson", max_iter=3), y.astype(float)),
    "quantiles": (MLPRegressor("quantile", quantile_levels=(0.1, 0.9), max_iter=3), X[:, 0]),
    "lbfgs": (small(solver="lbfgs"), y),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("model", "targets"), SAVED.values(), ids=SAVED)
def test_a_saved_estimator_is_loaded_as_it_was(model, targets, dtype, tmp_path):
    a = X.astype(dtype)
    model = clone(model).fit(a, targets)
    model.save(tmp_path / "model.chainrule")
    loaded = type(model).load(tmp_path / "model.chainrule")
    answers = model.predict(a)
    assert np.array_equal(loaded.predict(a), answers)
    assert loaded.predict(a).dtype == answers.dtype
    for name in ("n_iter_", "t_", "loss_", "loss_curve_", "best_loss_", "n_features_in_"):
        assert getattr(loaded, name) == getattr(model, name)
    generator = isinstance(model.random_state, np.random.RandomState)
    for name, value in model.get_params().items():
        if not (name == "random_state" and generator):
            assert getattr(loaded, name) == value
    if hasattr(model, "partial_fit") and not model.early_stopping:
        loaded.partial_fit(a, targets)


def test_names_of_features_are_saved(tmp_path):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    small().fit(frame, y).save(tmp_path / "m")
    loaded = MLPClassifier.load(tmp_path / "m")
    loaded.gradients(frame, y)
    loaded.activations(frame)
    assert loaded.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    with pytest.raises(ValueError, match="feature names should match"):
        loaded.predict(frame.rename(columns={"a": "z"}))
