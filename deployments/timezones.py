"""The names of all time zones, looked up once in each of our processes.

Prefect looks for a schedule's zone among all there are, and reads the whole of the system's database for it: some ten
milliseconds for each schedule that server or client read, most of what watching the schedules cost.
"""

from __future__ import annotations

import functools


def remember_timezones() -> None:
    """From now on they are looked up once. What is installed later is seen by the next process."""
    from prefect._internal.schemas import validators

    look_up = vars(validators)["get_timezones"]
    if not hasattr(look_up, "cache_info"):
        vars(validators)["get_timezones"] = functools.cache(look_up)
