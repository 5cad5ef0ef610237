"""The values of heartbeat.yaml as JSON Schema: names, durations, labels, lists and objects. Pure."""

from datetime import timedelta
from typing import Any

from heartbeat import duration
from heartbeat.definitions import entry

Schema = dict[str, Any]
ZONE = {"type": "string", "examples": ["UTC", "Europe/London"], "description": "An IANA time zone."}
INSTANT = {"type": "string", "format": "date-time", "maxLength": 100}


def text(description: str, limit: int) -> Schema:
    return {"type": "string", "minLength": 1, "maxLength": limit, "description": description}


def name(description: str) -> Schema:
    return {"type": "string", "pattern": f"^{entry.SLUG}$", "description": description}


def names(description: str, limit: int, pattern: str) -> Schema:
    name = {"type": "string", "pattern": f"^{pattern}$"}
    many = {"type": "array", "items": name, "maxItems": limit, "uniqueItems": True}
    return {"oneOf": [name, many], "description": description}


def length(description: str, default: timedelta | None = None) -> Schema:
    if default is not None:
        description += f": {duration.written(default)} by default."
    return {"type": "string", "pattern": f"^{duration.PATTERN}$", "description": description}


def array(description: str, limit: int, item: str) -> Schema:
    items = {"$ref": f"#/$defs/{item}"}
    return {"type": "array", "minItems": 1, "maxItems": limit, "items": items, "description": description}


def section(description: str, limit: int, item: Schema, pattern: str = entry.SLUG) -> Schema:
    return {
        "type": ["object", "null"],
        "maxProperties": limit,
        "propertyNames": {"pattern": f"^{pattern}$"},
        "additionalProperties": item,
        "description": description,
    }


def mapping(description: str, properties: Schema, required: tuple[str, ...] = (), **more: Any) -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "required": list(required),
        "description": description,
        **more,
    }


def paragraphs(description: str) -> Schema:
    return {"type": "string", "maxLength": entry.MAX_DESCRIPTION, "description": description}


def labels(description: str) -> Schema:
    # Whatever an editor takes for a number or a truth is read as the text that stands there.
    value = {"type": ["string", "number", "boolean"], "minLength": 1, "maxLength": entry.MAX_LABEL_VALUE}
    return section(description, entry.MAX_LABELS, value, entry.LABEL) | {"type": "object"}


def reference(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}
