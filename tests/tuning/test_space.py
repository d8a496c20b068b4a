"""The search space begins at the defaults and leaves alone what the user decided."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.trial import FixedTrial

from chainrule.cli.decisions import check
from chainrule.options import Options, network_of, settings_of, settled
from chainrule.tuning.space import options_with, space_of, values_of

TABLES = [
    (n, task, k)
    for n in (50, 5_000, 200_000)
    for task, k in (("regression", 0), ("classification", 3))
]


def space_and_settled(asked, n=5_000, task="classification", k=3):
    options = settled(asked, n=n, task=task, n_classes=k)
    return space_of(asked, options), options


@pytest.mark.parametrize(("n", "task", "k"), TABLES)
def test_the_defaults_are_a_point_of_the_space(n, task, k):
    asked = Options()
    space, options = space_and_settled(asked, n, task, k)
    values = values_of(options, space)
    trial = FixedTrial(values)
    for name, distribution in space.items():
        assert trial._suggest(name, distribution) == values[name]
    assert options_with(options, values) == options


@pytest.mark.parametrize(
    "asked",
    [
        Options(hidden=()),
        Options(hidden=(7, 5), activation=("tanh", "relu")),
        Options(rate=0.5, bins=3, dropout=0.9),
        Options(optimizer="sgd"),
        Options(optimizer="lbfgs"),
    ],
)
def test_what_the_user_decided_is_never_searched(asked):
    space, _ = space_and_settled(asked)
    decided = {name for name, value in asked.to_dict().items() if value is not None}
    assert not decided & set(space)
    assert space


@settings(deadline=None)
@given(st.data(), st.sampled_from(TABLES), st.sampled_from([None, "adamw", "sgd", "lbfgs"]))
def test_every_point_of_the_space_can_be_trained(data, table, optimizer):
    n, task, k = table
    asked = Options(optimizer=optimizer, task=task)
    space, options = space_and_settled(asked, n, task, k)
    values = {}
    for name, distribution in space.items():
        if hasattr(distribution, "choices"):
            values[name] = data.draw(st.sampled_from(distribution.choices))
        else:
            values[name] = data.draw(st.floats(distribution.low, distribution.high))
    check(options_with(asked, values))
    tried = options_with(options, values)
    assert network_of(tried, 4, k).n_inputs == 4
    assert settings_of(tried).epochs == options.epochs
