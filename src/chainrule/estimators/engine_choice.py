"""The engine that an estimator computes with."""

from numpy.typing import DTypeLike

from chainrule.engines import Engine
from chainrule.engines.choice import choose_engine
from chainrule.network import Network
from chainrule.optimizers import LBFGS, Adam, Optimizer


def engine_for(
    name: str, network: Network, dtype: DTypeLike, optimizer: Optimizer | LBFGS | None = None
) -> Engine:
    """The engine called `name`, to train with or to ask.

    Raises:
        InputError: the compiled engine was asked for by name, and cannot do this.
    """
    return choose_engine(name, network, optimizer or Adam(), dtype).engine
