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


def bins(n, n_columns, classes=True):
    task = "classification" if classes else "regression"
    return settled(Options(), n=n, task=task, n_classes=2, n_columns=n_columns).bins


def test_few_rows_have_few_bins_and_many_columns_few_each():
    assert [bins(n, 5) for n in (60, 100, 250, 800, 999, 5_000)] == [0, 1, 2, 8, 8, 16]
    assert [bins(20_000, d, classes=False) for d in (8, 30, 50, 300, 10_000)] == [96, 96, 60, 10, 0]
    assert [bins(n, 5) for n in (10_000, 12_500, 100_000)] == [100, 125, 128]


def test_bins_of_a_long_table_fit_into_memory():
    assert [bins(n, 20) for n in (100_000, 1_000_000, 30_000_000)] == [128, 20, 0]


@pytest.mark.parametrize(("share", "smoothing"), [(0.5, 0.1), (0.86, 0.1), (0.99, 0.0)])
def test_labels_are_not_smoothed_where_a_class_is_rare(share, smoothing):
    options = settled(Options(), n=5_000, task="classification", n_classes=2, largest_class=share)
    assert options.label_smoothing == smoothing


@pytest.mark.parametrize(("share", "smoothing"), [(0.002, 0.0), (0.024, 0.0), (0.026, 0.1)])
def test_labels_are_not_smoothed_where_that_says_more_of_a_class_than_there_is(share, smoothing):
    options = settled(Options(), n=5_000, task="classification", n_classes=4, rarest_class=share)
    assert options.label_smoothing == smoothing


@pytest.mark.parametrize(
    ("n", "least"), [(40, 0.15), (60, 0.15), (100, 0.15), (999, 0.15), (1_000, 0.1), (10_000, 0.1)]
)
def test_a_part_held_out_has_rows_enough_or_is_a_quarter(n, least):
    share = settled(Options(), n=n, task="regression", n_classes=0).valid_fraction
    assert least <= share <= 0.25
    assert n < 100 or share == least
    assert share * n >= 12 or share == 0.25
