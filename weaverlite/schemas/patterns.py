"""Regular expressions of schemas, matched in time that grows with the text and no faster.

Patterns come from whoever deploys a process, texts from whoever executes it, and ``re`` may take years over some pairs
of them. Here a pattern becomes a nondeterministic automaton whose states are followed all at once, with the steps
already seen kept. What cannot be followed so, back-references and look-around, is refused when the schema is checked.

The syntax is the one JSON Schema recommends (ECMA 262 without those two); a pattern may match anywhere in the text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NoReturn

_STATES = 4000
_STEPS_KEPT = 4096
#: Visits of states for one text; some half second.
_EFFORT = 2_000_000

_DIGIT = ((48, 57),)
_WORD = ((48, 57), (65, 90), (95, 95), (97, 122))
_SPACE = ((9, 13), (32, 32), (160, 160), (5760, 5760), (8192, 8202), (8232, 8233), (8239, 8239), (8287, 8287),
          (12288, 12288), (65279, 65279))  # fmt: skip
_CLASSES = {"d": _DIGIT, "w": _WORD, "s": _SPACE}
_CONTROLS = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13, "0": 0}
_LINE_ENDS = ((10, 10), (13, 13), (0x2028, 0x2029))

Ranges = tuple[tuple[int, int], ...]
#: Before the text, a letter of a word, anything else; "end" is after it.
_START, _LETTER, _OTHER, _END = range(4)
_UNKNOWN: Any = object()


class PatternRefused(ValueError):
    """The pattern is not one, or cannot be matched in linear time."""


class TooHard(ValueError):
    """The text takes too long to match against the pattern."""


@dataclass(frozen=True, slots=True)
class _Node:
    """A state: consumes a character of ``ranges`` (``kind`` is "char"), asks where it is, or only leads on."""

    kind: str
    to: tuple[int, ...] = ()
    ranges: Ranges = ()
    negated: bool = False

    def takes(self, code: int) -> bool:
        return any(low <= code <= high for low, high in self.ranges) is not self.negated


@dataclass(slots=True)
class Pattern:
    """A compiled pattern. Safe to use from several threads: what it keeps are facts, whoever finds them."""

    text: str
    _nodes: list[_Node]
    _first: int
    _steps: dict[tuple[frozenset[int], int, int], tuple[frozenset[int], int] | None] = field(default_factory=dict)

    def search(self, text: str) -> bool:
        """Whether the pattern matches somewhere in ``text``.

        :raises TooHard: it takes too long to tell.
        """
        return self.match(text, _EFFORT)[0]

    def match(self, text: str, effort: int) -> tuple[bool, int]:
        """Return whether the pattern matches somewhere in ``text``, and how many states were visited to tell.

        :raises TooHard: they would be more than ``effort``.
        """
        states: frozenset[int] = frozenset()
        before, left = _START, effort
        for code in map(ord, text):
            key = (states, before, code)
            found = self._steps.get(key, _UNKNOWN)
            if found is _UNKNOWN:
                left -= 4 * len(states) + 8
                if left < 0:
                    raise TooHard(f"takes too long to be matched against the pattern {self.text[:100]!r}")
                if len(self._steps) >= _STEPS_KEPT:
                    self._steps.clear()
                found = self._steps[key] = self._step(states, before, code)
            if found is None:
                return True, effort - left
            states, before = found
        return self._reach(states, before, _END) is None, effort - left

    def _step(self, states: frozenset[int], before: int, code: int) -> tuple[frozenset[int], int] | None:
        """Return the states after ``code`` and what it is; None when the pattern has matched before it."""
        kind = _kind(code)
        reached = self._reach(states, before, kind)
        if reached is None:
            return None
        return frozenset(self._nodes[state].to[0] for state in reached if self._nodes[state].takes(code)), kind

    def _reach(self, states: frozenset[int], before: int, after: int) -> set[int] | None:
        """Return the consuming states that can be reached here without a character; None when the end can."""
        todo, seen, consuming = [*states, self._first], set(), set()
        while todo:
            state = todo.pop()
            if state in seen:
                continue
            seen.add(state)
            node = self._nodes[state]
            if node.kind == "match":
                return None
            if node.kind == "char":
                consuming.add(state)
            elif _holds(node.kind, before, after):
                todo.extend(node.to)
        return consuming


def _kind(code: int) -> int:
    return _LETTER if any(low <= code <= high for low, high in _WORD) else _OTHER


def _holds(kind: str, before: int, after: int) -> bool:
    if kind == "^":
        return before == _START
    if kind == "$":
        return after == _END
    if kind in "bB":
        return ((before == _LETTER) is not (after == _LETTER)) is (kind == "b")
    return True


@lru_cache(maxsize=512)
def compile_pattern(text: str) -> Pattern:
    """Return the pattern.

    :raises PatternRefused: it cannot be used; the message says why.
    """
    return _Parser(text).parse()


#: A piece of a pattern, not yet built: it is built once for each time it is repeated.
_Tree = tuple[str, Any]


class _Parser:
    def __init__(self, text: str) -> None:
        self._text, self._at, self._depth = text, 0, 0
        self._nodes: list[_Node] = [_Node("match")]

    def parse(self) -> Pattern:
        tree = self._alternatives()
        if self._at < len(self._text):
            self._refuse("has a ')' too many")
        first = self._build(tree, 0)
        return Pattern(self._text, self._nodes, first)

    # ------------------------------------------------------------ text to tree

    def _refuse(self, why: str) -> NoReturn:
        raise PatternRefused(f"the pattern {self._text[:100]!r} {why}")

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _next(self) -> str:
        if self._at >= len(self._text):
            self._refuse("ends too early")
        self._at += 1
        return self._text[self._at - 1]

    def _alternatives(self) -> _Tree:
        self._depth += 1
        if self._depth > 50:
            self._refuse("is nested too deeply")
        found = [self._sequence()]
        while self._peek() == "|":
            self._at += 1
            found.append(self._sequence())
        self._depth -= 1
        return ("any", found)

    def _sequence(self) -> _Tree:
        found = []
        while self._peek() not in ("", "|", ")"):
            found.append(self._quantified(self._atom()))
        return ("all", found)

    def _atom(self) -> _Tree:
        character = self._next()
        if character in "^$":
            return ("assert", character)
        if character == ".":
            return ("char", (_LINE_ENDS, True))
        if character == "(":
            return self._group()
        if character == "[":
            return ("char", self._set())
        if character == "\\":
            return self._escape()
        if character in "*+?":
            self._refuse(f"has nothing before {character!r} to repeat")
        return ("char", (((ord(character), ord(character)),), False))

    def _group(self) -> _Tree:
        if self._text.startswith("?", self._at):
            rest = self._text[self._at + 1 : self._at + 3]
            if rest[:1] == ":":
                self._at += 2
            elif rest[:1] in ("=", "!") or rest in ("<=", "<!"):
                self._refuse("looks ahead or behind, which this service does not match")
            elif rest[:1] == "<" or rest == "P<":
                self._at = self._text.find(">", self._at) + 1 or len(self._text)
            else:
                self._refuse("has a group of a kind that is not known here")
        inner = self._alternatives()
        if self._peek() != ")":
            self._refuse("lacks a ')'")
        self._at += 1
        return inner

    def _escape(self) -> _Tree:
        character = self._next()
        if character in "bB":
            return ("assert", character)
        if character in "AZz":
            return ("assert", "^" if character == "A" else "$")
        if character in "123456789k":
            self._refuse("refers back to a group, which this service does not match")
        if character.lower() in _CLASSES:
            return ("char", (_CLASSES[character.lower()], character.isupper()))
        code = self._escaped(character)
        return ("char", (((code, code),), False))

    def _escaped(self, character: str) -> int:
        """Return the code of the character after a backslash."""
        if character in _CONTROLS:
            return _CONTROLS[character]
        if character in "xu":
            end = self._at + (2 if character == "x" else 4)
            digits = self._text[self._at : end]
            if character == "u" and digits[:1] == "{":
                end = self._text.find("}", self._at) + 1
                digits = self._text[self._at + 1 : end - 1]
            try:
                code = int(digits, 16)
                chr(code)
            except (ValueError, OverflowError):
                self._refuse(f"has a broken \\{character}")
            self._at = end
            return code
        if character.isalnum():
            self._refuse(f"has \\{character}, which is not known here")
        return ord(character)

    def _set(self) -> tuple[Ranges, bool]:
        negated = self._peek() == "^"
        self._at += negated
        ranges: list[tuple[int, int]] = []
        while self._peek() != "]":
            low = self._member(ranges)
            if low is None:
                continue
            if self._peek() == "-" and self._text[self._at + 1 : self._at + 2] not in ("]", ""):
                self._at += 1
                high = self._member(ranges)
                if high is None:
                    # [a-\d] is an a, a hyphen and a digit.
                    ranges += [(low, low), (45, 45)]
                elif high < low:
                    self._refuse("has a range of characters that runs backwards")
                else:
                    ranges.append((low, high))
            else:
                ranges.append((low, low))
        self._at += 1
        return tuple(ranges), bool(negated)

    def _member(self, ranges: list[tuple[int, int]]) -> int | None:
        """Return the next character of a set; None when it was a class, whose ranges were added."""
        character = self._next()
        if character != "\\":
            return ord(character)
        character = self._next()
        if character in _CLASSES:
            ranges.extend(_CLASSES[character])
            return None
        if character.lower() in _CLASSES:
            ranges.extend(_inverse(_CLASSES[character.lower()]))
            return None
        return 8 if character == "b" else self._escaped(character)

    def _quantified(self, atom: _Tree) -> _Tree:
        character = self._peek()
        if character and character in "*+?":
            self._at += 1
            bounds = {"*": (0, None), "+": (1, None), "?": (0, 1)}[character]
        elif character == "{" and (found := self._bounds()):
            bounds = found
        else:
            return atom
        # A lazy quantifier matches the same texts.
        self._at += self._peek() == "?"
        if self._peek() and (self._peek() in "*+" or (self._peek() == "{" and self._bounds())):
            self._refuse("repeats a repetition")
        return ("repeat", (atom, *bounds))

    def _bounds(self) -> tuple[int, int | None] | None:
        end = self._text.find("}", self._at)
        low, comma, high = self._text[self._at + 1 : max(end, self._at)].partition(",")
        if not low.isascii() or not low.isdigit() or (high and not (high.isascii() and high.isdigit())):
            return None
        self._at = end + 1
        if len(low) > 4 or len(high) > 4 or (high and int(high) < int(low)):
            self._refuse("has a repetition that is too large or runs backwards")
        return int(low), (int(high) if high else None) if comma else int(low)

    # ------------------------------------------------------------ tree to states, from the end to the beginning

    def _add(self, node: _Node) -> int:
        if len(self._nodes) >= _STATES:
            self._refuse("is too large once its repetitions are written out")
        self._nodes.append(node)
        return len(self._nodes) - 1

    def _build(self, tree: _Tree, then: int) -> int:
        """Add the states of ``tree``, which lead to ``then``, and return the first."""
        kind, content = tree
        if kind == "char":
            ranges, negated = content
            return self._add(_Node("char", (then,), ranges, negated))
        if kind == "assert":
            return self._add(_Node(str(content), (then,)))
        if kind == "repeat":
            item, low, high = content
            return self._build_repeat(item, low, high, then)
        if kind == "any":
            return self._add(_Node("or", tuple(self._build(item, then) for item in content)))
        for item in reversed(content):
            then = self._build(item, then)
        return then

    def _build_repeat(self, item: _Tree, low: int, high: int | None, then: int) -> int:
        if high is None:
            loop = self._add(_Node("or"))
            self._nodes[loop] = _Node("or", (self._build(item, loop), then))
            then = loop
        else:
            end = then
            for _ in range(high - low):
                then = self._add(_Node("or", (self._build(item, then), end)))
        for _ in range(low):
            then = self._build(item, then)
        return then


def _inverse(ranges: Ranges) -> list[tuple[int, int]]:
    found, start = [], 0
    for low, high in ranges:
        if low > start:
            found.append((start, low - 1))
        start = high + 1
    return [*found, (start, 0x10FFFF)]
