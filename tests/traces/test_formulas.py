"""What stands in a formula is what is computed: every template is evaluated as arithmetic."""

from dataclasses import fields

import numpy as np
import pytest

from chainrule.activations import ACTIVATIONS
from chainrule.losses import LOSSES
from chainrule.optimizers import OPTIMIZERS, SGD, Adam, Optimizer, ScaledAdamW
from chainrule.table.kinds import KINDS as COLUMN_KINDS
from chainrule.trace import take_step
from chainrule.trace.activation_formulas import ACTIVATION_FORMULAS, numbers_of
from chainrule.trace.encoding import STEPS
from chainrule.trace.loss_formulas import LOSS_FORMULAS, loss_terms
from chainrule.trace.steps import PLAIN_DESCENT, WORKED
from core.cases import ALL_LOSSES, outputs_of, pair_name, targets_of
from traces.models import KINDS, untrained
from traces.reading import value_of

RULES = {
    name: kind
    for name, kind in OPTIMIZERS.items()
    if issubclass(kind, Optimizer) and kind is not ScaledAdamW
}
"""A step of ScaledAdamW on one weight needs all the weights of its input."""


def arithmetic(formula, numbers):
    """The formula written with 15 decimals and computed as it stands."""
    return value_of(formula.with_numbers(numbers, dict.fromkeys(numbers, 15)))


def test_everything_that_can_be_chosen_has_a_formula():
    assert set(ACTIVATION_FORMULAS) == set(ACTIVATIONS)
    assert set(LOSS_FORMULAS) == set(LOSSES)
    assert set(WORKED) == set(RULES)
    assert set(STEPS) == set(COLUMN_KINDS) - {"ignored"}


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("z", [-2.5, -0.3, 0.0, 0.7, 3.1])
def test_the_formula_of_an_activation_gives_its_value_and_slope(name, z):
    g = ACTIVATIONS[name]
    a = float(g.function(np.float64(z)))
    slope = float(g.derivative(np.float64(z), np.float64(a)))
    formula, numbers = ACTIVATION_FORMULAS[name], numbers_of(z, a)
    for expected, part in ((a, formula.value[z <= 0]), (slope, formula.slope[z <= 0])):
        # the constants of selu are written with six decimals
        assert part.compute(numbers) == pytest.approx(expected, abs=3e-6)
        assert arithmetic(part, numbers) == pytest.approx(part.compute(numbers), abs=1e-9)


@pytest.mark.parametrize("loss", ALL_LOSSES, ids=pair_name)
def test_the_formulas_of_a_loss_give_its_value_and_slope(loss):
    k = outputs_of(loss)
    random = np.random.default_rng(5)
    targets = targets_of(loss, 12, k, 3)
    for row in range(12):
        y, scores = targets[row : row + 1], 2 * random.normal(size=(1, k))
        terms = loss_terms(loss, y, scores)
        assert sum(term.loss for term in terms) == pytest.approx(loss.value(y, scores)[0])
        for term, slope in zip(terms, loss.gradient(y, scores)[0], strict=True):
            assert term.slope == slope
            assert term.slope_formula.compute(term.numbers) == pytest.approx(slope)
            assert arithmetic(term.slope_formula, term.numbers) == pytest.approx(slope)
            assert arithmetic(term.value_formula, term.numbers) == pytest.approx(term.loss)


OTHERS = (
    SGD(rate_in_velocity=True),
    SGD(nesterov=False, rate_in_velocity=True),
    Adam(epsilon=1e-3, epsilon_hat=True),
)


@pytest.mark.parametrize("rule", [PLAIN_DESCENT, *(kind() for kind in RULES.values()), *OTHERS])
def test_the_lines_of_a_step_lead_to_where_the_optimiser_goes(rule):
    trace = untrained().trace(KINDS, 3)
    step = take_step(trace, rule, 0.05)
    assert np.array_equal(step.old.theta, model_theta())
    for w, g, new in zip(
        step.old.theta[:40], step.gradient.theta[:40], step.new.theta[:40], strict=True
    ):
        lines = step.lines(float(w), float(g))
        assert lines[-1].value == pytest.approx(new, rel=1e-9)
        for line in lines:
            assert arithmetic(line.formula, line.numbers) == pytest.approx(line.value, rel=1e-4)
    assert step.to_dict()["optimizer"].keys() == {"name", *(one.name for one in fields(rule))}


def model_theta():
    return untrained().parameters.theta.astype(np.float64)
