"""K-means as a textbook has it: assign everything, take the mean of everything.

Slow and plain on purpose; the quick one must equal it.
"""

import numpy as np


def squared_distances(X, centers):
    return ((X[:, None, :] - centers) ** 2).sum(axis=2)


def objective(X, centers, labels, weights):
    return float(weights @ squared_distances(X, centers)[np.arange(len(X)), labels])


def textbook_kmeans(X, start, *, weights=None, n_moving=None, tol=0.0, max_iter=300):
    """Return centers, labels, J and the history of J, in float64."""
    X = np.asarray(X, dtype=np.float64)
    weights = np.ones(len(X)) if weights is None else np.asarray(weights, dtype=np.float64)
    centers = np.array(start, dtype=np.float64)
    n_moving = len(centers) if n_moving is None else n_moving
    enough = tol * X.var(axis=0).mean()
    history = []
    for _ in range(max_iter):
        distances = squared_distances(X, centers)
        labels = distances.argmin(axis=1)
        relocate_empty(distances, labels, weights, n_moving)
        moved = centers.copy()
        for j in range(n_moving):
            if weights[labels == j].sum() > 0:
                moved[j] = np.average(X[labels == j], axis=0, weights=weights[labels == j])
        step = ((moved - centers) ** 2).sum()
        centers = moved
        history.append(objective(X, centers, labels, weights))
        if step <= enough:
            break
    labels = squared_distances(X, centers).argmin(axis=1)
    return centers, labels, objective(X, centers, labels, weights), history


def relocate_empty(distances, labels, weights, n_moving):
    """Give each empty cluster the row that is farthest from its own centre, in place."""
    own = distances[np.arange(len(labels)), labels] * (weights > 0)
    farthest = np.argsort(-own, kind="stable")
    empty = [j for j in range(n_moving) if weights[labels == j].sum() == 0]
    for j, row in zip(empty, farthest, strict=False):
        if own[row] > 0:
            labels[row] = j
