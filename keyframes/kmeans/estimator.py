"""The public door: scikit-learn's interface, checked arguments, restarts."""

from __future__ import annotations

import inspect
import logging
import warnings
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from keyframes.errors import NotFittedError, SettingsError
from keyframes.kmeans.blocks import (
    Frame,
    Points,
    Workers,
    lay_out,
    power_of_two_scale,
    workers,
)
from keyframes.kmeans.lloyd import Solution, lloyd
from keyframes.kmeans.nearest import distances_in_frame, nearest_in_frame
from keyframes.kmeans.seeding import given_starts, seed_rows
from keyframes.kmeans.validation import (
    as_centers,
    as_generator,
    as_matrix,
    as_weights,
    check_names,
    check_parameters,
    names_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    from typing_extensions import Self

    from keyframes.kmeans.seeding import Init
    from keyframes.kmeans.validation import RandomState

    FloatArray = npt.NDArray[np.floating[Any]]
    LabelArray = npt.NDArray[np.int32]

logger = logging.getLogger(__name__)


class ConvergenceWarning(UserWarning):
    """The data has fewer distinct rows than clusters were asked for."""


class KMeans:
    """K-means clustering with scikit-learn's interface and meaning, for dense data.

    Parameters
    ----------
    n_clusters
        How many clusters to form. Fixed centres (see `fit`) come on top.
    init
        Where to start: 'k-means++' (greedy), 'random' (rows of X), an array (n_clusters, d), or
        a callable ``init(X, n_clusters, random_state=RandomState)`` that returns one.
    n_init
        Number of starts, of which the lowest inertia is kept. 'auto': 10 with 'random' or a
        callable, otherwise 1.
    max_iter
        Most iterations of one run.
    tol
        A run ends when the squared steps of all centres add up to at most `tol` times the mean
        variance of the features.
    verbose
        Log each iteration as INFO instead of DEBUG (nothing is printed).
    random_state
        Seed or generator; the same seed gives the same result to the last bit.
    copy_x
        For compatibility: X is copied in any case, and never written to.
    algorithm
        'lloyd' or 'elkan', for compatibility: both give the one exact method there is here.

    Attributes
    ----------
    cluster_centers_
        (n_clusters + n_fixed, d) in the precision of X: fixed centres last, as they were given.
    labels_
        (n,) int32: the nearest centre of each row, the lowest index among equals.
    inertia_
        The objective J: weighted sum of squared distances to the nearest centre.
    between_inertia_
        What the clusters account for: J of a single cluster, less `inertia_`.
    explained_variance_ratio_
        The same as a share, at most 1.
    inertia_history_
        J after each iteration of the run that was kept; it never rises.
    inertia_histories_
        One such tuple for every run.
    n_iter_
        Iterations of the run kept.
    n_features_in_
        d.
    feature_names_in_
        (d,) the names of X's columns, where X is a table whose columns all have one.

    Examples
    --------
    >>> X = [[1, 2], [1, 4], [1, 0], [10, 2], [10, 4], [10, 0]]
    >>> kmeans = KMeans(n_clusters=2, random_state=0).fit(X)
    >>> sorted(kmeans.cluster_centers_.tolist())
    [[1.0, 2.0], [10.0, 2.0]]
    >>> kmeans.inertia_
    16.0
    """

    cluster_centers_: FloatArray
    labels_: LabelArray
    inertia_: float
    between_inertia_: float
    explained_variance_ratio_: float
    inertia_history_: tuple[float, ...]
    inertia_histories_: tuple[tuple[float, ...], ...]
    n_iter_: int
    n_features_in_: int
    feature_names_in_: npt.NDArray[np.object_]
    _frame: Frame

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        init: Init = "k-means++",
        n_init: int | Literal["auto"] = "auto",
        max_iter: int = 300,
        tol: float = 1e-4,
        verbose: int = 0,
        random_state: RandomState = None,
        copy_x: bool = True,
        algorithm: Literal["lloyd", "elkan"] = "lloyd",
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.verbose = verbose
        self.random_state = random_state
        self.copy_x = copy_x
        self.algorithm = algorithm

    def fit(
        self,
        X: npt.ArrayLike,
        y: object = None,
        sample_weight: npt.ArrayLike | None = None,
        *,
        fixed_centers: npt.ArrayLike | None = None,
        on_restart: Callable[[int], None] | None = None,
    ) -> Self:
        """Find the centres.

        Parameters
        ----------
        X
            (n, d) data. float32 and float64 are kept, anything else is taken as float64.
        y
            Ignored.
        sample_weight
            (n,) how much each row counts; all the same by default. A row of weight 0 (or less
            than 2^-60 of the largest) gets a label but has no say.
        fixed_centers
            (n_fixed, d) centres that stay where they are while `n_clusters` others move.
        on_restart
            Called after each run with the number of runs done.

        Raises
        ------
        SettingsError
            A parameter or argument can't work: the message says which and why.
        """
        del y
        data = as_matrix(X)
        check_parameters(self.get_params())
        weights = as_weights(sample_weight, data, self.n_clusters)
        if fixed_centers is None:
            fixed: FloatArray = np.empty((0, data.shape[1]))
        else:
            fixed = as_centers(fixed_centers, data, None, "fixed_centers")
        rng = as_generator(self.random_state)
        starts = given_starts(self.init, self.n_init, data, self.n_clusters, rng)
        solutions: list[Solution] = []
        with workers() as team:
            points = lay_out(data, weights, team)
            for given in starts:
                solutions.append(self._run(points, given, fixed, rng, team))
                if on_restart is not None:
                    on_restart(len(solutions))
        best = min(solutions, key=lambda solution: solution.inertia)
        best.centers[self.n_clusters :] = fixed
        self._keep(best, points.frame)
        vars(self).pop("feature_names_in_", None)
        if (names := names_of(X)) is not None:
            self.feature_names_in_ = names
        self.inertia_histories_ = tuple(solution.history for solution in solutions)
        self._warn_of_empty_clusters()
        return self

    def fit_predict(
        self,
        X: npt.ArrayLike,
        y: object = None,
        sample_weight: npt.ArrayLike | None = None,
        *,
        fixed_centers: npt.ArrayLike | None = None,
    ) -> LabelArray:
        """Fit and return `labels_`."""
        return self.fit(X, y, sample_weight, fixed_centers=fixed_centers).labels_

    def fit_transform(
        self,
        X: npt.ArrayLike,
        y: object = None,
        sample_weight: npt.ArrayLike | None = None,
        *,
        fixed_centers: npt.ArrayLike | None = None,
    ) -> FloatArray:
        """Fit and return the distances of X to the centres."""
        return self.fit(X, y, sample_weight, fixed_centers=fixed_centers).transform(X)

    def predict(self, X: npt.ArrayLike) -> LabelArray:
        """Return the nearest centre of each row of X (n, d), as (n,) int32."""
        data, frame = self._prepare(X)
        return nearest_in_frame(data, self.cluster_centers_, frame)[0]

    def transform(self, X: npt.ArrayLike) -> FloatArray:
        """Return the distance of each row of X (n, d) to each centre, (n, k)."""
        data, frame = self._prepare(X)
        return distances_in_frame(data, self.cluster_centers_, frame)

    def get_feature_names_out(self, input_features: object = None) -> npt.NDArray[np.object_]:
        """Name the columns of what `transform` returns: kmeans0, kmeans1 and so on."""
        del input_features
        self._check_is_fitted()
        prefix = type(self).__name__.lower()
        names = [f"{prefix}{number}" for number in range(len(self.cluster_centers_))]
        return np.array(names, dtype=object)

    def score(
        self, X: npt.ArrayLike, y: object = None, sample_weight: npt.ArrayLike | None = None
    ) -> float:
        """Return minus the objective J of X (n, d) under the fitted centres."""
        del y
        data, frame = self._prepare(X)
        weights = as_weights(sample_weight, data, 0)
        _, squared = nearest_in_frame(data, self.cluster_centers_, frame)
        return -float(weights @ squared)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor's parameters by name; `deep` changes nothing here."""
        del deep
        names = inspect.signature(type(self)).parameters
        return {name: getattr(self, name) for name in names}

    def set_params(self, **params: Any) -> Self:  # noqa: ANN401 - as many types as parameters
        """Set constructor parameters by name."""
        known = self.get_params()
        for name, value in params.items():
            if name not in known:
                raise SettingsError(
                    f"KMeans has no parameter {name!r}; it has {', '.join(sorted(known))}"
                )
            setattr(self, name, value)
        return self

    def __sklearn_tags__(self) -> Any:  # noqa: ANN401 - scikit-learn's, which alone asks for it
        """Return what this is to scikit-learn: a clusterer that transforms, too."""
        from sklearn.utils import Tags, TargetTags, TransformerTags  # noqa: PLC0415

        return Tags("clusterer", TargetTags(required=False), TransformerTags([]))

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self)).parameters
        changed = [
            f"{name}={value!r}"
            for name, value in self.get_params().items()
            if repr(value) != repr(defaults[name].default)
        ]
        return f"{type(self).__name__}({', '.join(changed)})"

    def _run(
        self,
        points: Points,
        given: FloatArray | None,
        fixed: FloatArray,
        rng: np.random.Generator,
        team: Workers,
    ) -> Solution:
        """Run Lloyd's algorithm once, from a given start or one of its own."""
        fixed = points.frame.enter(fixed)
        if given is not None:
            start = points.frame.enter(given)
        elif isinstance(self.init, str) and self.init == "random":
            share = points.weights / points.weights.sum()
            start = points.values[rng.choice(len(share), self.n_clusters, replace=False, p=share)]
        else:
            start = points.values[seed_rows(points, self.n_clusters, rng, team, fixed=fixed)]
        return lloyd(
            points,
            np.concatenate([start, fixed], dtype=np.float64),
            self.n_clusters,
            max_iter=self.max_iter,
            tol=float(self.tol) * points.mean_variance,
            team=team,
            report=partial(logger.log, logging.INFO if self.verbose else logging.DEBUG),
        )

    def _keep(self, solution: Solution, frame: Frame) -> None:
        self.cluster_centers_ = solution.centers
        self.labels_ = solution.labels
        self.inertia_ = solution.inertia
        self.between_inertia_ = solution.between_inertia
        self.explained_variance_ratio_ = solution.explained
        self.inertia_history_ = solution.history
        self.n_iter_ = len(solution.history)
        self.n_features_in_ = solution.centers.shape[1]
        self._frame = frame

    def _warn_of_empty_clusters(self) -> None:
        found = np.count_nonzero(np.bincount(self.labels_)[: self.n_clusters])
        if found < self.n_clusters:
            warnings.warn(
                f"Number of distinct clusters ({found}) found smaller than n_clusters "
                f"({self.n_clusters}). Possibly due to duplicate points in X.",
                ConvergenceWarning,
                stacklevel=3,
            )

    def _check_is_fitted(self) -> None:
        if not hasattr(self, "cluster_centers_"):
            raise NotFittedError("this KMeans instance is not fitted yet; call fit first")

    def _prepare(self, X: npt.ArrayLike) -> tuple[npt.NDArray[Any], Frame]:
        """Return checked data, and the frame of `fit` widened to hold it."""
        self._check_is_fitted()
        data = as_matrix(X)
        if data.shape[1] != self.n_features_in_:
            raise SettingsError(
                f"X has {data.shape[1]} features, but KMeans is expecting {self.n_features_in_} "
                "features as input"
            )
        check_names(X, getattr(self, "feature_names_in_", None))
        return data, self._frame.widened(power_of_two_scale(data))
