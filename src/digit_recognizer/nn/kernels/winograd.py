"""Winograd convolution with stride 1: every stage is one batched product on strided views.

With Aᵀ, G, Bᵀ of `tiles.transform_matrices`, for each tile of a × a inputs and channel

    Ŵ = G W Gᵀ,   U = Bᵀ X B,   M = Σ_c U Ŵ,   Y = Aᵀ M A,

and, as the exact adjoint of each stage,

    Z = A dY Aᵀ,   dŴ = Σ_tiles Uᵀ Z,   dW = Gᵀ dŴ G,   dU = Z Ŵᵀ,   dX = Σ_overlaps B dU Bᵀ

(Lavin and Gray, "Fast algorithms for convolutional neural networks" (2016)). Products over the
channels are a² independent matrix products; `out=` on a permuted view does all rearranging.
"""

import numpy as np

from digit_recognizer.nn.kernels.tiles import Axis, transform_matrices
from digit_recognizer.nn.kernels.views import largest_divisor, strided_view
from digit_recognizer.nn.products import SMALL_PRODUCT

# Elements × depth × rows of one product with a transform's matrix along the height: 24×24×32
# channels take 3% longer at a half or twice of it.
TRANSFORM_PRODUCT = 300_000


class Winograd:
    """Winograd convolution of pieces of shape (blocks, height, width, n, channels).

    Parameters
    ----------
    input_shape : tuple of int
        (height, width, channels).
    weight_shape : tuple of int
        (kernel, kernel, channels, n_filters).
    padding : int
        Below `kernel`.
    m : int
        Outputs of a tile along each axis, at least kernel − 1.
    dtype : dtype
    """

    def __init__(self, input_shape, weight_shape, padding, m, dtype):
        height, width, self.n_channels = input_shape
        kernel, _, _, self.n_filters = self.weight_shape = weight_shape
        self.m, self.a, self.dtype = m, m + kernel - 1, np.dtype(dtype)
        self.rows = Axis(height, kernel, padding, m, dtype)
        self.columns = Axis(width, kernel, padding, m, dtype)
        self.input_shape = input_shape
        self.output_shape = (self.rows.n_outputs, self.columns.n_outputs, self.n_filters)
        G = transform_matrices(m, kernel)[1]
        self._both_G = np.kron(G, G).astype(dtype)

    def start(self, weight, shared, training):
        """Transform the weights, for all pieces of a batch."""
        k, C, O = self.weight_shape[1:]
        self._transform(weight.reshape(k * k, C * O), "weight", (C, O), shared)
        if training:
            turned = shared.array("turned weight", (k, k, O, C))
            np.copyto(turned, weight.transpose(0, 1, 3, 2))
            self._transform(turned.reshape(k * k, O * C), "transposed weight", (O, C), shared)

    def _transform(self, weight, name, shape, shared):
        # (a a, k k) (k k, C O): W̌ of all channels at once
        transformed = shared.array(name, (self.a**2, 1, *shape))
        np.matmul(self._both_G, weight, out=transformed.reshape(self.a**2, -1))

    def forward(self, X, Y, memory):
        """Y = W ∗ X of one piece; keeps U in `memory`."""
        piece = self._piece(X, memory)
        U = memory.array("U", piece.U_shape)
        piece.transform_input(X, U)
        weight = memory.shared.array("weight", (self.a**2, 1, self.n_channels, self.n_filters))
        np.matmul(U.reshape(piece.U_rows), weight, out=piece.M_rows)
        piece.transform_output(Y)

    def start_backward(self, shared):
        """Set the sum of the weight's gradient to 0."""
        self._sum(shared)[...] = 0

    def backward(self, dY, dX, memory):
        """Add to the weight's gradient; write dX unless it is None."""
        shared = memory.shared
        piece = self._piece_of(len(dY), dY.shape[3], shared)
        U = memory.array("U", piece.U_shape)
        piece.transform_gradient(dY)
        products = shared.array("weight products", piece.weight_products)
        np.matmul(U.reshape(piece.U_rows).swapaxes(2, 3), piece.M_rows, out=products)
        total = self._sum(shared)
        for i in range(products.shape[1]):
            np.add(total, products[:, i], out=total)
        if dX is not None:
            shape = (self.a**2, 1, self.n_filters, self.n_channels)
            np.matmul(piece.M_rows, shared.array("transposed weight", shape), out=piece.dU_rows)
            piece.transform_input_gradient(dX)

    def finish_backward(self, shared, d_weight):
        """Write the weight's gradient."""
        total = self._sum(shared).reshape(self.a**2, -1)
        np.matmul(self._both_G.T, total, out=d_weight.reshape(self._both_G.shape[1], -1))

    def _sum(self, shared):
        return shared.array("weight sum", (self.a**2, self.n_channels, self.n_filters))

    def _piece(self, X, memory):
        if X.shape[1:3] + X.shape[4:] != tuple(self.input_shape):
            raise ValueError(f"Winograd is for images of {self.input_shape}, got {X.shape}.")
        return self._piece_of(len(X), X.shape[3], memory.shared)

    def _piece_of(self, n_blocks, n, shared):
        return shared.once(("Winograd", n_blocks, n), lambda: Piece(self, n_blocks, n, shared))


class Piece:
    """Scratch and premade views for pieces of one size.

    Axes: g blocks, T tiles of a axis; then U and M are (a, a, g T, T, n channels).
    """

    def __init__(self, plan: Winograd, n_blocks, n, shared):
        self.plan = plan
        a, m, C, O = plan.a, plan.m, plan.n_channels, plan.n_filters
        g, (height, width, _) = n_blocks, plan.input_shape
        self.T, self.GT, self.TW = plan.rows.n_tiles, g * plan.rows.n_tiles, plan.columns.n_tiles
        self.g, self.LC, self.LO = g, n * C, n * O
        self.row_in, self.row_out = width * n * C, plan.columns.n_outputs * n * O
        rows = self.GT * self.TW * n
        depth = largest_divisor(rows, SMALL_PRODUCT / (C * O))
        split = (a * a, rows // depth, depth)
        self.U_shape = (a, a, self.GT, self.TW, self.LC)
        self.U_rows = (*split, C)
        self.weight_products = (a * a, rows // depth, C, O)
        self.input_shape, self.output_shape = (g, height, width, n, C), (g, *plan.output_shape[:2], n, O)
        # Along the height, rows are cut into parts of this many elements.
        self.part_in = largest_divisor(self.row_in, TRANSFORM_PRODUCT / a**2)
        self.part_out = largest_divisor(self.row_out, TRANSFORM_PRODUCT / a**2)
        self.part_dX = largest_divisor(self.row_in, TRANSFORM_PRODUCT / (2 * a * m))

        self.M = shared.array("M", (a, a, self.GT, self.TW, self.LO))
        self.M_rows = self.M.reshape(*split, O)
        self.dU = shared.array("dU", self.U_shape) if shared.training else None
        self.dU_rows = self.dU.reshape(self.U_rows) if shared.training else None
        # After the transform along the height, before that along the width, and back.
        self.half_in = shared.array("half in", (self.GT, a, self.row_in))
        self.half_out = shared.array("half out", (a, self.GT, self.row_out))
        self.overlap = shared.array("overlap", (self.GT, a, self.TW, a - m, self.LC))

    def _image_rows(self, X, run, n_rows, part):
        """View (blocks, tiles, parts, rows, part) of an image's rows, `n_rows` for each tile."""
        g, height = X.shape[:2]
        row = X.size // (g * height)
        shape = (g, run.count, row // part, n_rows, part)
        return strided_view(
            X, shape, (height * row, self.plan.m * row, part, row, 1), run.start * row
        )

    def _half_in_rows(self, run, n_rows, part):
        """The same view of `half_in`, `n_rows` for each tile."""
        a, row = self.plan.a, self.row_in
        shape = (self.g, run.count, row // part, n_rows, part)
        strides = (self.T * a * row, a * row, part, row, 1)
        return strided_view(self.half_in, shape, strides, run.first * a * row)

    def _half_out_rows(self, run):
        a, row, part = self.plan.a, self.row_out, self.part_out
        shape = (self.g, run.count, row // part, a, part)
        strides = (self.T * row, row, part, self.GT * row, 1)
        return strided_view(self.half_out, shape, strides, run.first * row)

    def _columns(self, half, outer, run, n_columns, L):
        """View (*outer, tiles, columns, L) of `half`, whose rows are columns × L long."""
        row = half.shape[2]
        strides = (half.shape[1] * row, row, self.plan.m * L, L, 1)
        return strided_view(half, (*outer, run.count, n_columns, L), strides, run.start * L)

    def transform_input(self, X, U):
        """U = Bᵀ X B."""
        plan, a = self.plan, self.plan.a
        for run, matrix in plan.rows.inputs:
            source = self._image_rows(X, run, matrix.shape[1], self.part_in)
            np.matmul(matrix, source, out=self._half_in_rows(run, a, self.part_in))
        U = U.transpose(2, 0, 3, 1, 4)
        for run, matrix in plan.columns.inputs:
            source = self._columns(self.half_in, (self.GT, a), run, matrix.shape[1], self.LC)
            np.matmul(matrix, source, out=U[:, :, run.first : run.first + run.count])

    def transform_output(self, Y):
        """Y = Aᵀ M A."""
        plan, a = self.plan, self.plan.a
        M = self.M.transpose(0, 2, 3, 1, 4)
        for run, matrix in plan.columns.outputs:
            target = self._columns(self.half_out, (a, self.GT), run, len(matrix), self.LO)
            np.matmul(matrix, M[:, :, run.first : run.first + run.count], out=target)
        for run, matrix in plan.rows.outputs:
            target = self._image_rows(Y, run, len(matrix), self.part_out)
            np.matmul(matrix, self._half_out_rows(run), out=target)

    def transform_gradient(self, dY):
        """Z = A dY Aᵀ, where M was."""
        plan, a = self.plan, self.plan.a
        for run, matrix in plan.rows.gradients:
            source = self._image_rows(dY, run, matrix.shape[1], self.part_out)
            np.matmul(matrix, source, out=self._half_out_rows(run))
        Z = self.M.transpose(0, 2, 3, 1, 4)
        for run, matrix in plan.columns.gradients:
            source = self._columns(self.half_out, (a, self.GT), run, matrix.shape[1], self.LO)
            np.matmul(matrix, source, out=Z[:, :, run.first : run.first + run.count])

    def transform_input_gradient(self, dX):
        """dX = B dU Bᵀ, summed where tiles overlap."""
        plan, a = self.plan, self.plan.a
        dU, outer = self.dU.transpose(2, 0, 3, 1, 4), (self.GT, a)
        for run, matrix in plan.columns.own:
            target = self._columns(self.half_in, outer, run, len(matrix), self.LC)
            np.matmul(matrix, dU[:, :, run.first : run.first + run.count], out=target)
        for run, matrix in plan.columns.last_spill:
            target = self._columns(self.half_in, outer, run, len(matrix), self.LC)
            np.matmul(matrix, dU[:, :, self.TW - 1 :], out=target)
        for run, matrix in plan.columns.spill:
            tiles = slice(run.first, run.first + run.count)
            overlap = self.overlap[:, :, tiles, : len(matrix)]
            np.matmul(matrix, dU[:, :, tiles], out=overlap)
            target = self._columns(self.half_in, outer, run, len(matrix), self.LC)
            np.add(target, overlap, out=target)

        rows, part = plan.rows, self.part_dX
        last = rows.n_tiles - 1
        for run, matrix in rows.first_own + rows.joint:
            target = self._image_rows(dX, run, len(matrix), part)
            np.matmul(matrix, self._half_in_rows(run, matrix.shape[1], part), out=target)
        for run, matrix in rows.last_spill:
            target = self._image_rows(dX, run, len(matrix), part)
            source = self._half_in_rows(run._replace(first=last), a, part)
            np.matmul(matrix, source, out=target)
