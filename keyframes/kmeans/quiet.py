"""Fitting where empty clusters are to be expected."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from keyframes.kmeans.estimator import ConvergenceWarning, KMeans

if TYPE_CHECKING:
    import numpy.typing as npt


def fit_quietly(model: KMeans, X: npt.ArrayLike, **arguments: Any) -> KMeans:  # noqa: ANN401
    """Fit a model with the arguments of `KMeans.fit`; duplicates may leave clusters empty."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, **arguments)
