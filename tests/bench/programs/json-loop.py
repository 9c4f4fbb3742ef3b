# SPDX-License-Identifier: MIT
"""CPython as an allocating program: texts to objects and back, json-loop.py ROUNDS."""
import json
import sys

document = [
    {"id": n, "name": f"item {n}", "tags": [f"tag{n % k}" for k in range(2, 9)], "price": n * 1.25, "open": n % 3 == 0, "nested": {"a": [n, n + 1], "b": None}}
    for n in range(2000)
]
text = json.dumps(document)
for _ in range(int(sys.argv[1])):
    text = json.dumps(json.loads(text))
print(len(text))
