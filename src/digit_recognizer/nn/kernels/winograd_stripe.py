"""The stages of Winograd convolution along the width, for a few rows of tiles.

What lies between two stages stays where it is, so all views of it are made once: to make them anew
at each step would take 3% of the training of a small network.
"""

from typing import NamedTuple

import numpy as np

from digit_recognizer.nn.kernels.strided import strided_view


class Product(NamedTuple):
    """A transform's matrix, what it is multiplied with, and where the result goes."""

    matrix: np.ndarray
    source: np.ndarray
    out: np.ndarray


def multiply(products: list[Product]) -> None:
    """Compute all of them."""
    for matrix, source, out in products:
        np.matmul(matrix, source, out=out)


class WinogradStripe:
    """The products of one stripe of a piece.

    Parameters
    ----------
    piece : WinogradPiece
        With its scratch.
    rows : slice
        Which of the piece's rows of tiles.

    Attributes
    ----------
    inputs : list of list of Product
        For each phase, U = (Bᵀ X) B.
    outputs : list of Product
        M A.
    gradients : list of Product
        Z = (A dY) Aᵀ, where M was.
    input_gradients : list of list of Product
        For each phase, dU Bᵀ, where Bᵀ X of the phase was, but for
    spills : list of list of (Product, ndarray)
        what is to be added to a place where tiles overlap.
    """

    def __init__(self, piece, rows):
        views = StripeViews(piece, rows)
        outer = piece.plan.columns[0]
        self.outputs = [
            Product(matrix, tiles_of(piece.M, run), views.out_columns(run, len(matrix)))
            for run, matrix in outer.outputs
        ]
        self.gradients = [
            Product(matrix, views.out_columns(run, matrix.shape[1]), tiles_of(piece.M, run))
            for run, matrix in outer.gradients
        ]
        phases = [(i, piece.plan.columns[j]) for i, j in piece.plan.phases]
        self.inputs = [views.inputs(*phase) for phase in phases]
        self.input_gradients = [views.input_gradients(*phase) for phase in phases]
        self.spills = [views.spills(*phase) for phase in phases]


class StripeViews:
    """Makes the views of a stripe.

    Parameters
    ----------
    piece : WinogradPiece
    rows : slice
    """

    def __init__(self, piece, rows):
        self.piece, self.plan, self.rows = piece, piece.plan, rows

    def inputs(self, i, axis):
        """The products of `WinogradStripe.inputs` for a phase."""
        U = self.piece.U
        return [
            Product(matrix, self.in_columns(i, axis, run, matrix.shape[1]), tiles_of(U, run))
            for run, matrix in axis.inputs
        ]

    def input_gradients(self, i, axis):
        """Those of `WinogradStripe.input_gradients`."""
        U = self.piece.U
        own = [(run, matrix, tiles_of(U, run)) for run, matrix in axis.own]
        last = [(run, matrix, U[:, :, self.piece.TW - 1 :]) for run, matrix in axis.last_spill]
        return [
            Product(matrix, source, self.in_columns(i, axis, run, len(matrix)))
            for run, matrix, source in own + last
        ]

    def spills(self, i, axis):
        """Those of `WinogradStripe.spills`."""
        spills = []
        for run, matrix in axis.spill:
            overlap = tiles_of(self.piece.overlap, run)[:, :, :, : len(matrix)]
            product = Product(matrix, tiles_of(self.piece.U, run), overlap)
            spills.append((product, self.in_columns(i, axis, run, len(matrix))))
        return spills

    def in_columns(self, i, axis, run, n_columns):
        """View (S, a, tiles, columns, L) of the rows' stage on X."""
        L, row, a, step = self.piece.LC, self.piece.row_in, self.plan.a, axis.step
        strides = (a * row, row, self.plan.m * step * L, step * L, 1)
        shape = (self.piece.S, a, run.count, n_columns, L)
        offset = (axis.start + step * run.start) * L
        return strided_view(self.piece.half_in[i, self.rows], shape, strides, offset)

    def out_columns(self, run, n_columns):
        """View (a, S, tiles, columns, L) of the rows' stage on Y."""
        L, row = self.piece.LO, self.piece.row_out
        strides = (self.piece.GT * row, row, self.plan.m * L, L, 1)
        shape = (self.plan.a, self.piece.S, run.count, n_columns, L)
        offset = self.rows.start * row + run.start * L
        return strided_view(self.piece.half_out, shape, strides, offset)


def tiles_of(array, run):
    """A run's tiles of U, M or the overlap."""
    return array[:, :, run.first : run.first + run.count]
