#!/bin/bash
# word_index_test.sh WORD_INDEX: runs it on a small tree and compares what it says and writes.
set -u
word_index=$1
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
failures=0

expect() { # WHAT EXPECTED ACTUAL
  [ "$2" = "$3" ] && return
  printf 'FAILED: %s\nexpected: %s\nactual:   %s\n' "$1" "$2" "$3"
  failures=$((failures + 1))
}

mkdir -p "$tree/in/deep"
printf 'one two two\nthree_3 4four one\n' >"$tree/in/a.txt"
printf 'two\n\nzwölf a_word_longer_than_any_small_string' >"$tree/in/deep/b.txt"
printf 'one\0two\n' >"$tree/in/deep/c.bin"
: >"$tree/in/empty"

said=$("$word_index" --output "$tree/index" "$tree/in")
expect 'exit code' 0 $?
expect 'index' "# 0 $tree/in/a.txt
# 1 $tree/in/deep/b.txt
# 2 $tree/in/deep/c.bin
# 3 $tree/in/empty
a_word_longer_than_any_small_string 1:3
one 0:1,2
three_3 0:2
two 0:1 1:1
zwölf 1:3" "$(cat "$tree/index")"
expect 'binary files skipped' 1 "$(grep -c 'skipped: 1 binary and 0 unreadable files' <<<"$said")"
expect 'a line for each subject' 3 "$(grep -cE '^(quarry|std|new/delete).* s ' <<<"$said")"
expect 'no progress bar in a file' 0 "$(grep -c $'\r' <<<"$said")"
expect 'nothing left but the index and the picture' $'in\nindex\nindex.svg' "$(ls "$tree")"

expect 'a report of the pool' 1 "$(grep -c '^quarry::synchronized_pool_resource$' <<<"$said")"
expect 'a row for all classes' 1 "$(grep -c '^ *all classes |' <<<"$said")"
expect 'says where the picture is' 1 "$(tail -n 1 <<<"$said" | grep -c "$tree/index.svg$")"
slabs=$(sed -n 's/.* slabs: \([0-9]*\);.*/\1/p' <<<"$said")
expect 'a picture with each slab' "${slabs:-none}" "$(python3 - "$tree/index.svg" <<'EOF'
import sys, xml.etree.ElementTree as xml
print(sum(1 for _ in xml.parse(sys.argv[1]).iter("{http://www.w3.org/2000/svg}title")))
EOF
)"

# The output is written to, whatever it is; what lies beside it stays as it is, and nothing is left elsewhere.
mkdir "$tree/out" "$tree/temporary"
index_to() { TMPDIR=$tree/temporary "$word_index" --output "$1" "$tree/in" 2>&1; }
for i in 0 1 2; do echo mine >"$tree/out/index.$i"; done
: >"$tree/out/linked"
ln -s linked "$tree/out/index"
index_to "$tree/out/index" >/dev/null
expect 'a link stays one' linked "$(readlink "$tree/out/index")"
expect 'a link is followed' "$(cat "$tree/index")" "$(cat "$tree/out/linked")"
expect 'no file beside is touched' $'mine\nmine\nmine' "$(cat "$tree"/out/index.[012])"
mkfifo "$tree/out/pipe"
timeout 60 cat "$tree/out/pipe" >"$tree/out/from_pipe" &
said=$(index_to "$tree/out/pipe")
wait $!
expect 'a pipe gets the same' "$(cat "$tree/index")" "$(cat "$tree/out/from_pipe")"
expect 'no picture beside a pipe' '0 pipe' "$(grep -c svg <<<"$said") $(cd "$tree/out" && echo pipe*)"
ln -s /dev/full "$tree/out/full"
said=$(index_to "$tree/out/full")
expect 'a full device: exit code' 1 $?
expect 'a full device' "word_index: cannot write $tree/out/full" "$said"
expect 'no more of a link to it' /dev/full "$(readlink "$tree/out/full")"
if mknod "$tree/out/null" c 1 3 2>/dev/null; then
  index_to "$tree/out/null" >/dev/null
  expect 'a device stays one' 'character special file null' "$(cd "$tree/out" && stat -c '%F %n' null*)"
fi
expect 'no temporary files left' '' "$(ls "$tree/temporary")"

mkdir "$tree/none"
expect 'an empty tree' 1 "$("$word_index" --output "$tree/index" "$tree/none" | grep -c '^0 words')"

says_it_cannot_print() { # WHAT EXIT_CODE: of what ran with its standard error in $tree/said
  expect "$1: exit code" 1 "$2"
  expect "$1" 'word_index: standard output cannot be written' "$(cat "$tree/said")"
}
"$word_index" --output "$tree/index" "$tree/in" 2>"$tree/said" >/dev/full
says_it_cannot_print 'on a full device' $?
"$word_index" --output "$tree/index" "$tree/in" 2>"$tree/said" >&-
says_it_cannot_print 'closed' $?
expect 'the index is whole all the same' "$(cat "$tree/out/linked")" "$(cat "$tree/index")"
"$word_index" --help 2>"$tree/said" >/dev/full
says_it_cannot_print 'help on a full device' $?

refuses() { # WHAT ARGUMENT...
  local what=$1 message
  shift
  message=$("$word_index" "$@" 2>&1 >/dev/null)
  expect "$what: exit code" 2 $?
  expect "$what: one line" 1 "$(wc -l <<<"$message")"
  expect "$what: says who" word_index: "${message%% *}"
}
refuses 'missing DIR' "$tree/missing"
refuses 'DIR is a file' "$tree/in/a.txt"
refuses 'unknown option' --nonsense
refuses 'two DIRs' "$tree/in" "$tree/none"
refuses '--output without FILE' --output
refuses '--output without a name' --output '' "$tree/in"
refuses '--output is a directory' --output "$tree/none" "$tree/in"
refuses '--output into nowhere' --output "$tree/missing/index" "$tree/in"

# A file with a zero byte is not read on, however long it is: pseudo files may have no end. Files beyond a buffer.
mkdir "$tree/long"
truncate -s 2G "$tree/long/zeros"
{ yes text | head -c 200000; printf '\0'; } >"$tree/long/late_zero"
yes text | head -c 200000 >"$tree/long/text"
said=$("$word_index" --output "$tree/index" "$tree/long")
expect 'long files' 1 "$(grep -c '^1 text files, 0.2 MiB.*skipped: 2 binary and 0 unreadable files' <<<"$said")"
expect 'all of a text is read' 40000 "$(grep '^text ' "$tree/index" | tr , '\n' | wc -l)"
expect 'zeros are not kept' 3 "$(awk '/^(quarry|std|new\/delete).* s / && $(NF - 2) < 1000' <<<"$said" | wc -l)"

# Root reads and writes everything, whatever the mode says; and then there is nothing to test.
: >"$tree/read_only"
chmod 400 "$tree/read_only"
[ -w "$tree/read_only" ] || refuses '--output may not be written' --output "$tree/read_only" "$tree/in"
chmod 000 "$tree/in/a.txt"
if ! [ -r "$tree/in/a.txt" ]; then
  said=$("$word_index" --output "$tree/index" "$tree/in")
  expect 'unreadable files skipped' 1 "$(grep -c 'skipped: 1 binary and 1 unreadable files' <<<"$said")"
fi

[ $failures -eq 0 ] && echo 'ok'
exit $((failures != 0))
