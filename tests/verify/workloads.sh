# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Programs whose stacks are verified, by tests/e2e/verify.sh once and by tests/verify/run as often as one likes.
#
# Sourced with $top (sources), $programs (built tests), $heapdelta and $shim set.  prepare_workloads makes what they work on in the current directory;
# then `workload NAME EVERY SIZE` runs one traced, with HEAPDELTA_VERIFY=EVERY, and leaves its snapshots in ./verified/.
# Those of `rivals` have threads that compete for the learner: on a loaded machine one may wait in vain, and a stack is truncated.
# shellcheck disable=SC2034
all_workloads='python-json python-callbacks python-threads gcc g++ git-log git-blame sqlite perl throw-catch coroutine-unmapped dlclose-reuse
	signal-stacks code-without-cfi deep-recursion frame-shapes storm'
# shellcheck disable=SC2034
rivals=' python-threads throw-catch storm '

# shellcheck disable=SC2154
prepare_workloads()
{
	cat >use-json.py <<'PY'
import json, sys
for turn in range(int(sys.argv[1])):
    data = {str(i): [i, {"x": i * turn, "y": "z" * (i % 50)}] for i in range(60)}
    assert json.loads(json.dumps(data, indent=1)) == data
PY
	cat >use-callbacks.py <<'PY'
import ctypes, gc, sys
compare_type = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
def compare(a, b):
    return len([a[0]] * 100) * (a[0] - b[0]) # more than Python's own allocator gives
def deep(left):
    if left == 0:
        raise ValueError("deep" * 10)
    try:
        return deep(left - 1)
    finally:
        [left] * 100
for turn in range(int(sys.argv[1])):
    numbers = (ctypes.c_int * 20)(*[i * 7919 % 101 for i in range(20)])
    ctypes.CDLL(None).qsort(numbers, 20, ctypes.sizeof(ctypes.c_int), compare_type(compare))
    assert sorted(numbers) == list(numbers)
    try:
        deep(10 + turn % 5)
    except ValueError as error:
        assert "deep" in str(error)
    gc.collect()
PY
	cat >use-threads.py <<'PY'
import sys, threading
def work(seed):
    for turn in range(int(sys.argv[1])):
        words = {str(i): ["x" * 600, i] for i in range(100)}
        assert sorted(words, key=lambda word: words[word][1] + len("x" * 700))[3] == "3"
threads = [threading.Thread(target=work, args=(seed,)) for seed in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
PY
	cat >rows.sql <<'SQL'
create table t(a integer primary key, b text, c real);
with recursive n(x) as (select 1 union all select x + 1 from n where x < 1000) insert into t select x, 'text ' || x, x * 1.5 from n;
create index i on t(b);
select count(*), sum(c), group_concat(substr(b, 1, 1)) from (select * from t order by b limit 200);
select b, count(*) from t group by substr(b, 1, 7) order by 2 desc limit 3;
update t set b = b || 'x' where a % 7 = 0;
delete from t where a % 3 = 0;
select count(*) from t x join t y on x.a = y.b + 1 where x.b like 'text 1%';
SQL
	cat >hashes.pl <<'PERL'
for my $turn (1 .. $ARGV[0]) {
	my %h = map { ("k$_" => [map { "v$_" } 1 .. $_ % 5]) } 1 .. 200;
	my $x = join ",", map { s/k(\d+)/<$1>/r } sort keys %h;
	eval { die { code => $_, list => [1 .. $_] } } for 1 .. 10;
}
PERL
	git_repository
	if command -v c++ >/dev/null; then c++ -g -O2 -o throw-catch "$top/tests/targets/throw-catch.cpp" -lpthread; fi
}

git_repository()
{
	local n
	export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_DATE='2024-01-01T00:00:00Z' GIT_COMMITTER_DATE='2024-01-01T00:00:00Z'
	export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org
	git init -q -b main repository
	for n in $(seq 40); do
		seq "$n" 300 >repository/numbers
		git -C repository add numbers
		git -C repository commit -q -m "commit $n"
	done
}

# shellcheck disable=SC2154
# Sets `command`: a size becomes what each program understands by it.
workload_command()
{
	local size=$2
	case $1 in
	python-json) command=(env PYTHONMALLOC=malloc python3 -S use-json.py "$size") ;;
	python-callbacks) command=(python3 -S use-callbacks.py "$size") ;;
	python-threads) command=(python3 -S use-threads.py "$size") ;;
	gcc) command=(gcc -std=gnu11 -D_GNU_SOURCE -O2 -g -c -o gcc.o "$top/tests/targets/frame-shapes.c") ;;
	g++) command=(g++ -O1 -c -o g++.o "$top/tests/targets/throw-catch.cpp") ;;
	git-log) command=(git -C repository --no-pager log --stat --graph -n "$((size * 10))") ;;
	git-blame) command=(git -C repository --no-pager blame numbers) ;;
	sqlite) command=(sqlite3 :memory: '.read rows.sql') ;;
	perl) command=(perl hashes.pl "$size") ;;
	throw-catch) command=(./throw-catch) ;;
	deep-recursion) command=("$programs/targets/deep-recursion" "$((100 * size))") ;;
	frame-shapes) command=("$programs/targets/frame-shapes" "$((1000 * size))") ;;
	storm) command=("$programs/targets/storm" 3 "$((1000 * size))" 7 3) ;;
	*) command=("$programs/targets/$1") ;;
	esac
}

# workload NAME EVERY SIZE: status of the program; its output is thrown away, what is said on stderr is in ./said.
# shellcheck disable=SC2154
workload()
{
	local command
	workload_command "$1" "$3"
	rm -rf verified && mkdir verified
	env HEAPDELTA_VERIFY="$2" HEAPDELTA_OUTPUT="$PWD/verified/%e.%p.%n.hds" LD_PRELOAD="$shim" "${command[@]}" >/dev/null 2>said </dev/null
}

# What ./verified/ says: "stacks stacks_by_libunwind frames_by_libunwind shorter differences", summed over the processes.
# shellcheck disable=SC2154
verified_counts()
{
	local file
	for file in verified/*.hds; do
		"$heapdelta" info "$file" --format json
	done | jq -rs 'map(.verification) | ["stacks", "stacks_by_libunwind", "frames_by_libunwind", "shorter", "differences"] as $keys
		| [$keys[] as $key | map(.[$key]) | add // 0] | @tsv'
}
