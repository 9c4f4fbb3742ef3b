# SPDX-License-Identifier: MIT
"""Writes tests/data/valid/*/ and tests/data/invalid/*/ (run it after a change; the cases are committed).

A second writer of the snapshot format, from include/heapdelta/FORMAT.md alone.  valid/CASE: `input` and `expected`, the totals that a reader
must find.  invalid/CASE: `input` and `reason`, a part of the one line that refuses it.
"""
import os
import shutil
import struct
import zlib

top = os.path.dirname(os.path.abspath(__file__))


def info(key, value):
    return struct.pack("<IIQ", key, 0, value)


def frame(parent, module, offset, flags=0):
    return struct.pack("<IIQII", parent, module, offset, flags, 0)


def module(path, build_id=b"", start=0x400000, end=0x500000, bias=0x400000, size=None):
    return struct.pack("<QQQIIII", start, end, bias, path, 0, 0, len(build_id) if size is None else size) + build_id.ljust(32, b"\0")


def stack(node, domain, live, total, temporary=0, depth=0):
    return struct.pack("<II7QIIQ", node, domain, *live, *total, temporary, 0, 0, depth, 0, 0)


def symbol(module_index, offset, first, count, flags=0):
    return struct.pack("<IIQII", module_index, flags, offset, first, count)


def location(function, file, line, flags=0):
    return struct.pack("<IIIIIIQQ", function, 0, file, line, 0, flags, 0, 0)


def age(stack, seconds, blocks):
    return struct.pack("<IIQQQ", stack, seconds, blocks, 40 * blocks, 0)


STRINGS = b"\0\0/bin/app\0main.c\0main\0inner\0app -x\0007 app\0"
APP, MAIN_C, MAIN, INNER, COMMAND, PROCESS = (STRINGS.index(text) for text in (b"/bin/app", b"main.c", b"main", b"inner", b"app -x", b"7 app"))

RECORDS = {"STRS": 1, "INFO": 16, "MODS": 72, "FRMS": 24, "STCK": 80, "THRD": 48, "BLKS": 24, "AGES": 32, "SYMS": 24, "LOCS": 40, "STMT": 8, "PRCS": 4, "SPRC": 4}


def good():
    """Two frames in a module, one special, two stacks, symbols, a block list."""
    return {
        "INFO": info(1, 3) + info(2, 120) + info(3, 5) + info(4, 200) + info(0x203, 7) + info(0x20A, 0) + info(0x80000301, COMMAND),
        "MODS": module(0) + module(APP, b"\x12" * 20),
        "FRMS": frame(0, 0, 0) + frame(0, 0xFFFFFFFF, 1) + frame(1, 1, 0x1234) + frame(2, 1, 0x2000),
        "STCK": stack(3, 0, (2, 100), (4, 180)) + stack(2, 1, (1, 20), (1, 20)),
        "THRD": struct.pack("<II5Q", 7, 0, 5, 200, 2, 80, 1),
        "BLKS": struct.pack("<QQII", 0x1000, 60, 0, 0) + struct.pack("<QQII", 0x2000, 40, 0, 0),
        "SYMS": symbol(1, 0x1234, 0, 1) + symbol(1, 0x2000, 1, 2),
        "LOCS": location(MAIN, MAIN_C, 7) + location(INNER, MAIN_C, 42, 1) + location(MAIN, MAIN_C, 9),
        "STRS": STRINGS,
    }


def build(chunks, toc=None, header=None, tail=b"", twice=None, wrong_crc=None):
    """Lay the chunks out; the other arguments break things."""
    names = list(chunks) + ([twice] if twice else [])
    body, entries = b"", []
    start = 32 + 32 * len(names)
    for name in names:
        body += b"\0" * (-len(body) % 8)
        data = chunks[name]
        crc = zlib.crc32(data) ^ (1 if name == wrong_crc else 0)
        entry = {"id": name.encode(), "record": RECORDS.get(name, 8), "offset": start + len(body), "size": len(data), "crc": crc}
        if toc and name in toc:
            entry.update(toc[name])
        entries.append(entry)
        body += data
    table = b"".join(struct.pack("<4sIQQII", e["id"], e["record"], e["offset"], e["size"], e["crc"], 0) for e in entries)
    fields = {"magic": b"HDSSNAP\n", "major": 1, "minor": 0, "chunks": len(names), "size": start + len(body), "toc": zlib.crc32(table)}
    fields.update(header or {})
    head = struct.pack("<8sHHIQI", *(fields[k] for k in ("magic", "major", "minor", "chunks", "size", "toc")))
    crc = fields.get("crc", zlib.crc32(head + b"\0\0\0\0"))
    return head + struct.pack("<I", crc) + table + body + tail


def case(kind, name, data, text):
    path = os.path.join(top, kind, name)
    os.makedirs(path)
    with open(os.path.join(path, "input"), "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode())
    with open(os.path.join(path, "reason" if kind == "invalid" else "expected"), "w", encoding="utf-8") as file:
        file.write(text + "\n")


def changed(**chunks):
    return build({**good(), **chunks})


def without(*names):
    return build({name: data for name, data in good().items() if name not in names})


def snapshots():
    whole = build(good())
    totals = "live {} {} total {} {} stacks {} nodes {} symbolised {}".format
    case("valid", "hds-whole", whole, totals(3, 120, 5, 200, 2, 4, 1))
    case("valid", "hds-raw", without("SYMS", "LOCS", "BLKS", "THRD"), totals(3, 120, 5, 200, 2, 4, 0))
    case("valid", "hds-least", build({"INFO": b"", "FRMS": frame(0, 0, 0), "STRS": b"\0"}), totals(0, 0, 0, 0, 0, 1, 0))
    case("valid", "hds-unknown-chunk", build({"NEW!": b"\1" * 16, **good()}), totals(3, 120, 5, 200, 2, 4, 1))
    case("valid", "hds-unknown-key", changed(INFO=good()["INFO"] + info(0x80007777, 9999)), totals(3, 120, 5, 200, 2, 4, 1))
    case("valid", "hds-minor-version", build(good(), header={"minor": 9}), totals(3, 120, 5, 200, 2, 4, 1))
    case("valid", "hds-partly-symbolised", changed(SYMS=symbol(1, 0x2000, 0, 3)), totals(3, 120, 5, 200, 2, 4, 0))
    case("valid", "hds-statements", changed(STMT=struct.pack("<QQQ", 1, 0, 2)), totals(3, 120, 5, 200, 2, 4, 1))
    case("valid", "hds-ages", changed(AGES=age(0, 5, 1) + age(0, 90, 1) + age(1, 5, 1)), totals(3, 120, 5, 200, 2, 4, 1))
    case("valid", "hds-sum", changed(PRCS=struct.pack("<I", PROCESS), SPRC=struct.pack("<II", 0, 0)), totals(3, 120, 5, 200, 2, 4, 1))

    def bad(name, data, reason):
        case("invalid", "hds-" + name, data, reason)

    bad("cut-header", whole[:20], "is truncated: 20 bytes are less than a header")
    bad("cut-magic", whole[:5], "is truncated: 5 bytes are less than a header")
    bad("cut-contents", whole[:100], "is truncated: it has 100 of")
    bad("cut-end", whole[:-1], "is truncated: it has")
    bad("longer", whole + b"\0", "is damaged: 1 bytes follow its end")
    bad("future", build(good(), header={"major": 2}), "has format version 2.0; this heapdelta reads up to 1.2")
    bad("header-checksum", build(good(), header={"crc": 1}), "is damaged: the header's checksum does not match")
    bad("contents-checksum", build(good(), header={"toc": 1}), "is damaged: the checksum of its table of contents does not match")
    bad("chunk-checksum", build(good(), wrong_crc="STCK"), "is damaged: the checksum of chunk STCK does not match")
    bad("many-chunks", build(good(), header={"chunks": 0xFFFFFFFF}), "is damaged: a table of contents of 4294967295 chunks")
    bad("chunk-outside", build(good(), toc={"STCK": {"offset": 1 << 40}}), "is damaged: chunk STCK lies outside of it")
    bad("chunk-too-long", build(good(), toc={"STCK": {"size": (1 << 64) - 80}}), "is damaged: chunk STCK lies outside of it")
    bad("chunk-misaligned", build(good(), toc={"STCK": {"offset": 33}}), "is damaged: chunk STCK lies outside of it")
    bad("half-record", changed(STCK=good()["STCK"][:-8]), "is damaged: chunk STCK does not end with a record")
    bad("record-zero", build(good(), toc={"STCK": {"record": 0}}), "is damaged: chunk STCK does not end with a record")
    bad("record-size", build(good(), toc={"STCK": {"record": 40}}), "is damaged: chunk STCK has records of 40 bytes, not 80")
    bad("twice", build(good(), twice="STCK"), "is damaged: chunk STCK appears twice")
    for name in ("STRS", "INFO", "FRMS"):
        bad("no-" + name.lower(), without(name), "is damaged: it has no chunk " + name)
    bad("strings-no-end", changed(STRS=STRINGS + b"x"), "is damaged: chunk STRS does not begin and end with NUL")
    bad("strings-empty", changed(STRS=b""), "is damaged: chunk STRS does not begin and end with NUL")
    bad("string-beyond", changed(MODS=module(0) + module(9999)), "is damaged: module: no string begins at 9999")
    bad("string-inside", changed(MODS=module(0) + module(APP + 1)), "is damaged: module: no string begins at")
    bad("info-order", changed(INFO=info(2, 1) + info(1, 1)), "is damaged: the keys of INFO do not ascend at record 1")
    bad("info-twice", changed(INFO=info(1, 1) + info(1, 1)), "is damaged: the keys of INFO do not ascend at record 1")
    bad("info-string", changed(INFO=info(0x80000301, 1 << 32)), "is damaged: command: no such string")
    bad("build-id", changed(MODS=module(0) + module(APP, size=33)), "is damaged: module 1 has a build id of 33 bytes")
    bad("frame-loop", changed(FRMS=good()["FRMS"] + frame(4, 0, 5)), "is damaged: frame 4 has parent 4")
    bad("frame-forward", changed(FRMS=good()["FRMS"] + frame(99, 0, 5)), "is damaged: frame 4 has parent 99")
    bad("frame-root", changed(FRMS=frame(1, 0, 0) + frame(0, 0, 1)), "is damaged: frame 0 has parent 1")
    bad("frame-module", changed(FRMS=good()["FRMS"] + frame(0, 2, 5)), "is damaged: frame 4 is in module 2 of 2")
    bad("stack-frame", changed(STCK=stack(4, 0, (1, 1), (1, 1))), "is damaged: stack 0 ends at frame 4 of 4")
    bad("block-stack", changed(BLKS=struct.pack("<QQII", 1, 1, 2, 0)), "is damaged: block 0 has stack 2 of 2")
    bad("symbol-order", changed(SYMS=symbol(1, 9, 0, 1) + symbol(1, 8, 1, 1)), "is damaged: symbol 1 is out of order")
    bad("symbol-twice", changed(SYMS=symbol(1, 9, 0, 1) + symbol(1, 9, 1, 1)), "is damaged: symbol 1 is out of order")
    bad("symbol-locations", changed(SYMS=symbol(1, 9, 2, 2)), "is damaged: symbol 0 has no such locations")
    bad("symbol-wraps", changed(SYMS=symbol(1, 9, 0xFFFFFFFF, 2)), "is damaged: symbol 0 has no such locations")
    bad("symbol-overlaps", changed(SYMS=symbol(1, 8, 0, 2) + symbol(1, 9, 1, 2)), "is damaged: the locations of symbol 1 overlap others")
    bad("symbol-too-long", changed(SYMS=symbol(1, 9, 0, 1025), LOCS=location(0, 0, 0) * 1025), "is damaged: symbol 0 has no such locations")
    bad("age-stack", changed(AGES=age(0, 5, 1) + age(2, 5, 1)), "is damaged: age 1 has stack 2 of 2")
    bad("age-order", changed(AGES=age(0, 5, 1) + age(0, 5, 1)), "is damaged: age 1 is out of order")
    bad("age-stack-order", changed(AGES=age(1, 5, 1) + age(0, 9, 1)), "is damaged: age 1 is out of order")
    bad("statements", changed(STMT=struct.pack("<QQ", 1, 2)), "is damaged: it has statements for 2 of 3 locations")
    bad("statements-alone", build({**{n: d for n, d in good().items() if n not in ("SYMS", "LOCS")}, "STMT": b"\1" * 8}),
        "is damaged: it has statements for 1 of 0 locations")
    one = struct.pack("<I", PROCESS)
    bad("process-count", changed(PRCS=one, SPRC=struct.pack("<I", 0)), "is damaged: 2 stacks have 1 processes")
    bad("process-beyond", changed(PRCS=one, SPRC=struct.pack("<II", 0, 1)), "is damaged: stack 1 is of process 1 of 1")


def interchange():
    head = '{"format":"heapdelta-snapshot","version":1'
    totals = "live {} {} total {} {} stacks {} nodes {} symbolised 1".format
    case("valid", "json-least", head + ',"traces":[]}', totals(0, 0, 0, 0, 0, 1))
    case("valid", "json-one", head + ',"traces":[{"size":10,"frames":[["a.c",1],["b.c",2,"main"]]}]}', totals(1, 10, 1, 10, 1, 3))
    case("valid", "json-blanks", " \t\r\n" + head + ' , "later" : [ {"x":"]}"} , null ] , "traces" : [ ] }\n\n', totals(0, 0, 0, 0, 0, 1))
    case("valid", "json-shared", head + ',"traces":[{"size":1,"frames":[["a.c",1],["m.c",9]]},{"count":2,"size":6,"frames":[["b.c",1],["m.c",9]]}]}',
         totals(3, 7, 3, 7, 2, 4))
    case("valid", "json-null", head + ',"traces":[{"size":1,"frames":[[null,0,null],["",3,""]]}]}', totals(1, 1, 1, 1, 1, 3))
    case("valid", "json-large", head + ',"traces":[{"size":18446744073709551615,"frames":[]},{"size":"9223372036854775808","count":0,"frames":[]}]}',
         totals(1, 18446744073709551615, 1, 18446744073709551615, 2, 1))
    case("valid", "json-totals", head + ',"info":{"pid":7,"command":"app -x","lost_frees":2},"traces":[{"size":8,"total_size":80,"total_count":10,"frames":[]}]}',
         totals(1, 8, 10, 80, 1, 1))

    def bad(name, text, reason):
        case("invalid", "json-" + name, text, reason)

    def trace(name, members, reason):
        bad(name, head + ',"traces":[{"size":1,"frames":[]},{' + members + "}]}", reason)

    bad("text", "just some text\n", "is not a heapdelta snapshot, trace file or interchange JSON")
    bad("array", "[1]", "is not a heapdelta snapshot, trace file or interchange JSON")
    bad("empty", "", "is empty")
    bad("brace", "{", "line 1: the text ends too early")
    bad("other", '{"a":1}', "is JSON, but not a heapdelta snapshot")
    bad("other-format", '{"format":"x","version":1,"traces":[]}', "is JSON, but not a heapdelta snapshot")
    bad("future", head.replace(":1", ":2") + ',"traces":[]}', "has interchange version 2; this heapdelta reads version 1")
    bad("version-text", head.replace(":1", ':"one"') + ',"traces":[]}', "version is not a version number")
    bad("no-version", '{"format":"heapdelta-snapshot","traces":[]}', "version is not a version number")
    bad("no-traces", head + "}", "traces is not an array")
    bad("traces-object", head + ',"traces":{}}', "traces is not an array")
    bad("limit", head + ',"traceback_limit":-1,"traces":[]}', "traceback_limit is not a number of frames")
    bad("info", head + ',"info":[],"traces":[]}', "info is not an object")
    bad("info-number", head + ',"info":{"pid":"me"},"traces":[]}', "info.pid is not a number")
    bad("info-text", head + ',"info":{"command":1},"traces":[]}', "info.command is not a text")
    bad("twice", head + ',"traces":[],"traces":[]}', "line 1: a member appears twice")
    bad("cut", head + ',"traces":[{"size":1,"fra', "line 1: a string has no end")
    bad("cut-bracket", head + ',\n"traces":[{"size":1', "line 2: a bracket is not closed")
    bad("longer", head + ',"traces":[]}\n}', "line 2: something follows the end")
    bad("brackets", head + ',"traces":[}]}', "line 1: ")
    bad("crossed", head + ',"traces":[{"size":1,"frames":[}]]}', "line 1: ")
    bad("no-comma", head + ',"traces":[{"size":1,"frames":[]}{"size":1,"frames":[]}]}', "line 1: expected ','")
    bad("escape", head + ',\n"traces":[{"size":1,"frames":[["\\q",1]]}]}', "line 2: invalid escape")
    bad("utf-8", head.encode() + b',"traces":[{"size":1,"frames":[["\xff",1]]}]}', "line 1: ")
    bad("nul", head + ',"traces":[{"size":1,"frames":[["a\\u0000b",1]]}]}', "line 1: ")
    bad("deep", head + ',"x":' + "[" * 5000 + "]" * 5000 + ',"traces":[]}', "line 1: ")
    bad("unknown-broken", head + ',"x":truth,"traces":[]}', "line 1: ")
    bad("trace-number", head + ',"traces":[1]}', "traces[0] is not an object")
    trace("size-missing", '"frames":[]', "traces[1].size is not a number of bytes")
    trace("size-negative", '"size":-1,"frames":[]', "traces[1].size is not a number of bytes")
    trace("size-real", '"size":1.5,"frames":[]', "traces[1].size is not a number of bytes")
    trace("size-text", '"size":"1 MiB","frames":[]', "traces[1].size is not a number of bytes")
    trace("size-large", '"size":18446744073709551616,"frames":[]', "traces[1].size is not a number of bytes")
    trace("size-twice", '"size":1,"size":2,"frames":[]', "line 1: ")
    trace("count", '"size":1,"count":true,"frames":[]', "traces[1].count is not a number of blocks")
    trace("domain", '"size":1,"domain":4294967296,"frames":[]', "traces[1].domain is not a domain")
    trace("depth", '"size":1,"total_nframe":-5,"frames":[]', "traces[1].total_nframe is not a number of frames")
    trace("frames-missing", '"size":1', "traces[1].frames is not an array of frames")
    trace("frames-many", '"size":1,"frames":[' + "0," * 65535 + "0]", "traces[1].frames is not an array of at most 65535 frames")
    frame_reason = "traces[1].frames[0] is not [file, line] or [file, line, function]"
    trace("frame-text", '"size":1,"frames":["a.c:1"]', frame_reason)
    trace("frame-short", '"size":1,"frames":[["a.c"]]', frame_reason)
    trace("frame-long", '"size":1,"frames":[["a.c",1,"f",2]]', frame_reason)
    trace("frame-file", '"size":1,"frames":[[7,1]]', "traces[1].frames[0][0] is not a file name")
    trace("frame-line", '"size":1,"frames":[["a.c","1x"]]', "traces[1].frames[0][1] is not a line number")
    trace("frame-line-large", '"size":1,"frames":[["a.c",4294967296]]', "traces[1].frames[0][1] is not a line number")
    trace("frame-function", '"size":1,"frames":[["a.c",1],["a.c",1,2]]', "traces[1].frames[1][2] is not a function name")


for kind in ("valid", "invalid"):
    shutil.rmtree(os.path.join(top, kind), ignore_errors=True)
snapshots()
interchange()
