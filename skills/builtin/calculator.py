"""Sums."""

from typing import Annotated

from pydantic import Field

from manyends.protocol.errors import ErrorCode
from manyends.protocol.task import Effect, Result, Risk

from ..arithmetic import LONGEST, SumError, spoken
from ..arithmetic import compute as work_out
from ..sdk import ReadContext, action

Expression = Annotated[str, Field(max_length=LONGEST, description='as "12 * 7" or "15% of 80"')]


@action("calculator.compute", risk=Risk.READ, effect=Effect.STORED)
def compute(context: ReadContext, expression: Expression) -> Result:
    """Work out a sum."""
    try:
        value = work_out(expression)
    except SumError as error:
        return Result(text=str(error), error=ErrorCode.BAD_MESSAGE)
    said = spoken(value)
    return Result(text=f"That is {said}.", data={"value": said})
