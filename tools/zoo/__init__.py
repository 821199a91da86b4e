"""Models of many families, small, with random weights: what is read of PyTorch's exports is tried on them.

Each table names a model: its module, its inputs (or a pair of inputs and keyword inputs), its dynamic shapes, and
whether it is exported in training mode. `tools/make_models.py` exports them, `tools/test_models.py` tries them.
"""
