# SPDX-License-Identifier: MIT
"""What the real programs work on, generated: the same bytes on every machine, no network.

Each function writes one input below a directory and returns its path.  Sizes are chosen by the caller.
"""
import os
import subprocess

WORDS = "heap block stack frame module leaf trie thread counter slot record reader writer snapshot delta line file bytes live peak".split()


class Random:
    """A generator that is the same in every version of Python."""

    def __init__(self, seed):
        self.state = seed

    def below(self, limit):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) & (1 << 64) - 1
        return (self.state >> 33) % limit

    def words(self, count):
        return " ".join(WORDS[self.below(len(WORDS))] for _ in range(count))


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


C_HEAD = """typedef unsigned long size_t;
void *malloc(size_t); void free(void *); int printf(const char *, ...); void *memcpy(void *, const void *, size_t); size_t strlen(const char *);
struct node { struct node *left, *right; long key, value[4]; const char *name; };
static inline long mix(long a, long b) { return (a ^ (b << 7)) * 0x9E3779B97F4A7C15L + (a >> 3); }
static struct node *insert(struct node *n, long key) {
	if (!n) { n = malloc(sizeof(*n)); n->left = n->right = 0; n->key = key; n->name = "node"; return n; }
	if (key < n->key) n->left = insert(n->left, key); else n->right = insert(n->right, key);
	return n;
}
"""
C_FUNCTION = """
struct data_{i} {{ int count; double weight[{a}]; struct node *root; char text[{b}]; }};
static const char *const names_{i}[] = {{ {names} }};
long function_{i}(struct data_{i} *d, long x, const unsigned char *s, size_t n) {{
	long sum = x * {a}, table[{b}];
	for (size_t i = 0; i < {b}; i++) table[i] = mix(sum, (long)i + {c});
	for (size_t i = 0; i < n; i++) {{
		switch (s[i] % {a}) {{
{cases}		default: sum += table[s[i] % {b}] + (long)strlen(names_{i}[s[i] % {m}]);
		}}
		if (sum > {c}000 && d->count < {b}) {{ d->weight[d->count++ % {a}] += (double)sum / {a}.5; d->root = insert(d->root, sum); }}
	}}
	while (d->count > {a}) {{ d->text[d->count % {b}] = (char)(sum >> (d->count & 31)); sum = mix(sum, d->count--); }}
	return {call} + sum;
}}
"""


def c_source(directory, functions):
    """A preprocessed C file of this many functions with loops, switches, structures and inlined calls."""
    random, text = Random(1), [C_HEAD]
    for i in range(functions):
        a, b, c, m = 3 + random.below(12), 16 + random.below(48), 1 + random.below(900), 2 + random.below(6)
        cases = "".join(f"\t\tcase {k}: sum = mix(sum, table[{random.below(b)}]) + d->count * {random.below(99)}; break;\n" for k in range(a - 1))
        names = ", ".join(f'"{random.words(2)}"' for _ in range(m))
        call = f"function_{i - 1}((struct data_{i - 1} *)d, x + 1, s, n / 2)" if i else "0"
        text.append(C_FUNCTION.format(i=i, a=a, b=b, c=c, m=m, names=names, cases=cases, call=call))
    return write(os.path.join(directory, f"functions-{functions}.c"), "".join(text))


def xml(directory, megabytes):
    """A document of records with attributes, text and children."""
    random, path, size, number = Random(2), os.path.join(directory, f"records-{megabytes}.xml"), 0, 0
    with open(path, "w", encoding="ascii") as file:
        file.write("<records>\n")
        while size < megabytes << 20:
            number += 1
            size += file.write(
                f'<record id="r{number}" kind="{WORDS[random.below(20)]}"><name>{random.words(3)}</name>'
                f'<value unit="{WORDS[random.below(20)]}">{random.below(100000)}</value><note>{random.words(12)}</note></record>\n'
            )
        file.write("</records>\n")
    return path


def repository(directory, commits):
    """A bare repository with this many commits, each changing some lines of a few of 60 files."""
    path = os.path.join(directory, f"repository-{commits}.git")
    git = ["git", "-c", "core.fsync=none", "--git-dir", path]
    subprocess.run([*git, "init", "-q", "--bare", path], check=True)
    with subprocess.Popen([*git, "fast-import", "--quiet"], stdin=subprocess.PIPE) as importer:
        for part in commits_of(commits):
            importer.stdin.write(part)
    subprocess.run([*git, "config", "gc.auto", "0"], check=True)
    return path


def commits_of(commits):
    """The commands of `git fast-import`, one commit at a time."""
    random, files = Random(3), {}
    for n in range(commits):
        stamp = f"Bench <bench@example.org> {1600000000 + n * 60} +0000"
        message = f"Change {n}: {random.words(6)}\n"
        part = [f"commit refs/heads/master\nauthor {stamp}\ncommitter {stamp}\ndata {len(message)}\n{message}"]
        for _ in range(3):
            name = f"src/{WORDS[random.below(20)]}/{WORDS[random.below(3)]}.c"
            lines = files.setdefault(name, [random.words(8) for _ in range(200)])
            for _ in range(5):
                lines[random.below(len(lines))] = random.words(8)
            content = "\n".join(lines) + "\n"
            part.append(f"M 100644 inline {name}\ndata {len(content)}\n{content}")
        yield ("".join(part) + "\n").encode()


def sql(directory, template, rows):
    with open(template, encoding="ascii") as file:
        return write(os.path.join(directory, f"queries-{rows}.sql"), file.read().replace("@ROWS@", str(rows)))


SITES_HEAD = """#include <stdlib.h>
{types}extern void *keep;
static inline void *checked(size_t size) {{ void **block = malloc(size); if (!block) abort(); *block = keep; keep = block; return block; }}
static inline struct type_0 *make(size_t more) {{ struct type_0 *made = checked(sizeof(*made) + more); made->field_1 = (long)more; return made; }}
"""
SITES_FUNCTION = """
long sites_{i}(long x, struct type_{t} *state) {{
	long sum = x; struct type_{t} copy = *state; const char *name = "sites {i}";
{calls}	for (int round = 0; round < 3; round++) {{ long inner = copy.field_2 * round; sum += inner + name[round]; }}
	return sum + copy.field_1;
}}
"""


def many_sites(directory, sites):
    """A program with debug information and this many places that call malloc, each once, through two inlined functions: its path."""
    path = os.path.join(directory, f"many-sites-{sites}")
    if os.path.exists(path):
        return path
    folder = f"{path}.sources"
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/types.h", "w", encoding="ascii") as file:
        file.write(SITES_HEAD.format(types="".join(map(type_text, range(400)))))
    functions = max(1, sites // 10)
    parts = [write_sites(folder, first, min(first + 50, functions)) for first in range(0, functions, 50)]
    write(f"{folder}/main.c", sites_main(functions))
    compile_all(folder, [*parts, "main.c"], path)
    return path


def type_text(number):
    fields = "".join(f"long field_{k}; " for k in range(4 + number % 9))
    return f"struct type_{number} {{ {fields}struct type_{number // 2} *parent; char name[{8 + number % 40}]; int (*call_{number})(long, const char *); }};\n"


def write_sites(folder, first, end):
    """One source file with the functions from FIRST on, ten call sites each."""
    random, text, name = Random(first + 4), ['#include "types.h"\n'], f"sites-{first}.c"
    for i in range(first, end):
        calls = "".join(f"\tsum += make({random.below(64)})->field_1 * {random.below(9)} + (x & {random.below(255)});\n" for _ in range(10))
        text.append(SITES_FUNCTION.format(i=i, t=random.below(400), calls=calls))
    write(f"{folder}/{name}", "".join(text))
    return name


def sites_main(functions):
    """main calls every function once, by its name."""
    names = range(functions)
    declared = "".join(f"long sites_{i}(long, void *);\n" for i in names)
    called = "".join(f"\tsum += sites_{i}(sum, state);\n" for i in names)
    return f"void *keep;\nstatic char state[4096];\n{declared}int main(void) {{\n\tlong sum = 0;\n{called}\treturn sum == 42;\n}}\n"


def compile_all(folder, names, program):
    objects = []
    for name in names:
        objects.append(name.replace(".c", ".o"))
        subprocess.run(["cc", "-O2", "-g", "-c", "-o", objects[-1], name], cwd=folder, check=True)
    subprocess.run(["cc", "-o", program, *objects], cwd=folder, check=True)
