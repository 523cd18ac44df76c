"""K-means from scratch: scikit-learn's dense ``KMeans`` in NumPy alone.

Read ``lloyd.py`` first: it is the textbook loop. ``nearest.py`` finds the nearest centre
exactly and as seldom as it can, ``seeding.py`` chooses where to start, ``blocks.py`` lays
the data out and shares the work between threads, and ``estimator.py`` is the public door.
"""

from keyframes.errors import NotFittedError
from keyframes.kmeans.estimator import ConvergenceWarning, KMeans
from keyframes.kmeans.nearest import nearest_centers
from keyframes.kmeans.seeding import kmeans_plusplus

__all__ = ["ConvergenceWarning", "KMeans", "NotFittedError", "kmeans_plusplus", "nearest_centers"]
