"""Randomness: the same for the same key, unrelated for others, and fair."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from chainrule.randomness import Purpose, generator, keep_mask

FIRST_WORDS = [213000021201967259, 8522060295706411025, 142533846616623815]
FIRST_MASK = ["001110011101", "110010110010", "100111000011", "001111001110"]
KEYS = st.integers(0, 2**32 - 1)


def test_the_same_key_gives_the_same_numbers():
    for purpose in Purpose:
        first = generator(7, purpose, 3).random(50)
        np.testing.assert_array_equal(generator(7, purpose, 3).random(50), first)


def test_streams_of_different_seeds_purposes_and_epochs_share_no_numbers():
    streams = [
        generator(seed, purpose, epoch).integers(2**63, size=200).tolist()
        for seed in (0, 1, 2**64 - 1)
        for purpose in Purpose
        for epoch in (0, 1, 2, 10**6)
    ]
    drawn = [number for stream in streams for number in stream]
    assert len(set(drawn)) == len(drawn)


def test_what_a_seed_means_does_not_change():
    # Philox's own stream is fixed by its authors; these are the first words of three keys.
    words = [
        int(generator(seed, purpose, epoch).bit_generator.random_raw())
        for seed, purpose, epoch in [
            (0, Purpose.SPLIT, 0),
            (1, Purpose.SHUFFLE, 2),
            (2**64 - 1, Purpose.DROPOUT, 9),
        ]
    ]
    assert words == FIRST_WORDS
    assert [
        p.value for p in (Purpose.SPLIT, Purpose.INITIAL, Purpose.SHUFFLE, Purpose.DROPOUT)
    ] == [
        0,
        1,
        2,
        3,
    ]


def test_what_a_dropout_key_means_does_not_change():
    mask = keep_mask(12345, np.arange(4), 12, 0.5)
    assert ["".join("10"[not kept] for kept in row) for row in mask] == FIRST_MASK


@given(KEYS, st.permutations(range(30)), st.integers(1, 29))
def test_a_mask_depends_on_neither_the_order_nor_the_batch(key, order, size):
    order = np.array(order)
    whole = keep_mask(key, np.arange(30), 7, 0.4)
    np.testing.assert_array_equal(keep_mask(key, order, 7, 0.4), whole[order])
    np.testing.assert_array_equal(keep_mask(key, order[:size], 7, 0.4), whole[order[:size]])


@given(KEYS, st.integers(1, 20))
def test_a_wider_layer_has_the_same_mask_in_its_first_neurons(key, width):
    wide = keep_mask(key, np.arange(9), 25, 0.5)
    np.testing.assert_array_equal(keep_mask(key, np.arange(9), width, 0.5), wide[:, :width])


@given(KEYS)
def test_nobody_is_dropped_at_share_zero(key):
    assert keep_mask(key, np.arange(50), 20, 0.0).all()


@pytest.mark.parametrize("dropout", [0.05, 0.2, 0.5, 0.9])
@pytest.mark.parametrize("key", [0, 1, 0xDEADBEEF])
def test_the_share_that_is_kept_is_fair_everywhere(dropout, key):
    n, width = 2000, 50
    mask = keep_mask(key, np.arange(n), width, dropout)
    p = 1 - dropout

    def badness(counts, trials):
        """How improbable these counts of kept are; near 0 is improbable."""
        statistic = np.sum((counts - trials * p) ** 2) / (trials * p * dropout)
        return chi2.sf(statistic, counts.size)

    assert badness(mask.sum(axis=0), n) > 1e-4  # each neuron
    assert badness(mask.sum(axis=1), width) > 1e-4  # each row
    total = abs(mask.sum() - n * width * p) / np.sqrt(n * width * p * dropout)
    assert total < 4
    # evenly spread as well, and not too evenly to be random
    assert badness(mask.sum(axis=0), n) < 1 - 1e-4


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (keep_mask(5, np.arange(4000), 20, 0.5), keep_mask(6, np.arange(4000), 20, 0.5)),
        (keep_mask(5, np.arange(4000), 20, 0.5), keep_mask(5, np.arange(4000, 8000), 20, 0.5)),
        (
            keep_mask(5, np.arange(4000), 20, 0.5)[:, :-1],
            keep_mask(5, np.arange(4000), 20, 0.5)[:, 1:],
        ),
        (keep_mask(5, np.arange(4000), 20, 0.5)[:-1], keep_mask(5, np.arange(4000), 20, 0.5)[1:]),
    ],
    ids=["keys", "distant rows", "next neurons", "next rows"],
)
def test_masks_side_by_side_are_unrelated(one, other):
    agree = (one == other).sum()
    deviations = (agree - one.size / 2) / np.sqrt(one.size / 4)
    assert abs(deviations) < 4
