"""The methods compared, each with its library's defaults and what makes it good on raw tables.

Trees get categories and missing values as they are; scikit-learn's MLP gets means for missing
values, scaled inputs and targets, and one-hot categories; RealMLP, which refuses missing numbers,
means and a column that says where they were. A method is an estimator of scikit-learn's kind.
"""

import hashlib
import importlib.metadata
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.compose import (
    TransformedTargetRegressor,
    make_column_selector,
    make_column_transformer,
)
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from accuracy.plain_columns import PlainColumns

BAG = 8
"""Models in a bag: each leaves out another eighth of the rows; their answers are averaged."""

ONLY_SHOW = ("cli", "doctor", "report", "trace", "tuning")
"""Rooms of chainrule that no default passes through."""

HISTGB_LEVELS = 254
"""HistGradientBoosting refuses categories with more levels."""


@dataclass(frozen=True)
class Method:
    """A method by its name.

    Attributes:
        key: its name on the command line and in the results.
        title: its name in the table.
        package: whose version counts.
        make: from (task, seed, threads) to an estimator.
        own_row: whether it is shown apart from the out-of-the-box defaults, without a rank.
        is_long: whether it takes hours, so that it has to be asked for.
    """

    key: str
    title: str
    package: str
    make: Callable[[str, int, int], BaseEstimator]
    own_row: bool = False
    is_long: bool = False

    @property
    def is_ours(self) -> bool:
        """Whether it is chainrule."""
        return self.package == "chainrule"

    def is_installed(self) -> bool:
        """Whether it can be run here."""
        return importlib.util.find_spec(self.package.replace("scikit-learn", "sklearn")) is not None

    def version(self) -> str:
        """Of its package; ours names the code itself, since it changes between releases."""
        version = importlib.metadata.version(self.package)
        return f"{version}+{_digest_of_our_code()}" if self.is_ours else version


@cache  # of the code as it was when it was imported, not as somebody edits it meanwhile
def _digest_of_our_code() -> str:
    """Of all modules but those that only show what was learnt."""
    import chainrule

    folder = Path(chainrule.__file__).parent
    paths = [path.relative_to(folder) for path in sorted(folder.rglob("*.py"))]
    code = b"".join((folder / p).read_bytes() for p in paths if p.parts[0] not in ONLY_SHOW)
    return hashlib.sha256(code).hexdigest()[:8]


def _chainrule(task: str, seed: int, threads: int, **options: Any) -> BaseEstimator:
    from chainrule import TabularClassifier, TabularRegressor

    kind = TabularRegressor if task == "regression" else TabularClassifier
    return kind(random_state=seed, **options)


def _sklearn_mlp(task: str, seed: int, threads: int) -> BaseEstimator:
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    columns = make_column_transformer(
        (numbers, make_column_selector(dtype_include=np.number)),
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_include="category")),
    )
    if task == "classification":
        return make_pipeline(PlainColumns(), columns, MLPClassifier(random_state=seed))
    scaled = TransformedTargetRegressor(
        make_pipeline(PlainColumns(), columns, MLPRegressor(random_state=seed)),
        transformer=StandardScaler(),
    )
    return scaled


def _histgb(task: str, seed: int, threads: int) -> BaseEstimator:
    kind = HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier
    return make_pipeline(PlainColumns(HISTGB_LEVELS), kind(random_state=seed))


def _lightgbm(task: str, seed: int, threads: int) -> BaseEstimator:
    import lightgbm

    kind = lightgbm.LGBMRegressor if task == "regression" else lightgbm.LGBMClassifier
    return make_pipeline(PlainColumns(), kind(random_state=seed, n_jobs=threads, verbose=-1))


def _xgboost(task: str, seed: int, threads: int) -> BaseEstimator:
    import xgboost

    kind = xgboost.XGBRegressor if task == "regression" else xgboost.XGBClassifier
    return make_pipeline(
        PlainColumns(), kind(random_state=seed, n_jobs=threads, enable_categorical=True)
    )


class _CatBoost(BaseEstimator):
    """CatBoost with its categories named, as texts without gaps."""

    def __init__(self, task: str, seed: int, threads: int) -> None:
        self.task, self.seed, self.threads = task, seed, threads

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> "_CatBoost":
        import catboost

        kind = catboost.CatBoostRegressor
        if self.task == "classification":
            kind = catboost.CatBoostClassifier
        self.columns_ = PlainColumns().fit(X)
        self.model_ = kind(
            random_seed=self.seed,
            thread_count=self.threads,
            cat_features=list(self.columns_.levels_),
            verbose=False,
            allow_writing_files=False,
        ).fit(self._texts(X), y)
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        return self.model_.predict(self._texts(X)).reshape(-1)

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        return self.model_.predict_proba(self._texts(X))

    @property
    def classes_(self) -> np.ndarray:
        return self.model_.classes_

    def _texts(self, X: pd.DataFrame) -> pd.DataFrame:
        texts = list(self.columns_.levels_)
        days = self.columns_.transform(X)
        return days.assign(
            **{name: X[name].astype(str).where(X[name].notna(), "") for name in texts}
        )


class _Imputed(BaseEstimator):
    """A network of pytabkit: means for missing numbers, and columns that say where they were."""

    def __init__(self, model: BaseEstimator) -> None:
        self.model = model

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> "_Imputed":
        self.columns_ = PlainColumns().fit(X)
        plain = self.columns_.transform(X)
        self.texts_ = list(self.columns_.levels_)
        self.means_ = plain.drop(columns=self.texts_).mean().fillna(0.0)
        self.gaps_ = [name for name in self.means_.index if plain[name].isna().any()]
        self.model_ = clone(self.model).fit(self._filled(X), y, cat_col_names=self.texts_)
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        return np.asarray(self.model_.predict(self._filled(X))).reshape(-1)

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        return self.model_.predict_proba(self._filled(X))

    @property
    def classes_(self) -> np.ndarray:
        return self.model_.classes_

    def _filled(self, X: pd.DataFrame) -> pd.DataFrame:
        plain = self.columns_.transform(X)
        gaps = {f"no {name}": plain[name].isna().astype(float) for name in self.gaps_}
        return plain.fillna(self.means_).assign(**gaps)


def _pytabkit(name: str, task: str, seed: int, threads: int) -> BaseEstimator:
    import pytabkit

    kind = getattr(pytabkit, f"{name}_{'Regressor' if task == 'regression' else 'Classifier'}")
    return _Imputed(kind(device="cpu", random_state=seed, n_threads=threads))


class _Bag(BaseEstimator):
    """Models of one kind, each learnt without another fold of the rows, and averaged."""

    def __init__(self, make: Callable[[int], BaseEstimator], task: str, seed: int) -> None:
        self.make, self.task, self.seed = make, task, seed

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> "_Bag":
        classes = self.task == "classification" and np.bincount(y).min() >= BAG
        folds = (StratifiedKFold if classes else KFold)(BAG, shuffle=True, random_state=self.seed)
        self.members_ = [
            self.make(self.seed + number).fit(X.iloc[learnt], y[learnt])
            for number, (learnt, _) in enumerate(folds.split(X, y))
        ]
        self.classes_ = np.unique(y) if self.task == "classification" else None
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        if self.classes_ is not None:
            return self.classes_[self.predict_proba(X).argmax(axis=1)]
        return np.mean([member.predict(X) for member in self.members_], axis=0)

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        total = np.zeros((len(X), len(self.classes_)))
        for member in self.members_:
            total[:, np.searchsorted(self.classes_, member.classes_)] += member.predict_proba(X)
        return total / len(self.members_)


def _catboost(task: str, seed: int, threads: int) -> BaseEstimator:
    return _CatBoost(task, seed, threads)


def _bagged(one: Callable[..., BaseEstimator], task: str, seed: int, threads: int) -> BaseEstimator:
    return _Bag(lambda number: one(task, number, threads), task, seed)


METHODS = {
    method.key: method
    for method in (
        Method("ours", "chainrule", "chainrule", _chainrule),
        Method("sklearn_mlp", "scikit-learn MLP", "scikit-learn", _sklearn_mlp),
        Method("histgb", "HistGradientBoosting", "scikit-learn", _histgb),
        Method("lightgbm", "LightGBM", "lightgbm", _lightgbm),
        Method("xgboost", "XGBoost", "xgboost", _xgboost),
        Method("catboost", "CatBoost", "catboost", _catboost),
        Method("realmlp", "RealMLP-TD", "pytabkit", partial(_pytabkit, "RealMLP_TD"), is_long=True),
        Method("tabm", "TabM-D", "pytabkit", partial(_pytabkit, "TabM_D"), is_long=True),
        Method(
            "ours_single", "chainrule, one network", "chainrule",
            partial(_chainrule, n_members=1), own_row=True,
        ),
        Method(
            "lightgbm_bag", f"LightGBM, {BAG} bagged", "lightgbm",
            partial(_bagged, _lightgbm), own_row=True,
        ),
        Method(
            "xgboost_bag", f"XGBoost, {BAG} bagged", "xgboost",
            partial(_bagged, _xgboost), own_row=True,
        ),
        Method(
            "catboost_bag", f"CatBoost, {BAG} bagged", "catboost",
            partial(_bagged, _catboost), own_row=True, is_long=True,
        ),
    )
}  # fmt: skip
"""All methods by key, in the order in which they are shown."""
