"""The one way to read a number that somebody else wrote. Pure."""

from __future__ import annotations

#: No port, width, limit or count that means something has more digits.
_MOST_DIGITS = 15


def whole_number(text: str, *, least: int = 0, most: int = 10**_MOST_DIGITS) -> int | None:
    """The number that ASCII digits say; None for anything else, and for one beyond the bounds.

    `str.isdigit` holds for "²", which `int` refuses, as it does a number of 5,000 digits.
    """
    if not (text.isascii() and text.isdigit()) or len(text.lstrip("0")) > _MOST_DIGITS:
        return None
    number = int(text[-_MOST_DIGITS:])
    return number if least <= number <= most else None
