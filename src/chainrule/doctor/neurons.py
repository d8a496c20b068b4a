"""Neurons that cannot learn, or add nothing: dead, saturated, or only linear."""

from collections.abc import Iterator

import numpy as np

from chainrule.arrays import Floats
from chainrule.doctor.case import Case
from chainrule.doctor.finding import Finding
from chainrule.doctor.retraining import retrain, usual_options
from chainrule.engines import reference
from chainrule.network import Network, Parameters

MANY, SOME = 0.5, 0.2
"""Parts of a layer's neurons: from the first on a warning, from the second on a note."""

MANY_DEAD, SOME_DEAD = 0.9, 0.6
"""The same for dead ReLUs: weight decay silences those that a table has no use for, so that half of
a layer may be dead in a network that answers well."""

FLAT = 0.01
"""A slope below this part of the steepest one lets no gradient through."""

FLAT_ROWS = 0.9
"""A neuron is saturated if its slope is flat on this part of the rows."""

STEEPEST = {"sigmoid": 0.25, "tanh": 1.0}

ROWS = 2_000
"""That are carried through the network to see its neurons at work."""


def dead_relus(case: Case) -> Iterator[Finding]:
    """ReLUs that give 0 for every row: no gradient reaches their weights."""
    silent = [(l, int((Z.max(axis=0) <= 0).sum()), Z.shape[1]) for l, Z in _sums(case, ("relu",))]
    yield from _by_layer(
        case,
        silent,
        "dead ReLUs",
        "neurons give 0 for every row, and so can neither answer nor learn. Another activation "
        "or a lower rate keeps neurons alive.",
        MANY_DEAD,
        SOME_DEAD,
    )


def saturated(case: Case) -> Iterator[Finding]:
    """Sigmoids and tanhs at their ends: their slope lets no gradient through."""
    stuck = []
    for l, Z in _sums(case, tuple(STEEPEST)):
        g = case.network.layers[l].activation
        slope = g.derivative(Z, g.function(Z))
        flat = (slope < FLAT * STEEPEST[g.name]).mean(axis=0) > FLAT_ROWS
        stuck.append((l, int(flat.sum()), Z.shape[1]))
    yield from _by_layer(
        case,
        stuck,
        "saturated neurons",
        "neurons sit at the flat end of their curve in nearly every row, so that they hardly "
        "tell rows apart and no longer learn. Smaller steps or another activation avoid it.",
    )


def linear_collapse(case: Case) -> Iterator[Finding]:
    """Hidden layers without an activation: their product is one linear map."""
    hidden = case.network.layers[:-1]
    if not hidden or any(layer.activation.name != "identity" for layer in hidden):
        return
    W, b = one_linear_map(case.network, case.model.parameters)
    X = case.any.rows.X[:ROWS].astype(np.float64)
    apart = float(np.abs(X @ W + b - case.any.scores[:ROWS]).max())
    yield Finding(
        "no activation",
        "warning",
        f"All {len(hidden)} hidden layers are without an activation, so that the whole network is "
        "a single linear map: it can learn no more than a linear model can.",
        {
            "parameters": case.network.n_parameters,
            "parameters of the linear map": W.size + b.size,
            "largest difference of their scores": apart,
        },
        retrain(case.model, activation=("silu",)),
    )


def one_linear_map(network: Network, parameters: Parameters) -> tuple[Floats, Floats]:
    """W (d, k) and b (k,) of the linear map that layers without activation make together.

    W = W[0] W[1] ... W[L-1],  b = (...(b[0] W[1] + b[1]) ...) W[L-1] + b[L-1]
    """
    whole = parameters.astype(np.float64)
    W, b = whole.W[0], whole.b[0]
    for own_W, own_b in zip(whole.W[1:], whole.b[1:], strict=True):
        W, b = W @ own_W, b @ own_W + own_b
    return W, b


def _sums(case: Case, names: tuple[str, ...]) -> Iterator[tuple[int, Floats]]:
    """Z[l] of the hidden layers with one of these activations, over some of the rows."""
    wanted = [
        l for l, layer in enumerate(case.network.layers[:-1]) if layer.activation.name in names
    ]
    if wanted:
        passed = reference.forward(case.network, case.model.parameters, case.any.rows.X[:ROWS])
        for l in wanted:
            yield l, passed.Z[l]


def _by_layer(
    case: Case,
    counted: list[tuple[int, int, int]],
    name: str,
    sentence: str,
    many: float = MANY,
    some: float = SOME,
) -> Iterator[Finding]:
    """One finding for all layers (l, neurons concerned, neurons), if there are enough of them."""
    share = max((n / h for _, n, h in counted), default=0.0)
    if share < some:
        return
    evidence: dict[str, float | str] = {
        f"layer {l}": f"{n} of {h} neurons" for l, n, h in counted if n
    }
    evidence["rows"] = min(ROWS, len(case.any.rows))
    changes: dict[str, object] = {"activation": ("silu",)}
    usual = usual_options(case.model, case.options.optimizer).rate
    if case.options.rate is not None and usual is not None and case.options.rate > usual:
        changes["rate"] = usual
    yield Finding(
        name,
        "warning" if share >= many else "note",
        f"{'Most' if share >= many else 'Many'} of a layer's {sentence}",
        evidence,
        retrain(case.model, **changes),
    )
