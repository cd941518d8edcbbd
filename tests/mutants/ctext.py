"""ctext: as much of C as the planted bugs need.

Where code is (and not comments, strings or directives), where a function or table at file scope
begins and ends, and text found whatever its line breaks and indentation are. It relies on the
house's format: a definition begins in the first column, and its closing brace stands there.
"""

import re

# What is no code. A directive ends at its line's end, or after a line that continues it.
NOT_CODE = re.compile(
    r"""/\*.*?\*/ | //[^\n]* | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'
      | ^[ \t]*\#(?:\\\n|[^\n])*""",
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
DEFINITION = re.compile(r"^(?=[A-Za-z_])[^;{}]*\{", re.MULTILINE)
CLOSING = re.compile(r"^\}", re.MULTILINE)
FUNCTION_NAME = re.compile(r"\b([A-Za-z]\w*)\s*\(")
TABLE_NAME = re.compile(r"(\w+)\s*(?:\[[^\]]*\]\s*)*=\s*\{$")
TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|\w+|\S')


def blank(text):
    """The text with spaces for all that is not code, so that places stay what they are."""
    return NOT_CODE.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def definitions(code):
    """Yields (name, begin of the body, end) of each function and named table of blanked @code."""
    for head in DEFINITION.finditer(code):
        end = CLOSING.search(code, head.end())
        table = TABLE_NAME.search(head.group())
        name = table or FUNCTION_NAME.search(head.group())
        if end and name:
            yield name.group(1), head.end(), end.start()


def pattern(words):
    """Finds the tokens of @words with any space between them."""
    out, last = "", ""
    for token in TOKEN.findall(words):
        if last:
            both_words = re.match(r"\w", last[-1]) and re.match(r"\w", token)
            out += r"\s+" if both_words else r"\s*"
        out += re.escape(token)
        last = token
    if last and re.match(r"\w", last[-1]):
        out += r"\b"
    return re.compile((r"\b" if re.match(r"\w", words) else "") + out)


def line_of(text, place):
    return text.count("\n", 0, place) + 1
