"""Prints who catches what: plays every case of the corpus on every subject, each in a process of its own.

table.py DIR: where the programs play and play_asan are.
"""

import collections
import concurrent.futures
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

PATIENCE = 120  # seconds for one cell, under memcheck on a busy machine

Case = collections.namedtuple("Case", "number way thread kind title")
Column = collections.namedtuple("Column", "name command subject words_of_tool")

# What a tool's words mean as a kind. Where it has one word for several misuses, it found which of them it is.
KINDS_OF_WORDS = {
    "attempting double-free": {"double_free"},
    "attempting free on address which was not malloc()-ed": {"foreign_pointer"},
    "bad-free": {"foreign_pointer"},
    "new-delete-type-mismatch": {"wrong_size", "wrong_alignment"},
    "alloc-dealloc-mismatch": {"wrong_size", "wrong_alignment"},
    "heap-buffer-overflow": {"overrun", "underrun"},
    "heap-use-after-free": {"write_after_free"},
    "use-after-poison": {"overrun", "underrun", "write_after_free"},
    "detected memory leaks": {"leak"},
    "Invalid write": {"overrun", "underrun", "write_after_free"},
    "Invalid free()": {"double_free", "foreign_pointer"},
    "Mismatched free()": {"wrong_size", "wrong_alignment"},
    "Mismatched new/delete size": {"wrong_size"},
    "Mismatched new/delete alignment": {"wrong_alignment"},
    "definitely lost": {"leak"},
    "indirectly lost": {"leak"},
}


def words_of_asan(errors):
    for line in errors.splitlines():
        if "ERROR: AddressSanitizer" in line or "ERROR: LeakSanitizer" in line:
            return next((words for words in KINDS_OF_WORDS if words in line), line.split("Sanitizer: ")[1].split()[0])
    return None


def words_of_memcheck(errors):
    for line in errors.splitlines():
        if line.startswith("=="):
            for words in KINDS_OF_WORDS:
                if words in line and " 0 bytes in 0 blocks" not in line:
                    return words
    return None


def cell(column, case):
    """What became of the case: the kind, or other words, or that it was missed."""
    command = [*column.command, column.subject, str(case.number)]
    try:
        child = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return "hangs"
    reported = re.findall(r"^reported (\w+)$", child.stdout, re.MULTILINE)
    if reported:
        return reported[0]
    words = column.words_of_tool(child.stderr) if column.words_of_tool else None
    if words:
        return words
    if child.returncode < 0:
        return "crash: " + signal.Signals(-child.returncode).name
    if child.returncode:
        sys.exit(f"table.py: {' '.join(command)} failed with {child.returncode}: {child.stderr[-1000:]}")
    return "missed"


def is_right(outcome, case):
    return case.kind in KINDS_OF_WORDS.get(outcome, {outcome})


def columns(programs):
    play = [str(programs / "play")]
    # Leaks are told at exit; the heap's free of another size or alignment is a mismatch.
    os.environ["ASAN_OPTIONS"] = "detect_leaks=1:alloc_dealloc_mismatch=1:new_delete_type_mismatch=1"
    sanitized = [str(programs / "play_asan")]
    yield Column("checked_resource", play, "checked", None)
    yield Column("checked_resource on segment_pool", play, "checked_segment_pool", None)
    yield Column("bare pool", play, "pool", None)
    yield Column("segment_pool", play, "segment_pool", None)
    yield Column("ASan, heap", sanitized, "heap", words_of_asan)
    yield Column("ASan, pool", sanitized, "pool", words_of_asan)
    yield Column("ASan, segment_pool", sanitized, "segment_pool", words_of_asan)
    if shutil.which("valgrind"):
        memcheck = ["valgrind", "--leak-check=full", *play]
        yield Column("memcheck, heap", memcheck, "heap", words_of_memcheck)
        yield Column("memcheck, pool", memcheck, "pool", words_of_memcheck)
        yield Column("memcheck, segment_pool", memcheck, "segment_pool", words_of_memcheck)
    else:
        print("Without memcheck: valgrind is not installed.\n")


def row(texts):
    return "| " + " | ".join(texts) + " |"


LEGEND = """Each cell is what was reported first when the case was played in a process of its own: a kind of ours, or the
tool's own words; or how the process ended; or that it ended well, and the misuse was *missed*.

- checked_resource: around a synchronized_pool_resource, or around a segment_pool
- bare pool: synchronized_pool_resource, trimmed before it is destroyed
- ASan, memcheck: watching new_delete_resource (heap), the bare pool, or the segment_pool
"""


def print_cases(cases, names, outcomes):
    for way in dict.fromkeys(case.way for case in cases):
        print(f"## {way}\n")
        print(row(["case", "thread", "is", *names]))
        print(row(["---"] * (3 + len(names))))
        for case in cases:
            if case.way == way:
                print(row([case.title, case.thread, case.kind, *(outcomes[name, case] for name in names)]))
        print()


def print_sums(cases, names, outcomes):
    print("## Caught as what they are, of all\n")
    print(row(["kind", "cases", *names]))
    print(row(["---", *["--:"] * (1 + len(names))]))
    for kind in [*dict.fromkeys(case.kind for case in cases), "all"]:
        those = [case for case in cases if kind in (case.kind, "all")]
        sums = (sum(is_right(outcomes[name, case], case) for case in those) for name in names)
        print(row([kind, str(len(those)), *map(str, sums)]))


def main():
    programs = pathlib.Path(sys.argv[1])
    listed = subprocess.run([programs / "play", "--list"], capture_output=True, text=True, check=True)
    cases = [Case(*line.split("|")) for line in listed.stdout.splitlines()]
    subjects = list(columns(programs))
    names = [column.name for column in subjects]
    outcomes = {}
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        for column in subjects:
            print(f"Playing {len(cases)} cases: {column.name}", file=sys.stderr)
            results = pool.map(lambda case: cell(column, case), cases)
            outcomes |= {(column.name, case): outcome for case, outcome in zip(cases, results)}
    print(LEGEND)
    print_cases(cases, names, outcomes)
    print_sums(cases, names, outcomes)
    checked = [name for name in names if name.startswith("checked_resource")]
    missed = [case for case in cases for name in checked if outcomes[name, case] != case.kind]
    sys.exit(f"checked_resource did not catch {len(missed)} cases" if missed else 0)


main()
