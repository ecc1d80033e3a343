"""Parity with reference Keras: the same calls on both, on every backend."""
