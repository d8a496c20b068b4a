"""Which engine computes: the compiled one where it can, the reference one on request or where not.

    choice = choose_engine("auto", network, settings.optimizer, settings.dtype)
    print(choice.sentence)
    epochs = train(network, rows, settings, engine=choice.engine)

Nothing falls back in silence: the sentence names the engine, and why it is not the faster one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from numpy.typing import DTypeLike

from chainrule.choices import choose
from chainrule.engines import Engine, reference
from chainrule.errors import InputError
from chainrule.network import Network
from chainrule.optimizers import LBFGS, Optimizer

ENGINES = ("auto", "compiled", "reference")
"""What users may ask for."""


@dataclass(frozen=True)
class Choice:
    """An engine and why it is the one.

    Attributes:
        name: `compiled` or `reference`.
        engine: what computes.
        sentence: for the screen.
        warm_up: loads or compiles all that this training needs, and names the kernels that had to
            be compiled; takes inputs of the form that will come, if they are not dense. None if
            there is nothing to do.
    """

    name: str
    engine: Engine
    sentence: str
    warm_up: Callable[..., list[str]] | None = None


def choose_engine(
    name: str,
    network: Network,
    optimizer: Optimizer | LBFGS,
    dtype: DTypeLike,
) -> Choice:
    """The engine called `name`; with `auto`, the compiled one wherever it can do what is asked.

    Raises:
        InputError: an unknown name, or `compiled` where it cannot be had.
    """
    choose("engine", name, dict.fromkeys(ENGINES))
    if name == "reference":
        return Choice("reference", reference, "reference engine, as asked")
    try:
        from chainrule.engines import compiled
    except ImportError as error:
        reason = f"the compiled engine needs the package numba ({error})"
        return _without(name, f"{reason}; install it with: pip install 'chainrule[fast]'")
    try:
        compiled.check(network, optimizer, dtype)
    except InputError as error:
        return _without(name, str(error))
    warm_up = None
    if isinstance(optimizer, Optimizer):
        warm_up = partial(compiled.warm_up, network, optimizer, dtype)
    return Choice("compiled", compiled, f"compiled engine, {compiled.description()}", warm_up)


def _without(name: str, reason: str) -> Choice:
    if name == "compiled":
        raise InputError(reason)
    return Choice("reference", reference, f"reference engine, slower: {reason}")
