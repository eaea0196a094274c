"""Mechanical mutations of C++ text: one small change each, by pattern, with no knowledge of the language."""

import dataclasses
import re


@dataclasses.dataclass(frozen=True)
class Mutation:
    kind: str
    file: str
    line: int  # from 1; of the first line that changes
    before: str
    after: str
    name: str = ""

    def title(self):
        if self.name:
            return f"{self.file}: {self.name}"
        return f"{self.file}:{self.line}: {self.before.strip()}  ->  {self.after.strip() or '(nothing)'}"


# (kind, pattern, replacement). clang-format puts spaces around binary operators, so they are told from
# references, pointers and template brackets.
OPERATORS = [
    ("comparison", r" < ", " <= "),
    ("comparison", r" <= ", " < "),
    ("comparison", r" > ", " >= "),
    ("comparison", r" >= ", " > "),
    ("comparison", r" == ", " != "),
    ("comparison", r" != ", " == "),
    ("logic", r" && ", " || "),
    ("logic", r" \|\| ", " && "),
    ("arithmetic", r" \+ ", " - "),
    ("arithmetic", r" - ", " + "),
    ("arithmetic", r" \* ", " + "),
    ("arithmetic", r" / ", " * "),
    ("arithmetic", r" \+= ", " -= "),
    ("arithmetic", r" -= ", " += "),
    ("arithmetic", r"\+\+", "--"),
    ("arithmetic", r"--(?=[a-z])", "++"),
    ("arithmetic", r" % ", " / "),
    ("bits", r" << ", " >> "),
    ("bits", r" >> ", " << "),
    ("bits", r" & ", " | "),
    ("bits", r" \| ", " & "),
    ("constant", r"\btrue\b", "false"),
    ("constant", r"\bfalse\b", "true"),
]

NUMBER = re.compile(r"(?<![\w.'x])(\d+)(?![\w.'])")
STATEMENT = re.compile(r"^\s+(?!return\b|const\b|constexpr\b|static\b|auto\b|using\b|throw\b|break\b|continue\b|else\b|"
                       r"std::(?:lock_guard|unique_lock)|goto\b|friend\b|template\b|typename\b)"
                       r"(?:\(void\))?[\w:>.\[\]*()+-]+(?:\(.*\)| [-+|&]?= .*|\+\+|--)?;$")
DECLARATION = re.compile(r"^\s+(?:[\w:<>]+[&*]* )+[&*]?\w+(?: = .*|\(.*\)|\{.*\})?;$")
LOCK = re.compile(r"^\s+const std::lock_guard \w+\(.*\);$")
IF = re.compile(r"^(\s*(?:\} else )?(?:if|while) \()(.*)(\)(?: \{|(?: \[\[\w+\]\])?| (?:return|break|continue)\b.*;)?)$")
# What is not code of the library's behaviour: said to the compiler alone, or thrown by the checkers.
IGNORED = re.compile(r"^\s*(?://|#|static_assert|using |namespace |template|friend |public:|private:|throw std::logic_error)")


def code_of(line):
    """The line without its comment; None when text in quotes makes patterns unsafe."""
    code = line.split(" // ")[0].split("///<")[0].rstrip()
    return None if '"' in code else code


def checkers(lines):
    """Line numbers (from 0) of functions whose only work is to check: laxer ones fail no test of the pools."""
    inside, result = None, set()
    for number, line in enumerate(lines):
        if inside is None and re.match(r"^\S.*\bcheck_\w+\(", line) and line.endswith("{"):
            inside = "}"
        if inside is not None:
            result.add(number)
            if line.startswith(inside):
                inside = None
    return result


def mutate(file, text, with_numbers):
    """All mutations of a file. `with_numbers` is off where numbers are tuned and their neighbours as good."""
    lines = text.split("\n")
    skipped = checkers(lines)
    for number, line in enumerate(lines):
        code = code_of(line)
        if number in skipped or not code or IGNORED.match(code):
            continue

        def changed(kind, after):
            return Mutation(kind, file, number + 1, line, after)

        for kind, pattern, replacement in OPERATORS:
            if "operator" in code or "&&..." in code:
                continue
            for match in re.finditer(pattern, code):
                yield changed(kind, code[: match.start()] + replacement + code[match.end() :])
        if with_numbers and "constexpr" not in code:
            for match in NUMBER.finditer(code):
                yield changed("off by one", f"{code[:match.start()]}{int(match[1]) + 1}{code[match.end():]}")
        if match := IF.match(code):
            if ";" not in match[2] and " = " not in match[2]:
                yield changed("negation", f"{match[1]}!({match[2]}){match[3]}")
        if LOCK.match(code):
            yield changed("dropped lock", "")
        elif STATEMENT.match(code) and not DECLARATION.match(code):
            yield changed("dropped statement", re.match(r"\s*", code)[0] + ";")
