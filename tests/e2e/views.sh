#!/bin/bash
# SPDX-License-Identifier: MIT
# stats, diff, info and export on interchange JSON, where every byte of the answer is known: whole texts, series, names below the source
# root, defaults, output files, what is said on stderr, and that the command to type next works when it is typed.
. "$(dirname "$0")/tap.sh"

# snapshot FILE TRACE…: a trace is the inside of its JSON object.
snapshot()
{
	local file=$1 traces
	shift
	printf -v traces '{%s},' "$@"
	printf '{"format":"heapdelta-snapshot","version":1,"traceback_limit":9,"traces":[%s]}' "${traces%,}" >"$file"
}
mkdir -p p/app
printf 'int main(void)\n{\n\tgo();\n}\n' >p/app/main.c
{ seq 41; printf '\tentry->key = strdup(key);\n'; } >p/app/cache.c
main="[\"$scratch/p/app/main.c\",3,\"main\"]"
put="[\"$scratch/p/app/cache.c\",42,\"cache_put\"]"
wrapper="[\"$scratch/p/lib/alloc.c\",5,\"xmalloc\"]"
snapshot old.json "\"size\":1000,\"count\":10,\"frames\":[$wrapper,$put,$main]" '"size":128,"frames":[["gone.c",7,"gone"]]' '"size":9,"frames":[["same.c",1]]'
snapshot new.json "\"size\":2000,\"count\":20,\"frames\":[$wrapper,$put,$main]" '"size":64,"frames":[["new.c",1,"fresh"]]' '"size":9,"frames":[["same.c",1]]'
snapshot later.json "\"size\":3000,\"count\":30,\"frames\":[$wrapper,$put,$main]" '"size":9,"frames":[["same.c",1]]'

# says NAME STATUS COMMAND… <expected: stdout, then stderr behind "2>"
says()
{
	local name=$1 status=$2
	shift 2
	cat >expected
	"$@" >out 2>err </dev/null
	[ $? -eq "$status" ] || echo "wrong status" >>out
	sed 's/^/2> /' err >>out
	sed "s:$heapdelta:heapdelta:g; s:$scratch:SCRATCH:g" out >got
	same_files "$name" expected got
}

# ---- Text ------------------------------------------------------------------------------------------------------------------------
says 'diff' 0 "$heapdelta" diff old.json new.json --source-root p <<'EOF'
old: old.json  1137 B live in 12 blocks
new: new.json  2073 B live in 22 blocks
[ Top 10 differences by lineno ]
app/cache.c:42: size=2000 B (+1000 B), count=20 (+10), average=100 B
    entry->key = strdup(key);                          via xmalloc
gone.c:7: size=0 B (-128 B), count=0 (-1)                                          gone
new.c:1: size=64 B (+64 B), count=1 (+1), average=64 B                             new
… 1 line unchanged
Total: size=2073 B (+936 B), count=22 (+10)        lost: nothing
next: heapdelta diff old.json new.json --source-root SCRATCH/p -k traceback -n 1
EOF
says 'diff, all rows' 0 "$heapdelta" diff old.json new.json --source-root p -n 0 -k filename <<'EOF'
old: old.json  1137 B live in 12 blocks
new: new.json  2073 B live in 22 blocks
[ All differences by filename ]
app/cache.c: size=2000 B (+1000 B), count=20 (+10), average=100 B
gone.c: size=0 B (-128 B), count=0 (-1)                                            gone
new.c: size=64 B (+64 B), count=1 (+1), average=64 B                               new
same.c: size=9 B (+0 B), count=1 (+0), average=9 B
Total: size=2073 B (+936 B), count=22 (+10)        lost: nothing
next: heapdelta diff old.json new.json --source-root SCRATCH/p --filter app/cache.c
EOF
says 'a series' 0 "$heapdelta" diff old.json new.json later.json --source-root p -s growth -n 1 <<'EOF'
1: old.json  1137 B live in 12 blocks
2: new.json  2073 B live in 22 blocks
3: later.json  3009 B live in 31 blocks
[ Top 1 differences over 3 snapshots by lineno ]
app/cache.c:42: size=1000 B → 2000 B → 3000 B (+2000 B), count=30 (+20), average=100 B  grew in 2 of 2 steps
    entry->key = strdup(key);                          via xmalloc
… 0 more lines grew, 1 shrank (-128 B), 2 unchanged
Total: size=3009 B (+1872 B), count=31 (+19)        lost: nothing
next: heapdelta diff old.json new.json later.json -s growth --source-root SCRATCH/p -k traceback -n 1
EOF
says 'a stack' 0 "$heapdelta" stats new.json --source-root p -k traceback -n 1 <<'EOF'
new.json  2073 B live in 22 blocks
[ Top 1 live by traceback ]
app/cache.c:42: size=2000 B, count=20, average=100 B
    entry->key = strdup(key);
      xmalloc    lib/alloc.c:5
      cache_put  app/cache.c:42
      main       app/main.c:3
… 2 more stacks (73 B)
Total: size=2073 B, count=22        lost: nothing
next: heapdelta info new.json
EOF
says 'info' 0 "$heapdelta" info old.json <<'EOF'
file        old.json (interchange JSON)
live        1137 B in 12 blocks
allocated   1137 B in 12 blocks, 0 % of them freed before the thread's next allocation
lost        nothing
stacks      3, with symbols
next: heapdelta stats old.json
EOF

# ---- Other formats ---------------------------------------------------------------------------------------------------------------
says 'markdown' 0 "$heapdelta" diff old.json new.json --source-root p --format markdown -n 2 <<'EOF'
- old: old.json  1137 B live in 12 blocks
- new: new.json  2073 B live in 22 blocks

### Top 2 differences by lineno

| lineno | size | size diff | count | count diff | average | |
| --- | ---: | ---: | ---: | ---: | ---: | --- |
| `app/cache.c:42` | 2000 B | +1000 B | 20 | +10 | 100 B | via xmalloc |
| `gone.c:7` | 0 B | -128 B | 0 | -1 |  | gone |

- … 1 more line grew (+64 B), 0 shrank, 1 unchanged
- Total: size=2073 B (+936 B), count=22 (+10)        lost: nothing
EOF
says 'lines: the outermost frame, as tracemalloc' 0 "$heapdelta" stats new.json --attribute raw -k traceback --format lines <<'EOF'
SCRATCH/p/app/main.c:3: size=2000 B, count=20, average=100 B
new.c:1: size=64 B, count=1, average=64 B
same.c:1: size=9 B, count=1, average=9 B
EOF
"$heapdelta" diff old.json new.json later.json --source-root p --format csv -k function -n 1 | tr -d '\r' >got
printf '%s\n' 'file,line,function,module,sizes_1,sizes_2,sizes_3,size,size_diff,counts_1,counts_2,counts_3,count,count_diff,size_error,lost_events' \
	'app/cache.c,0,cache_put,,1000,2000,3000,3000,2000,10,20,30,30,20,0,0' >expected
same_files 'csv of a series' expected got
equal 'json of a series' '[1000,2000,3000] 2000 3 old.json later.json' \
	"$("$heapdelta" diff old.json new.json later.json --source-root p --format json -n 1 |
		jq -r '"\(.stats[0].sizes) \(.stats[0].size_diff) \(.series | length) \(.old.file) \(.new.file)"')"

# ---- Which are shown -------------------------------------------------------------------------------------------------------------
for spec in app/cache.c 'app/*:42' "$scratch/p/app/cache.c" 'app/main.c@all-frames' '*/cache.c@domain=0'; do
	equal "filter ${spec//$scratch/SCRATCH}" 'app/cache.c:42: size=2000 B, count=20, average=100 B' \
		"$("$heapdelta" stats new.json --source-root p --format lines --filter "$spec")"
done
says 'a filter that matches nothing' 0 "$heapdelta" stats new.json --source-root p --format lines --filter app/cash.c <<'EOF'
2> heapdelta: note: filter 'app/cash.c' matched none of 3 stacks; close: app/cache.c
EOF
# close SPEC: what it says of it.
close() { "$heapdelta" stats new.json --source-root p --format lines --filter "$1" 2>&1 | sed -n 's/.*of 3 stacks//p'; }
equal 'close: a letter' '; close: app/cache.c' "$(close cash.c)"
equal 'close: the last component' '; close: app/cache.c' "$(close cache.c)"
equal 'close: upper and lower case' '; close: app/cache.c' "$(close APP/CACHE.C)"
equal 'close: a pattern without directories' '; close: app/cache.c' "$(close 'cache*')"
equal 'close: an outer frame' '; close: app/main.c@all-frames' "$(close app/main.c)"
equal 'close: an outer frame, by function' '; close: func:main@all-frames' "$(close func:main)"
equal 'close: another line' '; close: app/cache.c:42' "$(close app/cache.c:43)"
equal 'close: a function that is no file' '; close: func:cache_put' "$(close cache_put)"
equal 'close: functions' '; close: func:cache_put' "$(close func:cash_put)"
equal 'close: with the suffix' '; close: base:cache.c@all-frames' "$(close base:cach.c@all-frames)"
equal 'close: three of several' '; close: app/main.c, app/cache.c, lib/alloc.c' "$(close '?*.C')"
equal 'close: nothing' '' "$(close something-else-entirely.cpp)$(close @domain=3)$(close thread:x)$(close process:x)"
for spec in app/cash.c cache.c app/main.c app/cache.c:43 cache_put func:cash_put; do
	equal "what is close to $spec can be typed" 'app/cache.c:42: size=2000 B, count=20, average=100 B' \
		"$("$heapdelta" stats new.json --source-root p --format lines --filter "$(close "$spec" | sed 's/; close: //')")"
done
says 'the same, quietly' 0 "$heapdelta" stats new.json --source-root p --format lines --filter app/cash.c -q </dev/null
says 'a bad filter' 2 "$heapdelta" stats new.json --filter 'a.c@domain=x' <<'EOF'
2> heapdelta: bad filter 'a.c@domain=x': 'x' is not a domain number
EOF
says 'no peak' 2 "$heapdelta" stats new.json --metric peak <<'EOF'
2> heapdelta: 'new.json' does not say which blocks lived at the peak
EOF
says 'cumulative stacks' 2 "$heapdelta" stats new.json --cumulative -k traceback <<'EOF'
2> heapdelta: cumulative mode cannot be used with key 'traceback'
2> Try 'heapdelta stats --help'
EOF
equal 'one snapshot has grown from nothing' "$("$heapdelta" stats new.json -s size --format lines)" \
	"$("$heapdelta" stats new.json -s growth --format lines)"

# ---- Where it comes from -----------------------------------------------------------------------------------------------------------
equal 'standard input' 'new.c:1: size=64 B, count=1, average=64 B' \
	"$("$heapdelta" stats - --format lines --filter new.c <new.json)"
says 'standard input twice' 2 bash -c "'$heapdelta' diff - - <new.json" <<'EOF'
2> heapdelta: standard input can be read only once
EOF
equal 'no next command after standard input' '' "$("$heapdelta" stats - <new.json | grep ^next)"
mkdir here
snapshot 'here/a b.hds' '"size":1,"frames":[["first.c",1]]'
touch -d '2 hours ago' 'here/a b.hds'
says 'only one here' 2 env -C here "$heapdelta" diff <<'EOF'
2> heapdelta: only one snapshot here, and a comparison needs two (try 'heapdelta run COMMAND' again)
EOF
snapshot here/b.hds '"size":2,"frames":[["second.c",1]]'
touch -d '1 hour ago' here/b.hds
snapshot here/c.hds '"size":3,"frames":[["third.c",1]]'
mkdir here/c.d
cp here/c.hds here/c.d/root.hds
snapshot here/c.d/child.hds '"size":30,"frames":[["child.c",1]]'
equal 'the newest here, with its children' 'child.c:1: size=30 B, count=1, average=30 B
third.c:1: size=3 B, count=1, average=3 B' "$(cd here && "$heapdelta" stats --format lines)"
equal 'the two newest' 'old: b.hds  2 B live in 1 block
new: c.d  33 B live in 2 blocks  2 processes' "$(cd here && "$heapdelta" diff | grep -E '^(old|new):')"
equal 'one and the newest' 'old: a b.hds  1 B live in 1 block' "$(cd here && "$heapdelta" diff 'a b.hds' | grep '^old:')"
next=$(cd here && "$heapdelta" diff 'a b.hds' b.hds | sed -n 's/^next: //p')
equal 'the next command is quoted' "$heapdelta diff 'a b.hds' b.hds -k traceback -n 1" "$next"
equal 'and works when pasted' '[ Top 1 differences by traceback ]' "$(cd here && eval "$next" | grep '^\[')"

# ---- Where it goes ---------------------------------------------------------------------------------------------------------------
mkdir results
echo before >results/out
chmod 640 results/out
check 'a file is replaced' "$heapdelta" stats new.json --format lines -o results/out
equal 'it is complete, keeps its mode, and is alone' "3 640 out" "$(wc -l <results/out) $(stat -c %a results/out) $(ls results)"
echo before >results/out
check 'a failure leaves the file alone' bash -c "! '$heapdelta' stats none.json -o results/out && grep -q before results/out"
check 'standard output by name' test -n "$("$heapdelta" stats new.json -o -)"
says 'a directory is no output' 2 "$heapdelta" stats new.json -o results <<'EOF'
2> heapdelta: cannot write 'results': Is a directory
EOF
"$heapdelta" stats none.json --log words 2>err
equal 'our words in a file' "heapdelta: cannot open 'none.json': No such file or directory 0" "$(cat words) $(wc -c <err)"
# A pipe whose reader left, with SIGPIPE ignored as some callers do.
(trap '' PIPE && "$heapdelta" stats new.json --format json -n 0 2>err | true)
equal 'a closed pipe is silent even then' '' "$(cat err)"
equal 'colours only when asked' '0 1 0 0' "$(for how in auto always never; do "$heapdelta" stats new.json --color "$how" | grep -c '^.\[1m'; done | xargs) $(
	NO_COLOR=1 "$heapdelta" stats new.json | grep -c '^.\[1m')"

# ---- Export ----------------------------------------------------------------------------------------------------------------------
"$heapdelta" export new.json --format json -o copy.json
equal 'a copy is the same' '' "$("$heapdelta" diff new.json copy.json --attribute raw -k traceback --format lines | grep -v '(+0 B)')"
equal 'fewer frames, true depth' '1 3' \
	"$("$heapdelta" export new.json --format json --nframe 1 | jq -r '[.traces[] | select(.size == 2000)][0] | "\(.frames | length) \(.total_nframe)"')"
says 'export wants to know what' 2 "$heapdelta" export new.json <<'EOF'
2> heapdelta: which format? --format json
2> Try 'heapdelta export --help'
EOF

# ---- The next command on odd names ---------------------------------------------------------------------------------------------------
for odd in 'a b.c' 'a*[x]?.c' 'a:42' 'func:x' 'x@domain=3' "it's.c" '-n' "\$(touch stolen)"; do
	snapshot odd.json "\"size\":5,\"frames\":[[\"$odd\",1,\"f\"]]" '"size":3,"frames":[["other.c",1,"g"]]'
	next=$("$heapdelta" stats odd.json -k filename | sed -n 's/^next: //p')
	equal "it finds $odd" 'size=5 B, count=1' "$(eval "$next" | sed -n 's/^Total: \(.*[^ ]\) *lost.*/\1/p')"
done
check 'and runs nothing' test ! -e stolen

# ---- Hostile names ---------------------------------------------------------------------------------------------------------------
snapshot hostile.json '"size":1,"frames":[["\u001b[2Ja|b\n.c",1,"f\u009b31m"]]'
equal 'no control character reaches the terminal' 0 "$("$heapdelta" stats hostile.json -k traceback | LC_ALL=C grep -c $'[\x01-\x09\x0b-\x1f\x9b]')"
equal 'lines prints names as they are' 1 "$("$heapdelta" stats hostile.json --format lines | grep -c $'^\x1b\[2Ja|b$')"
equal 'json reads back' $'\x1b[2Ja|b\n.c' "$("$heapdelta" stats hostile.json --format json | jq -r '.stats[0].frames[0].file')"
snapshot names.json '"size":1,"frames":[["%s%n%d.c",1,"%n"]]'
equal 'formats in names are text' '%s%n%d.c:1: size=1 B, count=1, average=1 B' "$("$heapdelta" stats names.json | grep '^%')"
finish
