"""The brain: a node that also answers open questions and keeps the audit record."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from manyends.endpoints.node import Node
from manyends.endpoints.undo import Undo
from manyends.models.open import open_engine
from manyends.protocol.io.clock import Clock
from manyends.protocol.io.folder import NodeConfig, StateFolder
from manyends.protocol.io.lines import Emit, Event

from . import audit
from .answers import Answers


class Brain:
    """The node, and what only the brain adds to it."""

    def __init__(self, folder: StateFolder, config: NodeConfig, clock: Clock, models: Path) -> None:
        """Put it together; `models` is where model files lie. Raises as `Node` does, and
        `ModelError` for a model that the catalogue doesn't know."""
        self.engine = open_engine(config.model, models)
        self.node = node = Node(folder, config, clock)
        self.answers = Answers(
            node.core,
            node.network,
            node.reflex,
            node.requests,
            Undo(node.core, node.requests),
            node.home,
            self.engine,
            node.conversation.on_delta,
        )
        node.reactions["turn.asked"] = self.answers.on_asked
        node.core.replica.witnesses.append(audit.record)
        node.more_requests |= {
            "audit_verify": self._audit_verify,
            "audit_show": self._audit_show,
            "model": self._model,
        }

    async def run(self, stop: asyncio.Event, ready: Callable[[], None] = lambda: None) -> None:
        """Run until `stop` is set, as the node does."""

        def begin() -> None:
            self.answers.recover()
            ready()

        try:
            await self.node.run(stop, begin)
        finally:
            if self.engine is not None:
                await self.engine.close()

    async def _audit_verify(self, request: Event, emit: Emit) -> Event:
        verdict = audit.verify(self.node.core.store.reader)
        return {"ok": verdict.ok, "entries": verdict.entries, "reason": verdict.reason}

    async def _audit_show(self, request: Event, emit: Emit) -> Event:
        limit = int(request.get("limit", 50))
        return {"entries": audit.entries(self.node.core.store.reader, limit)}

    async def _model(self, request: Event, emit: Emit) -> Event:
        engine = self.engine
        if engine is None:
            return {"name": "none", "loaded": False, "memory_bytes": 0}
        return {
            "name": engine.name,
            "loaded": engine.loaded,
            "memory_bytes": engine.memory_bytes,
        }
