"""Status pages as JSON Schema. Pure."""

from heartbeat.definitions import entry
from heartbeat.definitions import schema_values as values

COMPONENT = values.mapping(
    "One row of a status page.",
    {
        "name": values.text("Its name for customers.", entry.MAX_NAME),
        "match": values.labels("It shows the checks with all of these labels.") | {"minProperties": 1},
        "description": {
            "type": "string",
            "maxLength": entry.MAX_DESCRIPTION,
            "description": "More about it, in a sentence or two.",
        },
        "showcase": {"type": "boolean", "description": "Passed on in the JSON documents: true by default."},
        "silent_means": {
            "enum": ["delayed", "not working"],
            "description": "What customers read while all of its checks are down: delayed by default.",
        },
        "progress": values.name("The check whose progress it shows, such as that of a long repair."),
        "progress_says": values.text(
            "What customers read before it, such as Resets are catching up: Under way by default.",
            entry.MAX_NAME,
        ),
    },
    ("name", "match"),
)

GROUP = values.mapping(
    "Rows under one heading.",
    {
        "name": values.text("Its name for customers.", entry.MAX_NAME),
        "description": values.paragraphs("More about it, in a sentence or two."),
        "components": values.array("Its rows.", entry.MAX_COMPONENTS, "component"),
    },
    ("name", "components"),
)

_PLACE = {"type": ["string", "number", "boolean"], "minLength": 1, "maxLength": entry.MAX_LABEL_VALUE}

REGIONS = values.mapping(
    "Columns of places, for rows that work in some and fail in others.",
    {
        "label": {
            "type": "string",
            "pattern": f"^{entry.LABEL}$",
            "description": "The label whose values are places.",
        },
        "columns": {
            "oneOf": [
                {"type": "array", "minItems": 1, "maxItems": entry.MAX_REGIONS, "items": _PLACE},
                {
                    "type": "object",
                    "minProperties": 1,
                    "maxProperties": entry.MAX_REGIONS,
                    "additionalProperties": {"type": "string", "minLength": 1, "maxLength": entry.MAX_NAME},
                },
            ],
            "description": "Values of that label: a list, or a mapping to places as customers read them.",
        },
    },
    ("label", "columns"),
)

STATUS_PAGE = values.mapping(
    "A public page.",
    {
        "title": values.text("Its heading.", entry.MAX_NAME),
        "description": values.paragraphs("The text under the heading."),
        "url": {"type": "string", "description": "The address behind the heading and the logo."},
        "support": {"type": "string", "description": "The address for help: https://… or mailto:…."},
        "timezone": values.ZONE,
        "logo": {"type": "string", "description": "A path, or data:image/png;base64,…."},
        "publish": {
            "enum": ["by hand", "automatically"],
            "description": "Whether a human or the service announces an incident: a human by default.",
        },
        "regions": REGIONS,
        "components": values.array("Its rows.", entry.MAX_COMPONENTS, "component"),
        "groups": values.array("Its rows, under headings.", entry.MAX_GROUPS, "group"),
    },
    ("title",),
    anyOf=[{"required": ["components"]}, {"required": ["groups"]}],
)
