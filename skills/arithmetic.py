"""Works out a sum in words or signs, exactly where that can be, with no more work than allowed.

sum    := product (("+" | "-") product)*
product := signed (("*" | "/") signed)*
signed := ("-" | "+" | "sqrt") signed | power
power  := value "%"* ("**" signed)?          value := number | "(" sum ")"
"""

import math
import re
from fractions import Fraction

from .phrases import in_digits

LONGEST = 200
"""Characters of a sum."""
_BITS = 4096
"""Size of the numerator and denominator of a power."""

_WORDS = [
    (re.compile(pattern), sign)
    for pattern, sign in (
        (r"\bsquare root of\b|\u221a", " sqrt "),
        (r"\b(?:to the power of|raised to)\b|\^", "**"),
        (r"\bsquared\b", "**2"),
        (r"\bcubed\b", "**3"),
        (r"\bhalf of\b", "0.5*"),
        (r"\b(?:percent|per cent)\b", "%"),
        (r"\b(?:multiplied by|times|of)\b|\u00d7|(?<=[\d)]) *x *(?=[\d(])", "*"),
        (r"\bdivided by\b|\bover\b|\u00f7", "/"),
        (r"\bplus\b", "+"),
        (r"\bminus\b|\u2212", "-"),
        (r"(?<=\d),(?=\d{3}\b)", ""),
    )
]
_TOKEN = re.compile(r"\s*(\d+(?:\.\d+)?|\.\d+|\*\*|sqrt|[-+*/()%])")


class SumError(ValueError):
    """The sum can't be worked out; the text says why."""


def compute(text: str) -> Fraction:
    """Return the value of a sum; a root that has no exact one is as near as a float.

    Raises `SumError` for no sum, a division by zero, or a number that would be too big.
    """
    if len(text) > LONGEST:
        raise SumError("That sum is too long for me.")
    words = in_digits(text.lower()).strip(" =?")
    for pattern, sign in _WORDS:
        words = pattern.sub(sign, words)
    tokens: list[str] = []
    at = 0
    while found := _TOKEN.match(words, at):
        tokens.append(found[1])
        at = found.end()
    if words[at:].strip() or not tokens:
        raise SumError("I can't read that as a sum.")
    parser = _Parser(tokens)
    value = parser.sum()
    if parser.tokens:
        raise SumError("I can't read that as a sum.")
    return value


class _Parser:
    """Recursive descent over the tokens that are left; the length of a sum bounds its depth."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens[::-1]

    def _take(self, *wanted: str) -> str | None:
        return self.tokens.pop() if self.tokens and self.tokens[-1] in wanted else None

    def sum(self) -> Fraction:
        value = self.product()
        while sign := self._take("+", "-"):
            value += self.product() if sign == "+" else -self.product()
        return value

    def product(self) -> Fraction:
        value = self.signed()
        while sign := self._take("*", "/"):
            other = self.signed()
            if sign == "/" and not other:
                raise SumError("Nothing can be divided by zero.")
            value = value * other if sign == "*" else value / other
        return value

    def signed(self) -> Fraction:
        match self._take("-", "+", "sqrt"):
            case "-":
                return -self.signed()
            case "+":
                return self.signed()
            case "sqrt":
                return _power(self.signed(), Fraction(1, 2))
        return self.power()

    def power(self) -> Fraction:
        value = self.value()
        while self._take("%"):
            value /= 100
        return _power(value, self.signed()) if self._take("**") else value

    def value(self) -> Fraction:
        if self._take("("):
            value = self.sum()
            if not self._take(")"):
                raise SumError("A bracket is not closed.")
            return value
        if not self.tokens or not self.tokens[-1][-1].isdigit():
            raise SumError("I can't read that as a sum.")
        return Fraction(self.tokens.pop())


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if not base and exponent < 0:
        raise SumError("Nothing can be divided by zero.")
    if exponent.denominator == 1:
        bits = max(base.numerator.bit_length(), base.denominator.bit_length())
        if abs(exponent) > _BITS or bits * abs(exponent) > _BITS:
            raise SumError("That number is too big for me.")
        return base ** int(exponent)
    if base < 0:
        raise SumError("A negative number has no such root.")
    if exponent == Fraction(1, 2):
        root = Fraction(math.isqrt(base.numerator), math.isqrt(base.denominator))
        if root * root == base:
            return root
    try:
        return Fraction(float(base) ** float(exponent))
    except OverflowError:
        raise SumError("That number is too big for me.") from None


def spoken(value: Fraction) -> str:
    """Say a value: whole or with up to six decimals; "about" where that is not exact."""
    if abs(value) >= 10**15 or 0 < abs(value) < Fraction(1, 10**6):
        return f"about {_scientific(value)}"
    rounded = round(value, 6)
    text = f"{abs(rounded.numerator * (10**6 // rounded.denominator)):07}"
    text = f"{text[:-6]}.{text[-6:]}".rstrip("0").rstrip(".")
    sign = "minus " if rounded < 0 else ""
    return f"{sign}{text}" if rounded == value else f"about {sign}{text}"


def _scientific(value: Fraction) -> str:
    """Write three digits and a power of ten, also where a float would overflow."""
    size = abs(value)
    power = len(str(size.numerator)) - len(str(size.denominator))
    power -= size < Fraction(10) ** power
    digits = float(size / Fraction(10) ** power)
    return f"{'minus ' if value < 0 else ''}{digits:.2f} times 10 to the power of {power}"
