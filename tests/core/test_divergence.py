"""Training whose numbers grow beyond all bounds says so, in the epoch in which they do."""

import numpy as np
import pytest

from chainrule.activations import IDENTITY, RELU
from chainrule.engines import Rows, reference
from chainrule.errors import DivergedError
from chainrule.losses import Poisson
from chainrule.network import Parameters, multilayer_perceptron
from chainrule.optimizers import LBFGS, OPTIMIZERS, SGD
from chainrule.schedules import Cosine
from chainrule.training import TrainingSettings, train
from core.runs import LINEAR, NETWORK, settings, table
from recorded.weyl import numbers

WILD = multilayer_perceptron(3, [8, 8, 8], 1, activation=RELU, loss=Poisson())
COUNTS = Rows(numbers(1, 64, 3), np.abs(numbers(2, 64, 1)))


def keep(epochs, records):
    """What a caller does who wants the records, whatever happens after them."""
    for epoch in epochs:
        records.append(epoch)


@pytest.mark.parametrize(
    "kind", [kind for kind in OPTIMIZERS.values() if kind is not LBFGS], ids=lambda kind: kind.name
)
def test_a_rate_of_a_million_diverges_and_says_so_in_that_epoch(kind):
    wild = settings(optimizer=kind(), rate=1e6, dtype=np.float32, epochs=30)
    records = []
    with pytest.raises(DivergedError) as raised:
        keep(train(WILD, COUNTS, wild), records)
    said = str(raised.value)
    assert f"diverged in epoch {len(records) + 1}: the loss became" in said
    assert "smaller learning rate than 1e+06" in said
    assert all(np.isfinite(epoch.loss) for epoch in records)
    assert all(np.isfinite(epoch.parameters.theta).all() for epoch in records)


def test_what_was_learnt_before_a_divergence_survives_in_the_records():
    def after(base, t, T, losses=()):
        return 1e-3 if len(losses) < 3 else 1e200

    class Suddenly(Cosine):
        rate = staticmethod(after)

    suddenly, records = settings(schedule=Suddenly()), []
    with pytest.raises(DivergedError, match="in epoch 4: the loss became"):
        keep(train(NETWORK, table(), suddenly, validation=table(2)), records)
    assert [epoch.number for epoch in records] == [1, 2, 3]
    found = reference.mean_loss(NETWORK, records[-1].best, table(2))
    assert found == pytest.approx(records[-1].best_loss, rel=1e-14)


def test_a_weight_that_overflows_in_the_very_last_step_is_noticed():
    # one batch: the loss is that from before the step, so that only theta shows the overflow
    rows = Rows(1e30 * numbers(1, 8, 3), 1e30 * numbers(2, 8, 1))
    one = TrainingSettings(optimizer=SGD(), rate=1e300, epochs=1, batch_size=8, dtype=np.float64)
    with pytest.raises(DivergedError, match="epoch 1: a weight became infinite"):
        list(train(LINEAR, rows, one))


def test_validation_rows_that_overflow_are_a_divergence():
    far = Rows(np.full((4, 3), 1e200), np.ones((4, 1)))
    with pytest.raises(DivergedError, match="epoch 1: the loss became inf"):
        list(train(LINEAR, table(), settings(), validation=far))


def test_lbfgs_says_so_too_and_does_not_speak_of_rates():
    rows = Rows(np.full((4, 3), 500.0), np.ones((4, 1)))
    network = multilayer_perceptron(3, [], 1, activation=IDENTITY, loss=Poisson())
    start = Parameters(network, np.ones(4))
    lbfgs = settings(optimizer=LBFGS())
    with pytest.raises(DivergedError, match=r"epoch 1: the loss became (inf|nan)") as raised:
        list(train(network, rows, lbfgs, parameters=start))
    assert "rate" not in str(raised.value)


def test_no_overflow_warning_setting_leaks_out_of_the_iterator():
    before = np.geterr()
    running = train(NETWORK, table(), settings())
    next(running)
    assert np.geterr() == before
    running.close()
