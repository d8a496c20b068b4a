"""Missing values of X: what stands in for them."""

from itertools import product

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.impute import SimpleImputer
from sklearn.metrics import log_loss
from sklearn.preprocessing import scale
from sklearn.utils.estimator_checks import parametrize_with_checks

from chainrule import MLPClassifier, MLPRegressor
from chainrule.errors import InputError, ModelFileError

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
