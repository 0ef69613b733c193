"""A peephole over the layers of a network: neighbours that can be computed as one become one.

The fused layers use the parameters of the layers they stand for, under the same names, and equal
them; `Network(..., fuse=False)` computes the layers as they are written.
"""

from digit_recognizer.nn.activations import ReLU
from digit_recognizer.nn.channel_norm import ChannelNorm
from digit_recognizer.nn.normalization import BatchNorm
from digit_recognizer.nn.sweeps import Step


def fused(steps: list[Step]) -> list[Step]:
    """Replace BatchNorm, with ReLU where it follows, by a barrier that does both.

    Parameters
    ----------
    steps : list of Step
        Layers on images, with the index of their memory.

    Returns
    -------
    list of Step
    """
    result, position = [], 0
    while position < len(steps):
        layer, index = steps[position]
        position += 1
        if type(layer) is BatchNorm:
            relu = position < len(steps) and type(steps[position].layer) is ReLU
            position += relu
            layer = ChannelNorm(layer, relu)
        result.append(Step(layer, index))
    return result
