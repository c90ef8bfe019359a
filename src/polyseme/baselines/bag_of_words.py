"""Bag of words: TF-IDF and logistic regression, by scikit-learn.

It sees which words stand around, not where: what a probe or a fine-tuned model adds to this is
order and interaction. A word, and marked words, are features of their own beside those of their
context.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from polyseme.baselines.base import Unit
from polyseme.draws import philox

HAS_CONTROL = False
MAX_UNITS = 4000
STREAM = 8
MAX_ITERATIONS = 300


def predict(train: Sequence[Unit], labels_N: np.ndarray, test: Sequence[Unit]) -> np.ndarray:
    """Fit on at most MAX_UNITS training units, the same ones in every run."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    chosen = np.arange(len(train))
    if len(train) > MAX_UNITS:
        chosen = np.sort(philox(0, STREAM).choice(len(train), MAX_UNITS, replace=False))
    vectorizer = TfidfVectorizer(analyzer=_features, sublinear_tf=True)
    features = vectorizer.fit_transform([train[int(i)] for i in chosen])
    model = LogisticRegression(C=10.0, max_iter=MAX_ITERATIONS)
    with threadpool_limits(1):  # threads that wait for each other took 20 times as long
        model.fit(features, labels_N[chosen])
        predicted: np.ndarray = model.predict(vectorizer.transform(test))
    return predicted


def _features(unit: Unit) -> list[str]:
    return [*unit.context.lower().split(), f"text={unit.text.lower()}"]
