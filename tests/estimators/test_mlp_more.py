"""Missing values, traces, learning curves and the tables that multilayer perceptrons take."""

import sys
from functools import cache
from itertools import product

import joblib
import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.impute import SimpleImputer
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier as ScikitLearnMLPClassifier
from sklearn.preprocessing import scale
from sklearn.utils.estimator_checks import parametrize_with_checks

from chainrule import LossCurveDisplay, MLPClassifier, MLPRegressor
from chainrule.errors import InputError, ModelFileError
from chainrule.estimators import mlp_course
from chainrule.trace.page import forward_page
from chainrule.training import train

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
KINDS = [MLPClassifier, MLPRegressor]


def model(kind=MLPClassifier, **settings):
    return kind(**{**SETTINGS, **settings})


# Missing values


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", ["median", "indicator"])
def test_missing_values_are_filled_as_simple_imputer_fills_them(kind, how):
    imputer = SimpleImputer(strategy="median", add_indicator=how == "indicator")
    filled = imputer.fit_transform(GAPS)
    ours = model(kind, missing=how).fit(GAPS, y)
    theirs = model(kind).fit(filled, y)
    assert np.array_equal(ours.predict(GAPS), theirs.predict(filled))
    assert np.array_equal(ours.coefs_[0], theirs.coefs_[0])
    assert np.array_equal(ours.medians_, np.nanmedian(GAPS, axis=0))
    assert ours.flagged_.tolist() == ([0, 2, 3] if how == "indicator" else [])
    assert ours.coefs_[0].shape == (4 + len(ours.flagged_), 6)
    assert ours.n_features_in_ == 4
    assert np.array_equal(ours.activations(GAPS)[0], filled)
    for mine, expected in zip(ours.gradients(GAPS, y), theirs.gradients(filled, y), strict=True):
        assert np.array_equal(mine[0], expected[0])


@pytest.mark.parametrize("how", ["median", "indicator"])
@pytest.mark.parametrize("of_kind", [sparse.csr_matrix, sparse.csr_array, sparse.csc_array])
def test_gaps_of_a_sparse_table_are_those_of_the_same_dense_one(of_kind, how):
    table = np.where(rng.random(GAPS.shape) < 0.2, 0.0, GAPS + 3)
    dense = model(missing=how, max_iter=3).fit(table, y)
    thin = model(missing=how, max_iter=3).fit(of_kind(table), y)
    assert np.array_equal(thin.medians_, dense.medians_)
    assert thin.medians_.all()
    assert np.array_equal(thin.flagged_, dense.flagged_)
    np.testing.assert_allclose(
        thin.predict_proba(of_kind(table)), dense.predict_proba(table), rtol=1e-6
    )


@pytest.mark.parametrize("kind", KINDS)
def test_missing_values_are_refused_unless_told_what_to_do_with_them(kind):
    with pytest.raises(ValueError, match=f"Input X contains NaN.\n{kind.__name__} does not accept"):
        model(kind).fit(GAPS, y)
    with pytest.raises(ValueError, match="Input X contains NaN"):
        model(kind).fit(X, y).predict(GAPS)
    with pytest.raises(ValueError, match="Input X contains infinity"):
        model(kind, missing="median").fit(np.where(np.isnan(GAPS), np.inf, X), y)
    with pytest.raises(
        InputError, match=r"'missing' .* one of: median, indicator, or None; got 'm"
    ):
        model(kind, missing="mean").fit(GAPS, y)
    allowed = [clone(model(kind, missing=m)).__sklearn_tags__().input_tags.allow_nan
               for m in (None, "median")]  # fmt: skip
    assert allowed == [False, True]


def test_medians_are_those_of_the_first_call_and_of_rows_that_are_learnt_from():
    parts = model(missing="indicator").partial_fit(GAPS[:75], y[:75], classes=[0, 1, 2])
    medians = parts.medians_
    parts.partial_fit(GAPS[75:] + 100, y[75:])
    assert np.array_equal(parts.medians_, medians)
    assert np.array_equal(medians, np.nanmedian(GAPS[:75], axis=0))

    again = model(missing="median", warm_start=True).fit(GAPS, y)
    again.fit(GAPS + 100, y)
    assert np.array_equal(again.medians_, np.nanmedian(GAPS, axis=0))

    apart = model(missing="median").fit(GAPS, y, validation_data=(GAPS + 1, y))
    assert np.array_equal(apart.medians_, np.nanmedian(GAPS, axis=0))
    filled = np.where(np.isnan(GAPS), apart.medians_, GAPS + 1)
    expected = log_loss(y, apart.predict_proba(filled))
    assert apart.validation_loss_curve_[-1] == pytest.approx(expected)

    split = model(missing="median", early_stopping=True, validation_fraction=0.5).fit(GAPS, y)
    assert not np.array_equal(split.medians_, np.nanmedian(GAPS, axis=0))


def test_a_column_without_any_value_is_0_everywhere():
    empty = GAPS.copy()
    empty[:, 1] = np.nan
    fitted = model(missing="median").fit(empty, y)
    assert fitted.medians_[1] == 0
    assert np.array_equal(fitted.predict_proba(empty), fitted.predict_proba(np.where(
        [False, True, False, False], 0.0, empty)))  # fmt: skip


def test_a_gap_where_there_was_none_in_training_is_filled_without_a_flag():
    fitted = model(missing="indicator").fit(GAPS, y)
    x = X[:1].copy()
    x[0, 1] = np.nan
    assert fitted.activations(x)[0].tolist() == [[X[0, 0], fitted.medians_[1], *X[0, 2:], 0, 0, 0]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("kind", "how"), [*product(KINDS, ["median", "indicator", None])])
def test_what_fills_the_gaps_is_saved(kind, how, dtype, tmp_path):
    table = (X if how is None else GAPS).astype(dtype)
    fitted = model(kind, missing=how).fit(table, y)
    assert fitted.coefs_[0].dtype == dtype
    fitted.save(tmp_path / "m")
    loaded = kind.load(tmp_path / "m")
    assert np.array_equal(loaded.predict(table), fitted.predict(table))
    assert loaded.missing == how
    assert (loaded.medians_ is None) == (how is None)
    loaded.partial_fit(table, y)


def test_a_file_whose_medians_are_of_another_table_is_refused(tmp_path):
    fitted = model(missing="indicator").fit(GAPS, y)
    fitted.flagged_ = np.array([0, 2, 9])
    fitted.save(tmp_path / "m")
    with pytest.raises(ModelFileError, match="medians do not fit its inputs"):
        MLPClassifier.load(tmp_path / "m")


@parametrize_with_checks([model(missing="indicator", max_iter=100),
                          model(MLPRegressor, missing="median", max_iter=100)])  # fmt: skip
def test_an_estimator_that_fills_gaps_keeps_the_contract(estimator, check):
    check(estimator)


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
    many = make_multilabel_classification(20, 4, n_classes=3, random_state=0)
    with pytest.raises(InputError, match="one target, but y has 3"):
        model().fit(*many).trace(many[0][0])
    with pytest.raises(InputError, match="one target, but y has 2"):
        model(MLPRegressor).fit(X, X[:, :2]).trace(X[0])
    with pytest.raises(InputError, match="all rows are of the class 1"):
        model().fit(X, np.ones(150, int)).trace(X[0])


# Learning curves


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


# Tables of all kinds

TABLE = np.round(rng.standard_normal((60, 5)) * 4) * (rng.random((60, 5)) < 0.7)
ANSWERS = (TABLE.sum(axis=1) > 0).astype(int)


@cache
def expected(kind):
    return model(kind).fit(TABLE, ANSWERS).predict(TABLE)


def frame_of(package):
    data = {f"column {j}": TABLE[:, j] for j in range(5)}
    module = pytest.importorskip(package)
    return module.table(data) if package == "pyarrow" else module.DataFrame(data)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("package", ["pandas", "polars", "pyarrow"])
def test_a_data_frame_gives_the_same_answers_and_its_names(kind, package):
    frame = frame_of(package)
    fitted = model(kind).fit(frame, ANSWERS)
    assert np.array_equal(fitted.predict(frame), expected(kind))
    if package != "pyarrow":
        assert fitted.feature_names_in_.tolist() == [f"column {j}" for j in range(5)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("of_array", [
    np.asfortranarray, lambda table: table.astype(np.int64), lambda table: table.astype(np.int8),
    lambda table: np.repeat(table, 2, axis=0)[::2], lambda table: table.tolist(),
    lambda table: table.astype(">f8"), lambda table: table.astype(object),
])  # fmt: skip
def test_an_array_of_any_layout_gives_the_same_answers(kind, of_array):
    table = of_array(TABLE)
    assert np.array_equal(model(kind).fit(table, ANSWERS).predict(table), expected(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_float32_stays_float32_and_gives_nearly_the_same_answers(kind):
    table = TABLE.astype(np.float32)
    fitted = model(kind).fit(table, ANSWERS)
    assert {W.dtype for W in fitted.coefs_} == {np.dtype(np.float32)}
    np.testing.assert_allclose(fitted.predict(table), expected(kind), atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["csr", "csc", "coo"])
@pytest.mark.parametrize("of_kind", ["matrix", "array"])
def test_a_sparse_table_gives_the_same_answers(kind, form, of_kind):
    table = getattr(sparse, f"{form}_{of_kind}")(TABLE)
    fitted = model(kind).fit(table, ANSWERS)
    np.testing.assert_allclose(fitted.predict(table), expected(kind), rtol=1e-9)
    np.testing.assert_allclose(fitted.predict(TABLE), expected(kind), rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_in_a_file_gives_the_same_answers(kind, tmp_path):
    joblib.dump(TABLE, tmp_path / "table.joblib")
    loaded = joblib.load(tmp_path / "table.joblib", mmap_mode="r")
    mapped = np.memmap(tmp_path / "table.raw", dtype=np.float64, mode="w+", shape=TABLE.shape)
    mapped[:] = TABLE
    mapped.flush()
    mapped = np.memmap(tmp_path / "table.raw", dtype=np.float64, mode="r", shape=TABLE.shape)
    for table in (loaded, mapped):
        assert isinstance(table, np.memmap)
        assert np.array_equal(model(kind).fit(table, ANSWERS).predict(table), expected(kind))


@pytest.mark.parametrize(
    ("table", "engine", "copied"),
    [
        (TABLE, "compiled", True),
        (np.where(TABLE > 3, np.nan, TABLE), "compiled", True),
        (np.eye(60, 50), "reference", False),
    ],
    ids=["many numbers", "and gaps", "few numbers"],
)
def test_a_sparse_table_with_many_numbers_is_copied_for_the_compiled_engine(
    table, engine, copied, monkeypatch
):
    pytest.importorskip("numba")
    seen = []

    def watched(network, rows, settings, **others):
        validation = others["validation"]
        seen.append((others["engine"].__name__, *map(sparse.issparse, (rows.X, validation.X))))
        return train(network, rows, settings, **others)

    monkeypatch.setattr(mlp_course, "train", watched)
    fitted = model(missing="indicator", early_stopping=True)
    fitted.fit(sparse.csr_array(table), ANSWERS)
    assert seen == [(f"chainrule.engines.{engine}", not copied, not copied)]


# A few rows


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_a_row_alone_is_answered_as_among_many(kind, dtype):
    many = rng.standard_normal((2000, 5)).astype(dtype)
    fitted = model(kind, hidden_layer_sizes=(100,)).fit(TABLE.astype(dtype), TABLE[:, 0])
    answer = fitted.predict_proba if kind is MLPClassifier else fitted.predict
    alone = np.concatenate([answer(many[i : i + 1]) for i in range(20)])
    assert alone.dtype == dtype
    np.testing.assert_allclose(alone, answer(many)[:20], rtol=0, atol=1e-5 if dtype == np.float32
                               else 1e-12)  # fmt: skip


def test_few_rows_are_not_answered_with_coefficients_of_a_wrong_shape():
    fitted = model().fit(X, y)
    fitted.intercepts_[0] = np.zeros(1)
    with pytest.raises(InputError, match="coefs_ and intercepts_ have shapes"):
        fitted.predict(X[:1])
