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
MAX_LABELS = 1000
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
        shown = vectorizer.transform(test)
        if test[0].choices is None:
            predicted: np.ndarray = model.predict(shown)
        else:
            predicted = _best(model.predict_log_proba(shown), model.classes_, test)
    return predicted


def _best(scores_NC: np.ndarray, classes_C: np.ndarray, test: Sequence[Unit]) -> np.ndarray:
    """The best label of each unit among those that it may have."""
    for row_C, unit in zip(scores_NC, test, strict=True):
        row_C[~np.isin(classes_C, unit.choices or ())] = -np.inf
    best: np.ndarray = classes_C[scores_NC.argmax(-1)]
    return best


def _features(unit: Unit) -> list[str]:
    return [*unit.context.lower().split(), f"text={unit.text.lower()}"]
