"""When a training ends, and what it says."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor
from digit_recognizer.nn import Cosine, OneCycle


@pytest.mark.parametrize("solver", ["adam", "adamw", "sgd", "lbfgs"])
def test_warns_when_the_epochs_run_out(both, solver):
    make, X, y = both
    message = "lbfgs failed to converge" if solver == "lbfgs" else r"Maximum iterations \(3\)"
    with pytest.warns(ConvergenceWarning, match=message):
        model = make(solver=solver, max_iter=3).fit(X, y)
    assert model.n_iter_ == 3


def test_lbfgs_ends_after_max_fun_evaluations(both):
    make, X, y = both
    with pytest.warns(ConvergenceWarning):
        model = make(solver="lbfgs", max_fun=5, max_iter=1000).fit(X, y)
    assert model.n_iter_ < 10


@pytest.mark.parametrize("patience", [1, 4])
def test_ends_when_the_loss_stands_still_at_the_epoch_of_scikit_learn(iris, patience):
    options = {"learning_rate_init": 1e-9, "n_iter_no_change": patience, "max_iter": 50}
    clf, peer = (Model(**options).fit(*iris) for Model in (NumpyNetClassifier, MLPClassifier))
    assert clf.n_iter_ == peer.n_iter_ == patience + 2
    assert clf.best_loss_ == min(clf.loss_curve_)


def test_a_larger_tolerance_ends_earlier(iris):
    options = {"random_state": 0, "max_iter": 400, "learning_rate_init": 0.01}
    epochs = [NumpyNetClassifier(tol=tol, **options).fit(*iris).n_iter_ for tol in (0.1, 1e-3)]
    assert epochs[0] < epochs[1] < 400


@pytest.mark.parametrize("name", ["cosine", "one_cycle"])
def test_planned_schedules_run_to_their_end_without_a_warning(both, name):
    make, X, y = both
    model = make(learning_rate=name, max_iter=30, n_iter_no_change=1, tol=10.0, batch_size=50)
    rates = [record["learning_rate"] for record in model.fit_epochs(X, y)]
    schedule = {"cosine": Cosine, "one_cycle": OneCycle}[name](0.001)
    n_batches = -(-len(X) // 50)

    class AtLastStep:
        def __init__(self, epoch):
            self.fraction = ((epoch + 1) * n_batches - 1) / (30 * n_batches)

    np.testing.assert_allclose(rates, [schedule.rate(AtLastStep(epoch)) for epoch in range(30)])
    assert model.n_iter_ == 30


def test_inverse_scaling_slows_down_with_the_samples_seen_in_all_fits(iris):
    options = {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.3}
    clf = NumpyNetClassifier(**options, max_iter=2, warm_start=True)
    with pytest.warns(ConvergenceWarning):
        rates = [record["learning_rate"] for _ in range(2) for record in clf.fit_epochs(*iris)]
    np.testing.assert_allclose(rates, [0.001 / (150 * epoch + 1) ** 0.3 for epoch in range(4)])


def test_adaptive_divides_the_rate_where_the_loss_stands_still_and_says_so(iris, capsys):
    options = {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 4e-6}
    clf = NumpyNetClassifier(**options, tol=10.0, n_iter_no_change=1, verbose=True)
    rates = [record["learning_rate"] for record in clf.fit_epochs(*iris)]
    np.testing.assert_allclose(rates, [4e-6] * 3 + [8e-7] * 2)
    printed = capsys.readouterr().out
    assert "for 1 consecutive epochs. Setting learning rate to 0.000001" in printed
    assert "Learning rate too small. Stopping." in printed


@pytest.mark.parametrize("name", ["invscaling", "adaptive"])
def test_adam_ignores_the_schedules_of_sgd(iris, name):
    clf = NumpyNetClassifier(learning_rate=name, max_iter=3)
    with pytest.warns(ConvergenceWarning):
        assert {record["learning_rate"] for record in clf.fit_epochs(*iris)} == {0.001}


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_verbose_prints_a_line_an_iteration(both, solver, capsys):
    make, X, y = both
    with pytest.warns(ConvergenceWarning):
        model = make(solver=solver, max_iter=3, verbose=True).fit(X, y)
    lines = [line for line in capsys.readouterr().out.splitlines() if "Iteration" in line]
    assert [line.split(",")[0] for line in lines] == [f"Iteration {i}" for i in (1, 2, 3)]
    assert lines[-1].endswith(f"loss = {model.loss_:.8f}")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_weights_that_overflow_are_an_error(diabetes):
    X, y = diabetes
    reg = NumpyNetRegressor(solver="sgd", learning_rate_init=1e6, max_iter=20)
    with pytest.raises(ValueError, match="Solver produced non-finite parameter weights"):
        reg.fit(X, y)
