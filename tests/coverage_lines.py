"""Lists the lines that gcovr saw not run, each with its explanation: coverage_lines.py COVERAGE.json EXPLANATIONS

Explanations are lines "FILE: TEXT  ::  WHY": of each line of that file that contains the text, or of all
when it is "*"; and so with all files.
"""

import json
import pathlib
import sys

least = 95.0
coverage = json.loads(pathlib.Path(sys.argv[1]).read_text())
explanations = []
for line in pathlib.Path(sys.argv[2]).read_text().splitlines():
    if "  ::  " in line:
        where, why = line.split("  ::  ", 1)
        file, text = where.split(": ", 1)
        explanations.append((file.strip(), text.strip(), why.strip()))

lines = run = unexplained = 0
for file in coverage["files"]:
    text = pathlib.Path(file["file"]).read_text().splitlines()
    for line in file["lines"]:
        if line.get("gcovr/noncode"):
            continue
        lines += 1
        run += line["count"] != 0
        if line["count"] != 0:
            continue
        code = text[line["line_number"] - 1].strip()
        why = [why for name, part, why in explanations if name in ("*", file["file"]) and (part == "*" or part in code)]
        unexplained += not why
        print(f"{file['file']}:{line['line_number']}: {code}\n    {why[0] if why else 'NOT EXPLAINED'}")

percent = 100 * run / max(1, lines)
print(f"{run} of {lines} lines of include and src were run: {percent:.2f} % (at least {least} %); "
      f"{unexplained} lines are not explained")
sys.exit(1 if percent < least or unexplained else 0)
