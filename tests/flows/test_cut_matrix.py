"""Wherever the journal is cut off, the incident stops: nothing is done without a record. Another life ends it."""

from __future__ import annotations

import pytest

from tests.flows.lives import Blow
from tests.flows.matrix import TWO_STEPS, World, one_side, strike

pytestmark = pytest.mark.strict("Cuts the journal off at each of forty moments; test_survival does at one.")


def test_it_stops_and_goes_on_later_wherever_its_journal_is_cut_off(world: World) -> None:
    strike(world, TWO_STEPS, one_side(world.points(TWO_STEPS)), Blow.CUT)
