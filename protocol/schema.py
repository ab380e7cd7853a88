"""The JSON Schema of everything on the wire: `python -m manyends.protocol.schema` prints it."""

import json
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import models_json_schema

from .messages import MESSAGE, SUBPROTOCOL
from .payloads import PAYLOADS

_DEFINED = "#/$defs/{model}"


def schema() -> dict[str, Any]:
    """Return one schema that takes any message; `$defs` has every model by name.

    What an op carries is not checked by it, as its payload depends on `kind`: `x-ops` names, for
    each kind of op, the schema of its payload.
    """
    _, defined = models_json_schema(
        [(model, "validation") for model in PAYLOADS.values()], ref_template=_DEFINED
    )
    message = TypeAdapter.json_schema(MESSAGE, ref_template=_DEFINED)
    definitions = {**defined["$defs"], **message.pop("$defs")}
    for each in definitions.values():
        if "type" in each.get("properties", {}):
            each["required"] = ["type", *each.get("required", [])]
    _close(definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SUBPROTOCOL,
        "description": "Any message of the protocol; see SPEC.md",
        **message,
        "x-ops": {
            kind: {"$ref": _DEFINED.format(model=model.__name__)}
            for kind, model in sorted(PAYLOADS.items())
        },
        "$defs": dict(sorted(definitions.items())),
    }


def _close(value: Any) -> None:
    """Where keys have a pattern, let no other keys through."""
    if isinstance(value, dict):
        if "patternProperties" in value:
            value["additionalProperties"] = False
        for inner in value.values():
            _close(inner)
    elif isinstance(value, list):
        for inner in value:
            _close(inner)


def text() -> str:
    """Return the schema as it stands in `schema.json`."""
    return json.dumps(schema(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    print(text(), end="")  # noqa: T201 - it is what the module is run for
