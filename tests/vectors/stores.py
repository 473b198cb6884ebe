"""Stores and vectors for the tests of this folder."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction

import numpy as np

from search_by_image.vectors.base import Metric, Space
from search_by_image.vectors.embedded import EmbeddedIndex, EmbeddedSettings

NAME = "app_pictures"
DIMENSION = 64
SPACE = Space(NAME, DIMENSION, Metric.COSINE)
SMALL = Space(NAME, 8, Metric.L2)


def found(neighbours):
    return [neighbour.id for neighbour in neighbours]


def true_distances(metric, vectors, query):
    """By the definitions in `Metric`, in float64."""
    vectors, query = np.asarray(vectors, np.float64), np.asarray(query, np.float64)
    if metric is Metric.L2:
        return np.sqrt(((vectors - query) ** 2).sum(axis=1))
    if metric.is_binary:
        return np.array([bit_distance(metric, row, query) for row in vectors])
    products = (vectors * query).sum(axis=1)
    if metric is Metric.IP:
        return 1.0 - products
    lengths = np.sqrt((vectors**2).sum(axis=1) * (query**2).sum())
    return 1.0 - products / np.where(lengths > 0, lengths, 1.0)


def bit_distance(metric, one, other):
    one, other = ({place for place, bit in enumerate(bits) if bit} for bits in (one, other))
    if metric is Metric.HAMMING:
        return float(len(one ^ other))
    return float(1 - Fraction(len(one & other), len(one | other))) if one | other else 0.0


def vectors_for(metric, numbers):
    """What the metric takes: the numbers, or their signs as 0 and 1."""
    return np.where(numbers > 0, 1, 0).astype(np.float32) if metric.is_binary else numbers.astype(np.float32)


class Clusters:
    """Vectors around a hundred centres, as pictures of a hundred things would be."""

    def __init__(self, seed=0, dimension=DIMENSION):
        self._generator = np.random.default_rng(seed)
        self._centres = self._generator.normal(size=(100, dimension))

    def vectors(self, count):
        chosen = self._centres[self._generator.integers(0, 100, count)]
        return (chosen + 0.5 * self._generator.normal(size=chosen.shape)).astype(np.float32)


@contextmanager
def opened(path, space=SPACE, **settings):
    index = EmbeddedIndex(EmbeddedSettings(path, **{"exact_below": 1000, "threads": 2} | settings))
    try:
        index.open_space(space)
        yield index
    finally:
        index.close()


def recall(index, ids, vectors, queries, *, metric=Metric.COSINE, top_k=10):
    if metric is Metric.COSINE:
        vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        costs = -(queries @ vectors.T)
    else:
        costs = (vectors**2).sum(axis=1) - 2 * queries @ vectors.T
    truth = ids[np.argsort(costs, axis=1)[:, :top_k]]
    answers = [{neighbour.id for neighbour in index.search(NAME, query, top_k)} for query in queries]
    return np.mean([len(answer & set(near.tolist())) / top_k for answer, near in zip(answers, truth, strict=True)])


def space_folder(path):
    (folder,) = (entry for entry in path.iterdir() if entry.is_dir())
    return folder


def line(ids):
    """Each id's vector tells the id."""
    return np.outer(np.asarray(ids), np.ones(8)).astype(np.float32)


@contextmanager
def largest_file(size) -> Iterator[None]:
    """As on a full disk, a write beyond the size fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
