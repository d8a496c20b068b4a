"""Intervals: they hold the share of targets that they promise."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from chainrule import TabularRegressor
from chainrule.errors import InputError
from chainrule.estimators.conformal import CalibrationRows, conformal_interval


def draw(rng, n):
    """Rows whose noise grows with the first column."""
    X = rng.uniform(0, 1, size=(n, 2))
    return X, 2 * X[:, 1] + (0.1 + X[:, 0]) * rng.normal(size=n)


def coverage_of(fitted, rng, coverage=0.9):
    X, y = draw(rng, 2_000)
    low, high = fitted.predict_interval(X, coverage).T
    return np.mean((low <= y) & (y <= high))


def coverages(draws, n, **parameters):
    found = []
    for seed in range(draws):
        rng = np.random.default_rng(seed)
        fitted = TabularRegressor(
            (4,), max_iter=5, learning_rate_init=0.02, random_state=seed, **parameters
        ).fit(*draw(rng, n))
        found.append(coverage_of(fitted, rng))
    return np.array(found)


def test_rows_kept_apart_give_exactly_the_coverage_that_theory_gives():
    # of 49 exchangeable rows: the coverage of an interval is Beta(rank, 50 - rank) distributed
    rank = math.ceil(0.9 * 50)
    beta = stats.beta(rank, 50 - rank)
    found = coverages(40, 196, calibration_fraction=0.25)
    assert abs(found.mean() - beta.mean()) < 3 * beta.std() / math.sqrt(40)
    assert stats.kstest(found, beta.cdf).pvalue > 0.01


@pytest.mark.parametrize(
    "parameters",
    [{"n_members": 1}, {"n_members": 3}, {"n_members": 8}, {"loss": "quantile", "n_members": 1}],
)
def test_validation_rows_give_nearly_the_coverage_asked_for(parameters):
    found = coverages(20, 330, **parameters)
    beta = stats.beta(45, 5)
    assert abs(found.mean() - 0.9) < 3 * beta.std() / math.sqrt(20) + 0.01


def test_quantiles_give_wide_intervals_where_the_target_is_hard_to_predict():
    rng = np.random.default_rng(0)
    fitted = TabularRegressor((16,), loss="quantile", max_iter=40, random_state=0)
    fitted.fit(*draw(rng, 1_500))
    low, high = fitted.predict_interval(np.array([[0.05, 0.5], [0.95, 0.5]])).T
    calm, noisy = high - low
    assert noisy > 3 * calm
    assert abs(coverage_of(fitted, rng) - 0.9) < 0.05


NUMBERS = st.floats(-10, 10, allow_nan=False)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_the_interval_is_that_of_the_definition(data):
    """Barber et al. 2021, equations (3) and (11), row by row."""
    n_members = data.draw(st.integers(1, 3))
    groups, all_rows = [], []
    for k in range(n_members):
        y = np.array(data.draw(st.lists(NUMBERS, min_size=4, max_size=8)))
        predictions = np.array([data.draw(NUMBERS) for _ in y])
        groups.append(CalibrationRows((k,), y, predictions[:, None]))
        all_rows += [(k, abs(a - b)) for a, b in zip(y, predictions, strict=True)]
    answers = np.array([[data.draw(NUMBERS) for _ in range(5)] for _ in range(n_members)])
    coverage = data.draw(st.sampled_from([0.5, 0.6, 0.75]))
    n = len(all_rows)
    found = conformal_interval(groups, answers[:, :, None], coverage)
    for j in range(5):
        lower = sorted(answers[k, j] - r for k, r in all_rows)
        upper = sorted(answers[k, j] + r for k, r in all_rows)
        low = lower[math.floor(round((1 - coverage) * (n + 1), 9)) - 1]
        high = upper[math.ceil(round(coverage * (n + 1), 9)) - 1]
        assert np.allclose(found[j], sorted([low, high]))


def test_a_higher_coverage_gives_intervals_that_hold_the_lower_ones():
    rng = np.random.default_rng(0)
    fitted = TabularRegressor((4,), max_iter=3, n_members=2, random_state=0).fit(*draw(rng, 300))
    X, _ = draw(rng, 50)
    inner, outer = fitted.predict_interval(X, 0.5), fitted.predict_interval(X, 0.95)
    assert (outer[:, 0] <= inner[:, 0]).all()
    assert (inner[:, 1] <= outer[:, 1]).all()
    assert (inner[:, 0] <= inner[:, 1]).all()


def test_rows_too_few_for_the_coverage_are_refused_with_the_number_needed():
    X, y = draw(np.random.default_rng(0), 100)
    fitted = TabularRegressor((4,), max_iter=2, random_state=0).fit(X, y)
    with pytest.raises(InputError, match=r"60 rows .* 0\.99 needs at least 99"):
        fitted.predict_interval(X, 0.99)
    with pytest.raises(InputError, match="coverage is 90"):
        fitted.predict_interval(X, 90)
    none = TabularRegressor((4,), max_iter=2, validation_fraction=0.0).fit(X, y)
    with pytest.raises(InputError, match="0 rows were held out"):
        none.predict_interval(X)


def test_quantiles_need_their_loss():
    X, y = draw(np.random.default_rng(0), 60)
    with pytest.raises(InputError, match="loss='quantile'"):
        TabularRegressor((4,), max_iter=2).fit(X, y).predict_quantiles(X)


def test_the_rows_that_members_hold_out_calibrate_once_each():
    X, y = draw(np.random.default_rng(0), 200)
    fitted = TabularRegressor((4,), max_iter=2, n_members=4, random_state=0).fit(X, y)
    held_out = [group.y for group in fitted.calibration_rows_]
    assert [group.members for group in fitted.calibration_rows_] == [(0,), (1,), (2,), (3,)]
    together = np.concatenate(held_out)
    assert len(np.unique(together.round(9))) == len(together) == 120
    assert np.isin(together.round(9), y.round(9)).all()
    for k, group in enumerate(fitted.calibration_rows_):
        rows = [int(np.argmin(np.abs(y - target))) for target in group.y]
        own = fitted._answers(X[rows])[k]
        assert np.allclose(own, group.predictions)
