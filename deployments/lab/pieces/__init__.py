"""What the lab is made of, one module a piece, each with the lines it adds to the lab's environment."""

from __future__ import annotations

import pkgutil
from graphlib import TopologicalSorter
from importlib import import_module

from deployments.lab.piece import Piece


def found() -> dict[str, Piece]:
    """All pieces by their names: each after those whose ports it uses, else by name. They stop in reverse order."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    pieces: dict[str, Piece] = {name: import_module(f"{__name__}.{name}").PIECE for name in names}
    owner = {port: name for name, piece in pieces.items() for port in piece.ports}
    order = TopologicalSorter({name: [owner[port] for port in piece.uses] for name, piece in pieces.items()})
    return {name: pieces[name] for name in order.static_order()}
