"""The plot of learning curves: what it shows, and of which epochs."""

import sys

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.neural_network import MLPClassifier as ScikitLearnMLPClassifier
from sklearn.preprocessing import scale

from chainrule import LossCurveDisplay, MLPClassifier
from chainrule.errors import InputError

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning"),
]

X, y = load_iris(return_X_y=True)
X = scale(X)
SETTINGS = {"hidden_layer_sizes": (6,), "learning_rate_init": 0.02, "max_iter": 8,
            "random_state": 0}  # fmt: skip


def model(kind=MLPClassifier, **settings):
    return kind(**{**SETTINGS, **settings})


def curves(**settings):
    validation = settings.pop("validation", True)
    fitted = model(max_iter=30, **settings)
    return fitted.fit(X[::2], y[::2], validation_data=(X[1::2], y[1::2]) if validation else None)


def test_the_best_epoch_is_the_one_that_early_stopping_keeps():
    by_score, by_loss = (curves(early_stopping=True, monitor=m) for m in ("score", "loss"))
    display = LossCurveDisplay.of(by_score)
    assert by_score.validation_scores_[display.best_epoch - 1] == by_score.best_validation_score_
    display = LossCurveDisplay.of(by_loss)
    losses = by_loss.validation_loss_curve_
    assert losses[display.best_epoch - 1] == min(losses)
    assert LossCurveDisplay.of(curves(validation=False)).best_epoch is None
    watched = LossCurveDisplay.of(curves())
    assert watched.best_epoch == 1 + int(np.argmin(watched.validation_loss_curve))


def test_a_validation_curve_that_began_later_ends_with_the_training():
    fitted = model(warm_start=True).fit(X, y)
    fitted.fit(X, y, validation_data=(X, y))
    display = LossCurveDisplay.of(fitted)
    assert (len(display.loss_curve), len(display.validation_loss_curve)) == (16, 8)
    assert list(display._epochs(display.validation_loss_curve)) == list(range(9, 17))
    assert display.best_epoch == 9 + int(np.argmin(display.validation_loss_curve))


def test_an_estimator_without_a_curve_is_refused():
    with pytest.raises(InputError, match="MLPClassifier has no loss_curve_: fit it first"):
        LossCurveDisplay.of(model())


def test_without_matplotlib_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install 'chainrule\[plot\]'"):
        LossCurveDisplay.from_estimator(curves())


@pytest.fixture
def pyplot():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


def test_the_curves_are_drawn_as_they_are(pyplot):
    fitted = curves(early_stopping=True, monitor="loss")
    _, ax = pyplot.subplots()
    display = LossCurveDisplay.from_estimator(fitted, ax=ax, color="red")
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert display.line_.get_color() == "red"
    assert display.line_.get_ydata().tolist() == fitted.loss_curve_
    assert display.line_.get_xdata()[0] == 1
    assert display.validation_line_.get_ydata().tolist() == fitted.validation_loss_curve_
    assert display.best_line_.get_xdata()[0] == display.best_epoch
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "training loss", "validation loss", f"best epoch: {display.best_epoch}"
    ]  # fmt: skip
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Epoch", "Loss")
    assert ax.get_title() == "MLPClassifier"


def test_scores_are_drawn_on_an_axis_of_their_own(pyplot):
    theirs = ScikitLearnMLPClassifier(early_stopping=True, max_iter=15, random_state=0).fit(X, y)
    display = LossCurveDisplay.from_estimator(theirs)
    assert display.score_ax_ is not display.ax_
    assert display.validation_line_.get_ydata().tolist() == theirs.validation_scores_
    alone = LossCurveDisplay.from_estimator(curves(validation=False))
    assert alone.validation_line_ is alone.best_line_ is alone.score_ax_ is None
