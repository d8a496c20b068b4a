"""chainrule: neural networks for tables that show their work."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chainrule.estimators.loss_curve_display import LossCurveDisplay
    from chainrule.estimators.mlp_classifier import MLPClassifier
    from chainrule.estimators.mlp_regressor import MLPRegressor
    from chainrule.estimators.table_transformer import TableTransformer
    from chainrule.estimators.tabular_classifier import TabularClassifier
    from chainrule.estimators.tabular_regressor import TabularRegressor

__version__ = "0.1.0"

__all__ = [
    "LossCurveDisplay",
    "MLPClassifier",
    "MLPRegressor",
    "TableTransformer",
    "TabularClassifier",
    "TabularRegressor",
    "__version__",
]

_ESTIMATORS = {
    "LossCurveDisplay": "chainrule.estimators.loss_curve_display",
    "MLPClassifier": "chainrule.estimators.mlp_classifier",
    "MLPRegressor": "chainrule.estimators.mlp_regressor",
    "TableTransformer": "chainrule.estimators.table_transformer",
    "TabularClassifier": "chainrule.estimators.tabular_classifier",
    "TabularRegressor": "chainrule.estimators.tabular_regressor",
}
"""Where each estimator is: imported when it is asked for, as scikit-learn takes a second."""


def __getattr__(name: str) -> Any:
    """The estimator of that name."""
    if name not in _ESTIMATORS:
        raise AttributeError(f"module 'chainrule' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(_ESTIMATORS[name]), name)


def __dir__() -> list[str]:
    """The names that are there, imported or not."""
    return sorted({*globals(), *__all__})
