"""What comes in at the public door is checked and converted here, once."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from keyframes.checks import check_count
from keyframes.errors import SettingsError

if TYPE_CHECKING:
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.floating[Any]]
    RandomState = int | np.random.Generator | np.random.RandomState | None


# Rows that weigh less than this share of the heaviest have no say: it couldn't be told apart from
# rounding, and in float32 it would vanish.
LEAST_WEIGHT = 2.0**-60


def as_matrix(X: npt.ArrayLike, name: str = "X") -> npt.NDArray[Any]:
    """Return `X` as a two-dimensional array of real numbers, without a copy where possible."""
    if hasattr(X, "toarray"):
        raise SettingsError(f"{name} is a sparse matrix; pass {name}.toarray()")
    array = _as_numbers(X, name)
    if array.ndim != 2 or 0 in array.shape:
        raise SettingsError(
            f"{name} has shape {array.shape}; it must be (n, d): n rows of d numbers, at least one"
        )
    return array


def names_of(X: object) -> npt.NDArray[np.object_] | None:
    """Return the names of a table's columns, if it is a table and all of them are texts."""
    names = list(getattr(X, "columns", ()))
    if not names or not all(isinstance(name, str) for name in names):
        return None
    return np.array(names, dtype=object)


def check_names(X: object, fitted: npt.NDArray[np.object_] | None) -> None:
    """Raise SettingsError where columns are named otherwise than those fitted to."""
    given = names_of(X)
    if given is None or fitted is None:
        return
    for number, (name, expected) in enumerate(zip(given, fitted, strict=True)):
        if name != expected:
            raise SettingsError(
                f"X has {name!r} as column {number}, where KMeans was fitted to {expected!r}; "
                "pass the columns in the order of fit"
            )


def as_weights(
    sample_weight: npt.ArrayLike | None, data: npt.NDArray[Any], n_needed: int
) -> FloatArray:
    """Return one weight a row, (n,) float64, at least `n_needed` of them above 0."""
    n = len(data)
    given = np.ones(n) if sample_weight is None else sample_weight
    weights = _as_numbers(given, "sample_weight").astype(np.float64)
    if weights.shape != (n,):
        raise SettingsError(
            f"sample_weight has shape {weights.shape}; X of shape {data.shape} needs ({n},)"
        )
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise SettingsError("sample_weight must hold finite numbers of at least 0")
    weights[weights < LEAST_WEIGHT * weights.max()] = 0
    n_samples = np.count_nonzero(weights)
    if n_samples < n_needed:
        raise SettingsError(
            f"n_samples={n_samples} should be >= n_clusters={n_needed}; "
            "ask for fewer clusters (rows of no weight beside the others don't count)"
        )
    return weights


def _as_numbers(values: npt.ArrayLike, name: str) -> npt.NDArray[Any]:
    """Return an array of real numbers, without a copy where possible."""
    try:
        array = np.asarray(values)
        if array.dtype.kind not in "fiubc":
            array = array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise SettingsError(f"{name} must hold numbers: {error}") from error
    if array.dtype.kind == "c":
        raise SettingsError(f"{name} holds complex numbers; k-means needs real ones")
    return array


def as_centers(
    centers: npt.ArrayLike, data: npt.NDArray[Any], n_centers: int | None, name: str
) -> FloatArray:
    """Return centres (n_centers, d) as float64, rounded to the precision of the data."""
    array = as_matrix(centers, name)
    if array.shape[1] != data.shape[1] or (n_centers is not None and len(array) != n_centers):
        raise SettingsError(
            f"{name} has shape {array.shape}; it must be "
            f"({'n' if n_centers is None else n_centers}, {data.shape[1]}), one row a centre and "
            "as many features as X"
        )
    with np.errstate(over="ignore"):
        rounded = array.astype(working_dtype(data))
    if not np.isfinite(rounded).all():
        raise SettingsError(
            f"{name} holds NaN, infinity or numbers beyond the precision of X, {rounded.dtype}; "
            "k-means needs finite numbers"
        )
    return rounded.astype(np.float64)


def as_generator(random_state: RandomState) -> np.random.Generator:
    """Return the one generator that everything random is drawn from."""
    if isinstance(random_state, np.random.RandomState):
        # Its stream goes on, so that the next call draws anew, as with a generator.
        return np.random.default_rng(random_state.randint(2**31, size=4))
    try:
        return np.random.default_rng(random_state)
    except (TypeError, ValueError) as error:
        raise SettingsError(
            "random_state must be a whole number of at least 0, a Generator, a RandomState or "
            f"None, got {random_state!r}"
        ) from error


def check_parameters(parameters: dict[str, Any]) -> None:
    """Raise SettingsError unless KMeans can work with these constructor parameters."""
    init, n_init, tol = parameters["init"], parameters["n_init"], parameters["tol"]
    check_count("n_clusters", parameters["n_clusters"])
    check_count("max_iter", parameters["max_iter"])
    if not (isinstance(n_init, str) and n_init == "auto"):
        check_count("n_init", n_init)
    if not isinstance(tol, Real) or isinstance(tol, bool) or not 0 <= float(tol) < np.inf:
        raise SettingsError(f"tol must be a finite number of at least 0, got {tol!r}")
    if isinstance(init, str) and init not in {"k-means++", "random"}:
        raise SettingsError(
            f"init must be 'k-means++', 'random', an array or a callable, got {init!r}"
        )
    if parameters["algorithm"] not in ("lloyd", "elkan"):
        raise SettingsError(
            f"algorithm must be 'lloyd' or 'elkan', got {parameters['algorithm']!r}"
        )


def working_dtype(data: npt.NDArray[Any]) -> np.dtype[Any]:
    """Return the precision to work in: float32 stays, everything else is float64."""
    return np.dtype(np.float32 if data.dtype == np.float32 else np.float64)
