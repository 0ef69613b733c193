"""A batch of rows in training, in groups that know nothing of each other.

A group's rows go forward through all layers, and their gradients back; then the weights' gradients
are computed of all rows, each process some of the weights. Where the products in parts are the same
to a bit (`alike`), so is all of it.
"""

import numpy as np

from digit_recognizer.nn.arrays.columns import nonzero_columns, union_of_rows
from digit_recognizer.nn.arrays.memory import Memory
from digit_recognizer.nn.arrays.products import column_sums, product
from digit_recognizer.nn.rows.alike import cut, is_same_in_parts
from digit_recognizer.nn.rows.steps import run_forward

UNKNOWN = -1


class GroupMemory(Memory):
    """A layer's memory of a group: its rows of the arrays that hold the whole batch.

    Parameters
    ----------
    whole : Memory
    n_rows : int
        Of the batch.
    rows : slice
        Of the group.
    owners : dict
        Where each array's whole is written down, by the array's id.
    """

    is_whole = False

    def __init__(self, whole, n_rows, rows, owners):
        super().__init__(whole.dtype, training=True)
        self._whole, self._n_rows, self._rows, self._owners = whole, n_rows, rows, owners

    def batch_rows(self, n_rows):
        return self._n_rows

    def array(self, name, shape, dtype=None):
        view = self._views.get(name)
        if view is None:
            whole = self._whole.array(name, (self._n_rows, *shape[1:]), dtype)
            view = self._views[name] = whole[self._rows]
            self._owners[id(view)] = whole
        return view


class SomeColumns:
    """Rows of an X of which some columns only are not zero, as a factor of `product`.

    Parameters
    ----------
    values : ndarray of shape (n, n_columns)
        Those columns.
    weight_rows : ndarray of shape (n_columns, n_units)
        What they are multiplied by.
    n_rows : int
        Of the batch.
    """

    def __init__(self, values, weight_rows, n_rows):
        self.values, self.weight_rows, self._n_rows = values, weight_rows, n_rows
        self.shape = values.shape

    def multiply(self, B, out):
        """X B."""
        return product(self.values, self.weight_rows, out, self._n_rows)


class RowGroups:
    """Batches of n rows, in a group for each of several processes.

    Parameters
    ----------
    layers : sequence of Layer
        All of them `by_rows`, the first one a Dense.
    n_rows, n_groups : int
    dtype : dtype
    new_memory : callable
        ``new_memory(dtype, training)`` makes a layer's memory for whole batches.

    Attributes
    ----------
    """

    def __init__(self, layers, n_rows, n_groups, dtype, new_memory):
        self._layers, self._n_rows, self._n_groups = layers, n_rows, n_groups
        self._owners, self._columns = {}, None
        self.rows = cut(n_rows, n_groups)
        self._whole = [new_memory(dtype, True) for _ in layers]
        self._memories = [
            [GroupMemory(memory, n_rows, rows, self._owners) for memory in self._whole]
            for rows in self.rows
        ]
        self._dense = [i for i, layer in enumerate(layers) if hasattr(layer, "input_gradient")]
        self._inputs, self._output_gradients = {}, {}
        (n_features,), n_units = layers[0].input_shape, layers[0].n_units
        # As large as they may become, before processes share them.
        self._whole[0].array("rows", (n_features, n_units))
        self._whole[0].array("columns", (n_rows, n_features))
        self._unions = self._whole[0].array("unions", (n_groups, n_features))
        # For each number of columns that are not zero whether the first layer's products in parts
        # are the same, or nobody knows: for all processes.
        self._is_alike = self._whole[0].array("alike", (n_features + 1,), np.int8)
        self._is_alike[:] = UNKNOWN

    def _can_cut(self, n_columns, number, meet):
        """Whether the first layer's products in parts are the same."""
        if self._is_alike[n_columns] == UNKNOWN:
            # The first process finds it out, once all have read that it is not known.
            meet()
            if not number:
                arguments = self._n_rows, self._n_groups, self._whole[0].dtype, n_columns
                self._is_alike[n_columns] = is_alike(self._layers[0], *arguments)
            meet()
        return self._is_alike[n_columns]

    def rehearse(self, X, dY) -> None:
        """Make all arrays; X has no zeros."""
        n_features = X.shape[1]
        self._is_alike[n_features] = True
        for number in range(self._n_groups):
            self.forward(X, number, _go_on)
            self.backward(dY, number, _go_on)
        self._is_alike[n_features] = UNKNOWN

    def forward(self, X, number: int, meet):
        """Output of the last layer, once all have met.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
        number : int
            Of the group that this process takes.
        meet : callable
            Waits for the others.

        Returns
        -------
        ndarray of shape (n_rows, n_outputs), or None if the products of X in parts are others than
        the whole: then nothing is computed.
        """
        memories, rows = self._memories[number], self.rows[number]
        first = self._layers[0]

        def union(bits):
            unions = self._unions.view(bits.dtype)
            unions[number] = union_of_rows(bits[rows])
            meet()
            return union_of_rows(unions)

        self._columns = columns = nonzero_columns(X, first.n_units, union)
        n_columns = X.shape[1] if columns is None else len(columns)
        if not self._can_cut(n_columns, number, meet):
            # No order may follow before all have read this one.
            meet()
            return None
        X_group = X[rows]
        if columns is not None:
            values, weight_rows = self._compact()
            part = cut(n_columns, self._n_groups)[number]
            np.take(X_group, columns, axis=1, out=values[rows], mode="clip")
            np.take(first.values["weight"], columns[part], 0, weight_rows[part], mode="clip")
            meet()
            X_group = SomeColumns(values[rows], weight_rows, self._n_rows)
        Y, _ = run_forward(self._layers, X_group, memories)
        for position in self._dense:
            kept = memories[position].kept
            self._inputs[position] = X if kept is X_group else self._owners[id(kept)]
        meet()
        return self._owners[id(Y)]

    def backward(self, dY, number: int, meet) -> None:
        """Write the gradients, once all have met."""
        memories, whole, G = self._memories[number], dY, dY[self.rows[number]]
        for position in reversed(range(1, len(self._layers))):
            layer, memory = self._layers[position], memories[position]
            if position in self._dense:
                self._output_gradients[position] = whole
                G = layer.input_gradient(G, memory)
                whole = self._owners[id(G)]
            else:
                G = layer.backward(G, memory)
        self._output_gradients[0] = whole
        meet()
        for position in self._dense:
            self._write_gradients(position, number)
        meet()

    def _write_gradients(self, position, number):
        layer, dY = self._layers[position], self._output_gradients[position]
        X, dW = self._inputs[position], layer.gradients["weight"]
        if position or self._columns is None:
            part = cut(len(dW), self._n_groups)[number]
            product(X[:, part].T, dY, dW[part], len(dW))
        else:
            self._write_some_rows(dY, dW, number)
        if layer.bias and number == self._n_groups - 1:
            column_sums(dY, layer.gradients["bias"], self._whole[position])

    def _write_some_rows(self, dY, dW, number):
        """A part of the first weight's gradient, where the rest of the columns are zero."""
        columns, (values, rows) = self._columns, self._compact()
        part = cut(len(columns), self._n_groups)[number]
        product(values[:, part].T, dY, rows[part], len(columns))
        first = columns[part.start] if number else 0
        end = columns[part.stop] if part.stop < len(columns) else len(dW)
        dW[first:end] = 0
        dW[columns[part]] = rows[part]

    def _compact(self):
        """Room for the columns that are not zero, and for their weights or gradients."""
        n_columns, memory = len(self._columns), self._whole[0]
        values = memory.array("columns", (self._n_rows, n_columns))
        return values, memory.array("rows", (n_columns, self._layers[0].n_units))


def _go_on():
    """Nobody else is there yet."""


def is_alike(layer, n_rows, n_groups, dtype, n_features=None) -> bool:
    """Whether all products of a Dense layer, of so many features, are the same in parts."""
    d, h = n_features or layer.input_shape[0], layer.n_units
    return (
        is_same_in_parts((n_rows, d), h, n_groups, dtype)
        and is_same_in_parts((d, n_rows), h, n_groups, dtype, "A")
        and (layer.is_first or is_same_in_parts((n_rows, h), d, n_groups, dtype, "B"))
    )
