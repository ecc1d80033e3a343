"""Cases of the layers that join inputs, and of normalization."""

import numpy as np

from compat_tests.cases.layer_case import Case

TWO, STEPS = [(3, 4), (3, 4)], [(3, 4, 2), (3, 4, 2)]
MASKS = [(3, 4), (3, 4)]
IMAGE = (4, 3, 2, 6)


def normalized(x, gamma):
    """Layer normalization over the axis 1."""
    centred = x - x.mean(1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(1, keepdims=True) + 1e-3) * gamma[:, None]


CASES = [
    Case("Add", TWO),
    Case("Add", [(3, 4), (3, 1), (3, 4)], note="broadcast"),
    Case("Add", [(3, 2, 4), (3, 4)], note="ranks"),
    Case("Add", STEPS, mask=MASKS, unknown=(1,)),
    Case("Add", STEPS, mask=[(3, 4), None], note="one"),
    Case("Subtract", TWO),
    Case("Average", [(3, 4)] * 3),
    Case("Multiply", TWO),
    Case("Multiply", STEPS, mask=MASKS),
    Case("Multiply", STEPS, mask=[(3, 4), None], note="one"),
    Case("Maximum", [(3, 4)] * 3),
    Case("Maximum", STEPS, mask=MASKS),
    Case("Minimum", TWO),
    Case("Minimum", STEPS, mask=MASKS),
    Case("Concatenate", TWO),
    Case("Concatenate", [(3, 4, 2), (3, 5, 2)], {"axis": 1}, unknown=(1,)),
    Case("Concatenate", [(3, 4, 2), (3, 5, 2)], {"axis": 1}, mask=[(3, 4), (3, 5)]),
    Case("Concatenate", [(3, 4, 2), (3, 4, 3)], mask=[None, (3, 4)]),
    Case("Dot", TWO, {"axes": 1}),
    Case("Dot", TWO, {"axes": -1, "normalize": True}),
    Case("Dot", [(2, 3, 5), (2, 10, 3)], {"axes": (1, 2)}),
    Case("Dot", [(2, 3, 5), (2, 5)], {"axes": (2, 1)}),
    Case("Dot", [(2, 3, 5), (2, 5, 4)], {"axes": [2, 1], "normalize": True}),
    Case("BatchNormalization", (6, 5)),
    Case("BatchNormalization", IMAGE, {"momentum": 0.8, "epsilon": 1e-2}, unknown=(1, 2)),
    Case("BatchNormalization", IMAGE, {"axis": 1, "scale": False}),
    Case("BatchNormalization", (6, 5, 4), {"center": False, "gamma_regularizer": "l2"}),
    Case("BatchNormalization", (6, 5, 4), mask=(6, 5), tolerance=(1e-4, 1e-5)),
    Case("BatchNormalization", (6, 5), {"trainable": False}),
    Case("BatchNormalization", (6, 5), {"renorm": True, "renorm_momentum": 0.9, "scale": False}),
    Case("BatchNormalization", IMAGE, {"renorm": True, "renorm_clipping": {"rmax": 1.2, "rmin": 0.8, "dmax": 0.5}}),
    Case("LayerNormalization", (3, 5)),
    Case("LayerNormalization", (3, 4, 5), {"axis": [1, 2], "epsilon": 1e-5}),
    Case(
        "LayerNormalization", (3, 4, 5), {"axis": 1, "center": False}, expected=normalized
    ),  # on torch the reference raises
    Case("LayerNormalization", (3, 4, 5), {"scale": False, "beta_regularizer": "l2"}, mask=(3, 4), unknown=(1,)),
    Case("LayerNormalization", (3, 4, 5), {"rms_scaling": True}),
    Case("GroupNormalization", IMAGE, {"groups": 3}, tolerance=(1e-4, 1e-5)),
    Case("GroupNormalization", IMAGE, {"groups": -1, "axis": -1, "center": False}, tolerance=(1e-4, 1e-5)),
    Case("GroupNormalization", (4, 6, 3, 2), {"groups": 2, "axis": 1}, tolerance=(1e-4, 1e-5)),
    Case("RMSNormalization", (3, 5)),
    Case("RMSNormalization", (3, 4, 5), {"axis": [1, 2]}),
    Case("UnitNormalization", (3, 5)),
    Case("UnitNormalization", (3, 4, 5), {"axis": [1, 2]}),
]
