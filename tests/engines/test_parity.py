"""The compiled engine gives the reference engine's numbers, whatever it is asked."""

import inspect
import os
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.activations import ACTIVATIONS, RELU, SILU, TANH, Activation
from chainrule.engines import EpochPlan, Rows, compiled, reference
from chainrule.engines.compiled import division, workspace
from chainrule.errors import InputError
from chainrule.losses import Quantile, SoftmaxCrossEntropy, SquaredError
from chainrule.network import Parameters, multilayer_perceptron
from chainrule.optimizers import SGD, Adam, AdamW, RMSProp, ScaledAdamW
from core.cases import ALL_LOSSES, ALL_PAIRS, case, outputs_of, pair_name, targets_of
from recorded.weyl import numbers

VERBS = ("scores", "mean_loss", "loss_and_gradient", "train_epoch")

OPTIMIZERS = (
    SGD(),
    SGD(momentum=0.0, nesterov=False),
    SGD(momentum=0.6, nesterov=False),
    SGD(rate_in_velocity=True),
    RMSProp(decay=0.8),
    Adam(),
    Adam(beta1=0.0, beta2=0.9, epsilon=1e-3),
    Adam(epsilon=1e-3, epsilon_hat=True),
    AdamW(decay=0.3),
    ScaledAdamW(decay=0.3),
    ScaledAdamW(epsilon=1e-3, epsilon_hat=True),
)

BOUNDS = {np.float64: 1e-12, np.float32: 2e-5}
"""How far the engines may be apart, as a share of the largest number of the comparison."""


def plan_of(n, batch, layers, seed=3, rate=0.05):
    """A shuffled order, rates that differ from step to step, and dropout keys."""
    draws = np.random.default_rng(seed)
    return EpochPlan(
        draws.permutation(n),
        batch,
        np.linspace(rate, rate / 2, -(-n // batch)),
        draws.integers(2**32, size=layers, dtype=np.uint32),
    )


def cast(case, dtype):
    """The case with all numbers of one dtype."""
    rows = case.rows
    y = rows.y.astype(dtype) if rows.y.dtype.kind == "f" else rows.y
    weight = None if rows.weight is None else rows.weight.astype(dtype)
    return replace(
        case,
        parameters=case.parameters.astype(dtype),
        rows=Rows(rows.X.astype(dtype), y, weight),
    )


def assert_near(found, expected, bound):
    expected = np.asarray(expected, dtype=np.float64)
    assert np.max(np.abs(found - expected), initial=0) <= bound * max(
        1.0, np.max(np.abs(expected), initial=0)
    )


def assert_same_epoch(case, optimizer, plan, dtype, bound=None):
    """Both engines take the same epoch; float32 is held to float64's numbers."""
    bound = bound or BOUNDS[dtype]
    ends = []
    optimizer = optimizer.for_first_layer(*case.parameters.W[0].shape)
    with np.errstate(over="ignore", invalid="ignore"):  # where it diverges, both shall
        for engine, c in ((reference, case), (compiled, cast(case, dtype))):
            state = optimizer.init(c.parameters.theta)
            ends.append(
                engine.train_epoch(c.network, c.parameters, optimizer, state, c.rows, plan, c.l2)
            )
    (J, end, state), (J2, end2, state2) = ends
    assert pytest.approx(J, rel=bound, abs=bound) == J2
    assert end2.theta.dtype == dtype
    assert_near(end2.theta, end.theta, bound)
    assert list(state2) == list(state)
    for name, value in state.items():
        assert_near(state2[name], value, bound)


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_has_the_same_signature_in_both_engines(verb):
    ours = inspect.signature(getattr(compiled, verb))
    theirs = inspect.signature(getattr(reference, verb))
    own = ("keep", "product")  # what the reference's other functions hand on
    names = [name for name in theirs.parameters if name not in own]
    assert list(ours.parameters) == names
    for name in names:
        assert ours.parameters[name] == theirs.parameters[name]
    assert ours.return_annotation == theirs.return_annotation


@pytest.mark.parametrize("dtype", BOUNDS)
@pytest.mark.parametrize(("activation", "loss"), ALL_PAIRS, ids=pair_name)
def test_loss_gradient_and_scores_are_the_references(activation, loss, dtype):
    c = case(activation, loss, n=9)
    J, gradient = reference.loss_and_gradient(c.network, c.parameters, c.rows, c.l2)
    scores = reference.scores(c.network, c.parameters, c.rows.X)
    mean = reference.mean_loss(c.network, c.parameters, c.rows)

    f = cast(c, dtype)
    J2, gradient2 = compiled.loss_and_gradient(f.network, f.parameters, f.rows, f.l2)
    bound = BOUNDS[dtype]
    assert pytest.approx(J, rel=bound, abs=bound) == J2
    assert_near(gradient2.theta, gradient.theta, bound)
    assert gradient2.theta.dtype == dtype
    assert_near(compiled.scores(f.network, f.parameters, f.rows.X), scores, bound)
    assert compiled.mean_loss(f.network, f.parameters, f.rows) == pytest.approx(
        mean, rel=bound, abs=bound
    )


@pytest.mark.parametrize("dtype", BOUNDS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
@pytest.mark.parametrize("loss", ALL_LOSSES, ids=pair_name)
def test_an_epoch_ends_where_the_references_ends(loss, optimizer, dtype):
    names = list(ACTIVATIONS)
    activation = ACTIVATIONS[names[(ALL_LOSSES.index(loss) + OPTIMIZERS.index(optimizer)) % 11]]
    c = case(activation, loss, n=23)
    # float32 is compared with float64, and dividing by the root of a small v magnifies its rounding
    bound = None if dtype is np.float64 else 2e-3
    assert_same_epoch(c, optimizer, plan_of(23, 5, 3, rate=0.01), dtype, bound)


@pytest.mark.parametrize("dtype", BOUNDS)
@pytest.mark.parametrize("activation", ACTIVATIONS.values(), ids=pair_name)
def test_dropout_drops_the_references_neurons(activation, dtype):
    c = case(activation, SquaredError(), n=23, dropout=0.4)
    bound = None if dtype is np.float64 else 1e-4
    assert_same_epoch(c, SGD(), plan_of(23, 6, 3, rate=0.01), dtype, bound)


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(1, 150),
    d=st.integers(1, 40),
    hidden=st.lists(st.integers(1, 40), max_size=3),
    batch=st.integers(1, 200),
    loss=st.sampled_from(ALL_LOSSES),
    weighted=st.booleans(),
    l2=st.sampled_from((0.0, 0.02)),
    dropout=st.sampled_from((0.0, 0.3)),
    chunk=st.integers(1, 100),
    small=st.booleans(),
    of_sum=st.booleans(),
    single=st.booleans(),
    dtype=st.sampled_from((np.float64,)),
)
def test_no_size_and_no_division_of_the_work_shows_in_the_numbers(
    n, d, hidden, batch, loss, weighted, l2, dropout, chunk, small, of_sum, single, dtype
):
    alone = single and not isinstance(loss, Quantile | SoftmaxCrossEntropy)
    k = 1 if alone else outputs_of(loss)
    network = multilayer_perceptron(d, hidden, k, activation=TANH, loss=loss, dropout=dropout)
    parameters = Parameters(network, 0.3 * numbers(1, network.n_parameters))
    weight = np.abs(numbers(4, n)) * (numbers(5, n) > -0.5) + 1e-3 if weighted else None
    rows = Rows(numbers(2, n, d), targets_of(loss, n, k, 3), weight)
    c = replace(case(TANH, loss), network=network, parameters=parameters, rows=rows, l2=l2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workspace, "CHUNK", chunk)
        if not small:
            patch.setattr(division, "SMALL", 0)
            patch.setattr(division, "LEAST_BLOCK", 7)
            patch.setattr(division, "LEAST_PANEL", 2)
            patch.setattr(division, "MOST_PANEL", 50)
            patch.setattr(division, "TALL_PANEL", 3)
            patch.setattr(os, "cpu_count", lambda: 5)
        plan = replace(plan_of(n, batch, len(hidden) + 1, rate=5e-4), l2_of_sum=of_sum)
        assert_same_epoch(c, SGD(), plan, dtype, 1e-11)
        J, gradient = reference.loss_and_gradient(network, parameters, rows, l2)
        J2, gradient2 = compiled.loss_and_gradient(network, parameters, rows, l2)
        assert pytest.approx(J, rel=1e-12, abs=1e-12) == J2
        assert_near(gradient2.theta, gradient.theta, 1e-12)
        assert_near(
            compiled.scores(network, parameters, rows.X),
            reference.scores(network, parameters, rows.X),
            1e-12,
        )
        assert compiled.mean_loss(network, parameters, rows) == pytest.approx(
            reference.mean_loss(network, parameters, rows), rel=1e-12, abs=1e-12
        )


def test_a_batch_whose_rows_count_for_nothing_is_no_step():
    c = case(SILU, SquaredError(), n=12, weighted=True)
    weight = c.rows.weight.copy()
    weight[:4] = 0
    c = replace(c, rows=replace(c.rows, weight=weight))
    plan = replace(plan_of(12, 4, 3), order=np.arange(12))
    assert_same_epoch(c, Adam(), plan, np.float64)


def test_training_takes_up_an_optimizers_state_where_the_other_engine_left_it():
    c = case(SILU, SoftmaxCrossEntropy(), n=30)
    plan = plan_of(30, 7, 3, rate=0.01)
    ends = []
    for first, second in ((reference, reference), (reference, compiled), (compiled, reference)):
        p, state = c.parameters, Adam().init(c.parameters.theta)
        for engine in (first, second):
            _, p, state = engine.train_epoch(c.network, p, Adam(), state, c.rows, plan, c.l2)
        ends.append(p.theta)
    assert_near(ends[1], ends[0], 1e-12)
    assert_near(ends[2], ends[0], 1e-12)


def test_an_epoch_changes_nothing_that_it_was_given():
    c = case(RELU, SquaredError(), n=30)
    state = Adam().init(c.parameters.theta)
    before = [c.parameters.theta.copy(), state["m"].copy(), state["v"].copy(), c.rows.X.copy()]
    compiled.train_epoch(c.network, c.parameters, Adam(), state, c.rows, plan_of(30, 7, 3), c.l2)
    for now, then in zip(
        (c.parameters.theta, state["m"], state["v"], c.rows.X), before, strict=True
    ):
        np.testing.assert_array_equal(now, then)
    assert state["t"] == 0


@pytest.mark.parametrize("activation", ACTIVATIONS.values(), ids=pair_name)
@pytest.mark.parametrize("poison", [np.nan, np.inf])
def test_numbers_beyond_all_bounds_are_never_hidden(activation, poison):
    c = case(activation, SquaredError(), n=20, weighted=False)
    X = c.rows.X.copy()
    X[7] = poison
    c = replace(c, rows=replace(c.rows, X=X))
    plan = replace(plan_of(20, 5, 3), order=np.arange(20))
    with np.errstate(all="ignore"):
        J, end, state = reference.train_epoch(
            c.network, c.parameters, Adam(), Adam().init(c.parameters.theta), c.rows, plan
        )
    J2, end2, state2 = compiled.train_epoch(
        c.network, c.parameters, Adam(), Adam().init(c.parameters.theta), c.rows, plan
    )
    assert np.isfinite(J) == np.isfinite(J2)
    assert np.isfinite(J) or state2["t"] == state["t"] == 1  # the step before the poison, no more
    assert_near(end2.theta, end.theta, 1e-12)


def test_an_activation_of_the_users_own_is_refused_by_name():
    bent = Activation("bent", lambda z: z, lambda z, a: np.ones_like(z))
    c = case(bent, SquaredError())
    with pytest.raises(InputError, match="activation 'bent'"):
        compiled.scores(c.network, c.parameters, c.rows.X)


def test_an_activation_that_borrows_a_name_is_refused_too():
    c = case(Activation("relu", TANH.function, TANH.derivative), SquaredError())
    with pytest.raises(InputError, match="activation 'relu'"):
        compiled.mean_loss(c.network, c.parameters, c.rows)


def test_a_loss_and_an_optimizer_of_the_users_own_are_refused_by_name():
    class Odd(SquaredError):
        name = "odd"

    class Wild(SGD):
        name = "wild"

    c = case(RELU, Odd())
    with pytest.raises(InputError, match="loss 'odd'"):
        compiled.loss_and_gradient(c.network, c.parameters, c.rows)
    c = case(RELU, SquaredError())
    with pytest.raises(InputError, match="optimizer 'wild'"):
        compiled.train_epoch(c.network, c.parameters, Wild(), {}, c.rows, plan_of(7, 3, 3))


def test_half_precision_is_refused_by_name():
    c = case(RELU, SquaredError())
    with pytest.raises(InputError, match="float16"):
        compiled.scores(c.network, c.parameters.astype(np.float16), c.rows.X)


def test_scores_follow_whoever_is_asked():
    c = case(SILU, SquaredError(), n=9)
    d = case(TANH, SquaredError(), n=9, seed=2)
    for each in (c, c, d, c, d, d):
        for rows in (9, 9, 1, 4):
            X = each.rows.X[:rows]
            expected = reference.scores(each.network, each.parameters, X)
            assert_near(compiled.scores(each.network, each.parameters, X), expected, 1e-12)
    c.parameters.theta[:] *= 2
    expected = reference.scores(c.network, c.parameters, X)
    assert_near(compiled.scores(c.network, c.parameters, X), expected, 1e-12)


def test_scores_of_no_rows_are_no_rows():
    c = case(SILU, SquaredError())
    assert compiled.scores(c.network, c.parameters, c.rows.X[:0]).shape == (0, 3)


def test_what_would_lead_outside_of_an_array_is_refused():
    c = case(SILU, SoftmaxCrossEntropy(), n=9)
    rows, plan = c.rows, plan_of(9, 3, 3)
    for wrong in (
        replace(rows, X=rows.X[:, :2]),
        replace(rows, y=rows.y[:5]),
        replace(rows, y=rows.y + 1),
        replace(rows, y=rows.y - 1),
        replace(rows, weight=rows.weight[:4]),
    ):
        with pytest.raises(InputError, match="do not fit"):
            compiled.mean_loss(c.network, c.parameters, wrong)
    with pytest.raises(InputError, match="do not fit"):
        compiled.scores(c.network, c.parameters, rows.X[:, :2])
    state = Adam().init(c.parameters.theta)
    for order in (np.arange(1, 10), np.arange(-1, 8)):
        with pytest.raises(InputError, match="do not fit"):
            compiled.train_epoch(
                c.network, c.parameters, Adam(), state, rows, replace(plan, order=order)
            )
