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
