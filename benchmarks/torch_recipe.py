"""The peer of recipe_fast.py: the same recipe in PyTorch, on one thread."""

import itertools
import statistics
from dataclasses import dataclass

import measuring
import numpy as np
import peers
import torch
import torch.nn.functional as F

from digit_recognizer import nn
from digit_recognizer.estimator.building.architecture import parse_architecture

# A tenth faster than 250 to 1000 at once.
PREDICTION_ROWS = 125
TRIAL_STEPS = 30
TRIAL_ROUNDS = 5


@dataclass(frozen=True)
class Variant:
    """What PyTorch leaves to choose.

    Parameters
    ----------
    memory_format : {"contiguous", "channels last"}
    optimizer : {"fused", "foreach"}
    compiled : bool, default=False
        Augmentation, network and loss as one compiled function, and the network for predictions.
    """

    memory_format: str
    optimizer: str
    compiled: bool = False

    def __str__(self):
        return f"{self.memory_format}, {self.optimizer}{', compiled' * self.compiled}"


class TorchTrainer:
    """Trains folds of a recipe with convolutions, affine augmentation and SGD.

    Parameters
    ----------
    recipe : Recipe
    data : tuple of ndarray
        X_train (uint8), y_train, X_test (uint8).
    variant : Variant
    """

    def __init__(self, recipe, data, variant):
        torch.set_num_threads(1)
        self.settings, self.augment = recipe.make_estimators()[0], recipe.augment
        self.X_train, self.X_test = (torch.from_numpy(data[i]) for i in (0, 2))
        self.y_train = torch.from_numpy(data[1]).long()
        self.scaler = nn.Scaling.fit(data[0], recipe.data.scaling)
        self.side = recipe.competition.image_height
        self.variant = variant
        layers = parse_architecture(self.settings.architecture)
        layers += [nn.Flatten(), nn.Dense(len(recipe.competition.classes))]
        self.network = torch.nn.Sequential(*peers.torch_layers(layers, (self.side, self.side, 1)))
        if variant.memory_format == "channels last":
            self.network.to(memory_format=torch.channels_last)
        self.run, self.run_loss = self.network, self._loss
        if variant.compiled:
            self.run = torch.compile(self.network, dynamic=False)
            self.run_loss = torch.compile(self._loss, dynamic=False)

    def train_fold(self, fold) -> tuple[np.ndarray, np.ndarray]:
        """Train a fold from new weights.

        Returns
        -------
        oof, test : ndarray of float32 of shape (n, n_classes)
            Probabilities.
        """
        torch.manual_seed(fold.seeds[0])
        for module in self.network:
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()
        rows = torch.from_numpy(fold.train_rows)
        for _ in self.steps(self._pixels(self.X_train[rows]), self.y_train[rows]):
            pass
        X_validation = self.X_train[torch.from_numpy(fold.validation_rows)]
        return self.predict(X_validation), self.predict(self.X_test)

    def steps(self, X, y):
        """Train; yields after each step."""
        settings = self.settings
        size = settings.batch_size
        optimizer = self._optimizer()
        schedule = nn.OneCycle(settings.learning_rate_init)
        clock = nn.Clock(n_steps=settings.max_iter * -(-len(X) // size))
        self.network.train()
        for _ in range(settings.max_iter):
            batches = torch.randperm(len(X)).split(size)
            for rows, theta in zip(batches, self._affine(len(X)).split(size), strict=True):
                for group in optimizer.param_groups:
                    group["lr"] = schedule.rate(clock)
                # A batch of another size would be compiled anew for one step an epoch.
                loss = self.run_loss if len(rows) == size else self._loss
                optimizer.zero_grad(set_to_none=True)
                loss(X[rows], theta, y[rows]).backward()
                optimizer.step()
                clock.step += 1
                yield

    def predict(self, X):
        """Probabilities for uint8 images."""
        self.network.eval()
        parts = []
        with torch.inference_mode():
            for rows in X.split(PREDICTION_ROWS):
                run = self.run if len(rows) == PREDICTION_ROWS else self.network
                parts.append(run(self._standardized(self._pixels(rows))).softmax(dim=1))
            return torch.cat(parts).numpy()

    def _loss(self, X, theta, y):
        """Loss of deformed images; black, which comes in from outside, is 0 in X."""
        grid = F.affine_grid(theta, X.shape, align_corners=True)
        X = F.grid_sample(X, grid, mode="bilinear", padding_mode="zeros", align_corners=True)
        logits = self.network(self._standardized(X))
        return F.cross_entropy(logits, y, label_smoothing=self.settings.label_smoothing)

    def _pixels(self, X):
        """Float32 images of shape (n, 1, height, width), black as 0."""
        return X.float().mul_(1 / self.scaler.scale).view(-1, 1, self.side, self.side)

    def _standardized(self, X):
        X = X.sub_(self.scaler.shift / self.scaler.scale)
        if self.variant.memory_format == "channels last":
            # With one channel both formats are the same in memory; the strides tell them apart.
            X = X.as_strided(X.shape, (self.side**2, 1, self.side, 1))
        return X

    def _affine(self, n):
        """Matrices of `Augment.draw_affine` for n images, on (x, y) in units of half an image."""
        augment = self.augment

        def uniform(half_width, *shape):
            return (2 * torch.rand(n, *shape) - 1) * half_width

        angle, shear = torch.deg2rad(uniform(augment.rotation)), uniform(augment.shear)
        factors = 1 + uniform(augment.scale, 2)
        cosine, sine = angle.cos(), angle.sin()
        shifts = uniform(augment.shift, 2) / ((self.side - 1) / 2)
        turn = torch.stack([cosine, sine, -sine, cosine], dim=1).view(n, 2, 2)
        slant = torch.eye(2).repeat(n, 1, 1)
        slant[:, 0, 1] = shear
        matrices = turn @ slant * factors[:, None]
        return torch.cat([matrices, shifts[:, :, None]], dim=2)

    def _optimizer(self):
        """SGD with Nesterov momentum, the penalty on weights of products only."""
        settings = self.settings
        parameters = list(self.network.parameters())
        penalty = settings.alpha / settings.batch_size
        groups = [
            {"params": [p for p in parameters if p.ndim > 1], "weight_decay": penalty},
            {"params": [p for p in parameters if p.ndim == 1]},
        ]
        return torch.optim.SGD(
            groups,
            lr=settings.learning_rate_init,
            momentum=settings.momentum,
            nesterov=settings.nesterovs_momentum,
            **{self.variant.optimizer: True},
        )


def choose_variant(recipe, data) -> tuple[Variant, dict]:
    """The fastest variant of eager training, and the milliseconds a step of each."""

    def stepper(variant):
        trainer = TorchTrainer(recipe, data, variant)
        steps = itertools.chain.from_iterable(
            trainer.steps(trainer._pixels(trainer.X_train), trainer.y_train)
            for _ in itertools.count()
        )
        return lambda: [next(steps) for _ in range(TRIAL_STEPS)]

    variants = [
        Variant(*choices)
        for choices in itertools.product(("contiguous", "channels last"), ("fused", "foreach"))
    ]
    seconds = measuring.interleave({v: stepper(v) for v in variants}, TRIAL_ROUNDS)
    milliseconds = {v: 1e3 * statistics.median(s) / TRIAL_STEPS for v, s in seconds.items()}
    return min(variants, key=milliseconds.get), milliseconds
