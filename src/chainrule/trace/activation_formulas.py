"""Formulas of the activations, in symbols and with places for numbers, by their names."""

from dataclasses import dataclass

import numpy as np
from numpy import exp, log, tanh
from scipy.special import expit, ndtr

from chainrule.activations import LEAK, SELU_ALPHA, SELU_SCALE
from chainrule.trace.formula import Formula, Numbers

_ALPHA = round(SELU_SCALE * SELU_ALPHA, 6)
_SCALE = round(SELU_SCALE, 6)


@dataclass(frozen=True)
class ActivationFormula:
    """a = g(z) and da/dz in symbols; and with numbers, for z > 0 and else.

    The numbers are those of `numbers_of`.
    """

    symbols: str
    slope_symbols: str
    value: tuple[Formula, Formula]
    slope: tuple[Formula, Formula]


def numbers_of(z: float, a: float) -> dict[str, float]:
    """What may stand in a formula of a neuron.

    z; m is -z; a; s is sigmoid(z); t is tanh(ln(1 + e^z)); P and p are the normal distribution of z
    and its density.
    """
    return {
        "z": z,
        "m": -z,
        "a": a,
        "s": float(expit(z)),
        "t": float(np.tanh(np.logaddexp(0, z))),
        "P": float(ndtr(z)),
        "p": float(np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)),
    }


def _both(formula: Formula) -> tuple[Formula, Formula]:
    return formula, formula


_Z = Formula("{z}", lambda n: n["z"])
_ONE = Formula("1", lambda n: 1.0)
_ZERO = Formula("0", lambda n: 0.0)


def _sigmoid_of_m(n: Numbers) -> float:
    return 1 / (1 + exp(n["m"]))


ACTIVATION_FORMULAS = {
    "identity": ActivationFormula("z", "1", _both(_Z), _both(_ONE)),
    "sigmoid": ActivationFormula(
        "1 / (1 + e^-z)",
        "a · (1 - a)",
        _both(Formula("1 / (1 + e^{m})", _sigmoid_of_m)),
        _both(Formula("{a} · (1 - {a})", lambda n: n["a"] * (1 - n["a"]))),
    ),
    "tanh": ActivationFormula(
        "tanh(z)",
        "1 - a²",
        _both(Formula("tanh({z})", lambda n: tanh(n["z"]))),
        _both(Formula("1 - {a}²", lambda n: 1 - n["a"] ** 2)),
    ),
    "relu": ActivationFormula(
        "z where z > 0, else 0", "1 where z > 0, else 0", (_Z, _ZERO), (_ONE, _ZERO)
    ),
    "leaky_relu": ActivationFormula(
        f"z where z > 0, else {LEAK:g} z",
        f"1 where z > 0, else {LEAK:g}",
        (_Z, Formula(f"{LEAK:g} · {{z}}", lambda n: LEAK * n["z"])),
        (_ONE, Formula(f"{LEAK:g}", lambda n: LEAK)),
    ),
    "elu": ActivationFormula(
        "z where z > 0, else e^z - 1",
        "1 where z > 0, else a + 1",
        (_Z, Formula("e^{z} - 1", lambda n: exp(n["z"]) - 1)),
        (_ONE, Formula("{a} + 1", lambda n: n["a"] + 1)),
    ),
    "selu": ActivationFormula(
        f"{_SCALE} z where z > 0, else {_ALPHA} (e^z - 1)",
        f"{_SCALE} where z > 0, else a + {_ALPHA}",
        (
            Formula(f"{_SCALE} · {{z}}", lambda n: _SCALE * n["z"]),
            Formula(f"{_ALPHA} · (e^{{z}} - 1)", lambda n: _ALPHA * (exp(n["z"]) - 1)),
        ),
        (
            Formula(f"{_SCALE}", lambda n: _SCALE),
            Formula(f"{{a}} + {_ALPHA}", lambda n: n["a"] + _ALPHA),
        ),
    ),
    "gelu": ActivationFormula(
        "z · Φ(z), Φ the normal distribution",
        "Φ(z) + z · φ(z), φ its density",
        _both(Formula("{z} · {P}", lambda n: n["z"] * n["P"])),
        _both(Formula("{P} + {z} · {p}", lambda n: n["P"] + n["z"] * n["p"])),
    ),
    "silu": ActivationFormula(
        "z / (1 + e^-z)",
        "s + a · (1 - s), s = sigmoid(z)",
        _both(Formula("{z} / (1 + e^{m})", lambda n: n["z"] * _sigmoid_of_m(n))),
        _both(Formula("{s} + {a} · (1 - {s})", lambda n: n["s"] + n["a"] * (1 - n["s"]))),
    ),
    "mish": ActivationFormula(
        "z · tanh(ln(1 + e^z))",
        "t + z · (1 - t²) · sigmoid(z), t = tanh(ln(1 + e^z))",
        _both(Formula("{z} · tanh(ln(1 + e^{z}))", lambda n: n["z"] * tanh(log(1 + exp(n["z"]))))),
        _both(
            Formula(
                "{t} + {z} · (1 - {t}²) · {s}",
                lambda n: n["t"] + n["z"] * (1 - n["t"] ** 2) * n["s"],
            )
        ),
    ),
    "softplus": ActivationFormula(
        "ln(1 + e^z)",
        "1 / (1 + e^-z)",
        _both(Formula("ln(1 + e^{z})", lambda n: log(1 + exp(n["z"])))),
        _both(Formula("1 / (1 + e^{m})", _sigmoid_of_m)),
    ),
}
