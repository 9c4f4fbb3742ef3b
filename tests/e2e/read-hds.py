# SPDX-License-Identifier: MIT
"""A second reader of snapshots, from include/heapdelta/FORMAT.md alone: read-hds.py FILE.

Prints "live_blocks live_bytes total_blocks total_bytes lost_events", then one sorted line per stack:
"size count total_size total_count frame < frame …", a frame being file:line, innermost first, or "?" without a line.
"""
import struct
import sys
import zlib


def records(chunks, name, layout):
    return list(struct.iter_unpack("<" + layout, chunks.get(name, b"")))


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    magic, major, _, count, size, toc_crc, header_crc = struct.unpack_from("<8sHHIQII", data)
    assert magic == b"HDSSNAP\n" and major == 1 and size == len(data), "header"
    assert zlib.crc32(data[:28] + bytes(4)) == header_crc, "header checksum"
    assert zlib.crc32(data[32 : 32 + 32 * count]) == toc_crc, "contents checksum"
    chunks = {}
    for name, record, offset, length, crc, _ in struct.iter_unpack("<4sIQQII", data[32 : 32 + 32 * count]):
        chunks[name.decode()] = data[offset : offset + length]
        assert offset % 8 == 0 and length % record == 0 and zlib.crc32(data[offset : offset + length]) == crc, name
    return chunks


def text(chunks, offset):
    strings = chunks["STRS"]
    assert offset == 0 or strings[offset - 1] == 0, "a string begins elsewhere"
    return strings[offset : strings.index(b"\0", offset)].decode("utf-8", "replace")


def main():
    chunks = read(sys.argv[1])
    facts = {key: value for key, _, value in records(chunks, "INFO", "IIQ")}
    lost = sum(facts.get(0x100 + n, 0) for n in range(16))
    print(*(facts.get(key, 0) for key in (1, 2, 3, 4)), lost)
    frames = records(chunks, "FRMS", "IIQII")
    places = records(chunks, "LOCS", "IIIIIIQQ")
    symbols = {(module, offset, flags): places[first : first + n] for module, flags, offset, first, n in records(chunks, "SYMS", "IIQII")}

    def shown(node):
        while node:
            parent, module, offset, flags, _ = frames[node]
            assert parent < node, "the trie goes up"
            found = symbols.get((module, offset, flags), [])
            for place in found:
                yield f"{text(chunks, place[2])}:{place[3]}" if place[2] and place[3] else "?"
            if not found:
                yield "?"
            node = parent

    lines = []
    for stack in records(chunks, "STCK", "II7QIIQ"):
        lines.append(" ".join(map(str, (stack[3], stack[2], stack[5], stack[4]))) + " " + " < ".join(shown(stack[0])))
    assert sum(stack[2] for stack in records(chunks, "STCK", "II7QIIQ")) == facts.get(1, 0), "live blocks add up"
    assert sum(stack[3] for stack in records(chunks, "STCK", "II7QIIQ")) == facts.get(2, 0), "live bytes add up"
    print("\n".join(sorted(lines)))


if __name__ == "__main__":
    main()
