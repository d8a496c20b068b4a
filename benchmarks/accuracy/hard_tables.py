"""Tables that hurt multilayer perceptrons, drawn from known rules.

Each is drawn anew for every seed, rule and rows, with rows enough to judge by that the noise is
that of learning. They were used to find weaknesses of the defaults, and are no judge of them.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from accuracy.tables import Table

Draws = np.random.Generator


@dataclass(frozen=True)
class HardTable:
    """How such a table is drawn.

    Attributes:
        make: from (draws, rows) to a data frame with the target "y".
        n_learnt, n_judged: rows of the two parts; the first ones are learnt from.
        seeds: how many tables are drawn of it.
    """

    make: Callable[[Draws, int], pd.DataFrame]
    n_learnt: int
    n_judged: int = 5_000
    seeds: int = 3

    def draw(self, name: str, seed: int) -> Table:
        """The table of a seed; its one split is the same under any number."""
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
        draws = np.random.default_rng([number, seed])
        frame = self.make(draws, self.n_learnt + self.n_judged)
        y, classes = frame.pop("y").to_numpy(), ()
        if y.dtype.kind != "f":
            classes, y = np.unique(y, return_inverse=True)
        digest = hashlib.sha256(pd.util.hash_pandas_object(frame.assign(y=y)).to_numpy().tobytes())
        return Table(name, frame, y, len(classes), digest.hexdigest()[:12], self.n_learnt)


def _frame(X: np.ndarray, y: np.ndarray, name: str = "x") -> pd.DataFrame:
    return pd.DataFrame(X, columns=[f"{name}{j}" for j in range(X.shape[1])]).assign(y=y)


def _scaled(signal: np.ndarray) -> np.ndarray:
    return (signal - signal.mean()) / signal.std()


def _noisy(draws: Draws, signal: np.ndarray, noise: float) -> np.ndarray:
    """A signal of variance 1 with normal noise of that standard deviation."""
    return _scaled(signal) + noise * draws.standard_normal(len(signal))


def _classes(
    draws: Draws, score: np.ndarray, steepness: float = 2.0, share: float = 0.5
) -> np.ndarray:
    """Yes or no by a logit; about the share says yes."""
    logit = steepness * _scaled(score)
    logit -= np.quantile(logit, 1 - share)
    return np.where(draws.random(len(logit)) < 1 / (1 + np.exp(-logit)), "yes", "no")


def _linear(columns: int, deciding: int, noise: float) -> Callable[[Draws, int], pd.DataFrame]:
    """A linear function; the columns share a factor, as measured ones do."""

    def make(draws: Draws, n: int) -> pd.DataFrame:
        X = draws.standard_normal((n, columns)) + 0.5 * draws.standard_normal((n, 1))
        return _frame(X, _noisy(draws, X[:, :deciding] @ draws.standard_normal(deciding), noise))

    return make


def _linear_classes(
    columns: int, deciding: int, share: float = 0.5
) -> Callable[[Draws, int], pd.DataFrame]:
    """A linear logit of the first columns."""

    def make(draws: Draws, n: int) -> pd.DataFrame:
        X = draws.standard_normal((n, columns)) + 0.5 * draws.standard_normal((n, 1))
        score = X[:, :deciding] @ draws.standard_normal(deciding)
        return _frame(X, _classes(draws, score, 2.5, share))

    return make


def _several_classes(draws: Draws, n: int) -> pd.DataFrame:
    """Five classes of linear scores, of twelve columns."""
    X = draws.standard_normal((n, 12))
    scores = X @ draws.standard_normal((12, 5)) + 2 * draws.gumbel(size=(n, 5))
    return _frame(X, np.array(list("abcde"))[scores.argmax(axis=1)])


def _curved_few(draws: Draws, n: int) -> pd.DataFrame:
    """A smooth function of ten columns that is not linear."""
    X = draws.standard_normal((n, 10))
    return _frame(X, _noisy(draws, X[:, 0] + np.abs(X[:, 1]) + X[:, 2] * X[:, 3], 0.3))


def _useless(draws: Draws, n: int) -> pd.DataFrame:
    """Twenty columns decide, partly by products; 180 of several distributions say nothing."""
    X = draws.standard_normal((n, 20))
    signal = X @ draws.standard_normal(20) + 2 * X[:, 0] * X[:, 1] + 2 * np.abs(X[:, 2])
    nothing = {f"n{j}": draws.standard_normal(n) for j in range(90)}
    nothing |= {f"e{j}": draws.exponential(size=n) for j in range(60)}
    nothing |= {f"c{j}": draws.choice(list("abcdefgh"), n) for j in range(30)}
    return pd.concat([_frame(X, _noisy(draws, signal, 0.5)), pd.DataFrame(nothing)], axis=1)


def _useless_classes(draws: Draws, n: int) -> pd.DataFrame:
    """The same, with two classes."""
    frame = _useless(draws, n)
    return frame.assign(y=_classes(draws, frame["y"].to_numpy(), 3.0))


def _heavy_inputs(draws: Draws, n: int) -> pd.DataFrame:
    """Cauchy and log-normal inputs, a bounded signal, noise of Student's t with three degrees."""
    X = np.column_stack([draws.standard_cauchy((n, 4)), draws.lognormal(0, 2, (n, 4))])
    signal = np.arctan(X[:, 0]) + np.tanh(X[:, 1]) + np.log1p(X[:, 4]) - np.log1p(X[:, 5])
    return _frame(X, _scaled(signal) + 0.3 * draws.standard_t(3, n))


def _linear_tails(draws: Draws, n: int) -> pd.DataFrame:
    """A linear function of inputs with log-normal tails: the largest inputs decide the most."""
    X = draws.lognormal(0, 1, (n, 8))
    return _frame(X, _noisy(draws, X @ draws.standard_normal(8), 0.3))


def _heavy_noise(draws: Draws, n: int) -> pd.DataFrame:
    """A linear signal with Cauchy noise, cut at 200 so that there is a mean."""
    X = draws.standard_normal((n, 10))
    noise = np.clip(0.3 * draws.standard_cauchy(n), -200, 200)
    return _frame(X, _scaled(X @ draws.standard_normal(10)) + noise)


def _skewed_target(draws: Draws, n: int) -> pd.DataFrame:
    """A target over six orders of magnitude, whose logarithm is linear and noisy."""
    X = draws.standard_normal((n, 8))
    kind = draws.choice(list("abcde"), n)
    signal = X @ draws.standard_normal(8) + np.searchsorted(list("abcde"), kind)
    return _frame(X, np.exp(2 * _noisy(draws, signal, 0.3))).assign(kind=kind)


def _constant_part(draws: Draws, n: int) -> pd.DataFrame:
    """Sixty rows of a hundred have a target of 0, the others a positive one."""
    X = draws.standard_normal((n, 10))
    score = _noisy(draws, X @ draws.standard_normal(10), 0.3)
    return _frame(X, np.maximum(score - np.quantile(score, 0.6), 0) * 1_000)


def _levels(with_signal: bool) -> Callable[[Draws, int], pd.DataFrame]:
    """A category of 4,000 levels, of unequal shares, beside five numbers and a small category."""

    def make(draws: Draws, n: int) -> pd.DataFrame:
        share = draws.pareto(1.5, 4_000) + 0.2
        level = draws.choice(4_000, n, p=share / share.sum())
        X, effect = draws.standard_normal((n, 5)), draws.standard_normal(4_000)
        group = draws.choice(list("abcd"), n)
        signal = X[:, 0] - X[:, 1] + 0.5 * (group == "a") + 0.5 * X[:, 2] ** 2
        signal = signal + (1.5 * effect[level] if with_signal else 0)
        names = [f"customer {v:04}" for v in level]
        return _frame(X, _noisy(draws, signal, 0.4)).assign(group=group, level=names)

    return make


def _levels_classes(with_signal: bool) -> Callable[[Draws, int], pd.DataFrame]:
    """The same, with two classes."""

    def make(draws: Draws, n: int) -> pd.DataFrame:
        frame = _levels(with_signal)(draws, n)
        return frame.assign(y=_classes(draws, frame["y"].to_numpy(), 3.0))

    return make


def _dated(draws: Draws, days: np.ndarray) -> pd.DataFrame:
    """Sales on these days: a trend, a week, a year, a promotion."""
    X = draws.standard_normal((len(days), 3))
    promotion = draws.random(len(days)) < 0.2
    week = draws.standard_normal(7)[(days + 3) % 7]
    year = np.sin(2 * np.pi * (days - 100) / 365.25)
    sales = days / 800 + week + year + 0.8 * promotion + 0.3 * X[:, 0]
    sales += 0.3 * draws.standard_normal(len(days))
    dates = np.datetime64("2015-01-01") + days.astype("timedelta64[D]")
    frame = _frame(X, 100 + 20 * sales).assign(promotion=promotion)
    return frame.assign(day=np.datetime_as_string(dates))


def _dates(draws: Draws, n: int) -> pd.DataFrame:
    """Days of eight years in any order."""
    return _dated(draws, draws.integers(0, 2_922, n))


def _dates_ahead(draws: Draws, n: int) -> pd.DataFrame:
    """Eight years are learnt from, the half year after them is asked for."""
    return _dated(draws, np.sort(draws.integers(0, 2_922 + 180, n)))


def _wide(classes: bool) -> Callable[[Draws, int], pd.DataFrame]:
    """10,000 numbers in groups that go together, as of a gene chip; twenty decide."""

    def make(draws: Draws, n: int) -> pd.DataFrame:
        factors = draws.standard_normal((n, 100)).astype(np.float32)
        X = np.repeat(factors, 100, axis=1)
        X += 1.5 * draws.standard_normal(X.shape, dtype=np.float32)
        deciding = draws.choice(X.shape[1], 20, replace=False)
        signal = X[:, deciding] @ draws.standard_normal(20)
        y = _classes(draws, signal, 4.0) if classes else _noisy(draws, signal, 0.3)
        return _frame(X, y, "gene")

    return make


def _bag_of_words(draws: Draws, n: int) -> pd.DataFrame:
    """Counts of 10,000 words in texts of 150, on one of four themes that prefer some words."""
    usual = 1 / np.arange(2, 10_002)
    theme = draws.integers(4, size=n)
    counts = np.empty((n, 10_000), np.int64)
    for k in range(4):
        preferred = np.where(draws.random(10_000) < 0.03, draws.uniform(1, 5, 10_000), 1)
        share = usual * preferred
        rows = theme == k
        counts[rows] = draws.multinomial(150, share / share.sum(), rows.sum())
    return _frame(counts, np.array(["art", "law", "sport", "trade"])[theme], "word")


def _rare(curved: bool) -> Callable[[Draws, int], pd.DataFrame]:
    """One row in a hundred is of the class sought."""

    def make(draws: Draws, n: int) -> pd.DataFrame:
        X = draws.standard_normal((n, 15))
        score = X[:, :8] @ draws.standard_normal(8)
        if curved:
            score = score + 2 * X[:, 0] ** 2 - 2 * X[:, 1] * X[:, 2]
        logit = 3 * _scaled(score)
        at = np.quantile(logit, 0.988)
        rare = draws.random(n) < 1 / (1 + np.exp(-(logit - at) * 2))
        return _frame(X, np.where(rare, "fraud", "usual"))

    return make


def _long(classes: bool) -> Callable[[Draws, int], pd.DataFrame]:
    """Many rows of twelve numbers and three categories, with curves and products."""

    def make(draws: Draws, n: int) -> pd.DataFrame:
        X = draws.standard_normal((n, 12))
        kinds = {f"kind{k}": draws.integers(levels, size=n) for k, levels in enumerate((4, 20, 60))}
        signal = X @ draws.standard_normal(12) + 2 * np.sin(2 * X[:, 0]) + 2 * X[:, 1] * X[:, 2]
        for codes in kinds.values():
            signal += draws.standard_normal(60)[codes]
        y = _classes(draws, signal, 3.0) if classes else _noisy(draws, signal, 0.5)
        return _frame(X, y).assign(**{k: [f"v{v}" for v in codes] for k, codes in kinds.items()})

    return make


def _repeated(
    make: Callable[[Draws, int], pd.DataFrame], distinct: int, judged: int
) -> Callable[[Draws, int], pd.DataFrame]:
    """Each of a few distinct rows stands there many times, in any order."""

    def repeated(draws: Draws, n: int) -> pd.DataFrame:
        frame = make(draws, distinct + judged)
        again = draws.permutation(np.resize(np.arange(distinct), n - judged))
        return pd.concat([frame.iloc[again], frame.iloc[distinct:]], ignore_index=True)

    return repeated


def _gaps(draws: Draws, n: int) -> pd.DataFrame:
    """Values are missing by chance, where they are high, or where the answer is likely yes."""
    X = draws.standard_normal((n, 12))
    group = draws.choice(list("abcdef"), n).astype(object)
    score = X @ draws.standard_normal(12) + (group == "a")
    y = _classes(draws, score, 2.5)
    for j in range(12):
        by_chance = draws.random(n) < 0.2
        high = (X[:, j] > 0.8) & (draws.random(n) < 0.7)
        told = (y == "yes") & (draws.random(n) < 0.15)
        X[(by_chance, high, by_chance | told)[j % 3], j] = np.nan
    group[(y == "no") & (draws.random(n) < 0.2)] = None
    return _frame(X, y).assign(group=group)


def _typos(draws: Draws, n: int) -> pd.DataFrame:
    """Thirty towns that matter, every tenth of them misspelt, and three numbers."""
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    towns = ["".join(draws.choice(letters, 8)) for _ in range(30)]
    at, effect = draws.integers(30, size=n), draws.standard_normal(30)

    def written(town: str) -> str:
        if draws.random() >= 0.1:
            return town
        place = draws.integers(8)
        return town[:place] + draws.choice(letters) + town[place + 1 :]

    X = draws.standard_normal((n, 3))
    signal = 1.5 * effect[at] + X[:, 0] - X[:, 1]
    return _frame(X, _noisy(draws, signal, 0.4)).assign(town=[written(towns[t]) for t in at])


def _class_of_two(draws: Draws, n: int) -> pd.DataFrame:
    """Three usual classes of linear scores, and one of which two rows are learnt from."""
    X = draws.standard_normal((n, 10))
    scores = X @ draws.standard_normal((10, 3)) + draws.gumbel(size=(n, 3))
    y = np.array(["left", "middle", "right", "strange"])[scores.argmax(axis=1)]
    y[:2] = y[-20:] = "strange"
    X[y == "strange", 9] += 4
    return _frame(X, y)


HARD = {
    "linear, 1,000 rows": HardTable(_linear(30, 10, 0.7), 1_000),
    "linear, 20,000 rows": HardTable(_linear(50, 40, 1.0), 20_000),
    "linear classes, 2,000 rows": HardTable(_linear_classes(30, 20), 2_000),
    "linear, five classes": HardTable(_several_classes, 3_000),
    "100 rows, 10 columns": HardTable(_linear(10, 6, 0.5), 100, seeds=8),
    "100 rows, 50 columns": HardTable(_linear_classes(50, 5), 100, seeds=8),
    "100 rows, curved": HardTable(_curved_few, 100, seeds=8),
    "useless columns": HardTable(_useless, 3_000),
    "useless columns, classes": HardTable(_useless_classes, 3_000),
    "heavy-tailed inputs": HardTable(_heavy_inputs, 5_000),
    "linear in heavy tails": HardTable(_linear_tails, 3_000),
    "Cauchy noise": HardTable(_heavy_noise, 3_000),
    "six orders of magnitude": HardTable(_skewed_target, 4_000),
    "constant part": HardTable(_constant_part, 3_000),
    "4,000 levels": HardTable(_levels(True), 20_000),
    "4,000 levels, classes": HardTable(_levels_classes(True), 20_000),
    "4,000 useless levels": HardTable(_levels_classes(False), 5_000),
    "dates": HardTable(_dates, 3_000),
    "dates ahead": HardTable(_dates_ahead, 3_000, 180),
    "10,000 columns": HardTable(_wide(False), 1_000, 1_000),
    "10,000 columns, classes": HardTable(_wide(True), 500, 1_000),
    "10,000 words": HardTable(_bag_of_words, 1_000, 1_000),
    "99:1, linear": HardTable(_rare(False), 5_000, 20_000),
    "99:1, curved": HardTable(_rare(True), 50_000, 20_000),
    "300,000 rows": HardTable(_long(False), 300_000, 50_000, seeds=1),
    "300,000 rows, classes": HardTable(_long(True), 300_000, 50_000, seeds=1),
    "duplicates": HardTable(_repeated(_linear(20, 10, 0.7), 200, 5_000), 4_000),
    "duplicates, classes": HardTable(_repeated(_linear_classes(20, 10), 200, 5_000), 4_000),
    "gaps that tell": HardTable(_gaps, 3_000),
    "misspelt towns": HardTable(_typos, 3_000),
    "a class of two rows": HardTable(_class_of_two, 1_000),
}
"""The hard tables by name."""
