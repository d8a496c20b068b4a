"""A reader of pages: it recomputes with a calculator's means what stands there.

It knows nothing of traces: it sees `a = tanh(-0.55085) = -0.50116` and rows such as
`0 length -0.52192 · 0.87754 = -0.45801`, and does the sums.
"""

import math
import re

NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]\d+)?"
ROW = re.compile(rf".*[^-+=·( ] +({NUMBER}) +· +({NUMBER}) += +({NUMBER})$")
"""The row of a table: a name, two factors and their product."""
LAST = re.compile(rf"({NUMBER})$")
RULE = re.compile(rf".*dJ/dw = delta · x = \(?({NUMBER})\)? · x;  new w = (.*)")
PLAIN = re.compile(rf"old w - ({NUMBER}) · dJ/dw")
WEIGHT = re.compile(rf" *\S.* +({NUMBER}) +({NUMBER}) +({NUMBER}) +({NUMBER})$")
TOTAL = re.compile(rf"their sum = ({NUMBER})$")
FUNCTIONS = {
    "exp": math.exp,
    "tanh": math.tanh,
    "log": math.log,
    "sqrt": math.sqrt,
    "abs": abs,
    "__builtins__": {},
}


def value_of(text):
    """What a formula with numbers comes to; None if it has symbols in it."""
    text = re.sub(rf"e\^({NUMBER})", r"exp(\1)", text)
    text = re.sub(rf"√({NUMBER})", r"sqrt(\1)", text).replace("√(", "sqrt(")
    text = re.sub(r"\|([^|]*)\|", r"abs(\1)", text)
    text = re.sub(r"\bln\(", "log(", text)
    text = text.replace("·", "*").replace("²", "**2").replace("^", "**")
    try:
        return float(eval(text, dict(FUNCTIONS)))
    except (NameError, SyntaxError, TypeError):
        return None


def last_place(text):
    """What one step of the last written digit is worth."""
    mantissa, _, exponent = text.partition("e")
    decimals = len(mantissa.partition(".")[2])
    return 10.0 ** (int(exponent or 0) - decimals)


def agrees(found, text):
    """Whether a number is written as this text, but for a rounding exactly in the middle."""
    return abs(found - float(text)) <= 0.5001 * last_place(text)


def disagreements(lines):
    """Every equation, product and sum of a page that does not hold to the last written digit."""
    wrong, checked, terms, delta, rate = [], 0, [], None, None
    for line in map(without_note, joined(lines)):
        if rule := RULE.fullmatch(line):
            delta = float(rule[1])
            plain = PLAIN.fullmatch(rule[2])
            rate = float(plain[1]) if plain else None
        elif delta is not None and (row := WEIGHT.fullmatch(line)):
            x, g, old, new = row.groups()
            checked += 1
            if not agrees(delta * float(x), g):
                wrong.append((line, delta * float(x)))
            if rate is not None and not agrees(float(old) - rate * float(g), new):
                wrong.append((line, float(old) - rate * float(g)))
        elif total := TOTAL.search(line):
            checked += 1
            if terms and not agrees(math.fsum(terms), total[1]):
                wrong.append((line, math.fsum(terms)))
            terms = []
        elif product := ROW.fullmatch(line):
            checked += 1
            terms.append(float(product[3]))
            if not agrees(float(product[1]) * float(product[2]), product[3]):
                wrong.append((line, float(product[1]) * float(product[2])))
        elif re.match(r"\s*(bias|and [\d,]+ more, together) ", line):
            terms.append(float(LAST.search(line)[1]))
        elif ": loss = " in line:
            checked += 1
            *_, formula, last = line.split(" = ")
            terms.append(float(last))
            if not agrees(value_of(formula), last):
                wrong.append((line, value_of(formula)))
        elif " = " in line:
            terms = []
            for equation in line.split("; "):
                *parts, last = equation.split(" = ")
                if not re.fullmatch(NUMBER, last.strip()):
                    continue
                for part in parts:
                    found = value_of(part.strip().split(": ")[-1])
                    if found is not None:
                        checked += 1
                        if not agrees(found, last.strip()):
                            wrong.append((line, found))
        elif line.strip().startswith(("input ", "feeds ")):
            terms, delta = [], None
    return wrong, checked


def without_note(line):
    """The line without what it says in brackets behind its equation."""
    return re.sub(r" {3}\(.*\)$", "", line)


def joined(lines):
    """Lines that go on with `= ...` put behind the line before."""
    found = []
    for line in lines:
        if line.strip().startswith("= ") and found:
            found[-1] += " " + line.strip()
        else:
            found.append(line)
    return found
