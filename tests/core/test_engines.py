"""Every engine has every verb of the protocol, with the same parameters."""

import inspect
from inspect import Parameter

import numpy as np
import pytest

from chainrule.activations import TANH
from chainrule.engines import Engine, EpochPlan, Rows, reference
from chainrule.losses import SoftmaxCrossEntropy, SquaredError
from chainrule.network import Parameters, multilayer_perceptron
from chainrule.optimizers import SGD, Adam
from chainrule.randomness import keep_mask
from core.cases import ENGINES, case

each_engine = pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
VERBS = [name for name, _ in inspect.getmembers(Engine, inspect.isfunction) if name[0] != "_"]


def test_the_protocol_has_its_four_verbs():
    assert sorted(VERBS) == ["loss_and_gradient", "mean_loss", "scores", "train_epoch"]


@each_engine
@pytest.mark.parametrize("verb", VERBS)
def test_an_engine_has_each_verb_with_the_parameters_of_the_protocol(engine, verb):
    asked = inspect.signature(getattr(Engine, verb))
    given = inspect.signature(getattr(engine, verb))
    names = list(asked.parameters)[1:]  # without self: engines are modules
    by_name = [name for name in names if asked.parameters[name].kind is Parameter.KEYWORD_ONLY]
    in_place = [name for name in names if name not in by_name]
    assert list(given.parameters)[: len(in_place)] == in_place
    for name in names:
        assert given.parameters[name].kind == asked.parameters[name].kind
        assert given.parameters[name].default == asked.parameters[name].default
        assert given.parameters[name].annotation == asked.parameters[name].annotation
    # what an engine takes beyond the protocol has to be optional
    further = [given.parameters[name] for name in given.parameters if name not in names]
    assert all(parameter.default is not Parameter.empty for parameter in further)
    assert given.return_annotation == asked.return_annotation


def plan_for(made, order, batch_size, rates, keys=None):
    keys = np.zeros(len(made.network.layers)) if keys is None else keys
    return EpochPlan(np.array(order), batch_size, np.array(rates), np.array(keys, dtype=np.uint32))


@each_engine
def test_an_epoch_is_one_step_for_each_batch_in_the_order_of_the_plan(engine):
    made = case(TANH, SquaredError(), n=7)
    order, rates = [4, 0, 6, 2, 1, 5, 3], [0.1, 0.02, 0.3]
    optimizer = Adam()
    state, theta = optimizer.init(made.parameters.theta), made.parameters.theta
    losses, seen = [], []
    for batch, rate in zip([order[:3], order[3:6], order[6:]], rates, strict=True):
        rows = Rows(made.rows.X[batch], made.rows.y[batch], made.rows.weight[batch])
        at = Parameters(made.network, theta)
        J, gradient = reference.loss_and_gradient(made.network, at, rows, made.l2)
        losses.append(J)
        seen.append(rows.weight.sum())
        state, theta = optimizer.step(state, gradient.theta, theta, rate)
    loss, after, new_state = engine.train_epoch(
        made.network,
        made.parameters,
        optimizer,
        optimizer.init(made.parameters.theta),
        made.rows,
        plan_for(made, order, 3, rates),
        made.l2,
    )
    np.testing.assert_allclose(after.theta, theta, rtol=1e-12, atol=1e-14)  # of entries near 1
    assert new_state["t"] == 3
    assert loss == pytest.approx(np.average(losses, weights=seen), rel=1e-12)


@each_engine
def test_dropout_follows_the_keys_of_the_plan_and_the_numbers_of_the_rows(engine):
    made = case(TANH, SquaredError(), n=6, dropout=0.4)
    order, keys = [5, 1, 3, 0, 2, 4], [17, 23, 99]
    keep = [
        keep_mask(key, np.array(order), layer.n_outputs, 0.4) / 0.6 if layer.dropout else None
        for key, layer in zip(keys, made.network.layers, strict=True)
    ]
    rows = Rows(made.rows.X[order], made.rows.y[order], made.rows.weight[order])
    J, gradient = reference.loss_and_gradient(made.network, made.parameters, rows, made.l2, keep)
    descent = SGD(momentum=0.0, nesterov=False)
    loss, after, _ = engine.train_epoch(
        made.network,
        made.parameters,
        descent,
        descent.init(made.parameters.theta),
        made.rows,
        plan_for(made, order, 6, [0.1], keys),
        made.l2,
    )
    assert loss == pytest.approx(J, rel=1e-12)
    expected = made.parameters.theta - 0.1 * gradient.theta
    np.testing.assert_allclose(after.theta, expected, rtol=1e-12)


@each_engine
def test_a_batch_without_weight_is_passed_over(engine):
    made = case(TANH, SquaredError(), n=6)
    weight = np.array([1.0, 2.0, 0.0, 0.0, 3.0, 1.0])
    rows = Rows(made.rows.X, made.rows.y, weight)
    adam = Adam()
    _, after, state = engine.train_epoch(
        made.network,
        made.parameters,
        adam,
        adam.init(made.parameters.theta),
        rows,
        plan_for(made, range(6), 2, [0.1, 0.1, 0.1]),
    )
    assert state["t"] == 2
    assert np.isfinite(after.theta).all()


@each_engine
def test_an_epoch_ends_at_the_batch_whose_loss_is_not_finite_and_returns_that_loss(engine):
    made = case(TANH, SquaredError(), n=6, weighted=False)
    adam = Adam()
    with np.errstate(over="ignore", invalid="ignore"):
        loss, _, state = engine.train_epoch(
            made.network,
            made.parameters,
            adam,
            adam.init(made.parameters.theta),
            made.rows,
            plan_for(made, range(6), 1, [0.1, 1e300, 0.1, 0.1, 0.1, 0.1]),
        )
    assert loss == np.inf
    assert state["t"] == 2


@each_engine
def test_an_epoch_changes_nothing_that_it_was_given(engine):
    network = multilayer_perceptron(2, [3], 2, activation=TANH, loss=SoftmaxCrossEntropy())
    parameters = Parameters(network, np.linspace(-1, 1, network.n_parameters))
    rows = Rows(np.eye(2), np.array([0, 1]), np.ones(2))
    adam = Adam()
    state = adam.init(parameters.theta)
    before = parameters.theta.copy()
    plan = EpochPlan(np.arange(2), 1, np.full(2, 0.1), np.zeros(2, dtype=np.uint32))
    first = engine.train_epoch(network, parameters, adam, state, rows, plan)
    np.testing.assert_array_equal(parameters.theta, before)
    assert state["t"] == 0
    assert (state["m"] == 0).all()
    second = engine.train_epoch(network, parameters, adam, state, rows, plan)
    assert first[0] == second[0]
    np.testing.assert_array_equal(first[1].theta, second[1].theta)
