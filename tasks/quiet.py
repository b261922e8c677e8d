"""Quiet hours: when what can wait wakes nobody."""

from __future__ import annotations

from datetime import time
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class QuietHours(BaseModel):
    """Every day from `start` for `hours`, on the environment's clock."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: time
    hours: Annotated[float, Field(gt=0, lt=24)]
