"""Native lowerings: from a layer class to the function that gives its module of torch's, or None where the options need ops."""

from kerastorch.backends.torch.layers import convolution, core, normalization, pooling, recurrent

LAYERS = {**core.LAYERS, **convolution.LAYERS, **pooling.LAYERS, **normalization.LAYERS, **recurrent.LAYERS}
