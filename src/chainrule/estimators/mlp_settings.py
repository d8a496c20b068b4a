"""The parameters of the multilayer perceptrons, turned into the values that training works with."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from chainrule.choices import choose
from chainrule.errors import InputError
from chainrule.estimators.mlp_parameters import (
    ACTIVATION_NAMES,
    POLICIES,
    ParameterError,
)
from chainrule.estimators.plateau import Progress, RateByPlateaus, RateByRowsSeen
from chainrule.losses import AbsoluteError, Huber, Loss, Poisson, Quantile, SquaredError
from chainrule.network import Network, multilayer_perceptron
from chainrule.optimizers import (
    LBFGS,
    SGD,
    Adam,
    AdamW,
    Averaged,
    Clipped,
    Optimizer,
    RMSProp,
    ScaledAdamW,
)
from chainrule.schedules import SCHEDULES, Constant, Cosine, Schedule, WarmUp
from chainrule.training import TrainingSettings

BATCH_ROWS = 200
"""Rows of a batch, where `batch_size` is "auto"."""

LBFGS_REDUCTION = 1e7 * float(np.finfo(np.float64).eps)
"""Where lbfgs stops: SciPy's own default, which scikit-learn leaves as it is."""


def network_of(
    n_inputs: int,
    widths: Sequence[int],
    n_outputs: int,
    *,
    activation: str | Sequence[str],
    dropout: float,
    loss: Loss,
) -> Network:
    """The network that parameters of these names describe; `widths` are of its hidden layers.

    Raises:
        ParameterError: not as many activations as hidden layers.
    """
    names = [activation] * len(widths) if isinstance(activation, str) else activation
    if len(names) != len(widths):
        raise ParameterError(
            f"{len(names)} activations came for {len(widths)} hidden layers; "
            "give one name for all of them, or a tuple with one for each."
        )
    return _network(n_inputs, tuple(widths), n_outputs, tuple(names), float(dropout), loss)


@lru_cache(maxsize=32)  # a prediction of one row takes less time than describing its network
def _network(
    n_inputs: int,
    widths: tuple[int, ...],
    n_outputs: int,
    names: tuple[str, ...],
    dropout: float,
    loss: Loss,
) -> Network:
    return multilayer_perceptron(
        n_inputs,
        widths,
        n_outputs,
        activation=[choose("activation", name, ACTIVATION_NAMES) for name in names],
        loss=loss,
        dropout=dropout,
    )


def regression_loss(name: str, huber_delta: float, quantile_levels: Any) -> Loss:
    """The loss of a regressor."""
    match name:
        case "absolute_error":
            return AbsoluteError()
        case "huber":
            return Huber(float(huber_delta))
        case "quantile":
            return Quantile(tuple(np.atleast_1d(quantile_levels)))
        case "poisson":
            return Poisson()
        case _:
            return SquaredError()


def settings_of(
    parameters: Mapping[str, Any],
    *,
    batch_size: int,
    schedule: Schedule,
    epochs: int,
    rate: float,
    seed: int,
    dtype: DTypeLike,
) -> TrainingSettings:
    """How to train on batches of `batch_size` rows.

    As in scikit-learn the penalty alpha / 2 sum W^2 is divided by the weight of the batch: a last
    batch that is smaller is penalised more.
    """
    return TrainingSettings(
        optimizer=_optimizer_of(parameters),
        rate=rate,
        schedule=schedule,
        batch_size=batch_size,
        epochs=epochs,
        patience=None,
        l2=float(parameters["alpha"]),
        l2_of_sum=True,
        shuffle=bool(parameters["shuffle"]),
        seed=seed,
        dtype=dtype,
        bfloat16=parameters["precision"] == "bfloat16",
    )


def batch_rows(parameters: Mapping[str, Any], n: int) -> int:
    """Rows of a batch: all n of them for lbfgs."""
    if parameters["solver"] == "lbfgs":
        return n
    wanted = parameters["batch_size"]
    return min(BATCH_ROWS if isinstance(wanted, str) else int(wanted), n)


def schedule_of(parameters: Mapping[str, Any], n: int, seen: int, start: Progress) -> Schedule:
    """The rate of each step, for epochs of n rows that follow `seen` rows and that progress."""
    policy = parameters["learning_rate"]
    if isinstance(policy, Schedule):
        return policy
    if policy not in POLICIES:
        return WarmUp(then=Cosine()) if policy == WarmUp.name else SCHEDULES[policy]()
    if parameters["solver"] != "sgd" or policy == "constant":
        return Constant()
    if policy == "invscaling":
        return RateByRowsSeen(n, float(parameters["power_t"]), seen)
    return RateByPlateaus(float(parameters["tol"]), float(parameters["n_iter_no_change"]), start)


def _optimizer_of(parameters: Mapping[str, Any]) -> Optimizer | LBFGS:
    clip, averaging = parameters["clip"], parameters["averaging"]
    if parameters["solver"] == "lbfgs":
        if clip is not None or averaging is not None:
            raise InputError(
                "clip and averaging belong to solvers that take small steps, but lbfgs chooses its "
                "steps from exact losses: set both to None, or choose another solver."
            )
        return LBFGS(
            tolerance=float(parameters["tol"]),
            reduction=LBFGS_REDUCTION,
            evaluations=int(parameters["max_fun"]),
        )
    optimizer = _step_maker(parameters)
    if clip is not None:
        optimizer = Clipped(float(clip), optimizer)
    if averaging is not None:
        optimizer = Averaged(float(averaging), optimizer)
    return optimizer


def _step_maker(parameters: Mapping[str, Any]) -> Optimizer:
    """The solver, to the letter as scikit-learn has it where it has it."""
    epsilon = float(parameters["epsilon"])
    betas = float(parameters["beta_1"]), float(parameters["beta_2"])
    match parameters["solver"]:
        case "sgd":
            momentum, ahead = float(parameters["momentum"]), bool(parameters["nesterovs_momentum"])
            return SGD(momentum, ahead, rate_in_velocity=True)
        case "rmsprop":
            return RMSProp(epsilon=epsilon)
        case "adamw":
            return AdamW(*betas, epsilon, float(parameters["weight_decay"]))
        case "scaled_adamw":
            return ScaledAdamW(*betas, epsilon, float(parameters["weight_decay"]))
        case _:
            return Adam(*betas, epsilon, epsilon_hat=True)
