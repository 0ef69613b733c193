"""The stages of Winograd convolution on a piece of the batch, in the order of the memory.

Stages along the height act on whole rows of all images; between them, U, the products over the
channels, M and the stages along the width follow one another for a few rows of tiles, a stripe, so
that U and M stay in the second cache. `out=` on a permuted view does all rearranging, and tiles
that reach over the edge of an image use the part of a matrix that is inside (`tiles.runs`).
"""

import numpy as np

from digit_recognizer.nn.arrays.products import SMALL_PRODUCT
from digit_recognizer.nn.kernels.strided import KeptViews, largest_divisor, strided_view
from digit_recognizer.nn.kernels.tiles import ONES
from digit_recognizer.nn.kernels.winograd_stripe import WinogradStripe, multiply

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
        rows = S * self.TW * n
        depth = largest_divisor(rows, SMALL_PRODUCT / (n_channels * n_filters))
        split = (a * a, rows // depth, depth)
        U = shared.scratch("U", (a, a, S, self.TW, self.LC))
        M = shared.scratch("M", (2, a, a, S, self.TW, self.LO))
        self.U_rows, self.M_rows = U.reshape(*split, n_channels), M[0].reshape(*split, n_filters)
        self.U_rows_transposed = self.U_rows.swapaxes(2, 3)
        self.M_term = M[1].reshape(*split, n_filters)
        self.M_ones, self.bias_row = M[0, ONES, ONES], shared.array("bias row", (self.LO,))
        self.ones = shared.constant("ones", (rows,), 1.0)
        # The order of the stages along the width: (S, a, TW, a, L) and (a, S, TW, a, L).
        self.U, self.M = U.transpose(2, 0, 3, 1, 4), M[0].transpose(0, 2, 3, 1, 4)
        self.products = shared.scratch(
            "weight products", (a * a, rows // depth, n_channels, n_filters)
        )
        # After the stage along the height, for each phase of the rows, and before that back.
        self.half_in = shared.scratch("half in", (plan.stride, self.GT, a, self.row_in))
        self.half_out = shared.scratch("half out", (a, self.GT, self.row_out))
        self.overlap = shared.scratch("overlap", (S, a, self.TW, max(a - plan.m, 1), self.LC))
        self.covered = all(axis.covered for axis in plan.rows + plan.columns)
        self._make_rows()
        self.stripes = [
            WinogradStripe(self, slice(first, first + S)) for first in range(0, self.GT, S)
        ]

    def forward(self, X, weights, bias, Y):
        """Y = Aᵀ (Σ (Bᵀ X B) Ŵ) A + b."""
        if bias is not None:
            self.bias_row.reshape(-1, self.plan.n_filters)[...] = bias
        self._rows_of_input(X)
        for stripe in self.stripes:
            for number, weight in enumerate(weights):
                self._columns_of_input(stripe, number)
                if number == 0:
                    np.matmul(self.U_rows, weight, out=self.M_rows)
                else:
                    np.matmul(self.U_rows, weight, out=self.M_term)
                    np.add(self.M_rows, self.M_term, out=self.M_rows)
            if bias is not None:
                np.add(self.M_ones, self.bias_row, out=self.M_ones)
            multiply(stripe.outputs)
        for (matrix, source), target in zip(self.row_outputs, self.views_of_Y.of(Y), strict=True):
            np.matmul(matrix, source, out=target)

    def backward(self, X, dY, dX, transposed_weights, weight_sums, bias_sum, is_first):
        """Add Uᵀ Z to the weight sums; dX = Σ B (Z Ŵᵀ) Bᵀ unless it is None.

        Also add to the bias's sum, unless that is None. The first piece's products are the first
        weight sums, whatever these held.

        U is computed again: in the cache that takes less time than reading it from the memory,
        where all pieces' U would be twice as large as the images.
        """
        self._rows_of_input(X)
        for (matrix, target), source in zip(
            self.row_gradients, self.views_of_dY.of(dY), strict=True
        ):
            np.matmul(matrix, source, out=target)
        for stripe in self.stripes:
            multiply(stripe.gradients)
            if bias_sum is not None:
                places = self.M_ones.reshape(-1, self.plan.n_filters)
                np.add(bias_sum, self.ones @ places, out=bias_sum)
            for number, total in enumerate(weight_sums):
                self._columns_of_input(stripe, number)
                self._add_products(total, is_first and stripe is self.stripes[0])
                if dX is not None:
                    np.matmul(self.M_rows, transposed_weights[number], out=self.U_rows)
                    multiply(stripe.input_gradients[number])
                    for product, target in stripe.spills[number]:
                        multiply([product])
                        np.add(target, product.out, out=target)
        if dX is not None:
            if not self.covered:
                dX[...] = 0
            # dX = B (dU Bᵀ), summed where tiles overlap.
            products = zip(self.row_input_gradients, self.views_of_dX.of(dX), strict=True)
            for (matrix, source), target in products:
                np.matmul(matrix, source, out=target)

    def _add_products(self, total, is_first):
        """Uᵀ Z of a phase."""
        if is_first and self.products.shape[1] == 1:
            np.matmul(self.U_rows_transposed, self.M_rows, out=total[:, np.newaxis])
            return
        if is_first:
            total[...] = 0
        np.matmul(self.U_rows_transposed, self.M_rows, out=self.products)
        for k in range(self.products.shape[1]):
            np.add(total, self.products[:, k], out=total)

    def _rows_of_input(self, X):
        """Bᵀ X for each phase of the rows."""
        if not self.covered:
            self.half_in[...] = 0
        for (matrix, target), source in zip(self.row_inputs, self.views_of_X.of(X), strict=True):
            np.matmul(matrix, source, out=target)

    def _columns_of_input(self, stripe, number):
        """U = (Bᵀ X) B for a phase."""
        if not self.covered:
            self.U[...] = 0
        multiply(stripe.inputs[number])

    def _make_rows(self):
        """The products along the height, and the views of what is the caller's: X, Y and the like.

        A place is the shape, strides and offset of a view.
        """
        plan, height_in, height_out = self.plan, self.plan.input_shape[0], self.plan.output_shape[0]
        outputs = [
            (M, self._half_out_rows(run), self._place(height_out, run, len(M), self.part_out))
            for run, M in plan.rows[0].outputs
        ]
        gradients = [
            (M, self._half_out_rows(run), self._place(height_out, run, M.shape[1], self.part_out))
            for run, M in plan.rows[0].gradients
        ]
        inputs, input_gradients = [], []
        for i, axis in enumerate(plan.rows):
            part = self.part_in
            for run, M in axis.inputs:
                place = self._place(height_in, run, M.shape[1], part, axis)
                inputs.append((M, self._half_in_rows(i, run, plan.a, part), place))
            part = self.part_dX
            last = [(run, M, run._replace(first=self.T - 1)) for run, M in axis.last_spill]
            joint = [(run, M, run) for run, M in axis.first_own + axis.joint]
            for run, M, run_of_source in joint + last:
                source = self._half_in_rows(i, run_of_source, M.shape[1], part)
                place = self._place(height_in, run, len(M), part, axis)
                input_gradients.append((M, source, place))
        self.row_inputs, self.views_of_X = self._with_views(inputs)
        self.row_outputs, self.views_of_Y = self._with_views(outputs)
        self.row_gradients, self.views_of_dY = self._with_views(gradients)
        self.row_input_gradients, self.views_of_dX = self._with_views(input_gradients)

    @staticmethod
    def _with_views(products):
        """Matrices with the scratch they meet, and the views that go with them."""
        return [(M, half) for M, half, _ in products], KeptViews([place for *_, place in products])

    def _place(self, height, run, n_rows, part, axis=None):
        """Of the view (blocks, tiles, parts, rows, part) of an image's rows, `n_rows` a tile.

        `axis` says which rows of the image are a phase's; without it they are the output's.
        """
        row = self.row_in if axis else self.row_out
        start, step = (axis.start, axis.step) if axis else (0, 1)
        shape = (self.g, run.count, row // part, n_rows, part)
        strides = (height * row, self.plan.m * step * row, part, step * row, 1)
        return shape, strides, (start + step * run.start) * row

    def _half_in_rows(self, i, run, n_rows, part):
        """The same view of what is between the stages."""
        a, row = self.plan.a, self.row_in
        shape = (self.g, run.count, row // part, n_rows, part)
        strides = (self.T * a * row, a * row, part, row, 1)
        return strided_view(self.half_in[i], shape, strides, run.first * a * row)

    def _half_out_rows(self, run):
        a, row, part = self.plan.a, self.row_out, self.part_out
        shape = (self.g, run.count, row // part, a, part)
        strides = (self.T * row, row, part, self.GT * row, 1)
        return strided_view(self.half_out, shape, strides, run.first * row)
