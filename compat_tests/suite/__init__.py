"""Runs the tests that Keras ships in its source distribution against any package with Keras's public API.

`names.py` asks installed Keras which public object each internal name stands for; `modules.py` loads Keras's tests with those
names resolved to the public objects of the package under test; `child.py` has pytest run one file; `runner.py` runs many of
them; `report.py` compares with what Keras itself passes in the same way (`reference-*.json`) and writes docs/parity.md.
"""

VERSION = "3.15.1"  # of Keras
