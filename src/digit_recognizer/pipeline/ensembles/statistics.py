"""How sure an accuracy is, and whether two differ by more than chance."""

from scipy.stats import binomtest


def wilson_interval(n_right: int, n: int) -> tuple[float, float]:
    """95% confidence interval of an accuracy.

    Parameters
    ----------
    n_right : int
        Rows predicted right.
    n : int
        All rows, at least 1.

    Returns
    -------
    low, high : float
        From 0 to 1.

    Raises
    ------
    ValueError
        If `n_right` is not from 0 to `n`, or `n` is below 1.

    Notes
    -----
    Wilson, "Probable inference, the law of succession, and statistical inference" (1927), without
    correction for continuity. Unlike mean ± 1.96 standard errors it stays within 0 and 1 and keeps
    its width where the accuracy is near 1.
    """
    interval = binomtest(n_right, n).proportion_ci(confidence_level=0.95, method="wilson")
    return float(interval.low), float(interval.high)


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact p-value, two-sided, of McNemar's test that two classifiers are equally often right.

    Parameters
    ----------
    only_first, only_second : int
        Rows that only the first, and only the second, predicts right.

    Returns
    -------
    float
        The probability of a split at least as uneven if either were as likely to be the one that
        is right; 1 if there are no such rows.

    Raises
    ------
    ValueError
        If a count is negative.

    Notes
    -----
    McNemar, "Note on the sampling error of the difference between correlated proportions or
    percentages" (1947), with the binomial distribution (n = only_first + only_second, p = 1/2) in
    place of its chi-squared approximation, which is poor for few rows.
    """
    if min(only_first, only_second) < 0:
        raise ValueError(f"Counts must be at least 0, got {only_first} and {only_second}.")
    n = only_first + only_second
    return float(binomtest(only_first, n, 0.5).pvalue) if n else 1.0
