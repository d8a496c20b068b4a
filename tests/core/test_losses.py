"""Each loss alone: values, gradients, links, the targets it takes and refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics

from chainrule.errors import InputError
from chainrule.losses import (
    LOSSES,
    AbsoluteError,
    BinaryCrossEntropy,
    Huber,
    Poisson,
    Quantile,
    SoftmaxCrossEntropy,
    SquaredError,
)
from core import formulas
from core.cases import ALL_LOSSES, outputs_of, pair_name, targets_of
from recorded.weyl import numbers

each = pytest.mark.parametrize("loss", ALL_LOSSES, ids=pair_name)
N = 40


def targets_and_scores(loss):
    k = outputs_of(loss)
    return targets_of(loss, N, k, seed=5), 3 * numbers(9, N, k)


@each
def test_the_value_is_that_of_its_definition(loss):
    y, s = targets_and_scores(loss)
    assert loss.value(y, s).shape == (N,)
    np.testing.assert_allclose(loss.value(y, s), formulas.loss(loss, y, s), rtol=1e-12, atol=1e-13)


@each
def test_the_gradient_agrees_with_the_complex_step_in_every_entry(loss):
    y, s = targets_and_scores(loss)
    gradient = loss.gradient(y, s)
    assert gradient.shape == s.shape
    for j in range(s.shape[1]):
        probe = s.astype(complex)
        probe[:, j] += 1j * formulas.STEP
        step = formulas.loss(loss, y, probe).imag / formulas.STEP
        np.testing.assert_allclose(gradient[:, j], step, rtol=1e-12, atol=1e-13)


@each
def test_the_gradient_agrees_with_central_differences_of_the_value(loss):
    y, s = targets_and_scores(loss)
    h = 1e-6
    for j in range(s.shape[1]):
        ahead, behind = s.copy(), s.copy()
        ahead[:, j] += h
        behind[:, j] -= h
        difference = (loss.value(y, ahead) - loss.value(y, behind)) / (2 * h)
        np.testing.assert_allclose(loss.gradient(y, s)[:, j], difference, rtol=0, atol=1e-7)


@each
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtypes_stay_and_arguments_are_left_as_they_were(loss, dtype):
    y, s = targets_and_scores(loss)
    y = y if y.dtype == np.int64 else y.astype(dtype)
    s = s.astype(dtype)
    y_before, s_before = y.copy(), s.copy()
    assert loss.value(y, s).dtype == dtype
    assert loss.gradient(y, s).dtype == dtype
    assert loss.link(s).dtype == dtype
    np.testing.assert_array_equal(y, y_before)
    np.testing.assert_array_equal(s, s_before)


@each
def test_good_targets_pass_the_check_unchanged(loss):
    y, s = targets_and_scores(loss)
    np.testing.assert_array_equal(loss.checked(y, s.shape[1]), y)


@pytest.mark.parametrize("loss", [BinaryCrossEntropy(), SoftmaxCrossEntropy()], ids=pair_name)
@pytest.mark.parametrize("size", [50.0, 1e4])
def test_cross_entropy_survives_scores_whose_exponential_overflows(loss, size):
    s = np.array([[size, -size, 0.0], [-size, size, 0.0]])
    y = loss.checked(np.array([0, 0]) if loss.name.startswith("softmax") else np.eye(3)[:2], 3)
    assert np.isfinite(loss.value(y, s)).all()
    assert np.isfinite(loss.gradient(y, s)).all()
    assert np.isfinite(loss.link(s)).all()


def test_a_sure_and_wrong_answer_costs_its_score_difference():
    assert SoftmaxCrossEntropy().value(np.array([1]), np.array([[1e4, 0.0]])) == [1e4]
    assert BinaryCrossEntropy().value(np.array([[0.0]]), np.array([[1e4]])) == [1e4]


def test_softmax_with_two_outputs_is_the_sigmoid_of_their_difference():
    s = 4 * numbers(3, 20, 2)
    y = (numbers(4, 20) > 0).astype(np.int64)
    difference = s[:, 1:] - s[:, :1]
    np.testing.assert_allclose(
        SoftmaxCrossEntropy(0.1).value(y, s),
        BinaryCrossEntropy(0.1).value(y[:, None].astype(float), difference),
        rtol=1e-13,
    )
    np.testing.assert_allclose(
        SoftmaxCrossEntropy().link(s)[:, 1:], BinaryCrossEntropy().link(difference), rtol=1e-13
    )


@given(
    arrays(np.float64, (4, 3), elements=st.floats(-30, 30)),
    st.floats(-1e3, 1e3),
)
def test_softmax_does_not_feel_a_constant_added_to_all_scores(s, constant):
    loss, y = SoftmaxCrossEntropy(0.2), np.array([0, 1, 2, 1])
    np.testing.assert_allclose(loss.link(s + constant), loss.link(s), atol=1e-12)
    np.testing.assert_allclose(loss.value(y, s + constant), loss.value(y, s), atol=1e-9)
    np.testing.assert_allclose(loss.link(s).sum(axis=1), 1, atol=1e-14)
    assert (loss.link(s) >= 0).all()


@given(arrays(np.float64, (6, 3), elements=st.floats(-1e6, 1e6)), st.floats(-1e6, 1e6))
def test_sorting_quantiles_never_makes_their_loss_larger(s, target):
    loss, y = Quantile((0.1, 0.4, 0.9)), np.full((6, 1), target)
    sorted_scores = loss.link(s)
    assert (np.diff(sorted_scores, axis=1) >= 0).all()
    np.testing.assert_array_equal(np.sort(s, axis=1), sorted_scores)
    assert (loss.value(y, sorted_scores) <= loss.value(y, s) + 1e-6).all()


def test_losses_agree_with_the_metrics_of_scikit_learn():
    weight = 1.2 + numbers(8, N)
    y, s = 2 * numbers(1, N, 2), 2 * numbers(2, N, 2)
    counts = np.floor(3 + 3 * numbers(3, N, 1))

    def mean(losses):
        return np.average(losses, weights=weight)

    squared = metrics.mean_squared_error(y, s, sample_weight=weight, multioutput="raw_values")
    assert mean(SquaredError().value(y, s)) == pytest.approx(squared.sum() / 2, rel=1e-13)
    absolute = metrics.mean_absolute_error(y, s, sample_weight=weight, multioutput="raw_values")
    assert mean(AbsoluteError().value(y, s)) == pytest.approx(absolute.sum(), rel=1e-13)
    levels = (0.2, 0.7)
    pinball = sum(
        metrics.mean_pinball_loss(y[:, 0], s[:, j], sample_weight=weight, alpha=level)
        for j, level in enumerate(levels)
    )
    assert mean(Quantile(levels).value(y[:, :1], s)) == pytest.approx(pinball, rel=1e-13)
    deviance = metrics.mean_poisson_deviance(counts, Poisson().link(s[:, :1]), sample_weight=weight)
    least = np.where(counts > 0, counts - counts * np.log(np.maximum(counts, 1)), 0)[:, 0]
    assert mean(Poisson().value(counts, s[:, :1]) - least) == pytest.approx(deviance / 2, rel=1e-12)
    labels = (y[:, :1] > 0).astype(float)
    log_loss = metrics.log_loss(
        labels[:, 0], BinaryCrossEntropy().link(s[:, :1])[:, 0], sample_weight=weight
    )
    assert mean(BinaryCrossEntropy().value(labels, s[:, :1])) == pytest.approx(log_loss, rel=1e-12)


@pytest.mark.parametrize(
    ("loss", "best_constant"),
    [
        (SquaredError(), np.mean),
        (AbsoluteError(), np.median),
        (Quantile((0.25,)), lambda y: np.quantile(y, 0.25, method="inverted_cdf")),
        (Huber(1e-6), np.median),
        (Huber(1e6), np.mean),
    ],
    ids=pair_name,
)
def test_the_best_constant_is_the_statistic_that_the_docstring_names(loss, best_constant):
    y = 2 * numbers(11, 41, 1) + (numbers(12, 41, 1) > 0.5) * 3
    candidates = np.linspace(y.min(), y.max(), 20_001)
    totals = [loss.value(y, np.full_like(y, c)).sum() for c in candidates[::20]]
    near = candidates[::20][np.argmin(totals)]
    assert near == pytest.approx(best_constant(y), abs=20 * (candidates[1] - candidates[0]))


def test_kinks_have_the_derivatives_of_pytorch():
    zero = np.zeros((1, 1))
    assert AbsoluteError().gradient(zero, zero) == 0
    assert Huber(0.5).gradient(zero, np.array([[0.5]])) == 0.5
    assert Quantile((0.3,)).gradient(zero, zero) == 0.7


@pytest.mark.parametrize(
    ("loss", "y", "k", "said"),
    [
        (SquaredError(), np.zeros(4), 1, r"squared: targets have shape \(4,\).*\(n, 1\)"),
        (SquaredError(), np.zeros((4, 2)), 3, r"must have shape \(n, 3\)"),
        (AbsoluteError(), np.array([[np.nan]]), 1, "NaN or infinite"),
        (Huber(), np.array([[np.inf]]), 1, "huber: a target is NaN or infinite"),
        (Poisson(), np.array([[1.0], [-2.0]]), 1, "poisson: .*-2; it must be 0 or more"),
        (BinaryCrossEntropy(), np.array([[0.0], [1.5]]), 1, "from 0 to 1.5"),
        (BinaryCrossEntropy(), np.array([[-0.5], [1.0]]), 1, "from -0.5 to 1"),
        (SoftmaxCrossEntropy(), np.array([0.0, 1.0]), 2, "class indices, whole numbers"),
        (SoftmaxCrossEntropy(), np.array([[0], [1]]), 2, r"of shape \(2, 1\)"),
        (SoftmaxCrossEntropy(), np.array([0, 3]), 3, "from 0 to 3, but with 3 outputs .* 0 to 2"),
        (SoftmaxCrossEntropy(), np.array([-1, 1]), 3, "from -1 to 1"),
        (Quantile((0.1, 0.9)), np.zeros((4, 1)), 3, "2 levels need as many outputs, not 3"),
        (Quantile((0.1, 0.9)), np.zeros((4, 2)), 2, r"must have shape \(n, 1\)"),
    ],
)
def test_targets_outside_the_domain_are_refused_with_a_reason(loss, y, k, said):
    with pytest.raises(InputError, match=said):
        loss.checked(y, k)


@pytest.mark.parametrize("levels", [(), (0.9, 0.1), (0.5, 0.5), (0.0, 0.5), (0.5, 1.0)])
def test_quantile_levels_that_mean_nothing_are_refused(levels):
    with pytest.raises(InputError, match="between 0 and 1 in ascending order"):
        Quantile(levels)


@pytest.mark.parametrize("delta", [0.0, -1.0, np.inf, np.nan])
def test_a_huber_delta_that_is_not_positive_is_refused(delta):
    with pytest.raises(InputError, match="must be a positive number"):
        Huber(delta)


@pytest.mark.parametrize("kind", [BinaryCrossEntropy, SoftmaxCrossEntropy])
@pytest.mark.parametrize("smoothing", [-0.1, 1.0, np.nan])
def test_a_smoothing_outside_its_range_is_refused(kind, smoothing):
    with pytest.raises(InputError, match="at least 0 and below 1"):
        kind(smoothing)


def test_names_are_the_keys_of_the_registry():
    assert all(name == loss.name for name, loss in LOSSES.items())


def test_whole_number_and_boolean_targets_become_reals():
    assert SquaredError().checked(np.array([[1], [2]]), 1).dtype == np.float64
    assert BinaryCrossEntropy().checked(np.array([[True], [False]]), 1).dtype == np.float64
