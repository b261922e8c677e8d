"""What can be asked of a lamp."""

from __future__ import annotations

import time
from datetime import timedelta

from lamp.system import Lamp

from tasks.check import check
from tasks.model import Finding, Refused, Threshold, Verdict

HEAT = Threshold(warn=60, bad=90, because="The shade browns at 90 °C (its maker's leaflet).")


@check
def check_lamp_is_lit(lamp: Lamp) -> Finding:
    """Is the lamp lit?"""
    state = lamp.state()
    lamp.happened("asked")
    if state["lit"] is None:
        return Finding.unknown("It is too bright to see.", remedy="Close the curtains.")
    verdict = Verdict.OK if state["lit"] else Verdict.BAD
    label = str(state.get("label", ""))
    return Finding(
        verdict=verdict,
        says=f"The lamp is {'on' if state['lit'] else 'off'}.{label}",
        facts={"label": label},
        rows=[{"label": label}] if label else [],
    )


@check
def check_lamp_heat(lamp: Lamp, heat: Threshold = HEAT) -> Finding:
    """Is the lamp cool enough to touch?"""
    lamp.wait_at("the thermometer")
    degrees = float(lamp.state().get("heat", 20))
    return Finding(
        verdict=heat.judge(degrees),
        says=f"The lamp has {degrees:.0f} °C (bad from {heat.bad:.0f} °C).",
        value=degrees,
        unit="°C",
    )


@check(limit=timedelta(seconds=3), retries=0)
def check_lamp_answers(lamp: Lamp) -> Finding:
    """Does the lamp answer in time?

    Told to, it hangs or crashes instead: that is what it is for.
    """
    trouble = lamp.state().get("trouble")
    if trouble == "hangs":
        time.sleep(60)
    if trouble == "refuses":
        raise Refused(f"The lamp says no.{lamp.state().get('label', '')}", remedy=f"Ask{lamp.state().get('label', '')}")
    if trouble == "crashes":
        raise ZeroDivisionError(f"no current{lamp.state().get('label', '')}")
    return Finding(verdict=Verdict.OK, says="The lamp answers.")
