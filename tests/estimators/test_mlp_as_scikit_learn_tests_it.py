"""scikit-learn's own tests of its multilayer perceptrons, run on ours.

Its installed test module is loaded with the two classes swapped, and each of its tests becomes one
of ours. Only those that look at private names may fail; each is listed with its reason.
"""

import importlib.util
from types import ModuleType

import pytest
import sklearn.neural_network

import chainrule

PRIVATE = {
    "test_gradient": "calls the private _loss_grad_lbfgs; ours is the public gradients(X, y), "
    "compared with finite differences in test_mlp_inside.py",
    "test_learning_rate_warmstart": "reads the private _optimizer.learning_rate",
    "test_adaptive_learning_rate": "reads the private _optimizer.learning_rate",
}


def scikit_learns_tests(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Its test module, importing our classes where it means its own."""
    for name in ("MLPClassifier", "MLPRegressor"):
        monkeypatch.setattr(sklearn.neural_network, name, getattr(chainrule, name))
    spec = importlib.util.find_spec("sklearn.neural_network.tests.test_mlp")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


with pytest.MonkeyPatch.context() as patch:
    TESTS = {
        name: test
        for name, test in vars(scikit_learns_tests(patch)).items()
        if name.startswith("test_")
    }

pytestmark = [
    pytest.mark.filterwarnings("default"),  # as scikit-learn runs them
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

for name, test in TESTS.items():
    if name in PRIVATE:
        test = pytest.mark.xfail(raises=AttributeError, reason=PRIVATE[name])(test)
    globals()[name] = test


@pytest.fixture
def global_random_seed():
    """scikit-learn's fixture of that name."""
    return 42


def test_the_classes_are_ours_and_the_tests_are_there():
    assert len(TESTS) > 40
    assert all(test.__globals__["MLPClassifier"] is chainrule.MLPClassifier for test in
               TESTS.values())  # fmt: skip
    assert set(PRIVATE) <= set(TESTS)
