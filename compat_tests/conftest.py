"""What all parity tests share: the reference on torch, every backend in turn, and the gap ledger."""

import os

os.environ["KERAS_BACKEND"] = "torch"  # the reference's; ours is chosen by the fixture below
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import pytest

from compat_tests.gaps import GAPS
from kerastorch import backend_registry


@pytest.fixture(params=list(backend_registry.BUILT_IN))
def backend(request):
    """Each backend in turn, made the active one."""
    if not backend_registry.installed(request.param):
        pytest.skip(f"the framework of the {request.param} backend is not installed")
    with backend_registry.using(request.param) as chosen:
        yield chosen


def pytest_collection_modifyitems(items):
    """Marks the tests that the gap ledger names."""
    for item in items:
        params = getattr(getattr(item, "callspec", None), "params", {})
        case = getattr(params.get("case"), "id", None)
        gap = (
            GAPS.get((params.get("backend", ""), f"{item.originalname.removeprefix('test_')}[{case}]"))
            if case
            else None
        )
        if gap is not None:
            item.add_marker(pytest.mark.xfail(strict=True, reason=f"{gap.kind}: {gap.why}"))


@pytest.fixture(autouse=True)
def default_backend_as_before():
    """Tests that choose another default backend leave none behind."""
    before = backend_registry.default_name()
    yield
    backend_registry.set_default(before)
