"""What all sections of the settings have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Refuses unknown names, and can't be changed once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)
