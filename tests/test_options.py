"""Options: the defaults that follow the table."""

import pytest

from chainrule.options import Options, settled


@pytest.mark.parametrize(
    ("n", "epochs"), [(100, 200), (1_000, 60), (160_000, 60), (500_000, 20), (10**7, 10)]
)
def test_long_tables_are_passed_over_less_often(n, epochs):
    assert settled(Options(), n=n, task="regression", n_classes=0).epochs == epochs


def test_a_decision_of_the_user_stands():
    options = settled(Options(epochs=7, bins=0), n=10**6, task="regression", n_classes=0)
    assert options.epochs == 7
    assert options.bins == 0
