"""Training: records, seeds, early stopping, the smallest and the oddest tables."""

import itertools

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error

from chainrule.activations import RELU, TANH
from chainrule.engines import Rows, reference
from chainrule.errors import InputError
from chainrule.initializers import LECUN_NORMAL, initial_parameters
from chainrule.losses import Poisson, Quantile, SoftmaxCrossEntropy, SquaredError
from chainrule.network import Parameters, multilayer_perceptron
from chainrule.optimizers import LBFGS, OPTIMIZERS, SGD, Adam
from chainrule.randomness import Purpose, generator
from chainrule.schedules import Adaptive, Cosine
from chainrule.training import train
from core.runs import DROPPING, NETWORK, last, settings, table
from recorded.weyl import classes, numbers


@pytest.mark.parametrize("kind", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_every_optimizer_learns_the_table(kind):
    rows = table()
    epochs = list(train(NETWORK, rows, settings(optimizer=kind(), epochs=60)))
    start = initial_parameters(NETWORK, generator(0, Purpose.INITIAL))
    before = reference.mean_loss(NETWORK, start, rows)
    assert reference.mean_loss(NETWORK, epochs[-1].best, rows) < before / 4
    assert [epoch.number for epoch in epochs] == list(range(1, len(epochs) + 1))


def test_a_record_says_what_the_epoch_did():
    schedule = Cosine()
    records = list(train(NETWORK, table(), settings(schedule=schedule), validation=table(2)))
    assert len(records) == 8
    for number, epoch in enumerate(records, start=1):
        assert epoch.number == number
        assert epoch.steps == 5 * number  # 70 rows in batches of 16: the fifth has 6 rows
        assert epoch.rate == schedule.rate(0.01, epoch.steps - 1, 40)
        expected = reference.mean_loss(NETWORK, epoch.parameters, table(2))
        assert epoch.validation_loss == pytest.approx(expected, rel=1e-14)
        assert epoch.state["t"] == epoch.steps
        assert epoch.is_best == (epoch.best_number == number)


def test_records_of_earlier_epochs_are_not_changed_by_later_ones():
    running = train(NETWORK, table(), settings())
    first = next(running)
    theta = first.parameters.theta.copy()
    list(running)
    np.testing.assert_array_equal(first.parameters.theta, theta)


def test_training_starts_with_what_the_seed_draws():
    tiny = settings(rate=1e-300, epochs=1, seed=5)
    epoch = last(train(NETWORK, table(), tiny))
    start = initial_parameters(NETWORK, generator(5, Purpose.INITIAL))
    np.testing.assert_allclose(epoch.parameters.theta, start.theta, rtol=0, atol=1e-290)
    epoch = last(train(NETWORK, table(), settings(rate=1e-300, epochs=1, initializer=LECUN_NORMAL)))
    start = initial_parameters(NETWORK, generator(0, Purpose.INITIAL), initializer=LECUN_NORMAL)
    np.testing.assert_allclose(epoch.parameters.theta, start.theta, rtol=0, atol=1e-290)


def test_training_starts_from_parameters_given_and_leaves_them_as_they_were():
    given = Parameters(NETWORK, numbers(3, NETWORK.n_parameters))
    before = given.theta.copy()
    epoch = last(train(NETWORK, table(), settings(rate=1e-300, epochs=1), parameters=given))
    np.testing.assert_allclose(epoch.parameters.theta, before, rtol=0, atol=1e-290)
    list(train(NETWORK, table(), settings(), parameters=given))
    np.testing.assert_array_equal(given.theta, before)


@pytest.mark.parametrize("optimizer", [Adam(), SGD(), LBFGS()], ids=lambda o: o.name)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_same_seed_gives_the_same_bits_and_another_seed_others(optimizer, dtype):
    def theta(seed):
        with_seed = settings(optimizer=optimizer, seed=seed, dtype=dtype, epochs=5)
        network = NETWORK if isinstance(optimizer, LBFGS) else DROPPING
        return last(train(network, table(), with_seed)).parameters.theta

    assert theta(3).dtype == dtype
    assert theta(3).tobytes() == theta(3).tobytes()
    assert theta(3).tobytes() != theta(4).tobytes()


def test_the_seed_decides_on_order_and_dropout_as_well_as_on_the_start():
    start = Parameters(NETWORK, numbers(3, NETWORK.n_parameters))

    def theta(network, **changes):
        done = train(network, table(), settings(epochs=2, **changes), parameters=start)
        return last(done).parameters.theta

    assert not np.allclose(theta(NETWORK, seed=1), theta(NETWORK, seed=2))
    # in one batch the order of rows only changes roundings, so that what is left is dropout
    whole = {"batch_size": 70}
    assert np.allclose(theta(NETWORK, seed=1, **whole), theta(NETWORK, seed=2, **whole))
    assert not np.allclose(theta(DROPPING, seed=1, **whole), theta(DROPPING, seed=2, **whole))


def test_each_epoch_sees_every_row_once_in_an_order_of_its_own():
    orders = []

    class Recorder:
        scores = staticmethod(reference.scores)
        mean_loss = staticmethod(reference.mean_loss)
        loss_and_gradient = staticmethod(reference.loss_and_gradient)

        @staticmethod
        def train_epoch(network, parameters, optimizer, state, rows, plan, l2=0.0, tell=None):
            orders.append((plan.order.tolist(), plan.dropout_keys.tolist()))
            return reference.train_epoch(network, parameters, optimizer, state, rows, plan, l2)

    list(train(DROPPING, table(), settings(epochs=4), engine=Recorder()))
    assert all(sorted(order) == list(range(70)) for order, _ in orders)
    assert len({tuple(order) for order, _ in orders}) == 4
    assert len({key for _, keys in orders for key in keys}) == 4 * 3
    for epoch, (order, keys) in enumerate(orders):
        drawn = generator(0, Purpose.SHUFFLE, epoch).permutation(70)
        assert order == drawn.tolist()
        drawn = generator(0, Purpose.DROPOUT, epoch).integers(2**32, size=3, dtype=np.uint32)
        assert keys == drawn.tolist()


def test_dropout_is_for_training_and_not_for_scores():
    rows = table()
    epoch = last(train(DROPPING, rows, settings(), validation=rows))
    plain = reference.scores(NETWORK, Parameters(NETWORK, epoch.parameters.theta), rows.X)
    found = reference.scores(DROPPING, epoch.parameters, rows.X)
    np.testing.assert_array_equal(found, plain)
    assert epoch.validation_loss == pytest.approx(
        NETWORK.loss.value(rows.y, plain).mean(), rel=1e-14
    )
    without = last(train(NETWORK, rows, settings()))
    assert not np.allclose(epoch.parameters.theta, without.parameters.theta)


def test_the_best_parameters_are_those_of_the_best_epoch():
    few, held_out = table(n=12), table(3, weighted=True)
    eager = settings(rate=0.05, epochs=120, patience=10)
    records = list(train(NETWORK, few, eager, validation=held_out))
    end = records[-1]
    losses = [epoch.validation_loss for epoch in records]
    assert len(records) < 120
    assert end.number == end.best_number + 10  # patience
    assert end.best_loss == min(losses) == losses[end.best_number - 1] < losses[-1]
    assert reference.mean_loss(NETWORK, end.best, held_out) == pytest.approx(
        end.best_loss, rel=1e-14
    )
    np.testing.assert_array_equal(end.best.theta, records[end.best_number - 1].parameters.theta)
    assert records[end.best_number - 1].is_best
    assert not end.is_best


def test_patience_none_never_stops_early():
    few, held_out = table(n=12), table(3)
    endless = settings(rate=0.05, epochs=120, patience=None)
    assert len(list(train(NETWORK, few, endless, validation=held_out))) == 120


def test_progress_below_the_tolerance_does_not_count_but_best_is_still_kept():
    rows = table()
    slow = settings(rate=1e-6, epochs=50, patience=4, tolerance=0.1)
    records = list(train(NETWORK, rows, slow, validation=rows))
    assert len(records) == 5  # the first epoch counts against infinity, four more do not
    losses = [epoch.validation_loss for epoch in records]
    assert losses[4] < losses[0]
    assert records[-1].best_number == int(np.argmin(losses)) + 1 > 1


@pytest.mark.parametrize("optimizer", [Adam(), LBFGS()], ids=lambda o: o.name)
def test_parameters_given_take_the_dtype_of_the_settings(optimizer):
    given = Parameters(NETWORK, numbers(3, NETWORK.n_parameters).astype(np.float32))
    epoch = last(train(NETWORK, table(), settings(optimizer=optimizer), parameters=given))
    assert epoch.parameters.theta.dtype == epoch.best.theta.dtype == np.float64


def test_of_equal_losses_the_first_is_the_best():
    still = settings(rate=1e-300, epochs=9, patience=3)
    records = list(train(NETWORK, table(), still, validation=table(2)))
    assert [epoch.best_number for epoch in records] == [1, 1, 1, 1]


def test_without_validation_rows_the_training_loss_decides():
    records = list(train(NETWORK, table(), settings(rate=0.3, epochs=30, patience=3)))
    losses = [epoch.loss for epoch in records]
    assert records[-1].validation_loss is None
    assert records[-1].best_loss == min(losses)
    assert records[-1].best_number == int(np.argmin(losses)) + 1


def test_metrics_are_of_the_validation_rows_in_predictions():
    held_out = Rows(numbers(2, 30, 3), np.floor(2 + 2 * numbers(3, 30, 1)), 1.5 + numbers(4, 30))
    network = multilayer_perceptron(3, [4], 1, activation=TANH, loss=Poisson())
    rows = Rows(numbers(5, 30, 3), np.floor(2 + 2 * numbers(6, 30, 1)))

    def error(y, predictions, weight):
        return mean_absolute_error(y, predictions, sample_weight=weight)

    epoch = last(train(network, rows, settings(), validation=held_out, metrics={"mae": error}))
    predicted = np.exp(reference.scores(network, epoch.parameters, held_out.X))
    expected = mean_absolute_error(held_out.y, predicted, sample_weight=held_out.weight)
    assert epoch.metrics == {"mae": pytest.approx(expected, rel=1e-13)}


def test_adaptive_rates_fall_when_the_loss_no_longer_does():
    adaptive = settings(schedule=Adaptive(patience=2, tolerance=1e9), epochs=7, patience=None)
    rates = [epoch.rate for epoch in train(NETWORK, table(), adaptive)]
    assert rates == pytest.approx([0.01, 0.01, 0.01, 0.002, 0.002, 0.0004, 0.0004])


@pytest.mark.parametrize(
    ("n", "d", "hidden", "batch_size"),
    [
        (1, 3, [4], 16),
        (70, 1, [4], 16),
        (70, 3, [1], 16),
        (70, 3, [], 16),
        (17, 3, [4], 16),
        (10, 3, [4], 10_000),
        (5, 1, [1], 1),
    ],
    ids=["one row", "one input", "one neuron", "no hidden layer", "a last batch of one row",
         "a batch above n", "all at once"],
)  # fmt: skip
@pytest.mark.parametrize("optimizer", [Adam(), LBFGS()], ids=lambda o: o.name)
def test_small_tables_can_be_learnt(n, d, hidden, batch_size, optimizer):
    network = multilayer_perceptron(d, hidden, 1, activation=TANH, loss=SquaredError())
    rows = Rows(numbers(1, n, d), numbers(2, n, 1))
    small = settings(optimizer=optimizer, batch_size=batch_size, epochs=20)
    records = list(train(network, rows, small))
    assert np.isfinite(records[-1].loss)
    assert records[-1].best_loss <= records[0].loss


def test_rows_of_weight_zero_have_no_say():
    rows = table(n=40)
    weight = np.ones(40)
    weight[20:] = 0
    poisoned = Rows(rows.X, np.where(np.arange(40)[:, None] < 20, rows.y, 1e6), weight)
    clean = Rows(rows.X, np.where(np.arange(40)[:, None] < 20, rows.y, -3.0), weight)
    # batches of one: whole batches without weight are among them
    single = settings(batch_size=1, epochs=3)
    np.testing.assert_array_equal(
        last(train(NETWORK, poisoned, single)).parameters.theta,
        last(train(NETWORK, clean, single)).parameters.theta,
    )


def test_the_classes_of_one_kind_are_learnt():
    network = multilayer_perceptron(3, [4], 3, activation=RELU, loss=SoftmaxCrossEntropy())
    X = numbers(1, 60, 3)
    y = classes(1, 60, 3)
    y[:] = np.argmax(X, axis=1)
    epoch = last(train(network, Rows(X, y), settings(rate=0.05, epochs=60)))
    assert (reference.scores(network, epoch.best, X).argmax(axis=1) == y).mean() > 0.9


def test_quantiles_hold_their_shares():
    network = multilayer_perceptron(1, [8], 3, activation=TANH, loss=Quantile((0.1, 0.5, 0.9)))
    X = numbers(1, 400, 1)
    y = X + (1 + X) * numbers(2, 400, 1)
    epoch = last(train(network, Rows(X, y), settings(rate=0.02, epochs=60, batch_size=50)))
    below = (y <= network.loss.link(reference.scores(network, epoch.best, X))).mean(axis=0)
    np.testing.assert_allclose(below, [0.1, 0.5, 0.9], atol=0.06)


def test_float32_follows_float64_for_a_while():
    exact = last(train(NETWORK, table(), settings(epochs=5)))
    rounded = last(train(NETWORK, table(), settings(epochs=5, dtype=np.float32)))
    assert rounded.parameters.theta.dtype == np.float32
    assert np.max(np.abs(rounded.parameters.theta - exact.parameters.theta)) < 1e-5
    assert rounded.loss == pytest.approx(exact.loss, rel=1e-5)


def test_the_penalty_keeps_weights_small():
    free = last(train(NETWORK, table(), settings(epochs=40)))
    held = last(train(NETWORK, table(), settings(epochs=40, l2=0.1)))
    weights = NETWORK.weights
    assert np.linalg.norm(held.parameters.theta[weights]) < 0.5 * np.linalg.norm(
        free.parameters.theta[weights]
    )


def test_orders_given_are_those_that_epochs_see():
    def by_seed(seed):
        for epoch in itertools.count():
            yield generator(seed, Purpose.SHUFFLE, epoch).permutation(70)

    own = last(train(NETWORK, table(), settings(seed=3)))
    given = last(train(NETWORK, table(), settings(seed=3), orders=by_seed(3)))
    other = last(train(NETWORK, table(), settings(seed=3), orders=by_seed(4)))
    np.testing.assert_array_equal(given.parameters.theta, own.parameters.theta)
    assert (other.parameters.theta != own.parameters.theta).any()
    with pytest.raises(InputError, match="leave `learnt` out"):
        next(train(NETWORK, table(), settings(), learnt=np.arange(3), orders=by_seed(3)))
