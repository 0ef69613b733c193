"""An optimizer as the solver: one of the library, or of the user's own."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor, nn
from digit_recognizer.estimator import TrainingState, WrongState

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")


class RMSprop(nn.Optimizer):
    """Of a user's own."""

    n_states = 1

    def __init__(self, rho=0.9):
        self.rho = rho

    def update(self, w, g, states, scratch, learning_rate):
        (v,) = states
        v *= self.rho
        v += (1 - self.rho) * g**2
        w -= learning_rate * g / (np.sqrt(v) + 1e-8)


def make(solver, **options):
    options = {"max_iter": 5, "learning_rate_init": 0.01, "random_state": 0} | options
    return NumpyNetClassifier((8,), solver=solver, **options)


def weights(estimator):
    return np.concatenate([array.ravel() for array in estimator.coefs_])


@pytest.mark.parametrize(
    ("name", "optimizer"),
    [
        ("adam", nn.Adam()),
        ("adamw", nn.AdamW(weight_decay=0.01)),
        ("sgd", nn.SGD(0.9, nesterov=True)),
        ("muon", nn.Muon(0.9, weight_decay=0.01)),
    ],
)
def test_the_library_s_optimizers_do_what_their_names_do(name, optimizer, iris):
    by_name, given = (make(solver).fit(*iris) for solver in (name, optimizer))
    np.testing.assert_array_equal(weights(given), weights(by_name))


@pytest.mark.parametrize("rate", ["constant", "invscaling", "adaptive", "cosine", "one_cycle"])
def test_every_schedule_acts_on_an_optimizer(rate, iris):
    options = {"learning_rate": rate, "max_iter": 30, "tol": 10, "n_iter_no_change": 1}
    by_name, given = (make(solver, **options).fit(*iris) for solver in ("sgd", nn.SGD()))
    np.testing.assert_array_equal(weights(given), weights(by_name))


def test_an_optimizer_of_ones_own_trains(iris, diabetes):
    assert make(RMSprop(), max_iter=40).fit(*iris).score(*iris) > 0.9
    reg = NumpyNetRegressor(solver=RMSprop(), learning_rate_init=0.01, random_state=0)
    assert reg.set_params(max_iter=20).fit(*diabetes).score(*diabetes) > 0.5


def test_fits_share_nothing_of_the_optimizer_they_were_given(iris):
    solver = RMSprop()
    clf = make(solver)
    assert clf.get_params()["solver"] is solver
    first = weights(clf.fit(*iris)).copy()
    assert solver.states is None
    assert solver.n_steps == 0
    np.testing.assert_array_equal(weights(clf.fit(*iris)), first)
    np.testing.assert_array_equal(weights(clone(clf).fit(*iris)), first)


def test_an_optimizer_that_has_trained_already_starts_again(iris):
    X, y = iris
    solver = nn.Adam()
    network = nn.Network([nn.Dense(3)], nn.SoftmaxCrossEntropy(), (4,), X.dtype)
    plan = nn.TrainingPlan(solver, nn.Constant(0.01), batch_size=50, n_epochs=1)
    list(network.fit_epochs(X, y, plan, np.random.default_rng(0)))
    np.testing.assert_array_equal(
        weights(make(solver).fit(X, y)), weights(make(nn.Adam()).fit(X, y))
    )


def test_a_search_chooses_among_optimizers(iris):
    grid = {"solver": [nn.SGD(0.5), RMSprop(), "adam"]}
    search = GridSearchCV(make("adam"), grid, cv=2).fit(*iris)
    assert search.best_params_["solver"] in grid["solver"]


@pytest.mark.parametrize("solver", [RMSprop(), nn.Adam(0.8)])
def test_a_warm_start_goes_on_with_the_state_of_the_optimizer(solver, iris):
    warm = make(solver, warm_start=True, n_iter_no_change=100)
    warm.fit(*iris)
    warm = pickle.loads(pickle.dumps(warm)).fit(*iris)
    straight = make(solver, max_iter=10, n_iter_no_change=100).fit(*iris)
    np.testing.assert_array_equal(weights(warm), weights(straight))


def test_a_changed_optimizer_begins_anew(iris):
    clf = make(RMSprop(0.9), warm_start=True).fit(*iris)
    clf.solver.rho = 0.5
    clf.fit(*iris)
    assert clf._optimizer.rho == 0.5
    assert clf._optimizer.n_steps == 5


def test_partial_fit_takes_an_optimizer(iris):
    clf = make(RMSprop())
    for _ in range(30):
        clf.partial_fit(*iris, classes=[0, 1, 2])
    assert clf.score(*iris) > 0.9


@pytest.mark.parametrize("solver", [RMSprop(), nn.SGD(0.5)])
def test_training_goes_on_from_a_state_to_the_same_bytes(solver, iris):
    straight = make(solver)
    for record in straight.fit_epochs(*iris):
        if record["epoch"] == 2:
            state = TrainingState.from_bytes(straight.training_state().to_bytes())
    resumed = make(solver)
    assert [record["epoch"] for record in resumed.fit_epochs(*iris, state=state)] == [3, 4, 5]
    np.testing.assert_array_equal(weights(resumed), weights(straight))


@pytest.mark.parametrize(
    ("solver", "other"), [(RMSprop(), RMSprop(0.8)), (nn.SGD(0.5), nn.SGD(0.6))], ids=repr
)
def test_a_state_of_another_optimizer_is_refused(solver, other, iris):
    clf = make(solver)
    next(iter(clf.fit_epochs(*iris)))
    state = clf.training_state()
    with pytest.raises(WrongState, match="taken with solver="):
        next(iter(make(other).fit_epochs(*iris, state=state)))


@pytest.mark.parametrize("solver", [nn.SGD(0.5, nesterov=False), nn.Adam(0.8), nn.AdamW()])
def test_an_optimizer_of_the_library_is_saved(solver, iris, tmp_path):
    clf = make(solver).fit(*iris)
    clf.save(tmp_path / "model")
    loaded = NumpyNetClassifier.load(tmp_path / "model")
    assert type(loaded.solver) is type(solver)
    assert vars(loaded.solver) == vars(solver)


def test_one_that_cannot_be_saved_is_named(iris, tmp_path):
    clf = make(RMSprop()).fit(*iris)
    with pytest.raises(ValueError, match="Parameter solver: an optimizer of the class RMSprop"):
        clf.save(tmp_path / "model")


@pytest.mark.parametrize("wrong", [nn.Adam, "rmsprop", nn.Constant(0.1), None])
def test_what_is_no_optimizer_is_refused(wrong, iris):
    with pytest.raises(ValueError, match=r"'solver' parameter .* must be"):
        make(wrong).fit(*iris)
