"""L-BFGS works in a thread, which never outlives the iterator."""

import threading
from itertools import islice

import pytest

from chainrule.engines import reference
from chainrule.errors import InputError
from chainrule.optimizers import LBFGS
from chainrule.training import train
from core.runs import DROPPING, NETWORK, settings, table


def lbfgs_threads():
    return [thread for thread in threading.enumerate() if thread.name == "chainrule-lbfgs"]


def test_leaving_lbfgs_midway_leaves_no_thread_behind():
    running = train(NETWORK, table(), settings(optimizer=LBFGS(), epochs=50))
    two = list(islice(running, 2))
    assert len(two) == 2
    assert lbfgs_threads()
    running.close()
    assert not lbfgs_threads()


def test_breaking_out_of_lbfgs_leaves_no_thread_behind():
    for epoch in train(NETWORK, table(), settings(optimizer=LBFGS(), epochs=50)):
        if epoch.number == 3:
            break
    assert not lbfgs_threads()


def test_early_stopping_of_lbfgs_leaves_no_thread_behind():
    impatient = settings(optimizer=LBFGS(), epochs=50, patience=1, tolerance=1e9)
    assert len(list(train(NETWORK, table(), impatient))) == 2
    assert not lbfgs_threads()


def test_an_error_in_a_metric_ends_the_thread_even_while_it_is_looked_at():
    def broken(y, predictions, weight):
        raise KeyError("broken")

    running = train(
        NETWORK, table(), settings(optimizer=LBFGS()), validation=table(2), metrics={"b": broken}
    )
    with pytest.raises(KeyError, match="broken") as raised:
        next(running)
    assert raised.value.__traceback__ is not None  # keeps every frame alive
    assert not lbfgs_threads()


def test_an_error_in_the_engine_comes_out_of_the_thread():
    class Broken:
        scores, mean_loss = staticmethod(reference.scores), staticmethod(reference.mean_loss)
        train_epoch = staticmethod(reference.train_epoch)

        @staticmethod
        def loss_and_gradient(network, parameters, rows, l2=0.0, *, tell=None):
            raise MemoryError("no room")

    with pytest.raises(MemoryError, match="no room"):
        list(train(NETWORK, table(), settings(optimizer=LBFGS()), engine=Broken()))
    assert not lbfgs_threads()


def test_lbfgs_ends_after_the_epochs_it_was_given():
    records = list(train(NETWORK, table(), settings(optimizer=LBFGS(), epochs=6, patience=None)))
    assert len(records) == 6
    assert records[-1].loss < records[0].loss
    # its loss is J at the parameters of the record, not the mean of a pass
    J, _ = reference.loss_and_gradient(NETWORK, records[-1].parameters, table())
    assert records[-1].loss == pytest.approx(J, rel=1e-13)


def test_lbfgs_refuses_dropout():
    with pytest.raises(InputError, match="set dropout to 0, or choose another optimizer"):
        list(train(DROPPING, table(), settings(optimizer=LBFGS())))
