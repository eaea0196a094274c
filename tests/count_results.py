"""Says "N passed, N failed" for a Meson test log: GoogleTest cases one by one, other tests as one each."""

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

# A binary may fail after its cases did well, as when a leak is found at exit.
results = [json.loads(line)["result"] for line in (logs / "testlog.json").open()]
failed_tests = sum(result not in ("OK", "EXPECTEDFAIL", "SKIP") for result in results)

failed = max(failed_cases, failed_tests)
passed = len(cases) - failed_cases - skipped
if skipped:
    print(f"({skipped} skipped)")
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed or not passed else 0)
