"""Ten epochs whose losses are written down: every engine gives them, this year and next."""

import numpy as np
import pytest

from chainrule.activations import SILU
from chainrule.engines import Rows, compiled, reference
from chainrule.losses import SoftmaxCrossEntropy
from chainrule.network import multilayer_perceptron
from chainrule.optimizers import AdamW
from chainrule.schedules import OneCycle
from chainrule.training import TrainingSettings, train
from recorded.weyl import classes, numbers

GOLDEN = (
    1.3115610161638112,
    0.9588737306238218,
    0.7581615203533437,
    0.6623817935796134,
    0.6234838919513063,
    0.6070015898913118,
    0.594880105071828,
    0.5712488622354661,
    0.5935836103162746,
    0.574281620289244,
)
"""Of the reference engine in float64."""


def losses(engine, dtype):
    n, d, k = 300, 6, 3
    X = 1.5 * numbers(1, n, d)
    y = (np.argmax(X[:, :k], axis=1) + (classes(2, n, 10) == 0)) % k
    network = multilayer_perceptron(
        d, (24, 16), k, activation=SILU, loss=SoftmaxCrossEntropy(smoothing=0.05), dropout=0.1
    )
    rows = Rows(X, y, 1.2 + numbers(3, n))
    settings = TrainingSettings(
        optimizer=AdamW(), rate=0.02, schedule=OneCycle(), batch_size=32, epochs=10, patience=None,
        l2=1e-3, seed=7, dtype=dtype,
    )  # fmt: skip
    return [epoch.loss for epoch in train(network, rows, settings, engine=engine)]


@pytest.mark.parametrize("engine", [reference, compiled])
@pytest.mark.parametrize(("dtype", "bound"), [(np.float64, 1e-10), (np.float32, 1e-5)])
def test_ten_epochs_end_with_the_losses_that_were_written_down(engine, dtype, bound):
    assert losses(engine, dtype) == pytest.approx(GOLDEN, rel=bound)
