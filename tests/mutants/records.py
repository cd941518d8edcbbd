"""records: the planted bugs of tests/mutants.list, and where each goes.

        [name]
        file: src/core/retention.c
        function: is_within         (a function or table; without it, anywhere in the file)
        check: unit:test-retention
        - return distance < ticks;
        + return distance <= ticks;

Lines that begin with # are comments. The old text (-, perhaps several lines) must occur exactly
once; line breaks and indentation do not count. Without new text (+) it is taken out.
"""

import fnmatch
import os
import re

import ctext

KEYS = ("file", "function", "check")


class Rotten(Exception):
    """A record that does not fit the tree any more, or never did."""


class Change:
    """One text in place of another, between two places of a file of @source."""

    def __init__(self, name, check, path, begin, end, new, source):
        self.name, self.check, self.path, self.new = name, check, path, new
        with open(os.path.join(source, path), encoding="utf-8") as file:
            self.text = file.read()
        self.begin, self.end = begin, end
        self.line = ctext.line_of(self.text, begin)

    def changed(self):
        return self.text[: self.begin] + self.new + self.text[self.end :]

    def is_like(self, pattern):
        return fnmatch.fnmatch(self.name, pattern) or fnmatch.fnmatch(self.check, pattern)

    def __str__(self):
        old, new = (" ".join(t.split()) for t in (self.text[self.begin : self.end], self.new))
        around = self.text.splitlines()[self.line - 1].strip()
        within = " in " + around if len(old) < len(around) else ""
        return "%s:%d: %s -> %s%s" % (self.path, self.line, old, new or "(nothing)", within)


class Record:
    def __init__(self, name, line):
        self.name, self.line = name, line
        self.file = self.function = self.check = None
        self.old, self.new = [], []

    def locate(self, source):
        """The Change that it means in the tree @source. Raises Rotten."""
        if not self.file or not self.check or not self.old:
            raise Rotten("it lacks a file, a check or the old text")
        try:
            with open(os.path.join(source, self.file), encoding="utf-8") as file:
                text = file.read()
        except OSError as error:
            raise Rotten("%s: %s" % (self.file, error.strerror)) from error

        begin, end = 0, len(text)
        if self.function:
            found = [d for d in ctext.definitions(ctext.blank(text)) if d[0] == self.function]
            if len(found) != 1:
                raise Rotten("%s has %d of %s" % (self.file, len(found), self.function))
            _, begin, end = found[0]

        found = list(ctext.pattern(" ".join(self.old)).finditer(text, begin, end))
        if len(found) != 1:
            where = self.function or self.file
            raise Rotten("the old text is in %s %d times" % (where, len(found)))
        new = "\n".join(self.new)
        if found[0].group().split() == new.split():
            raise Rotten("it changes nothing")
        return Change(self.name, self.check, self.file, *found[0].span(), new, source)


def read_list(path):
    """Returns (records, complaints), complaints as texts with the line."""
    records, complaints, names = [], [], set()
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            line = line.rstrip()
            head = re.fullmatch(r"\[([a-z0-9-]+)\]", line)
            member = re.fullmatch(r"(\w+): +(.+)", line)
            if not line or line.startswith("#"):
                continue
            if head:
                if head.group(1) in names:
                    complaints.append("line %d: a second %s" % (number, head.group(1)))
                names.add(head.group(1))
                records.append(Record(head.group(1), number))
            elif not records:
                complaints.append("line %d: before any [name]" % number)
            elif line[0] in "-+":
                (records[-1].old if line[0] == "-" else records[-1].new).append(line[1:].strip())
            elif member and member.group(1) in KEYS:
                setattr(records[-1], member.group(1), member.group(2))
            else:
                complaints.append("line %d: not understood: %s" % (number, line))
    return records, complaints
