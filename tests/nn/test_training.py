"""The training loop: batches, repeatability, resuming, memory."""

import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from digit_recognizer import nn
from digit_recognizer.nn.arrays.rows import Batches

LAYERS = [
    nn.Dense(8),
    nn.BatchNorm(),
    nn.ReLU(),
    nn.Dropout(0.3),
    nn.Dense(6),
    nn.Tanh(),
    nn.Dense(3),
]


@pytest.fixture
def data(generator):
    X = generator.standard_normal((53, 5), dtype=np.float32)
    return X, generator.integers(3, size=53)


def make_network(layers=LAYERS, loss=None, n_features=5, dtype=np.float32):
    return nn.Network(layers, loss or nn.SoftmaxCrossEntropy(), (n_features,), dtype)


def train(network, data, plan, seed=0, sample_weight=None):
    return list(network.fit_epochs(*data, plan, np.random.default_rng(seed), sample_weight))


def trained_values(data, seed=0, optimizer=nn.Adam, **options):
    network = make_network()
    train(network, data, nn.TrainingPlan(optimizer(), nn.Constant(0.01), 10, 4, **options), seed)
    return network.parameters.values


# --- batches ---------------------------------------------------------------------------------


def as_dense(array):
    return array.toarray() if sparse.issparse(array) else array.copy()


@given(st.integers(1, 40), st.integers(1, 50), st.booleans(), st.booleans())
def test_an_epoch_takes_every_row_once_with_its_target_and_weight(n, batch_size, dense, shuffle):
    X = np.arange(n, dtype=np.float64).reshape(-1, 1)
    data = X if dense else sparse.csr_array(X)
    batches = Batches(data, -X[:, 0], 2 * X[:, 0], batch_size, False)
    order = np.random.default_rng(0).permutation(n) if shuffle else None
    taken = [[as_dense(part) for part in batch] for batch in batches(order)]
    assert len(taken) == len(batches)
    assert [len(batch[1]) for batch in taken[:-1]] == [batch_size] * (len(taken) - 1)
    rows, targets, weights = (np.concatenate(parts) for parts in zip(*taken, strict=True))
    expected = np.arange(n) if order is None else order
    np.testing.assert_array_equal(rows.ravel(), expected)
    np.testing.assert_array_equal(targets, -expected)
    np.testing.assert_array_equal(weights, 2 * expected)


def test_batches_without_weights_say_so(data):
    assert next(Batches(*data, None, 10, False)(None))[2] is None


def test_a_short_last_batch_can_be_left_out(data):
    batches = Batches(*data, None, 10, True)
    assert [len(y) for _, y, _ in batches(None)] == [10] * 5
    assert len(batches) == 5
    network, plan = (
        make_network(),
        nn.TrainingPlan(nn.SGD(), nn.Constant(0.1), 10, 2, drop_last=True),
    )
    train(network, data, plan)
    assert (plan.clock.step, plan.clock.n_seen) == (10, 100)


def test_fewer_rows_than_a_batch_are_one_batch(data):
    batches = Batches(*data, None, 100, True)
    assert [len(y) for _, y, _ in batches(None)] == [53]


LAYOUTS = {
    "columns": np.asfortranarray,
    "every other column": lambda array: np.repeat(array, 2, axis=-1)[..., ::2],
    "reversed": lambda array: array[::-1].copy()[::-1],
    "float64": lambda array: array.astype(np.float64),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_batches_are_cut_from_contiguous_rows(data, layout):
    X, y = data
    weights = np.linspace(0, 1, len(y))
    # Taking rows of anything else copies all of it, for every batch.
    for array in Batches(
        LAYOUTS[layout](X), *map(LAYOUTS["reversed"], (y, weights)), 10, False
    ).arrays:
        assert array.flags.c_contiguous


def test_contiguous_rows_are_not_copied(data):
    batches = Batches(*data, None, 10, False)
    assert all(mine is given for mine, given in zip(batches.arrays, (*data, None), strict=True))


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_layout_of_the_data_changes_no_byte(data, layout, shuffle):
    X, y = data
    other = LAYOUTS[layout](X), LAYOUTS["reversed"](y)
    np.testing.assert_array_equal(
        trained_values(other, shuffle=shuffle), trained_values(data, shuffle=shuffle)
    )


@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csc_array, sparse.coo_matrix])
@pytest.mark.parametrize("shuffle", [False, True])
def test_sparse_data_train_as_dense(data, make, shuffle):
    X, y = data
    X[X < 0.3] = 0
    values = []
    for rows in (X, make(X)):
        network = make_network([nn.Dense(8), nn.Tanh(), nn.Dense(3)])
        plan = nn.TrainingPlan(nn.Adam(), nn.Constant(0.01), 10, 4, shuffle=shuffle)
        train(network, (rows, y), plan)
        values.append(network.parameters.values)
    np.testing.assert_allclose(*values, rtol=1e-4, atol=1e-5)


class DenseOfSines(nn.Dense):
    """A layer of one's own that asks more of X than its products."""

    def forward(self, X, memory):
        return super().forward(np.sin(X), memory)


@pytest.mark.parametrize(
    "first", [DenseOfSines(4), nn.BatchNorm(), nn.Dropout(0.2), nn.Tanh(), nn.Identity()]
)
def test_a_first_layer_other_than_dense_gets_dense_batches_of_sparse_data(data, first):
    X, y = data
    X[X < 0.3] = 0
    values = []
    for rows in (X, sparse.csr_array(X)):
        network = make_network([first, nn.Dense(3)])
        train(network, (rows, y), nn.TrainingPlan(nn.SGD(), nn.Constant(0.1), 10, 2))
        values.append(network.parameters.values)
        np.testing.assert_array_equal(network.predict(rows), network.predict(X))
    np.testing.assert_array_equal(*values)


# --- steps -----------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
def test_loss_and_step_include_the_penalty_on_weights_only(weighted, generator):
    X, y = generator.standard_normal((6, 5)), generator.standard_normal((6, 3))
    weight = generator.uniform(1, 2, 6) if weighted else None
    network = make_network([nn.Dense(3)], nn.SquaredError(), dtype=np.float64)
    W, b = (network.layers[0].values[name].copy() for name in ("weight", "bias"))
    plan = nn.TrainingPlan(nn.SGD(momentum=0), nn.Constant(0.1), 6, 1, shuffle=False, alpha=2.0)
    record = train(network, (X, y), plan, sample_weight=weight)[0]

    w = np.ones(6) if weight is None else weight
    total, residual = w.sum(), X @ W + b - y
    loss = (w @ (residual**2).sum(axis=1) / 2 + 2.0 / 2 * (W**2).sum()) / total
    assert record["loss"] == pytest.approx(loss, rel=1e-12)
    after = network.layers[0].values
    G = w[:, np.newaxis] * residual
    np.testing.assert_allclose(after["weight"], W - 0.1 * (X.T @ G + 2.0 * W) / total, rtol=1e-12)
    np.testing.assert_allclose(after["bias"], b - 0.1 * G.sum(axis=0) / total, rtol=1e-12)


def test_a_batch_without_weight_changes_nothing_under_plain_sgd(data):
    network = make_network([nn.Dense(3)])
    before = network.parameters.values.copy()
    plan = nn.TrainingPlan(nn.SGD(), nn.Constant(0.1), 10, 2, alpha=1.0)
    records = train(network, data, plan, sample_weight=np.zeros(53, np.float32))
    assert [record["loss"] for record in records] == [0, 0]
    np.testing.assert_array_equal(network.parameters.values, before)


def test_records_hold_epoch_mean_loss_rate_and_seconds(data):
    plan = nn.TrainingPlan(nn.SGD(), nn.Cosine(0.1), 10, 3)
    still = nn.TrainingPlan(nn.SGD(), nn.Constant(0.0), 10, 1)
    network = make_network([nn.Dense(3)])
    memories = network.memories(training=True)
    whole = network.loss_and_gradients(*data, None, memories)
    assert train(network, data, still)[0]["loss"] == pytest.approx(whole, rel=1e-5)

    records = train(network, data, plan)
    assert [record["epoch"] for record in records] == [1, 2, 3]
    rates = [nn.Cosine(0.1).rate(nn.Clock(step=step, n_steps=18)) for step in (5, 11, 17)]
    np.testing.assert_allclose([record["learning_rate"] for record in records], rates)
    assert all(0 <= record["seconds"] < 10 for record in records)
    assert plan.clock == nn.Clock(epoch=3, step=18, n_seen=159, n_steps=18)


@pytest.mark.parametrize("make", [nn.SGD, nn.Adam, nn.Muon])
def test_training_lowers_the_loss(make, data):
    plan = nn.TrainingPlan(make(), nn.Constant(0.02), 10, 40)
    losses = [record["loss"] for record in train(make_network(), data, plan)]
    assert losses[-1] < 0.8 * losses[0]


def test_the_average_takes_in_every_step(data):
    plan = nn.TrainingPlan(nn.SGD(), nn.Constant(0.1), 10, 2, average=nn.MovingAverage(0.9))
    train(make_network(), data, plan)
    assert plan.average.n_steps == plan.clock.step == 12


# --- repeatability ---------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", [nn.SGD, nn.Adam, nn.Muon])
def test_the_same_seed_gives_the_same_bytes(data, optimizer):
    first, second = (trained_values(data, optimizer=optimizer).tobytes() for _ in range(2))
    assert first == second


def test_another_seed_gives_other_batches_and_dropout(data):
    assert (trained_values(data, seed=0) != trained_values(data, seed=1)).any()
    assert (trained_values(data, seed=0, shuffle=False) != trained_values(data, seed=1)).any()


def test_without_shuffling_only_dropout_reads_the_generator(data):
    plan = nn.TrainingPlan(nn.SGD(), nn.Constant(0.1), 10, 2, shuffle=False)
    generator = np.random.default_rng(0)
    list(make_network([nn.Dense(3)]).fit_epochs(*data, plan, generator))
    assert generator.random() == np.random.default_rng(0).random()


@pytest.mark.parametrize("optimizer", [nn.SGD, nn.Adam, nn.Muon])
@pytest.mark.parametrize("schedule", [nn.Constant, nn.Cosine, nn.OneCycle])
@pytest.mark.parametrize("n_first", [1, 3])
def test_an_interrupted_training_goes_on_as_if_it_had_not_been(
    data, optimizer, schedule, n_first, pickled
):
    def make_plan():
        average = nn.MovingAverage(0.9)
        return nn.TrainingPlan(optimizer(), schedule(0.02), 10, 6, alpha=0.1, average=average)

    straight, plan = make_network(), make_plan()
    records = train(straight, data, plan)

    state = make_network(), make_plan(), np.random.default_rng(0)
    for record in state[0].fit_epochs(*data, *state[1:]):
        if record["epoch"] == n_first:
            break
    network, resumed, generator = pickled(state)
    rest = list(network.fit_epochs(*data, resumed, generator))

    np.testing.assert_array_equal(network.parameters.values, straight.parameters.values)
    np.testing.assert_array_equal(resumed.average.values, plan.average.values)
    assert [record["loss"] for record in rest] == [record["loss"] for record in records[n_first:]]
    assert resumed.clock == plan.clock


# --- memory ----------------------------------------------------------------------------------

# NumPy casts in buffers of 8192 elements, whatever the arrays: batches are much larger than that.
N, BATCH, WIDTH = 2100, 1024, 256


def peaks_of_epochs(layers, loss, optimizer, weighted, make_targets, dtype, average=None):
    """Bytes allocated above the start of each epoch, while it runs."""
    generator = np.random.default_rng(0)
    X = generator.standard_normal((N, WIDTH)).astype(dtype)
    y = make_targets(loss, N, layers[-1].n_units, generator, dtype)
    weights = generator.uniform(size=N).astype(dtype) if weighted else None
    network = make_network(layers, loss, WIDTH, dtype)
    plan = nn.TrainingPlan(optimizer, nn.Cosine(1e-3), BATCH, 3, alpha=0.1, average=average)
    marks = []
    tracemalloc.start()
    try:
        for _ in network.fit_epochs(X, y, plan, generator, weights):
            marks.append(tracemalloc.get_traced_memory())
            tracemalloc.reset_peak()
    finally:
        tracemalloc.stop()
    return [peak - start for (start, _), (_, peak) in pairwise(marks)]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("make_optimizer", [nn.SGD, nn.Adam, nn.Muon])
def test_steady_training_allocates_no_temporary_of_batch_size(
    make_optimizer, weighted, make_targets, dtype
):
    layers = [nn.Dense(WIDTH), nn.BatchNorm(), nn.ReLU(), nn.Dropout(0.2), nn.Dense(10)]
    peaks = peaks_of_epochs(
        layers,
        nn.SoftmaxCrossEntropy(),
        make_optimizer(),
        weighted,
        make_targets,
        dtype,
        average=nn.MovingAverage(0.99),
    )
    assert max(peaks) < BATCH * WIDTH * np.dtype(dtype).itemsize / 8


def test_steady_training_through_every_layer_and_head_allocates_no_temporary_of_batch_size(
    loss, make_targets
):
    """One byte for each element of a batch is already too much."""
    layers = [nn.Dense(WIDTH), nn.BatchNorm()]
    for make in nn.ACTIVATIONS.values():
        layers += [nn.Dense(WIDTH), make(), nn.Dropout(0.1)]
    layers.append(nn.Dense(WIDTH))
    peaks = peaks_of_epochs(layers, loss, nn.Adam(), True, make_targets, np.float32)
    assert max(peaks) < BATCH * WIDTH / 2


# --- steps and sums ----------------------------------------------------------------------------


def test_max_steps_end_training_in_the_middle_of_an_epoch(data):
    steps = []
    plan = nn.TrainingPlan(
        nn.SGD(), nn.Constant(0.01), 10, 4, max_steps=8, on_step=lambda *step: steps.append(step)
    )
    records = train(make_network(), data, plan)
    assert [record["epoch"] for record in records] == [1, 2]
    assert (len(steps), plan.clock.step, plan.clock.n_steps) == (8, 8, 8)
    assert plan.clock.n_seen == 53 + 2 * 10
    assert records[-1]["loss"] == pytest.approx(np.mean([loss for _, loss, _ in steps[6:]]))
    assert plan.is_over


def test_a_planned_schedule_comes_to_its_end_with_the_steps(data):
    plan = nn.TrainingPlan(nn.SGD(), nn.Cosine(0.1), 10, 4, max_steps=8)
    assert train(make_network(), data, plan)[-1]["learning_rate"] < 0.01


@pytest.mark.parametrize("weighted", [False, True])
def test_a_sum_is_the_mean_at_as_many_times_the_rate(data, weighted):
    weights = np.linspace(0.5, 2, len(data[1])) if weighted else None
    total = weights.sum() if weighted else len(data[1])
    values, losses = [], []
    for rate, reduction in ((0.01, "sum"), (0.01 * total, "mean")):
        network = make_network(dtype=np.float64)
        plan = nn.TrainingPlan(
            nn.SGD(), nn.Constant(rate), len(data[1]), 3, alpha=0.5, reduction=reduction
        )
        losses.append([record["loss"] for record in train(network, data, plan, 0, weights)])
        values.append(network.parameters.values)
    np.testing.assert_allclose(*values, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(*losses, rtol=1e-9)


@pytest.mark.parametrize("option", [{"reduction": "total"}, {"max_steps": 0}])
def test_a_plan_of_no_steps_or_of_another_reduction_is_refused(option):
    with pytest.raises(ValueError, match=next(iter(option))):
        nn.TrainingPlan(nn.SGD(), nn.Constant(0.01), 10, 4, **option)
