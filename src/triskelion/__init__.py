"""Local refinement of flexible complexes in cryo-EM: ``import triskelion as tk; tk.Project("folder")``."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Fetch ``Project`` when it is first asked for, so that importing the package costs nothing."""
    if name == "Project":
        return import_module("triskelion.api").Project
    raise AttributeError(f"module 'triskelion' has no attribute {name!r}")
