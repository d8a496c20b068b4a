"""Numerals: numbers as people read them, with a true minus sign and no more digits than count."""

import math

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def numeral(value: float | None, digits: int = 4) -> str:
    """The number with this many digits that count; a dash where there is none."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    size = abs(value)
    if size and (size >= 1e7 or size < 10.0**-digits):
        mantissa, power = f"{value:.{digits - 2}e}".split("e")
        if float(mantissa) == round(float(mantissa)):
            mantissa = f"{float(mantissa):.0f}"
        return f"{mantissa} × 10{str(int(power)).translate(_SUPERSCRIPT)}".replace("-", "−")
    decimals = max(0, digits - 1 - (math.floor(math.log10(size)) if size else digits))
    text = f"{value:,.{decimals}f}"
    if float(value) == round(value):
        text = f"{value:,.0f}"
    return "0" if float(text.replace(",", "")) == 0 else text.replace("-", "−")


def fixed(value: float, decimals: int) -> str:
    """The number with these decimals; very large and very small ones with a power of ten."""
    if decimals > 6 or abs(value) >= 1e9:
        return numeral(value)
    rounded = round(value, decimals) + 0.0  # no minus before 0
    return f"{rounded:,.{decimals}f}".replace("-", "−")


def decimals_worth(width: float) -> int:
    """The decimals that a number is worth whose interval is so wide: two digits of the width."""
    return max(0, 1 - math.floor(math.log10(width)))


def share(value: float | None) -> str:
    """A share as a percentage: 98.2 %, 0.3 %, 100 %."""
    if value is None:
        return "–"
    percent = 100 * value
    text = f"{percent:.1f}".removesuffix(".0")
    if text == "100" and percent < 100:
        text = "over 99.9"
    return f"{text} %".replace("-", "−")


def amount(number: int, noun: str, plural: str = "") -> str:
    """A number of things: 1 row, 12,000 rows."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def listed(words: list[str]) -> str:
    """a, b and c."""
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def significant_steps(low: float, high: float, about: int) -> list[float]:
    """Round numbers from low to high, around so many: multiples of 1, 2, 2.5 or 5 times a power
    of ten.
    """
    span = high - low
    if not (math.isfinite(span) and span > 0):
        return [low]
    rough = span / max(1, about)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [i * step for i in range(first, last + 1)]


def tick_labels(ticks: list[float], are_years: bool = False) -> list[str]:
    """The ticks with the decimals that tell them apart; thousands and millions as k and m."""
    if are_years:
        return [f"{tick:.2f}".rstrip("0").rstrip(".") for tick in ticks]
    largest = max(map(abs, ticks), default=0.0)
    step = ticks[1] - ticks[0] if len(ticks) > 1 else largest or 1.0
    if largest and (largest >= 1e10 or largest < 1e-4):
        digits = 3
        while len(set(labels := [numeral(tick, digits) for tick in ticks])) < len(ticks):
            digits += 1  # 17 digits tell any two floats apart
        return labels
    factor, unit = next(
        ((f, u) for f, u in ((1e9, "bn"), (1e6, "m"), (1e4, "k")) if largest >= f), (1.0, "")
    )
    factor = 1e3 if unit == "k" else factor
    decimals = max(0, -math.floor(math.log10(step / factor) + 1e-9))
    if abs(step / factor * 10**decimals - round(step / factor * 10**decimals)) > 1e-6:
        decimals += 1
    return [
        "0" if tick == 0 else f"{tick / factor:,.{decimals}f}{unit}".replace("-", "−")
        for tick in ticks
    ]
