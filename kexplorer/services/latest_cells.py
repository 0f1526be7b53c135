"""What a table shows of a state that is a value as it was sent."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kexplorer.formats.decoded_fields import json_of
from kexplorer.model.latest import Entity

if TYPE_CHECKING:
    from kexplorer.services.schemas import Schemas


def as_shown(entity: Entity, schemas: Schemas | None) -> Entity:
    """With its state as JSON where its schema is known and all of it is there."""
    if not schemas or not entity.state or len(entity.state) < entity.size:
        return entity
    found = json_of(entity.state, schemas, entity.source.topic, key=entity.key)
    return entity if found is None else replace(entity, state=found)
