#!/usr/bin/env python3
"""replay_test.py QUARRY_REPLAY DATA [TEST...]: runs the tool on traces, real and made up, sound and bad."""
import json
import os
import pty
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

TOOL, DATA = sys.argv[1:3]
GIT = os.path.join(DATA, "git.qtrace.xz")


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def numbers(*values):
    return b"".join(map(varint, values))


def trace(events):
    """The bytes of a trace of (thread, size, log2 of alignment) and (thread, number of the block to free)."""
    body, sizes, live, peak = [], [], 0, 0
    for event in events:
        if len(event) == 3:
            body.append(numbers(event[0] << 1, *event[1:]))
            sizes.append(event[1])
            live += event[1]
            peak = max(peak, live)
        else:
            body.append(numbers(event[0] << 1 | 1, len(sizes) - 1 - event[1]))
            live -= sizes[event[1]]
    threads = len({event[0] for event in events})
    return b"QTRACE1\n" + numbers(threads, len(sizes), len(events), peak) + b"".join(body)


SOUND = trace([(0, 100, 4), (0, 24, 3), (1, 0), (0, 40, 6)])


class Replay(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, content, name="made_up.qtrace"):
        with open(self.path(name), "wb") as file:
            file.write(content)
        return self.path(name)

    def run_tool(self, *arguments):
        return subprocess.run([TOOL, *arguments], capture_output=True, text=True, timeout=200)

    def said(self, *arguments):
        done = self.run_tool(*arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def assert_refused(self, what, *arguments):
        done = self.run_tool(*arguments)
        self.assertEqual((done.returncode, done.stdout), (2, ""), what)
        self.assertRegex(done.stderr, r"\Aquarry-replay: [^\n]*\n\Z", what)
        self.assertIn(what, done.stderr)

    # ---- tables and data

    def test_table_of_a_real_program(self):
        text = self.said("--rounds", "1", "--resource", "quarry-unsync", GIT)
        self.assertIn("git: 929337 events, 469545 allocations, 1 thread, 66.4 MiB live at most", text)
        self.assertRegex(text, r"\n\| quarry-unsync .*\d")
        self.assertNotIn("With its threads", text)

    def test_every_resource(self):
        text = self.said("--rounds", "1", self.write(SOUND))
        names = "quarry-unsync quarry-sync quarry-segments std-unsync std-sync new-delete"
        for resource in names.split():
            self.assertRegex(text, rf"\n\| {resource} .*\d")

    def test_json_with_threads(self):
        events = [event for i in range(3000) for event in ((0, 50, 3), (1, i))]
        (found,) = json.loads(self.said("--json", "--rounds", "2", self.write(trace(events))))
        self.assertEqual((found["name"], found["events"], found["allocations"]), ("made_up", 6000, 3000))
        self.assertEqual((found["threads"], found["peak_live_bytes"]), (2, 50))
        for key, safe_only in (("one_thread", False), ("with_threads", True)):
            names = [result["resource"] for result in found[key]["results"]]
            self.assertEqual(found[key]["base"], "new-delete")
            self.assertIn("quarry-sync", names)
            self.assertEqual("quarry-unsync" in names, not safe_only)
            for result in found[key]["results"]:
                self.assertGreater(result["ns_per_operation"], 0)
                self.assertGreaterEqual(result["peak_counted_per_live"], 1)
                self.assertGreater(result["upstream_calls"], 0)
                self.assertEqual("worst_operation_ns" in result, not safe_only)
        plain = found["one_thread"]["results"][-1]
        self.assertEqual((plain["resource"], plain["ratio"], plain["upstream_calls"]), ("new-delete", 1, 6000))

    def test_threads_that_follow_each_other_share_one(self):
        events = [event for i in range(2000) for event in ((i, 50, 3), (i, i))]
        (found,) = json.loads(self.said("--json", "--rounds", "1", self.write(trace(events))))
        self.assertEqual((found["threads"], found["threads_at_once"]), (2000, 1))
        self.assertIsNone(found["with_threads"])

    def test_only_the_resources_asked_for(self):
        done = json.loads(self.said("--json", "--resource=std", "--resource", "quarry-u", self.write(SOUND)))
        names = [result["resource"] for result in done[0]["one_thread"]["results"]]
        self.assertEqual(names, ["quarry-unsync", "std-unsync", "std-sync"])

    def test_a_trace_without_events(self):
        self.assertIn("Nothing to replay", self.said(self.write(trace([]))))
        self.assertIsNone(json.loads(self.said("--json", self.write(trace([]))))[0]["one_thread"])
        self.assertIn("Nothing to advise", self.said("--advise", self.write(trace([]))))

    def test_a_block_of_gibibytes(self):
        size = 5 << 30
        if os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGESIZE") < 2 * size:
            self.skipTest("too little memory here")
        with open(TOOL, "rb") as tool:
            if b"__asan_init" in tool.read():
                self.skipTest("ASan notes every eighth byte of it, again and again")
        file = self.write(trace([(0, 100, 4), (0, size, 12), (0, 1), (0, 0)]))
        quick = {k: v for k, v in os.environ.items() if k != "MALLOC_PERTURB_"}  # by which malloc fills what it gives
        for mode in (["--resource", "quarry-unsync"], ["--advise"]):
            command = [TOOL, "--rounds", "1", *mode, file]
            done = subprocess.run(command, env=quick, capture_output=True, text=True, timeout=200)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("5120.0 MiB live at most", done.stdout)

    def test_a_recording_cut_short(self):
        padded = b"".join(bytes([n | 0x80] + [0x80] * 8 + [0]) for n in (1, 1, 1, 8))
        done = self.run_tool("--json", self.write(b"QTRACE1\n" + padded + b"\0\x08\x03" + b"\0\x10"))
        self.assertEqual(done.returncode, 0)
        self.assertEqual(json.loads(done.stdout)[0]["events"], 1)
        self.assertRegex(done.stderr, r"\A[^\n]*cut short; the last 2 bytes are left out\n\Z")

    def test_chart(self):
        file = self.path("chart.svg")
        self.said("--rounds", "1", "--svg", file, self.write(SOUND), self.write(SOUND, "<&>.qtrace"))
        texts = list(xml.etree.ElementTree.parse(file).getroot().itertext())
        self.assertIn("made_up", texts)
        self.assertIn("<&>", texts)
        self.assertEqual(texts.count("quarry-unsync"), 2)

    def test_progress_on_a_terminal_only(self):
        ours, theirs = pty.openpty()
        subprocess.run([TOOL, "--rounds", "1", self.write(SOUND)], stdout=subprocess.DEVNULL, stderr=theirs)
        os.close(theirs)
        shown = ""
        try:
            while True:
                shown += os.read(ours, 1 << 16).decode()
        except OSError:  # the terminal's other end is closed
            os.close(ours)
        self.assertRegex(shown, r"\rmade_up \[#+\.*\] \d+ of \d+ steps")
        self.assertTrue(shown.endswith("\r\033[K"))

    def test_what_cannot_be_printed_is_told(self):
        sound = self.write(SOUND)
        closed = ["sh", "-c", 'exec "$0" "$@" >&-', TOOL]
        for arguments in ([sound], ["--json", sound], ["--advise", sound], ["--help"]):
            with open("/dev/full", "w") as full:
                on_full = subprocess.run([TOOL, *arguments], stdout=full, stderr=subprocess.PIPE, text=True)
            on_closed = subprocess.run([*closed, *arguments], stderr=subprocess.PIPE, text=True)
            for done in (on_full, on_closed):
                expected = (1, "quarry-replay: standard output cannot be written\n")
                self.assertEqual((done.returncode, done.stderr), expected, arguments)

    # ---- advice

    def advice(self, events):
        (found,) = json.loads(self.said("--advise", "--json", "--rounds", "1", self.write(trace(events))))
        return found

    def test_advises_a_limit_that_a_replay_confirms(self):
        # Three blocks of 20 KB to a chunk of 64 KiB leave a twentieth of it; upstream has room for each alone.
        events = [(0, 20000, 4)] * 1000
        events += [event for i in range(60000) for event in ((0, 32, 4), (0, 1000 + i))]
        found = self.advice(events)
        options = {option["option"]: option for option in found["options"]}
        limit = options["largest_required_pool_block"]
        self.assertEqual((limit["default"], limit["value"]), (32768, 16384))
        self.assertGreater(limit["saved_bytes"], found["held_by_default_bytes"] // 25)
        before, after = (found["replayed"][key]["peak_counted_bytes"] for key in ("by_default", "as_advised"))
        saved = sum(option["saved_bytes"] for option in options.values())
        self.assertGreater(before - after, saved * 0.8)
        self.assertIn("Confirmed: they save", self.said("--advise", "--rounds", "1", self.path("made_up.qtrace")))

    def test_advises_a_row_for_a_size_between_two(self):
        found = self.advice([(0, 1090, 3)] * 5000)
        row = found["rows"][0]
        self.assertEqual((row["block_size"], row["below"], row["above"]), (1096, 1024, 1152))
        self.assertAlmostEqual(row["saved_bytes"], 5000 * (1152 - 1096), delta=65536)

    def test_advises_nothing_where_nothing_is_wasted(self):
        found = self.advice([(0, 64, 3)] * 60000)
        self.assertEqual((found["options"], found["rows"]), ([], []))

    # ---- what is refused

    def test_bad_traces(self):
        huge, header = 1 << 60, b"QTRACE1\n"
        bad = {
            "cannot be read": None,
            "not a QTRACE1 trace": b"GIF89a",
            "the trace ends inside a number": SOUND[:10],
            "fewer bytes than the events need": header + numbers(1, 1, huge, 8, 0, 8, 3),
            "more allocations than events": header + numbers(1, huge, 1, 8, 0, 8, 3),
            "more threads than a trace can have": header + numbers(huge, 1, 1, 8, 0, 8, 3),
            "a size out of range": header + numbers(1, 1, 1, huge, 0, huge, 3),
            "an alignment out of range": header + numbers(1, 1, 1, 8, 0, 8, 60),
            "needs 1073741824.0 GiB of memory": trace([(0, 8, 55)] * 32),
            "a block before the first": header + numbers(1, 1, 2, 8, 0, 8, 3, 1, 7),
            "a block that is not live": trace([(0, 8, 3), (0, 0), (0, 0)]),
            "fewer allocations than the header says": header + numbers(1, 2, 2, 8, 0, 8, 3, 1, 0),
            "peak_live_bytes is not the peak": header + numbers(1, 1, 1, 9, 0, 8, 3),
            "bytes after the last event": SOUND + b"\0",
            "GiB of memory": trace([(0, (1 << 32) - 1, 4)] * 5000),
        }
        for message, content in bad.items():
            file = self.path("missing.qtrace") if content is None else self.write(content)
            for mode in ([], ["--advise"], ["--json"]):
                self.assert_refused(message, *mode, file)

    def test_bad_packed_traces(self):
        with open(GIT, "rb") as file:
            packed = file.read()
        self.assert_refused("cut short", self.write(packed[:100000]))
        self.assert_refused("corrupt", self.write(packed[:5000] + b"?" + packed[5001:]))

    def test_a_bad_trace_is_told_before_the_work_begins(self):
        self.assert_refused("not a QTRACE1", GIT, self.write(b"?"))

    def test_what_can_be_read_once_only(self):
        for mode in ([], ["--advise"], ["--json"]):
            done = subprocess.run([TOOL, *mode, "/dev/stdin"], input=SOUND, capture_output=True)
            expected = (2, b"", b"quarry-replay: /dev/stdin: not a regular file, and it has to be read twice\n")
            self.assertEqual((done.returncode, done.stdout, done.stderr), expected)
        with open(self.write(SOUND)) as file:
            done = subprocess.run([TOOL, "--rounds", "1", "/dev/stdin"], stdin=file, capture_output=True)
        self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_every_truncation(self):
        for length in range(len(SOUND)):
            self.assert_refused("made_up.qtrace", self.write(SOUND[:length]))

    def test_bad_arguments(self):
        sound = self.write(SOUND)
        self.assert_refused("no TRACE")
        self.assert_refused("unknown option --nonsense", "--nonsense", sound)
        self.assert_refused("--rounds: a number from 1 to 1000", "--rounds", "0", sound)
        self.assert_refused("--rounds: a number from 1 to 1000", "--rounds=2x", sound)
        self.assert_refused("--rounds needs a value", sound, "--rounds")
        self.assert_refused("--json takes no value", "--json=x", sound)
        self.assert_refused("no resource fast; there are quarry-unsync,", "--resource", "fast", sound)
        self.assert_refused("no directory for the chart", "--svg", self.path("no/chart.svg"), sound)
        self.assert_refused("--advise goes with neither", "--advise", "--resource", "std", sound)

    def test_help(self):
        self.assertTrue(self.said("--help").startswith("usage: quarry-replay "))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
