"""operators: small changes of code at places drawn by chance.

Only inside of functions, and outside of comments, strings, directives, assertions and what goes
into the log: a change there is none of behaviour. What draws the same places again is the seed.
"""

import glob
import os
import random
import re

import ctext
from records import Change

FOLDERS = ("src/core", "src/engine")
SWAPS = {
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "&&": "||", "||": "&&",
    "+": "-", "-": "+", "+=": "-=", "-=": "+=", "MIN": "MAX", "MAX": "MIN",
    "true": "false", "false": "true",
}
TOKEN = re.compile(
    r"->|\+\+|--|<<=?|>>=?|[<>=!+\-*/%&|^]=|&&|\|\||0[xX][0-9a-fA-F]+\w*|\d+\w*|\w+|\S"
)
SILENT_CALL = re.compile(r"\b(?:assert|static_assert|log_\w+)\s*\(")
CALL_STATEMENT = re.compile(r"(?<=[;{})])\s*\b([a-z]\w*\([^;{}]*\);)")
KEYWORDS = ("return", "sizeof", "case", "if", "while", "for", "switch", "assert", "free")
# After one of these, + and - have two sides.
OPERAND_END = re.compile(r"[\w)\]]$")


def blank_calls(code):
    """Takes assertions and log calls out, with all that stands between their parentheses."""
    out, place = [], 0
    for call in SILENT_CALL.finditer(code):
        if call.start() < place:
            continue
        end, depth = call.end(), 1
        while depth and end < len(code):
            depth += {"(": 1, ")": -1}.get(code[end], 0)
            end += 1
        out.append(code[place : call.start()] + re.sub(r"[^\n]", " ", code[call.start() : end]))
        place = end
    return "".join(out) + code[place:]


def places(code, begin, end):
    """Yields (begin, end, new text) of each change that is possible in a function's body."""
    last = ""
    for match in TOKEN.finditer(code, begin, end):
        token = match.group()
        two_sided = OPERAND_END.search(last) and last not in KEYWORDS
        if token in SWAPS and (token not in "+-" or two_sided):
            yield match.start(), match.end(), SWAPS[token]
        elif token == "!":
            yield match.start(), match.end(), ""
        elif re.fullmatch(r"\d+", token):
            yield match.start(), match.end(), str(int(token) + 1)
            if int(token) > 0:
                yield match.start(), match.end(), str(int(token) - 1)
        last = token
    for match in CALL_STATEMENT.finditer(code, begin, end):
        if match.group(1).split("(")[0] not in KEYWORDS:
            yield match.start(1), match.end(1), ";"


def draw(source, seed):
    """Yields Changes without end of supply but the tree's own, in the order of @seed."""
    found = []
    for folder in FOLDERS:
        for path in sorted(glob.glob(os.path.join(source, folder, "*.c"))):
            with open(path, encoding="utf-8") as file:
                code = blank_calls(ctext.blank(file.read()))
            for name, begin, end in ctext.definitions(code):
                for change in places(code, begin, end):
                    found.append((os.path.relpath(path, source), name) + change)
    random.Random(seed).shuffle(found)
    for number, (path, function, begin, end, new) in enumerate(found, 1):
        yield Change("random-%d-%s" % (number, function), "any", path, begin, end, new, source)
