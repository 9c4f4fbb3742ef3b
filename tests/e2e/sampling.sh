#!/bin/bash
# SPDX-License-Identifier: MIT
# Sampling, from --sample to the ±: what reports say of sampled data (on interchange JSON, where every byte is known), estimates of a known
# heap against the exact recording of it, conservation, threads, forks, reallocs, and that the two writers of snapshots agree.
# Estimates come from fixed random numbers (tests/targets/lib/seeded.c), so they are the same every time; where threads make them differ
# all the same, twice the printed error is allowed, which one run in a million exceeds.     SAMPLED_RUNS=1000 (default 100) for more of them.
. "$(dirname "$0")/tap.sh"
heap=$programs/targets/known-heap seeded=$programs/targets/lib/seeded.so
runs=${SAMPLED_RUNS:-100}

# ---- What reports say ------------------------------------------------------------------------------------------------------------
# snapshot FILE INFO TRACE…: a trace is the inside of its JSON object.
snapshot()
{
	local file=$1 info=$2 traces
	shift 2
	printf -v traces '{%s},' "$@"
	printf '{"format":"heapdelta-snapshot","version":1,"info":{%s},"traces":[%s]}' "$info" "${traces%,}" >"$file"
}
process='"pid":7,"command":"app","start_realtime_ns":1000,"sample_bytes":524288'
snapshot old.json "$process" \
	'"size":50331648,"count":561737,"variance":26388279066624,"total_size":50331648,"total_count":561737,"frames":[["cache.c",42,"put"]]' \
	'"size":8388608,"count":1,"variance":0,"total_size":8388608,"frames":[["big.c",1,"big"]]' \
	'"size":10485760,"count":99,"variance":4398046511104,"total_size":99999999,"frames":[["busy.c",5,"busy"]]'
snapshot new.json "$process" \
	'"size":53477376,"count":596846,"variance":28037546508288,"total_size":53477376,"total_count":596846,"frames":[["cache.c",42,"put"]]' \
	'"size":8388608,"count":1,"variance":0,"total_size":8388608,"frames":[["big.c",1,"big"]]' \
	'"size":10485760,"count":99,"variance":4398046511104,"total_size":9999999999,"frames":[["busy.c",5,"busy"]]'
snapshot other.json "${process/\"pid\":7/\"pid\":8}" \
	'"size":53477376,"count":596846,"variance":28037546508288,"total_size":53477376,"total_count":596846,"frames":[["cache.c",42,"put"]]'
snapshot exact.json '"pid":9,"command":"app"' '"size":50331648,"count":561737,"frames":[["cache.c",42,"put"]]'
snapshot gone.json "$process" \
	'"size":0,"count":0,"total_size":50331648,"total_count":561737,"frames":[["cache.c",42,"put"]]' \
	'"size":8388608,"count":1,"total_size":8388608,"frames":[["big.c",1,"big"]]'

# says NAME COMMAND… <expected: stdout, then stderr behind "2>"
says()
{
	local name=$1
	shift
	cat >expected
	"$@" >out 2>err </dev/null || echo 'wrong status' >>out
	sed 's/^/2> /' err >>out
	sed "s:$heapdelta:heapdelta:g; s/\r\$//" out >got
	same_files "$name" expected got
}
says 'statistics with ±' "$heapdelta" stats old.json <<'EOF'
old.json  app  66.0 MiB ± 13.2 MiB live in 561837 blocks, sampled every 512 KiB
[ Top 10 live by lineno ]
cache.c:42: size=48.0 MiB ± 12.2 MiB, count=561737, average=90 B
busy.c:5: size=10.0 MiB ± 5120 KiB, count=99, average=103 KiB
big.c:1: size=8192 KiB, count=1, average=8192 KiB
Total: size=66.0 MiB ± 13.2 MiB, count=561837        lost: nothing
sampled every 512 KiB: sizes and counts are estimates, ± holds in 95 of 100 runs; what holds less than 1536 KiB may be missing
next: heapdelta stats old.json -k traceback -n 1
EOF
says 'what one process held all the time has no error' "$heapdelta" diff old.json new.json -n 0 <<'EOF'
old: old.json  app  66.0 MiB ± 13.2 MiB live in 561837 blocks, sampled every 512 KiB
new: new.json  app  69.0 MiB ± 13.6 MiB live in 596946 blocks, sampled every 512 KiB
[ All differences by lineno ]
cache.c:42: size=51.0 MiB (+3072 KiB ± 3135 KiB), count=596846 (+35109), average=90 B
busy.c:5: size=10.0 MiB (+0 B ± 7241 KiB), count=99 (+0), average=103 KiB
big.c:1: size=8192 KiB (+0 B), count=1 (+0), average=8192 KiB
Total: size=69.0 MiB (+3072 KiB ± 7890 KiB), count=596946 (+35109)        lost: nothing
sampled every 512 KiB: sizes and counts are estimates, ± holds in 95 of 100 runs; what holds less than 1536 KiB may be missing
next: heapdelta diff old.json new.json -k traceback -n 1
EOF
says 'two processes are two samples' "$heapdelta" diff old.json other.json --filter cache.c <<'EOF'
old: old.json  app  66.0 MiB ± 13.2 MiB live in 561837 blocks, sampled every 512 KiB
new: other.json  app  51.0 MiB ± 12.6 MiB live in 596846 blocks, sampled every 512 KiB
[ Top 10 differences by lineno ]
cache.c:42: size=51.0 MiB (+3072 KiB ± 17.6 MiB), count=596846 (+35109), average=90 B
Total: size=51.0 MiB (+3072 KiB ± 17.6 MiB), count=596846 (+35109)        lost: nothing
sampled every 512 KiB: sizes and counts are estimates, ± holds in 95 of 100 runs; what holds less than 1536 KiB may be missing
next: heapdelta diff old.json other.json --filter cache.c -k traceback -n 1
EOF
says 'sampled beside exact' "$heapdelta" diff exact.json other.json --format markdown <<'EOF'
- old: exact.json  app  48.0 MiB live in 561737 blocks
- new: other.json  app  51.0 MiB ± 12.6 MiB live in 596846 blocks, sampled every 512 KiB

### Top 10 differences by lineno

| lineno | size | size diff | count | count diff | average | |
| --- | ---: | ---: | ---: | ---: | ---: | --- |
| `cache.c:42` | 51.0 MiB | +3072 KiB ± 12.6 MiB | 596846 | +35109 | 90 B |  |

- Total: size=51.0 MiB (+3072 KiB ± 12.6 MiB), count=596846 (+35109)        lost: nothing
- sampled every 512 KiB: sizes and counts are estimates, ± holds in 95 of 100 runs; what holds less than 1536 KiB may be missing
2> heapdelta: note: 'exact.json' is exact, 'other.json' sampled every 512 KiB
EOF
says 'lines are tracemalloc'"'"'s, a note says what they are' "$heapdelta" diff old.json other.json --filter cache.c --format lines <<'EOF'
cache.c:42: size=51.0 MiB (+3072 KiB), count=596846 (+35109), average=90 B
2> heapdelta: note: 'old.json' was sampled every 512 KiB: its numbers are estimates
2> heapdelta: note: 'other.json' was sampled every 512 KiB: its numbers are estimates
EOF
says 'a line without live blocks is no line' "$heapdelta" stats gone.json --format lines <<'EOF'
big.c:1: size=8192 KiB, count=1, average=8192 KiB
2> heapdelta: note: 'gone.json' was sampled every 512 KiB: its numbers are estimates
EOF
says 'what is gone has the error that it had' "$heapdelta" diff old.json gone.json --filter cache.c --format csv <<'EOF'
file,line,function,module,size,size_diff,count,count_diff,size_error,lost_events
cache.c,42,put,,0,-50331648,0,-561737,12842381,0
2> heapdelta: note: 'old.json' was sampled every 512 KiB: its numbers are estimates
2> heapdelta: note: 'gone.json' was sampled every 512 KiB: its numbers are estimates
EOF
# 2.5 √(524288 · 50331648)
equal 'allocated in total: as if the distance times the size were its variance' 12842381 \
	"$(ask stats -q old.json --metric total --filter cache.c -- '.stats[0].size_error')"
equal 'JSON: the error of the whole, the distance' '[13871357,524288,0]' \
	"$(ask stats -q old.json -- -c '[.totals.size_error, .new.sample_bytes, .stats[2].size_error]')"
equal 'JSON of exact data has no such total' '[null,0,0]' \
	"$(ask stats exact.json -- -c '[.totals.size_error, .new.sample_bytes, .stats[0].size_error]')"
equal 'info: the same in JSON' '[13871357,524288]' "$(ask info old.json -- -c '[.totals.live_bytes_error, .recording.sample_bytes]')"
"$heapdelta" info old.json >info.txt
contains 'info: the same for people' 'live        66.0 MiB ± 13.2 MiB in 561837 blocks' "info.txt"
contains 'info: how it was recorded' 'recording   sampled every 512 KiB: sizes and counts are estimates' "info.txt"
"$heapdelta" export old.json --format json -o again.json
same_files 'export and back' <("$heapdelta" stats -q old.json --format json | sed 's/old.json/x/') <("$heapdelta" stats -q again.json --format json | sed 's/again.json/x/')

# ---- Options ---------------------------------------------------------------------------------------------------------------------
for bad in '' 100 3G 64kB nonsense -1; do
	"$heapdelta" run --sample="$bad" -- /bin/true 2>err
	equal "--sample='$bad' is refused before the start" '125 2' "$? $(wc -l <err)"
done
HEAPDELTA_SAMPLE=64kB HEAPDELTA_OUTPUT=$scratch/bad.hds LD_PRELOAD=$shim /bin/true 2>err
equal 'a bad HEAPDELTA_SAMPLE: one line, and every block' '1 0' "$(wc -l <err) $(ask info bad.hds -- .recording.sample_bytes)"
for how in off 0 1; do
	HEAPDELTA_SAMPLE=64K "$heapdelta" run --sample "$how" -q -o exact.hds -- "$heap"
	equal "--sample $how is exact, whatever the environment says" '0 177238' "$(ask info exact.hds -- '"\(.recording.sample_bytes) \(.totals.live_blocks)"')"
done

# ---- Estimates -------------------------------------------------------------------------------------------------------------------
# by_function FILE: "function size error count" lines, first the total.  (With sed, because it is done hundreds of times.)
by_function()
{
	"$heapdelta" stats -q "$1" -k function -n 0 --format json | sed -n '
		s/^"totals":{"size":\([0-9]*\),"count":\([0-9]*\),"size_error":\([0-9]*\),.*/total \1 \3 \2/p
		s/^"totals":{"size":\([0-9]*\),"count":\([0-9]*\),"rows".*/total \1 0 \2/p
		s/^{"size":\([0-9]*\),"count":\([0-9]*\),"size_error":\([0-9]*\),.*"function":"\([^"]*\)".*/\4 \1 \3 \2/p'
}
# sample RANDOM DISTANCE OUTPUT COMMAND…: with a bare preload
sample()
{
	local random=$1 distance=$2 output=$3
	shift 3
	TEST_RANDOM=$random HEAPDELTA_SAMPLE=$distance HEAPDELTA_OUTPUT=$scratch/$output LD_PRELOAD=$shim:$seeded "$@"
}
by_function exact.hds | sort >truth

# estimate DISTANCE: `runs` runs; then per function: truth, runs within ±, mean of the runs, mean of ±
estimate()
{
	local run
	for run in $(seq "$runs"); do
		sample "$run" "$1" s.hds "$heap" && by_function s.hds
		rm -f s.hds
	done >seen
	awk -v runs="$runs" '
		FNR == NR { truth[$1] = $2; next }
		{ off = $2 - truth[$1]; within[$1] += (off < 0 ? -off : off) <= $3; sum[$1] += $2; error[$1] += $3 }
		END { for (site in truth) print site, truth[site], within[site] + 0, sum[site] / runs, error[site] / runs }' truth seen >estimates
}
# verdict: what is wrong with the file estimates: the total must be within ± in 95 of 100 runs, as must sites of ten samples and more (for a
# site, 5 fewer will do: there are many), and means must be the truth within 4 standard deviations of a mean.
verdict()
{
	awk -v runs="$runs" -v distance="$1" '
		function far(a, b) { return a > b ? a - b : b - a }
		$1 == "total" && $3 < 0.95 * runs { print "total: within its error in " $3 " of " runs " runs" }
		$1 != "total" && $2 > 10 * distance && $3 < 0.9 * runs { print $1 ": within its error in " $3 " of " runs " runs" }
		far($4, $2) > 4 * sqrt(distance * $2 / runs) + 0.001 * $2 { print $1 ": " $4 " on average, not " $2 }' estimates
}
estimate 512K
equal "512 KiB: $runs estimates of a known heap hold what their ± promises" '' "$(verdict 524288)"
equal 'all sites but the smallest are seen' 8 "$(awk '$1 != "total" && $4 > 0.7 * $2' estimates | wc -l)"
runs=$(((runs + 3) / 4))
estimate 64K
equal "64 KiB: $runs of them do as well" '' "$(verdict 65536)"
# Ten times as many samples: a third of the error, for blocks smaller than both distances.
estimate 5242K
large=$(awk '$1 == "bytes_500" { print $5 }' estimates)
estimate 52K
small=$(awk '$1 == "bytes_500" { print $5 }' estimates)
check 'the error falls with the root of the distance' awk -v large="$large" -v small="$small" 'BEGIN { exit !(large / small > 7 && large / small < 13) }'

sample same 512K one.hds "$heap"
sample same 512K two.hds "$heap"
sample different 512K three.hds "$heap"
same_files 'the same random numbers, the same sample' <(by_function one.hds) <(by_function two.hds)
check 'others, another' test "$(by_function one.hds)" != "$(by_function three.hds)"
HEAPDELTA_SAMPLE=512K HEAPDELTA_OUTPUT=$scratch/four.hds LD_PRELOAD=$shim "$heap"
HEAPDELTA_SAMPLE=512K HEAPDELTA_OUTPUT=$scratch/five.hds LD_PRELOAD=$shim "$heap"
check 'every process draws its own' test "$(by_function four.hds)" != "$(by_function five.hds)"

# near NAME FILE [TIMES]: total and large sites are within twice their ± of the truth, times TIMES
near()
{
	by_function "$2" | awk -v times="${3:-1}" '
		FNR == NR { truth[$1] = $2; next }
		$1 in truth && truth[$1] > 5000000 { off = $2 - times * truth[$1]; sites++; if ((off < 0 ? -off : off) > 2 * $3 + 10000) print $0, truth[$1] }
		END { if (sites < 6) print sites " sites" }' truth - >far
	same_files "$1" /dev/null far
}
for how in threads realloc; do
	sample 5 256K s.hds "$heap" "$how"
	near "$how: the same heap, the same estimate" s.hds
done
"$heapdelta" run --sample 256K -q -o forked.hds -- "$heap" fork
near 'fork: the parent' forked.hds
near 'fork: both of them' forked.d 2
equal 'fork: the child is sampled as well' 262144 "$(for file in forked.d/*known*.hds; do ask info "$file" -- .recording.sample_bytes; done | sort -u)"

# ---- One process, two moments ----------------------------------------------------------------------------------------------------
HEAPDELTA_SAMPLE=off HEAPDELTA_OUTPUT=$scratch/exact.%p.hds LD_PRELOAD=$shim "$heap" grow
sample 3 128K 'grown.%p.hds' "$heap" grow
grown=$(ask diff -q grown.*.before.hds grown.*.after.hds -k function -n 0 -- -c '[.stats[] | {(.frames[0].function): [.size_diff, .size_error]}] | add')
check 'what did not change has neither difference nor error' jq -e '[.mebibytes_8, .mebibytes_1, .bytes_4096, .bytes_500] | all(. == [0, 0])' <<<"$grown"
# 20000 blocks of 400 bytes came; of 20000 blocks of 80 bytes, half stayed.
check 'what grew has grown by it' jq -e '.growing | (.[0] - 8000000 | fabs) <= 2 * .[1] and .[1] > 1000000 and .[1] < 4000000' <<<"$grown"
# shellcheck disable=SC2016
check 'its error is that of what came and went' jq -e --argjson was "$(ask stats -q grown.*.after.hds -k function -n 0 -- '[.stats[] | select(.frames[0].function == "bytes_80")][0].size_error')" \
	'.bytes_80 | (.[0] - 800000 | fabs) <= 2 * .[1] and .[1] < $was' <<<"$grown"

# ---- Two writers, one truth --------------------------------------------------------------------------------------------------------
# From inside at the exit, from outside by the supervisor, of the running process, and of its trace file after a kill.
numbers() { ask info "$1" -- -c '[.totals.live_blocks, .totals.live_bytes, .totals.live_bytes_error, .totals.total_blocks, .totals.total_bytes]'; }
sample 9 64K inside.hds "$heap"
TEST_RANDOM=9 LD_PRELOAD=$seeded "$heapdelta" run --sample 64K -q -o outside.hds -- "$heap"
equal 'from inside and by the supervisor: the same numbers' "$(numbers inside.hds)" "$(numbers outside.hds)"
same_files '… for each function' <(by_function inside.hds) <(by_function outside.hds)
mkfifo ready
TEST_RANDOM=9 HEAPDELTA_SAMPLE=64K LD_PRELOAD=$shim:$seeded "$heap" wait >ready &
read -r pid <ready
"$heapdelta" snapshot -q --blocks -o running.hds "$pid" >/dev/null
equal 'of the running process' "$(numbers inside.hds)" "$(numbers running.hds)"
disown
kill -9 "$pid"
while kill -0 "$pid" 2>/dev/null; do sleep 0.01; done
equal 'of what it left when it was killed' "$(numbers inside.hds)" "$(numbers "$HEAPDELTA_DIR"/*.hdt)"
# The list holds the recorded blocks: their number, each scaled, is the estimate.
python3 - "$top/tests/e2e" running.hds >scaled <<'EOF'
import importlib.util, math, sys
spec = importlib.util.spec_from_file_location("read_hds", sys.argv[1] + "/read-hds.py")
hds = importlib.util.module_from_spec(spec)
spec.loader.exec_module(hds)
chunks = hds.read(sys.argv[2])
facts = {key: value for key, _, value in hds.records(chunks, "INFO", "IIQ")}
chance = lambda size: -math.expm1(-max(size, 1) / facts[0x208])
sizes = [size for _, size, _, _ in hds.records(chunks, "BLKS", "QQII")]
variance = sum(size * size * (1 - chance(size)) / chance(size) ** 2 for size in sizes)
stacks = sum(stack[-1] for stack in hds.records(chunks, "STCK", "II7QIIQ"))
print(len(sizes) < 2000, abs(sum(size / chance(size) for size in sizes) - facts[2]) < len(sizes), abs(sum(1 / chance(size) for size in sizes) / facts[1] - 1) < 0.001,
      abs(stacks / variance - 1) < 0.001)
EOF
equal 'blocks in the list, scaled by FORMAT.md: bytes, blocks, variance' 'True True True True' "$(cat scaled)"

# ---- Behind a filter that kills ----------------------------------------------------------------------------------------------------
# The first recorded block may come when no memory can be mapped any more.
for distance in 512 4K 32K 64K 128K 256K 512K 1M; do
	HEAPDELTA_OUTPUT=$scratch/boxed.hds HEAPDELTA_SAMPLE=$distance LD_PRELOAD=$shim "$programs/targets/sandbox" >/dev/null 2>&1
	equal "a sandbox, sampled every $distance, lives" 5 "$?"
done

# ---- Nothing is left over ----------------------------------------------------------------------------------------------------------
sample 4 512 s.hds "$heap" free
equal 'everything freed, most of it recorded: exactly nothing' '0 0 0' "$(ask info s.hds -- '"\(.totals.live_blocks) \(.totals.live_bytes) \(.totals.total_bytes - .totals.freed_bytes)"')"
export GLIBC_TUNABLES=glibc.pthread.stack_cache_size=0
for distance in 512 4K 64K; do
	for storm in '2 30000 7 3' '8 2000 9 20'; do
		# Four numbers are four arguments.
		# shellcheck disable=SC2086
		HEAPDELTA_SAMPLE=$distance HEAPDELTA_OUTPUT=$scratch/storm.hds LD_PRELOAD=$shim "$programs/targets/storm" $storm 2>/dev/null
		read -r blocks bytes all _ lost < <(totals storm.hds)
		equal "storm $storm, sampled every $distance: exactly nothing" '0 0 0 1' "$blocks $bytes $lost $((all > 1000))"
	done
done
finish
