"""The intervals of figures: against a bootstrap written out, and against what they promise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from chainrule import bootstrap
from chainrule.evaluation import evaluate_classification, evaluate_regression
from chainrule.reliability import expected_calibration_error, judged_probability, reliability


def classes(n, k, seed, sharpness=1.5):
    """Probabilities that are true: y is drawn from them."""
    random = np.random.default_rng(seed)
    scores = sharpness * random.normal(size=(n, k))
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    y = (p.cumsum(axis=1) > random.random((n, 1))).argmax(axis=1)
    return y, p


def judged(y, p, weight=None):
    k = p.shape[1]
    return evaluate_classification(y, p, tuple(range(k)), np.full(k, 1 / k), weight)


FIGURES_OF_CLASSES = {
    "accuracy": lambda y, p, w: oracle.accuracy_score(y, p.argmax(axis=1), sample_weight=w),
    "balanced accuracy": lambda y, p, w: oracle.balanced_accuracy_score(
        y, p.argmax(axis=1), sample_weight=w
    ),
    "log loss": lambda y, p, w: oracle.log_loss(y, p, sample_weight=w),
    "ROC AUC": lambda y, p, w: (
        oracle.roc_auc_score(y, p[:, 1], sample_weight=w)
        if p.shape[1] == 2
        else np.mean([oracle.roc_auc_score(y == c, p[:, c], sample_weight=w) for c in range(3)])
    ),
}


@pytest.mark.parametrize("name", FIGURES_OF_CLASSES)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("k", [2, 3])
def test_an_interval_is_that_of_rows_drawn_one_by_one_and_judged_by_scikit_learn(k, weighted, name):
    y, p = classes(300, k, seed=1)
    random = np.random.default_rng(5)
    weight = random.integers(1, 5, 300).astype(float) if weighted else None
    redrawn = []
    for _ in range(400):
        rows = random.integers(300, size=300)
        part = None if weight is None else weight[rows]
        redrawn.append(FIGURES_OF_CLASSES[name](y[rows], p[rows], part))
    expected = np.quantile(redrawn, (0.025, 0.975))
    width = expected[1] - expected[0]
    assert judged(y, p, weight).intervals[name] == pytest.approx(expected, abs=0.15 * width)


@pytest.mark.parametrize("name", ["RMSE", "MAE", "R2"])
def test_an_interval_of_numbers_is_that_of_rows_drawn_one_by_one(name):
    random = np.random.default_rng(2)
    y = 1e6 + random.normal(size=200)
    found = y + 0.4 * random.standard_t(5, size=200)
    figure = {
        "RMSE": oracle.root_mean_squared_error,
        "MAE": oracle.mean_absolute_error,
        "R2": oracle.r2_score,
    }[name]
    drawn = [random.integers(200, size=200) for _ in range(1000)]
    expected = np.quantile([figure(y[rows], found[rows]) for rows in drawn], (0.025, 0.975))
    width = expected[1] - expected[0]
    own = evaluate_regression(y, found, float(y.mean())).intervals[name]
    assert own == pytest.approx(expected, abs=0.12 * width)


def test_groups_of_rows_give_the_interval_that_single_rows_give(monkeypatch):
    y, p = classes(8_000, 3, seed=3)
    grouped = judged(y, p)
    monkeypatch.setattr(bootstrap, "MOST_GROUPS", len(y))
    alone = judged(y, p)
    for name in FIGURES_OF_CLASSES:
        (low, high), expected = grouped.intervals[name], alone.intervals[name]
        assert (low, high) == pytest.approx(expected, abs=0.15 * (expected[1] - expected[0]))


def test_nineteen_of_twenty_intervals_hold_the_truth():
    holds = dict.fromkeys((*FIGURES_OF_CLASSES, "ECE"), 0)
    y, p = classes(200_000, 2, seed=4)
    truth = {**judged(y, p).figures, "ECE": 0.0}
    for part in range(100):
        rows = slice(400 * part, 400 * (part + 1))
        for name, ends in judged(y[rows], p[rows]).intervals.items():
            holds[name] += ends[0] <= truth[name] <= ends[1]
    assert {name: 88 <= times <= 100 for name, times in holds.items()} == dict.fromkeys(holds, True)


def test_the_interval_of_a_calibration_error_is_turned_around_its_value():
    y, p = classes(400, 2, seed=11)
    sharp = p**1.6 / (p**1.6).sum(axis=1, keepdims=True)
    own, came_true = judged_probability(y, sharp)
    bins = reliability(own, came_true).bin_of_row
    random = np.random.default_rng(0)
    redrawn = []
    for _ in range(1000):
        rows = random.integers(400, size=400)
        gaps = np.bincount(bins[rows], weights=came_true[rows] - own[rows])
        redrawn.append(np.abs(gaps).sum() / 400)
    value = judged(y, sharp).figures["ECE"]
    low, high = np.quantile(redrawn, (0.025, 0.975))
    expected = (2 * value - high, 2 * value - low)
    width = expected[1] - expected[0]
    assert 0 < expected[0] < low - 0.15 * width  # the percentiles themselves are too high
    assert judged(y, sharp).intervals["ECE"] == pytest.approx(expected, abs=0.12 * width)


def test_the_terms_of_a_figure_sum_up_to_the_figure():
    random = np.random.default_rng(6)
    y, p = classes(500, 3, seed=6)
    p = p.round(1)  # ties
    weight = random.integers(0, 3, 500).astype(float)
    chosen = p.argmax(axis=1)
    own, came_true = judged_probability(y, p)
    bins = reliability(own, came_true, weight).bin_of_row
    numbers, found = random.normal(size=(2, 500))
    pairs = (
        (bootstrap.mean_share_by_class(y, y == chosen, 3, weight), "balanced accuracy"),
        (bootstrap.area(y, p, weight), "ROC AUC"),
        (bootstrap.calibration_error(bins, own, came_true, weight), "ECE"),
        (bootstrap.explained_share(numbers, found, weight), "R2"),
    )
    figures = {
        **judged(y, p, weight).figures,
        **evaluate_regression(numbers, found, 0.0, weight).figures,
    }
    for summed, name in pairs:
        sums = np.array([term.sum() for term in summed.terms])
        assert summed.of_sums(sums) == pytest.approx(figures[name]), name


@pytest.mark.parametrize("weighted", [False, True])
def test_the_placements_of_both_sides_have_the_area_for_their_mean(weighted):
    y, p = classes(300, 2, seed=12)
    p = p.round(1)  # ties
    weight = np.random.default_rng(12).random(300) if weighted else np.ones(300)
    expected = oracle.roc_auc_score(y, p[:, 1], sample_weight=weight)
    own, of_own, other, of_other = (t.sum() for t in bootstrap.area(y, p, weight).terms)
    assert of_own / own == pytest.approx(expected)
    assert of_other / other == pytest.approx(expected)


def test_scaling_the_weights_changes_no_interval():
    y, p = classes(200, 2, seed=7)
    weight = np.random.default_rng(7).random(200) + 0.5
    first, second = judged(y, p, weight).intervals, judged(y, p, 1000 * weight).intervals
    assert {name: pytest.approx(ends) for name, ends in first.items()} == second


def test_intervals_are_the_same_each_time():
    y, p = classes(3_000, 2, seed=8)
    assert judged(y, p).intervals == judged(y, p).intervals


def test_twenty_right_answers_do_not_make_a_model_perfect():
    y = np.arange(20) % 2
    low, high = judged(y, np.eye(2)[y] * 0.8 + 0.1).intervals["accuracy"]
    assert (low, high) == (pytest.approx(0.025 ** (1 / 20)), 1.0)  # Clopper & Pearson: 0.832
    assert judged(y, np.eye(2)[y] * 0.8 + 0.1).intervals["ROC AUC"] is None


def test_too_few_rows_have_no_interval():
    y, p = classes(9, 2, seed=9)
    assert set(judged(y, p).intervals.values()) == {None}
    assert set(evaluate_regression(p[:, 0], p[:, 1], 0.5).intervals.values()) == {None}


def test_figures_without_a_value_have_no_interval():
    y, p = np.zeros(50, dtype=np.int64), classes(50, 2, seed=1)[1]
    assert judged(y, p).intervals["ROC AUC"] is None
    assert evaluate_regression(np.ones(50), p[:, 0], 1.0).intervals["R2"] is None


# calibration


@settings(max_examples=60, deadline=None)
@given(st.integers(20, 400), st.integers(0, 2**32 - 1), st.booleans())
def test_the_calibration_error_is_that_of_its_bins_written_out(n, seed, weighted):
    random = np.random.default_rng(seed)
    p = random.integers(0, 50, n) / 50
    came_true = random.random(n) < 0.5
    weight = random.integers(0, 3, n) + np.eye(n)[0] if weighted else np.ones(n)
    found = reliability(p, came_true, weight)
    total = 0.0
    for b in range(len(found.weight)):
        rows = (found.bin_of_row == b) & (weight > 0)
        observed = np.average(came_true[rows], weights=weight[rows])
        assert (found.low[b], found.high[b]) == (p[rows].min(), p[rows].max())
        assert found.n_rows[b] == rows.sum()
        total += weight[rows].sum() * abs(observed - np.average(p[rows], weights=weight[rows]))
    assert found.error == pytest.approx(total / weight.sum())
    assert (found.high[:-1] < found.low[1:]).all()  # equal probabilities are in one bin


def test_bins_hold_equal_shares_of_the_rows():
    p = np.random.default_rng(0).beta(1, 6, 15_000)
    assert set(reliability(p, p > 0.5).n_rows) == {1_500}


def test_true_probabilities_have_hardly_a_calibration_error_and_sharpened_ones_have_one():
    y, p = classes(50_000, 3, seed=10)
    assert expected_calibration_error(y, p) < 0.01
    sharper = p**2 / (p**2).sum(axis=1, keepdims=True)
    assert expected_calibration_error(y, sharper) > 0.05


def test_the_trivial_answer_is_calibrated_by_the_shares_it_states():
    y = np.repeat([0, 1], (70, 30))
    assert expected_calibration_error(y, np.tile([0.7, 0.3], (100, 1))) == pytest.approx(0)
    assert expected_calibration_error(y, np.tile([0.5, 0.5], (100, 1))) == pytest.approx(0.2)
