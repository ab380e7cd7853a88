"""Taking back: the latest task of a person that has an inverse, unless it was touched since."""

from dataclasses import dataclass

from manyends.protocol.ids import TurnId
from manyends.protocol.task import Call, State, Task
from manyends.skills.sdk import Where

from .core import Core
from .requests import Requests, Speaker, outcome_text


@dataclass
class Undo:
    """Runs on the serving node, which sees the tasks of all devices."""

    core: Core
    requests: Requests

    async def latest(self, speaker: Speaker, turn: TurnId) -> str:
        """Take back this speaker's latest undoable task, and say what came of it.

        Raises `ProtocolError` if the inverse can't be asked for any more.
        """
        task = self._undoable(speaker)
        if task is None:
            return "There is nothing to undo."
        assert task.result is not None
        assert task.result.inverse is not None
        call = self._aimed(task, task.result.inverse, task.result.touched)
        inverse = self.requests.task(call, speaker, turn, undoes=task.id)
        (done,) = await self.requests.run([inverse])
        return outcome_text(done)

    def _undoable(self, speaker: Speaker) -> Task | None:
        rows = self.core.store.reader.execute(
            "SELECT body FROM tasks WHERE person IS ? ORDER BY rowid DESC LIMIT 200",
            (speaker.person,),
        )
        tasks = [Task.model_validate_json(row[0]) for row in rows]
        undone = {each.undoes for each in tasks if each.state is State.SUCCEEDED}
        for task in tasks:
            undoable = task.result is not None and task.result.inverse is not None
            fresh = task.undoes is None and task.id not in undone
            if task.state is State.SUCCEEDED and undoable and fresh:
                return task
        return None

    def _aimed(self, task: Task, inverse: Call, touched: int | None) -> Call:
        """Send the inverse to where the task ran, and only if nobody touched its target since."""
        action = self.requests.registry.get(inverse.action)
        if action is None or action.where is not Where.HOME:
            return inverse.model_copy(update={"target": inverse.target or task.target})
        if touched is None:
            return inverse
        return inverse.model_copy(update={"args": {**inverse.args, "unchanged": touched}})
