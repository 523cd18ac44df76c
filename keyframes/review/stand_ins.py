"""Which candidates could be chosen instead of a keyframe: pure functions on arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from keyframes.kmeans import nearest_centers

if TYPE_CHECKING:
    import numpy.typing as npt

    from keyframes.records import Clustering, Features, IntArray

# Two frames look alike when their squared distance is below this share of the mean squared
# distance between two members of the cluster. By that of all candidates, whole clusters would
# look alike but for their edges.
LOOKS_ALIKE = 0.2


def stand_ins(
    features: Features,
    clustering: Clustering,
    row: int,
    *,
    chosen: IntArray,
    refused: IntArray,
    n: int,
    min_gap_s: float = 0.0,
) -> IntArray:
    """Find the candidates that could stand in for a keyframe, the likeliest first.

    They are the members of its cluster, the nearest to its centre first; where it has no other,
    the candidates that have no nearer keyframe, by their distance to it. What looks like a
    keyframe, like a refused candidate or like one before it in the list waits behind all that is
    new to the eye.

    Parameters
    ----------
    features, clustering
        The candidates and their clusters.
    row
        The keyframe.
    chosen
        (k,) int64: all keyframes, this one included.
    refused
        (r,) int64: rows that must not be chosen.
    n
        How many to return at most.
    min_gap_s
        Least time to the other keyframes, seconds.

    Returns
    -------
    (m,) int64 rows, m <= n.
    """
    times, order = features.reading.times_s, clustering.distances
    is_open = ~features.blank
    is_open[chosen] = False
    is_open[refused] = False
    for other in chosen[chosen != row]:
        is_open &= np.abs(times - times[other]) >= min_gap_s
    members = np.flatnonzero(is_open & (clustering.labels == clustering.labels[row]))
    if len(members) == 0:
        nearest, order = nearest_centers(features.values, features.values[chosen])
        members = np.flatnonzero(is_open & (chosen[nearest] == row))
    members = members[np.argsort(order[members], kind="stable")]
    return _new_ones_first(features.values, members, np.concatenate((chosen, refused)), n)


def _new_ones_first(
    values: npt.NDArray[np.float32], rows: IntArray, seen: IntArray, n: int
) -> IntArray:
    """Return the first ``n`` of ``rows``, those last that look like one seen or taken before."""
    if len(rows) == 0:
        return rows
    members = values[rows]
    # The mean squared distance between two points is twice the variance.
    alike = LOOKS_ALIKE * 2.0 * members.var(axis=0, dtype=np.float64).sum()
    _, squared = nearest_centers(members, values[seen])
    new: list[int] = []
    while len(new) < n and (squared > alike).any():
        new.append(int(np.argmax(squared > alike)))
        apart = members - members[new[-1]]
        squared = np.minimum(squared, np.einsum("ij,ij->i", apart, apart))
    return np.concatenate((rows[new], np.delete(rows, new)))[:n]
