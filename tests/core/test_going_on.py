"""Training that goes on where it stopped, on the rows and by the figures that it is told."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from chainrule.engines import Rows, reference
from chainrule.errors import InputError
from chainrule.network import Parameters
from chainrule.optimizers import LBFGS, SGD, Adam, Averaged, Clipped
from chainrule.schedules import Adaptive, Cosine
from chainrule.training import Checkpoint, train
from core.runs import DROPPING, NETWORK, last, settings, table


def checkpoint(epoch):
    return Checkpoint(epoch.number, epoch.steps, epoch.parameters, epoch.state)


def test_training_that_is_resumed_ends_where_it_would_have_ended():
    how = settings(schedule=Cosine(), epochs=8)
    epochs = list(train(DROPPING, table(), how))
    resumed = list(train(DROPPING, table(), how, resume=checkpoint(epochs[4])))
    assert [epoch.number for epoch in resumed] == [6, 7, 8]
    assert [epoch.steps for epoch in resumed] == [epoch.steps for epoch in epochs[5:]]
    assert np.array_equal(resumed[-1].parameters.theta, epochs[-1].parameters.theta)


def test_rows_that_are_not_shuffled_are_seen_as_they_come():
    rows = table(n=32)
    how = settings(optimizer=SGD(momentum=0), epochs=1, shuffle=False)
    epoch = last(train(NETWORK, rows, how))
    theta = epoch.parameters.theta
    start = next(train(NETWORK, rows, settings(rate=1e-300, epochs=1))).parameters.theta
    for part in (slice(0, 16), slice(16, 32)):
        batch = Rows(rows.X[part], rows.y[part])
        _, gradient = reference.loss_and_gradient(NETWORK, Parameters(NETWORK, start), batch)
        start = start - how.rate * gradient.theta
    np.testing.assert_allclose(theta, start, rtol=1e-12)


def test_the_metric_that_is_monitored_chooses_the_best_epoch():
    figures = iter([3.0, 1.0, 2.0, 0.5, 4.0])
    epochs = train(
        NETWORK,
        table(),
        settings(epochs=5),
        validation=table(2),
        metrics={"odd": lambda *judged: next(figures)},
        monitor="odd",
    )
    assert [epoch.best_number for epoch in epochs] == [1, 2, 2, 4, 4]


def test_an_adaptive_schedule_heeds_what_is_monitored():
    validation, falling = table(2), iter(range(10, 0, -1))
    how = settings(epochs=6, schedule=Adaptive(patience=2, divisor=10.0, tolerance=0.0))
    rates = {}
    for name, figure in (("falls", lambda *judged: next(falling)), ("stays", lambda *judged: 1.0)):
        epochs = train(
            NETWORK, table(), how, validation=validation, metrics={"f": figure}, monitor="f"
        )
        rates[name] = [epoch.rate for epoch in epochs]
    assert rates["falls"] == [0.01] * 6
    np.testing.assert_allclose(rates["stays"], [1e-2, 1e-2, 1e-2, 1e-3, 1e-3, 1e-4])


def test_a_monitor_that_is_no_metric_is_refused():
    with pytest.raises(InputError, match="must be one of the metrics"):
        next(train(NETWORK, table(), settings(), validation=table(2), monitor="accuracy"))
    with pytest.raises(InputError, match="must be one of the metrics"):
        next(train(NETWORK, table(), settings(), metrics={"a": max}, monitor="a"))


@pytest.mark.parametrize("optimizer", [Adam(), LBFGS()])
def test_sparse_rows_train_as_dense_ones_do(optimizer):
    dense = table(weighted=True)
    dense = Rows(np.where(np.abs(dense.X) > 0.5, dense.X, 0), dense.y, dense.weight)
    sparse = Rows(csr_array(dense.X), dense.y, dense.weight)
    how = settings(optimizer=optimizer, epochs=4, l2=0.01)
    one, other = (last(train(NETWORK, rows, how, validation=rows)) for rows in (dense, sparse))
    np.testing.assert_allclose(other.parameters.theta, one.parameters.theta, rtol=1e-8)
    assert other.validation_loss == pytest.approx(one.validation_loss)


def test_sparse_rows_are_checked_too():
    X = csr_array(np.array([[1.0, 0.0, np.nan]]))
    with pytest.raises(InputError, match="NaN or infinite"):
        next(train(NETWORK, Rows(X, np.zeros((1, 1))), settings()))


def test_lbfgs_stops_at_the_evaluations_it_is_given():
    how = settings(optimizer=LBFGS(evaluations=5, tolerance=0.0), epochs=50)
    epoch = last(train(NETWORK, table(), how))
    assert 5 < epoch.state["evaluations"] < 20
    assert epoch.number < 50


def test_lbfgs_stops_where_j_hardly_falls():
    fine, coarse = (
        last(train(NETWORK, table(), settings(optimizer=LBFGS(reduction=share), epochs=300)))
        for share in (None, 1e-2)
    )
    assert coarse.number < fine.number
    assert fine.loss < coarse.loss


def test_a_clipped_gradient_points_where_it_did():
    rng = np.random.default_rng(0)
    gradient = rng.standard_normal(50)
    length = np.linalg.norm(gradient)
    plain = SGD(momentum=0)
    for norm in (0.1, length, 2 * length):
        _, step = Clipped(norm, plain).step(plain.init(gradient), gradient, np.zeros(50), 1.0)
        np.testing.assert_allclose(step, -gradient * min(1, norm / length), rtol=1e-12)


def test_an_average_is_the_mean_of_all_thetas_until_old_ones_fade():
    rng = np.random.default_rng(0)
    averaged, theta = Averaged(0.9, SGD(momentum=0)), np.ones(3)
    state, thetas = averaged.init(theta), []
    for _ in range(10):
        state, theta = averaged.step(state, rng.standard_normal(3), theta, 0.1)
        thetas.append(theta)
        np.testing.assert_allclose(averaged.answer(state, theta), np.mean(thetas, axis=0))
    before = averaged.answer(state, theta)
    state, theta = averaged.step(state, rng.standard_normal(3), theta, 0.1)
    np.testing.assert_allclose(averaged.answer(state, theta), 0.9 * before + 0.1 * theta)


def test_epochs_are_judged_by_the_average_and_go_on_from_the_last_theta():
    plain = list(train(NETWORK, table(), settings(optimizer=SGD(), epochs=3, batch_size=70)))
    how = settings(optimizer=Averaged(0.999, SGD()), epochs=3, batch_size=70)
    averaged = list(train(NETWORK, table(), how))
    assert [epoch.loss for epoch in averaged] == [epoch.loss for epoch in plain]
    mean = np.mean([epoch.parameters.theta for epoch in plain], axis=0)
    np.testing.assert_allclose(averaged[-1].parameters.theta, mean, rtol=1e-12)


@pytest.mark.parametrize("wrong", [0.0, -1.0, np.inf])
def test_a_clip_that_is_no_length_is_refused(wrong):
    with pytest.raises(InputError, match="norm is"):
        Clipped(wrong, SGD())


@pytest.mark.parametrize(
    ("field", "wrong"), [("reduction", -1.0), ("reduction", 1.0), ("evaluations", 0)]
)
def test_a_limit_of_lbfgs_without_meaning_is_refused(field, wrong):
    with pytest.raises(InputError, match=f"lbfgs: {field} is"):
        LBFGS(**{field: wrong})


@pytest.mark.parametrize("wrong", [-0.1, 1.0])
def test_a_decay_that_is_no_share_is_refused(wrong):
    with pytest.raises(InputError, match="averaged: decay"):
        Averaged(wrong, SGD())
