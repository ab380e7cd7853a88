"""Logs: one JSON object a line on standard error, with the trace of the turn it belongs to."""

import json
import logging
import sys
import time

LEVELS = ("debug", "info", "warning", "error")


class _Lines(logging.Formatter):
    def __init__(self, node: str) -> None:
        super().__init__()
        self._node = node

    def format(self, record: logging.LogRecord) -> str:
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {
            "at": f"{at}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "node": self._node,
            "room": record.name.removeprefix("manyends."),
            "text": record.getMessage(),
        }
        trace = getattr(record, "trace", None)
        if trace:
            line["trace"] = trace
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def set_up_logs(node: str, level: str) -> None:
    """Write this process's logs for a node; others' libraries only from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines(node))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("manyends").setLevel(level.upper())
