"""The measures once more, slow and plain: what the fast ones are held against."""

from search_by_image.vectors.exact import distances


def rankings(metric, rows):
    """For each row the others, nearest first, equal distances in their order."""
    ranked = []
    for place, row in enumerate(rows):
        far = distances(metric, rows, row).round(12)
        ranked.append(sorted((n for n in range(len(rows)) if n != place), key=lambda n: (far[n], n)))
    return ranked


def precision(ranking, labels, own, k):
    return sum(labels[n] == own for n in ranking[:k]) / k


def average_precision(ranking, labels, own):
    """None where there is nothing to find."""
    found, precisions = 0, []
    for place, n in enumerate(ranking, start=1):
        if labels[n] == own:
            found += 1
            precisions.append(found / place)
    return sum(precisions) / len(precisions) if precisions else None


def best_score(same, different, wanted):
    """The lowest score at which enough of all pairs that score as much are the same, with precision and recall."""
    for score in sorted({*same, *different}):
        right, wrong = sum(s >= score for s in same), sum(s >= score for s in different)
        if right / (right + wrong) >= wanted:
            return score, right / (right + wrong), right / len(same)
    return None
