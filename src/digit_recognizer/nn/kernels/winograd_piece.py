"""The stages of Winograd convolution on a piece of the batch, in the order of the memory.

Stages along the height act on whole rows of all images; between them, U, the products over the
channels, M and the stages along the width follow one another for a few rows of tiles, a stripe, so
that U and M stay in the second cache. `out=` on a permuted view does all rearranging, and tiles
that reach over the edge of an image use the part of a matrix that is inside (`tiles.runs`).
"""

import numpy as np

from digit_recognizer.nn.kernels.views import largest_divisor, strided_view
from digit_recognizer.nn.products import SMALL_PRODUCT

# Elements × depth × rows of one product with a transform's matrix along the height: 24×24×32
# channels take 3% longer at a half or twice of it.
TRANSFORM_PRODUCT = 300_000
# Elements of a stripe's U and M.
STRIPE_ELEMENTS = 524_288


class WinogradPiece:
    """Scratch and premade views for pieces of one size.

    Axes: g blocks, T tile rows and TW tile columns of an image, S of the g T tile rows in a
    stripe, L = n channels. U and M are (a, a, S, TW, L).

    Parameters
    ----------
    plan : Winograd
    n_blocks, n : int
    shared : Memory
        Of the layer: gives the scratch.
    """

    def __init__(self, plan, n_blocks, n, shared):
        self.plan = plan
        a, n_channels, n_filters = plan.a, plan.n_channels, plan.n_filters
        self.T, self.TW = plan.rows[0].n_tiles, plan.columns[0].n_tiles
        self.g, self.GT, self.LC, self.LO = (
            n_blocks,
            n_blocks * self.T,
            n * n_channels,
            n * n_filters,
        )
        self.row_in = plan.input_shape[1] * self.LC
        self.row_out = plan.output_shape[1] * self.LO
        # Along the height, rows are cut into parts of this many elements.
        self.part_in = largest_divisor(self.row_in, TRANSFORM_PRODUCT / a**2)
        self.part_out = largest_divisor(self.row_out, TRANSFORM_PRODUCT / a**2)
        self.part_dX = largest_divisor(self.row_in, TRANSFORM_PRODUCT / (2 * a * plan.m))
        tile_row = a * a * self.TW * (self.LC + self.LO)
        S = self.S = largest_divisor(self.GT, STRIPE_ELEMENTS / tile_row)
        self.stripes = [slice(first, first + S) for first in range(0, self.GT, S)]

        rows = S * self.TW * n
        depth = largest_divisor(rows, SMALL_PRODUCT / (n_channels * n_filters))
        split = (a * a, rows // depth, depth)
        U = shared.array("U", (a, a, S, self.TW, self.LC))
        M = shared.array("M", (2, a, a, S, self.TW, self.LO))
        self.U_rows, self.M_rows = U.reshape(*split, n_channels), M[0].reshape(*split, n_filters)
        self.U_rows_transposed = self.U_rows.swapaxes(2, 3)
        self.M_term = M[1].reshape(*split, n_filters)
        # The order of the stages along the width: (S, a, TW, a, L) and (a, S, TW, a, L).
        self.U, self.M = U.transpose(2, 0, 3, 1, 4), M[0].transpose(0, 2, 3, 1, 4)
        self.products = shared.array(
            "weight products", (a * a, rows // depth, n_channels, n_filters)
        )
        # After the stage along the height, for each phase of the rows, and before that back.
        self.half_in = shared.array("half in", (plan.stride, self.GT, a, self.row_in))
        self.half_out = shared.array("half out", (a, self.GT, self.row_out))
        self.overlap = shared.array("overlap", (S, a, self.TW, max(a - plan.m, 1), self.LC))
        self.covered = all(axis.covered for axis in plan.rows + plan.columns)

    def forward(self, X, weights, Y):
        """Y = Aᵀ (Σ (Bᵀ X B) Ŵ) A."""
        self._rows_of_input(X)
        for stripe in self.stripes:
            for number, (i, j) in enumerate(self.plan.phases):
                self._columns_of_input(i, j, stripe)
                if number == 0:
                    np.matmul(self.U_rows, weights[0], out=self.M_rows)
                else:
                    np.matmul(self.U_rows, weights[number], out=self.M_term)
                    np.add(self.M_rows, self.M_term, out=self.M_rows)
            self._columns_of_output(stripe)
        for run, matrix in self.plan.rows[0].outputs:
            target = self._image_rows(Y, run, len(matrix), self.part_out)
            np.matmul(matrix, self._half_out_rows(run), out=target)

    def backward(self, X, dY, dX, transposed_weights, weight_sums):
        """Add Uᵀ Z to the weight sums; dX = Σ B (Z Ŵᵀ) Bᵀ unless it is None.

        U is computed again: in the cache that takes less time than reading it from the memory,
        where all pieces' U would be twice as large as the images.
        """
        self._rows_of_input(X)
        for run, matrix in self.plan.rows[0].gradients:
            source = self._image_rows(dY, run, matrix.shape[1], self.part_out)
            np.matmul(matrix, source, out=self._half_out_rows(run))
        for stripe in self.stripes:
            self._columns_of_gradient(stripe)
            for number, (i, j) in enumerate(self.plan.phases):
                self._columns_of_input(i, j, stripe)
                np.matmul(self.U_rows_transposed, self.M_rows, out=self.products)
                total = weight_sums[number]
                for k in range(self.products.shape[1]):
                    np.add(total, self.products[:, k], out=total)
                if dX is not None:
                    np.matmul(self.M_rows, transposed_weights[number], out=self.U_rows)
                    self._columns_of_input_gradient(i, j, stripe)
        if dX is not None:
            if not self.covered:
                dX[...] = 0
            for i in range(self.plan.stride):
                self._rows_of_input_gradient(dX, i)

    def _image_rows(self, X, run, n_rows, part, axis=None):
        """View (blocks, tiles, parts, rows, part) of an image's rows, `n_rows` for each tile.

        `axis` says which rows of the image are a phase's.
        """
        g, height = X.shape[:2]
        row = X.size // (g * height)
        start, step = (axis.start, axis.step) if axis else (0, 1)
        strides = (height * row, self.plan.m * step * row, part, step * row, 1)
        offset = (start + step * run.start) * row
        return strided_view(X, (g, run.count, row // part, n_rows, part), strides, offset)

    def _half_in_rows(self, i, run, n_rows, part):
        """The same view of what is between the stages, `n_rows` for each tile."""
        a, row = self.plan.a, self.row_in
        shape = (self.g, run.count, row // part, n_rows, part)
        strides = (self.T * a * row, a * row, part, row, 1)
        return strided_view(self.half_in[i], shape, strides, run.first * a * row)

    def _half_out_rows(self, run):
        a, row, part = self.plan.a, self.row_out, self.part_out
        shape = (self.g, run.count, row // part, a, part)
        strides = (self.T * row, row, part, self.GT * row, 1)
        return strided_view(self.half_out, shape, strides, run.first * row)

    def _in_columns(self, i, axis, stripe, run, n_columns):
        """View (S, a, tiles, columns, L) of a stripe between the stages."""
        L, row, a, step = self.LC, self.row_in, self.plan.a, axis.step
        strides = (a * row, row, self.plan.m * step * L, step * L, 1)
        shape = (self.S, a, run.count, n_columns, L)
        offset = (axis.start + step * run.start) * L
        return strided_view(self.half_in[i, stripe], shape, strides, offset)

    def _out_columns(self, stripe, run, n_columns):
        """View (a, S, tiles, columns, L) of a stripe between the stages."""
        L, row = self.LO, self.row_out
        strides = (self.GT * row, row, self.plan.m * L, L, 1)
        shape = (self.plan.a, self.S, run.count, n_columns, L)
        return strided_view(self.half_out, shape, strides, stripe.start * row + run.start * L)

    def _rows_of_input(self, X):
        """Bᵀ X for each phase of the rows."""
        if not self.covered:
            self.half_in[...] = 0
        for i, axis in enumerate(self.plan.rows):
            for run, matrix in axis.inputs:
                source = self._image_rows(X, run, matrix.shape[1], self.part_in, axis)
                target = self._half_in_rows(i, run, self.plan.a, self.part_in)
                np.matmul(matrix, source, out=target)

    def _columns_of_input(self, i, j, stripe):
        """U = (Bᵀ X) B."""
        if not self.covered:
            self.U[...] = 0
        axis = self.plan.columns[j]
        for run, matrix in axis.inputs:
            source = self._in_columns(i, axis, stripe, run, matrix.shape[1])
            np.matmul(matrix, source, out=self.U[:, :, run.first : run.first + run.count])

    def _columns_of_output(self, stripe):
        """M A."""
        for run, matrix in self.plan.columns[0].outputs:
            source = self.M[:, :, run.first : run.first + run.count]
            np.matmul(matrix, source, out=self._out_columns(stripe, run, len(matrix)))

    def _columns_of_gradient(self, stripe):
        """Z = (A dY) Aᵀ, where M was."""
        for run, matrix in self.plan.columns[0].gradients:
            source = self._out_columns(stripe, run, matrix.shape[1])
            np.matmul(matrix, source, out=self.M[:, :, run.first : run.first + run.count])

    def _columns_of_input_gradient(self, i, j, stripe):
        """dU Bᵀ, summed where tiles overlap, where Bᵀ X of the phase was."""
        axis = self.plan.columns[j]
        for run, matrix in axis.own:
            target = self._in_columns(i, axis, stripe, run, len(matrix))
            np.matmul(matrix, self.U[:, :, run.first : run.first + run.count], out=target)
        for run, matrix in axis.last_spill:
            target = self._in_columns(i, axis, stripe, run, len(matrix))
            np.matmul(matrix, self.U[:, :, self.TW - 1 :], out=target)
        for run, matrix in axis.spill:
            tiles = slice(run.first, run.first + run.count)
            overlap = self.overlap[:, :, tiles, : len(matrix)]
            np.matmul(matrix, self.U[:, :, tiles], out=overlap)
            target = self._in_columns(i, axis, stripe, run, len(matrix))
            np.add(target, overlap, out=target)

    def _rows_of_input_gradient(self, dX, i):
        """dX = B (dU Bᵀ), summed where tiles overlap."""
        axis, part = self.plan.rows[i], self.part_dX
        for run, matrix in axis.first_own + axis.joint:
            target = self._image_rows(dX, run, len(matrix), part, axis)
            np.matmul(matrix, self._half_in_rows(i, run, matrix.shape[1], part), out=target)
        for run, matrix in axis.last_spill:
            run_of_source = run._replace(first=self.T - 1)
            source = self._half_in_rows(i, run_of_source, self.plan.a, part)
            np.matmul(matrix, source, out=self._image_rows(dX, run, len(matrix), part, axis))
