"""Whole numbers as the wire knows them: such as every language and every store can hold."""

from typing import Annotated

from pydantic import Field

GREATEST = 2**53 - 1
"""The greatest whole number that JSON carries unharmed through every language."""

Count = Annotated[int, Field(strict=True, ge=0, le=GREATEST)]
"""A number of things, or a version."""

Place = Annotated[int, Field(strict=True, ge=1, le=GREATEST)]
"""A place in a row that begins with 1."""

Whole = Annotated[int, Field(strict=True, ge=-GREATEST, le=GREATEST)]
"""Any whole number."""

Millis = Annotated[int, Field(strict=True, ge=0, le=GREATEST)]
"""Wall milliseconds since 1970."""

Flag = Annotated[bool, Field(strict=True)]
"""Yes or no, and nothing that could be taken for it."""
