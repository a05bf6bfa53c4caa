# SPDX-License-Identifier: BSD-2-Clause
"""A program in Python whose name has no .py, as a module."""

import importlib.machinery
import importlib.util


def load(name, path):
    """A new one each time."""
    spec = importlib.util.spec_from_loader(
        name, importlib.machinery.SourceFileLoader(name, path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
