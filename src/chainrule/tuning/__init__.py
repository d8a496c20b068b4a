"""Tuning: a search for options that suit a table better than the defaults do, and what it gained.

    apart       rows that no choice is made by: they tell the gain
    search      trials of single networks, judged by their validation loss
    finalists   the best few as ensembles, the defaults among them; the best of these is kept
    gain        the kept one beside the defaults, on the rows apart

Needs Optuna, of the extra `tune`, which draws the options and says which trials are not worth
their end.
"""
