"""The gap ledger: what a backend cannot do yet, or ever, and why. Each entry is a strict xfail.

An entry's key is the backend and the test as pytest shows it, without the file, the backend and "test_": `gradient[hypot]` is
`test_gradient` of the case `hypot`. A gap that starts to pass fails the run, so the ledger never says too much.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["notimpl", "notyet", "never"]


@dataclass(frozen=True)
class Gap:
    """Why something does not work.

    Attributes:
        kind: "notimpl" where we owe it, "notyet" where the framework does, "never" where it cannot be.
        why: The reason in a sentence.
    """

    kind: Kind
    why: str


GAPS: dict[tuple[str, str], Gap] = {
    ("tensorflow", "gradient[ctc_loss]"): Gap("notyet", "TensorFlow computes this loss in float32 only, too coarse for differences"),
}
