"""Says what failed, and "N passed, N failed", for a Meson test log: GoogleTest cases one by one, other tests as one
each."""

import json
import pathlib
import sys
import xml.etree.ElementTree

logs = pathlib.Path(sys.argv[1])
cases = list(xml.etree.ElementTree.parse(logs / "testlog.junit.xml").iter("testcase"))


def has(case, *tags):
    return any(case.find(tag) is not None for tag in tags)


skipped = sum(has(case, "skipped") or case.get("status") == "notrun" for case in cases)
failed_cases = sum(has(case, "failure", "error") for case in cases)

# The words of what failed once more, at the end, where they are looked for.
for case in cases:
    if (failure := case.find("failure")) is not None and failure.get("message"):
        print(f"FAILED {case.get('classname')}.{case.get('name')}: {failure.get('message')}")

# A binary may fail after its cases did well, as when a leak is found at exit.
tests = [json.loads(line) for line in (logs / "testlog.json").open()]
failed_tests = [test for test in tests if test["result"] not in ("OK", "EXPECTEDFAIL", "SKIP")]
for test in failed_tests:
    words = (test.get("stdout", "") + test.get("stderr", "")).splitlines()
    print("\n".join([f"FAILED {test['name']} ({test['result']}), its last words:"] + words[-10:]))

failed = max(failed_cases, len(failed_tests))
passed = len(cases) - failed_cases - skipped
if skipped:
    print(f"({skipped} skipped)")
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed or not passed else 0)
