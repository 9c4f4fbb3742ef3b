#!/bin/bash
# SPDX-License-Identifier: MIT
# What every command does alike: help, misuse, options, where words go, colours, pipes that close, standard input and output by name.  The
# commands and their options come from the command itself, so a new one is under the same rules.
. "$(dirname "$0")/tap.sh"

"$heapdelta" help --options >options
mapfile -t commands < <(cut -f 1 options | uniq)
printf '{"format":"heapdelta-snapshot","version":1,"traceback_limit":9,"traces":[{"size":20,"frames":[["a.c",1,"one"]]}]}' >a.json

# run ARGUMENT…: runs heapdelta; its output is in out and err, its status in status.
run() { "$heapdelta" "$@" >out 2>err </dev/null; status=$?; }
too_wide() { LC_ALL=C.UTF-8 awk 'length($0) > 79' "$@"; }

# ---- Help --------------------------------------------------------------------------------------------------------------------------
run --help
equal 'help: status, nothing on stderr, within 80 columns' '0  ' "$status $(cat err) $(too_wide out)"
for name in "${commands[@]}"; do
	run help "$name"
	cp out help
	for how in --help -h '--help --frob' 'operand --help'; do
		# shellcheck disable=SC2086 # several words
		[ "$name $how" = "run operand --help" ] || run "$name" $how # there the option is the operand's
		equal "$name $how: status, nothing on stderr, within 80 columns" '0  ' "$status $(cat err) $(too_wide out)"
		same_files "$name $how: the same as help $name" help out
	done
	check "$name: its examples name it" bash -c "! sed -n '/^Examples:/,\$s/^  \([^ ].*\)/\1/p' help | grep -vE 'heapdelta (run|$name)'"
	check "$name: it has an example" grep -q '^Examples:' help
	equal "$name: every example says what it does, no line ends in a blank" '' "$(grep -n ' $' help)"
	run "$name" --version
	equal "$name --version" "$("$heapdelta" --version)" "$(cat out)"
done
run --version
check 'version: number and commit, formats, libraries' bash -c "grep -qE '^heapdelta [0-9]+\.[0-9]+\.[0-9]+( \(commit [0-9a-f]+\))?$' out &&
	grep -qE '^formats: snapshot [0-9]+\.[0-9]+, trace file [0-9.]+, interchange JSON 1$' out && grep -q '^libraries: elfutils' out"

# ---- Misuse ------------------------------------------------------------------------------------------------------------------------
run
equal 'no command' "2 heapdelta: no command
Try '$heapdelta --help'" "$status $(cat err)"
run stat
equal 'a misspelt command' "2 heapdelta: unknown command 'stat'; did you mean 'stats'?
Try '$heapdelta --help'" "$status $(cat err)"
run --frob
equal 'an option that is no command' "2 heapdelta: unknown option '--frob'
Try '$heapdelta --help'" "$status $(cat err)"
run help frobnicate
equal 'help about nothing' 2 "$status"
for name in "${commands[@]}"; do
	misuse=2
	[ "$name" != run ] || misuse=125
	run "$name" --no-such-thing
	equal "$name: misuse is one line, and where to look" "$misuse heapdelta: unknown option '--no-such-thing'
Try '$heapdelta $name --help' " "$status $(cat err) $(cat out)"
	run "$name" -Z
	equal "$name: an unknown letter" "$misuse heapdelta: unknown option '-Z'" "$status $(head -1 err)"
	run "$name" $'--\033[31m'
	equal "$name: no control character reaches the terminal" 0 "$(LC_ALL=C grep -c $'\x1b' err)"
done

# Without its last letter an option is unknown, unless that is another one.
while IFS=$'\t' read -r name option _; do
	short=${option%?}
	! cut -f 1,2 options | grep -qxF "$name	$short" || continue
	run "$name" "--$short"
	grep -q "unknown option '--$short'" err || not_ok "$name --$short is an abbreviation" "$(cat err)"
done < <(cat options)
ok 'no long option may be abbreviated'

# An option that wants a value says so when there is none.
for name in "${commands[@]}"; do
	run "$name" --log
	contains "$name: a value is missing" "option '--log' needs a value (FILE)" err
done

# ---- Sizes and times ---------------------------------------------------------------------------------------------------------------
for value in 64kB 64kb 64KB 1.5X K -1 '' 1e3x; do
	for option in --sample --trace-limit; do
		run run "$option" "$value" true
		equal "run $option '$value' is refused" '125 1' "$status $(grep -cE '^heapdelta: .*(size|sample|limit)' err)"
	done
done
for value in 65536 64K 64KiB 64k 0.5M 1G; do
	run run -q --sample "$value" -o size.hds true
	equal "a size $value" 0 "$status"
done
for value in 10q 500ms s -1s ''; do
	run run --interval "$value" true
	equal "run --interval '$value' is refused" 125 "$status"
done
for value in 0.5s 10s 10 2m 1h; do
	run run -q --interval "$value" -o time.hds true
	equal "a time $value" 0 "$status"
done

# ---- Where words go ----------------------------------------------------------------------------------------------------------------
for name in stats diff info export; do
	args=()
	[ "$name" != export ] || args=(--format json)
	run "$name" "${args[@]}" none.json -q
	equal "$name -q keeps errors" "2 heapdelta: cannot open 'none.json': No such file or directory" "$status $(cat err)"
	rm -f words
	run "$name" "${args[@]}" none.json --log words
	equal "$name --log" "2 heapdelta: cannot open 'none.json': No such file or directory " "$status $(cat words) $(cat err)"
	run "$name" "${args[@]}" none.json --log no/such/directory
	equal "$name --log that cannot be opened" "2 heapdelta: cannot open 'no/such/directory': No such file or directory" "$status $(cat err)"
	operands=(-)
	[ "$name" != diff ] || operands=(a.json -)
	"$heapdelta" "$name" "${args[@]}" "${operands[@]}" <a.json >out 2>err
	equal "$name: standard input and output by name" '0 ' "$? $(cat err)"
	"$heapdelta" "$name" "${args[@]}" "${operands[@]}" -o - <a.json 2>&1 | cmp -s - out
	equal "$name: -o -" 0 "$?"
done
run run -q --log words -o run.hds -- no-such-command
equal 'run --log' "127 " "$status $(cat err)"
check 'run --log has the error' grep -q no-such-command words

# ---- Pipes that close, disks that are full ---------------------------------------------------------------------------------------------
for name in "${commands[@]}"; do
	("$heapdelta" "$name" --help 2>err; echo $? >status) | true
	equal "$name: a closed pipe is silent" '' "$(cat err)"
	(trap '' PIPE; "$heapdelta" "$name" --help 2>err) | true
	equal "$name: also if SIGPIPE is ignored" '' "$(cat err)"
	"$heapdelta" "$name" --help >/dev/full 2>err
	equal "$name: a full disk" '2 heapdelta: cannot write standard output: No space left on device' "$? $(cat err)"
done
for format in text lines json csv markdown; do
	"$heapdelta" stats a.json --format "$format" >/dev/full 2>err
	equal "stats --format $format: a full disk" '2 heapdelta: cannot write standard output: No space left on device' "$? $(cat err)"
	("$heapdelta" stats a.json --format "$format" 2>err) | true
	equal "stats --format $format: a closed pipe" '' "$(cat err)"
done

# ---- Colours: on a terminal only, and not where they are unwanted --------------------------------------------------------------------
if need script; then
	colours() { script -qefc "env $1 '$heapdelta' stats a.json ${2-}" /dev/null </dev/null | grep -c $'\x1b\['; }
	check 'colours on a terminal' test "$(colours TERM=xterm)" -gt 0
	equal 'none with NO_COLOR' 0 "$(colours 'TERM=xterm NO_COLOR=1')"
	check 'an empty NO_COLOR is none' test "$(colours 'TERM=xterm NO_COLOR=')" -gt 0
	equal 'none with TERM=dumb' 0 "$(colours TERM=dumb)"
	equal 'none without TERM' 0 "$(colours '-u TERM')"
	equal 'none when refused' 0 "$(colours TERM=xterm --color=never)"
	check 'always when asked for' test "$(colours 'TERM=dumb NO_COLOR=1' --color=always)" -gt 0
else
	skip 'colours' 'no script'
fi

# ---- The width of a terminal, and its characters ---------------------------------------------------------------------------------------
printf '{"format":"heapdelta-snapshot","version":1,"traceback_limit":9,"traces":[{"size":20,"frames":[["%s/cache.c",42,"one"]]}]}' \
	"$(printf 'a/%.0s' {1..60})" >deep.json
if need script; then
	on_terminal() { script -qefc "stty cols $1; '$heapdelta' stats deep.json $2" /dev/null </dev/null | tr -d '\r' | grep 'cache.c:42'; }
	equal 'names are shortened in the middle' 'a/a/a/a/a/a…/a/a/a/a/a//cache.c:42: size=20 B, count=1, average=20 B' "$(on_terminal 68 '')"
	equal 'not if refused' "$(printf 'a/%.0s' {1..60})/cache.c:42: size=20 B, count=1, average=20 B" "$(on_terminal 68 --full-names)"
fi
equal 'nor in a pipe' "$(printf 'a/%.0s' {1..60})/cache.c:42: size=20 B, count=1, average=20 B" "$("$heapdelta" stats deep.json | grep 'cache.c:42')"
series=(a.json a.json a.json)
check 'UTF-8 where the locale has it' grep -q '20 B → 20 B' <<<"$(LC_ALL=C.UTF-8 "$heapdelta" diff "${series[@]}" -n 0)"
check 'ASCII where it has not' grep -q '20 B -> 20 B' <<<"$(LC_ALL=C "$heapdelta" diff "${series[@]}" -n 0)"

# ---- The name that was typed -----------------------------------------------------------------------------------------------------------
mkdir "a dir" && ln -s "$heapdelta" "a dir/heapdelta"
"a dir/heapdelta" stats --frob 2>err
contains 'hints repeat argv[0], quoted' "'a dir/heapdelta' stats --help" err

# ---- Manual pages and completion -----------------------------------------------------------------------------------------------------
"$heapdelta" help --man >heapdelta.1
for name in "${commands[@]}"; do
	"$heapdelta" help --man "$name" >"heapdelta-$name.1"
	contains "heapdelta(1) names heapdelta-$name(1)" "\\fBheapdelta\\-$name\\fR(1)" heapdelta.1
	while IFS=$'\t' read -r _ option _; do
		grep -qF -- "\\fB\\-\\-${option//-/\\-}\\fR" "heapdelta-$name.1" || not_ok "heapdelta-$name(1) tells of --$option"
	done < <(grep "^$name	" options)
done
ok 'each manual page tells of each option'
if need man; then
	for page in heapdelta*.1; do
		equal "$page is well-formed" '' "$(MANWIDTH=80 LC_ALL=C.UTF-8 man --warnings=w -l "$page" 2>&1 >/dev/null)"
	done
fi

"$heapdelta" help --bash-completion >completion.bash
# complete WORD…: what bash would offer for the last one.
complete_words()
{
	bash -c '. ./completion.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _heapdelta; printf "%s\n" "${COMPREPLY[@]}"' - heapdelta "$@" |
		sort | xargs
}
mkdir -p here/run.d && cd here && cp ../completion.bash . && touch app.hds 'b.json' notes.txt
equal 'completion: commands' "$(cut -f 1 ../options | uniq | grep '^d' | sort | xargs)" "$(complete_words d)"
for name in "${commands[@]}"; do
	mapfile -t wanted < <(awk -F '\t' -v name="$name" '$1 == name { print "--" $2 }' ../options | sort -u)
	equal "completion: options of $name" "${wanted[*]}" "$(complete_words "$name" --)"
done
equal 'completion: values' 'csv json lines markdown text traceback' "$(complete_words stats --format '')"
equal 'completion: values behind =' 'json' "$(complete_words stats --format = j)"
equal 'completion: values of a letter' 'module' "$(complete_words diff a.hds -k mo)"
equal 'completion: snapshots' 'app.hds b.json run.d' "$(complete_words stats '')"
equal 'completion: any file if there is no snapshot' notes.txt "$(complete_words stats n)"
equal 'completion: directories' 'run.d' "$(complete_words stats --debug-dir '')"
equal 'completion: files' 'app.hds' "$(complete_words stats -o a)"
equal 'completion: nothing for a number' '' "$(complete_words stats -n '')"
check 'completion: programs' grep -qw bash <<<"$(complete_words run bas)"
equal 'completion: and their arguments' notes.txt "$(complete_words run -o x.hds bash n)"
equal 'completion: options behind an option with a value' '--metric' "$(complete_words stats -k lineno --met)"
finish
