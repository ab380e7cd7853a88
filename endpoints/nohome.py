"""The home of a household that has none: nothing stands in it and nothing is carried out."""

from typing import Any

from manyends.skills.home.model import HomeAwayError, HomeView, Outcome


class NoHome:
    """A `HomePort` without a home behind it."""

    def view(self) -> HomeView:
        """Return an empty home."""
        return HomeView()

    async def command(
        self, device: str, action: str, args: dict[str, Any], key: str, unchanged: int | None = None
    ) -> Outcome:
        """Raise `HomeAwayError`."""
        raise HomeAwayError

    async def carried_out(self, key: str) -> Outcome | None:
        """Return None: nothing ever was."""
        return None
