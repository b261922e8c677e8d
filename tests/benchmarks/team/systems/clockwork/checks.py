"""Six questions to a clockwork."""

from __future__ import annotations

from clockwork.system import Clockwork

from tasks.check import check
from tasks.model import Finding


@check
def check_first(clockwork: Clockwork) -> Finding:
    """Does the first wheel turn?"""
    return clockwork.answer()


@check
def check_second(clockwork: Clockwork) -> Finding:
    """Does the second wheel turn?"""
    return clockwork.answer()


@check
def check_third(clockwork: Clockwork) -> Finding:
    """Does the third wheel turn?"""
    return clockwork.answer()


@check
def check_fourth(clockwork: Clockwork) -> Finding:
    """Does the fourth wheel turn?"""
    return clockwork.answer()


@check
def check_fifth(clockwork: Clockwork) -> Finding:
    """Does the fifth wheel turn?"""
    return clockwork.answer()


@check
def check_sixth(clockwork: Clockwork) -> Finding:
    """Does the sixth wheel turn?"""
    return clockwork.answer()
