"""Arithmetic without ``eval``: a parsed expression of which only known operators are worked out."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping

from adaptkit.strategies.tools.tool import Tool, object_schema

Number = int | float
MAX_CHARS = 400
MAX_DEPTH = 200
LARGEST = 10**300
MAX_EXPONENT = 1000
DIGITS = 12

_OPERATORS: Mapping[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_SIGNS = str.maketrans({"\u00d7": "*", "\u00f7": "/", "\u2212": "-", "\u2013": "-", "^": "**", "$": " "})
_THOUSANDS = re.compile(r"(?<![\d.])\d{1,3}(?:,\d{3})+(?![\d,])")
_TIMES = re.compile(r"(?<=[\d)])\s*[xX]\s*(?=[\d(])")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%(?!\s*[\d(])")

_NUMBER = r"[0-9]{1,12}(\.[0-9]{1,8})?"
# Brackets, then numbers with operators between them; eight of these at most, or a small model never ends.
_EXPRESSION = rf"(\( ?)*-?{_NUMBER}( ?\))*( ?(\+|-|\*|/|%|\*\*|//) ?(\( ?)*-?{_NUMBER}( ?\))*){{0,8}}"


def calculator() -> Tool:
    """Plain arithmetic on numbers of any sensible size; nothing else."""
    described = {"type": "string", "description": "numbers with + - * / and brackets"}
    return Tool(
        name="calculator",
        description="Works out an arithmetic expression.",
        parameters=object_schema({"expression": described}),
        held_to=object_schema({"expression": {"type": "string", "pattern": f"^{_EXPRESSION}$"}}),
        run=calculate,
        spec="calculator",
    )


def calculate(expression: str) -> str:
    """Work out an expression.

    Thousands separators, a dollar sign, ``x`` between numbers, ``^`` for a power, a percent sign after a
    number, and what follows an equals sign (``2 + 3 = 5``) are understood as people write them.

    Returns:
        The value; a whole number without a point, others rounded to 12 digits.

    Raises:
        ValueError: no arithmetic, or too large.
        ZeroDivisionError: a division by zero.

    Examples:
        >>> calculate("(3 + 4) * 2"), calculate("1,200 / 5"), calculate("0.1 + 0.2"), calculate("14 / 2 = ")
        ('14', '240', '0.3', '7')
    """
    if len(expression) > MAX_CHARS:
        raise ValueError(f"The expression has more than {MAX_CHARS} characters.")
    text = expression.partition("=")[0].translate(_SIGNS)
    text = _TIMES.sub("*", text)
    text = _PERCENT.sub(r"(\1/100)", _THOUSANDS.sub(lambda m: m[0].replace(",", ""), text))
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ValueError(
            f"'{expression}' is no arithmetic. Write numbers with + - * / and brackets."
        ) from None
    return _written(_value(tree.body, 0))


def _value(node: ast.expr, depth: int) -> Number:
    if depth > MAX_DEPTH:
        raise ValueError("The expression is nested too deeply.")
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return _sensible(number)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, depth + 1)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand, depth + 1)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(_value(left, depth + 1), _value(right, depth + 1))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _sensible(_OPERATORS[type(op)](_value(left, depth + 1), _value(right, depth + 1)))
    raise ValueError(f"'{ast.unparse(node)}' is no arithmetic. Write numbers with + - * / and brackets.")


def _power(base: Number, exponent: Number) -> Number:
    # Bounded before it is worked out: 9**9**9 has 370 million digits.
    if abs(exponent) > MAX_EXPONENT or (base and abs(exponent * math.log10(abs(base))) > 300):
        raise ValueError("The power is too large.")
    value = base**exponent
    if isinstance(value, complex):
        raise ValueError("The root of a negative number is no number here.")
    return _sensible(value)


def _sensible(number: Number) -> Number:
    if not abs(number) <= LARGEST:  # not a number is not at most this either
        raise ValueError("The number is too large.")
    return number


def _written(number: Number) -> str:
    if isinstance(number, float) and number.is_integer() and abs(number) < 10**15:
        number = int(number)
    return str(number) if isinstance(number, int) else f"{number:.{DIGITS}g}"
