"""What the multilayer perceptrons refuse, and in which words."""

import json

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError

from chainrule import MLPClassifier, MLPRegressor
from chainrule.errors import InputError, ModelFileError
from chainrule.model_file import read_model_file, write_model_file
from chainrule.schedules import Constant

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, y = load_iris(return_X_y=True)

WRONG = {
    "hidden_layer_sizes": [(0,), -1, "many", (2.5,)],
    "activation": ["sigmoidal", ("relu", "tanh"), 3],
    "solver": ["newton", None],
    "alpha": [-1, "much", float("nan")],
    "batch_size": [0, "all", 2.5],
    "learning_rate": ["falling", 0.1],
    "learning_rate_init": [0, -1, "fast"],
    "max_iter": [0, 2.5],
    "shuffle": ["yes", 1],
    "tol": [-1, float("inf")],
    "random_state": [-1, 2**32, "a", np.random.default_rng(0)],
    "momentum": [-0.1, 1.0],
    "validation_fraction": [1.0, -0.1],
    "n_iter_no_change": [0, 2.5],
    "dropout": [1.0, -0.1],
    "clip": [0, -1],
    "averaging": [1.0],
    "monitor": ["accuracy"],
    "precision": ["float16", 32],
    "engine": ["gpu"],
    "class_weight": ["even", 2],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG.items() for value in values]
)
@pytest.mark.parametrize("kind", [ValueError, InputError])
def test_a_parameter_that_means_nothing_is_refused_by_name_when_fit_is_called(name, value, kind):
    model = MLPClassifier(**{name: value})
    with pytest.raises(kind, match=name if name != "activation" else "activation"):
        model.fit(X, y)


@pytest.mark.parametrize("begin", [MLPClassifier.fit, MLPClassifier.partial_fit])
def test_a_refused_parameter_leaves_the_model_as_it_was(begin):
    model = MLPClassifier(alpha=-1)
    with pytest.raises(InputError):
        begin(model, X, y)
    assert [name for name in vars(model) if name.endswith("_")] == []


def test_after_a_fit_that_failed_the_model_is_not_fitted():
    model = MLPClassifier((4,))
    with pytest.raises(InputError):
        model.fit(X, y, sample_weight=np.zeros(150))
    with pytest.raises(NotFittedError):
        model.predict(X)


def test_a_refusal_says_what_came_and_what_was_expected():
    with pytest.raises(TypeError, match=r"^The 'alpha' parameter of MLPClassifier must be 0 or a "
                       r"positive number; got -1\.$"):  # fmt: skip
        MLPClassifier(alpha=-1).fit(X, y)


REFUSED = {
    "clip and averaging belong": (MLPClassifier(solver="lbfgs", clip=1.0), {}),
    "dropout changes at random": (MLPClassifier(solver="lbfgs", dropout=0.1), {}),
    "of shape|has shape": (MLPClassifier(), {"sample_weight": [1.0, 2.0]}),
    "not negative": (MLPClassifier(), {"sample_weight": np.full(150, -1.0)}),
    "something else than numbers": (MLPClassifier(), {"sample_weight": ["a"] * 150}),
    "not be zero for all": (MLPClassifier(), {"sample_weight": np.zeros(150)}),
    "validation_data must be": (MLPClassifier(), {"validation_data": (X,)}),
    "3 features": (MLPClassifier(), {"validation_data": (X[:, :3], y)}),
    "classes not in": (MLPClassifier(), {"validation_data": (X, y + 1)}),
}


@pytest.mark.parametrize(("model", "arguments"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_go_together_is_refused(model, arguments, request):
    words = request.node.callspec.id
    with pytest.raises(ValueError, match=words):
        model.fit(X, y, **arguments)


def test_targets_outside_the_domain_of_the_loss_are_refused():
    with pytest.raises(InputError, match="must be 0 or more"):
        MLPRegressor("poisson").fit(X, -X[:, 0])
    with pytest.raises(InputError, match="for one target"):
        MLPRegressor("quantile").fit(X, X[:, :2])
    with pytest.raises(InputError, match="ascending order"):
        MLPRegressor("quantile", quantile_levels=(0.9, 0.1)).fit(X, X[:, 0])


def test_partial_fit_is_refused_where_it_cannot_be_right():
    refused = {
        "does not support early_stopping": {"early_stopping": True},
        "does not support averaging": {"averaging": 0.99},
        "follows from all rows": {"class_weight": "balanced"},
    }
    for words, settings in refused.items():
        with pytest.raises(InputError, match=words):
            MLPClassifier(**settings).partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(InputError, match="classes must be passed"):
        MLPClassifier().partial_fit(X, y)


def test_coefficients_of_another_shape_are_refused():
    model = MLPClassifier((8,), max_iter=1, warm_start=True).fit(X, y)
    with pytest.raises(InputError, match=r"coefs_ and intercepts_ have shapes"):
        model.set_params(hidden_layer_sizes=(9,)).fit(X, y)
    model.intercepts_ = model.intercepts_[:1]
    with pytest.raises(InputError, match=r"coefs_ and intercepts_ have shapes"):
        model.predict(X)


# Files


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "model"
    MLPClassifier((3,), max_iter=1, random_state=0).fit(X, y).save(path)
    return path


def test_an_estimator_is_not_loaded_as_another(saved):
    with pytest.raises(ModelFileError, match="holds a MLPClassifier, not a MLPRegressor"):
        MLPRegressor.load(saved)


def test_a_file_without_an_estimator_is_named(tmp_path):
    write_model_file(tmp_path / "m", {"layers": []}, {})
    with pytest.raises(ModelFileError, match="a model that is no estimator"):
        MLPClassifier.load(tmp_path / "m")


CHANGES = {
    "a parameter": lambda d, t: d["parameters"].update(alpha="much"),
    "an unknown parameter": lambda d, t: d["parameters"].update(power=1),
    "an unknown attribute": lambda d, t: d["attributes"].update(__class__="x"),
    "no attributes": lambda d, t: d.pop("attributes"),
    "classes": lambda d, t: d["attributes"].update(
        classes_={"array": [0, 1, 2, 3], "dtype": "<i8"}
    ),
    "a dtype": lambda d, t: d["attributes"]["classes_"].update(dtype="V8"),
    "features": lambda d, t: d["attributes"].update(n_features_in_=5),
    "a shape": lambda d, t: t.update({"layers.1.W": np.zeros((4, 3))}),
    "a tensor": lambda d, t: t.pop("layers.1.b"),
    "infinity": lambda d, t: t.update({"layers.1.b": np.full(3, np.inf)}),
    "whole numbers": lambda d, t: t.update({"layers.1.b": np.zeros(3, dtype=np.int64)}),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_whole_file_that_says_nonsense_is_refused(saved, change):
    document, tensors = read_model_file(saved)
    document = json.loads(json.dumps(document))
    change(document, tensors)
    write_model_file(saved, document, tensors)
    with pytest.raises(ModelFileError, match="is not a MLPClassifier"):
        MLPClassifier.load(saved)


def test_what_a_file_cannot_hold_is_refused_before_anything_is_written(tmp_path):
    class OfTheirOwn(Constant):
        name = "own"

    model = MLPClassifier(max_iter=1, learning_rate=OfTheirOwn()).fit(X, y)
    with pytest.raises(InputError, match=r"'learning_rate' is .* a model file does not hold"):
        model.save(tmp_path / "m")
    assert not (tmp_path / "m").exists()
