"""What can be asked of a lamp that nobody complains about."""

from __future__ import annotations

from lamp.system import Lamp

from tasks.check import check
from tasks.model import Finding, Threshold, Verdict

DUST = Threshold(warn=1, bad=4, because="Four dusty shades smell (the room's own nose).")


@check
def check_lamp_dust(lamp: Lamp, dusty: Threshold = DUST) -> Finding:
    """Are the shades free of dust?"""
    shades = lamp.state().get("dusty", [])
    return Finding(
        verdict=dusty.judge(len(shades)), says=f"{len(shades)} shades are dusty.", value=len(shades), unit="shades"
    )


@check
def check_bulb_is_fitted(lamp: Lamp, bulb: str = "") -> Finding:
    """Is the bulb in?"""
    fitted = lamp.state().get("fitted")
    verdict = Verdict.OK if fitted == bulb else Verdict.BAD
    return Finding(verdict=verdict, says=f"The bulb {fitted} is in, {bulb} is wanted.")
