# C++: the bytes are on the lines of the program, not on those of the standard library.
%mask s/[0-9.]+ KiB/SIZE/g; s/\+0x[0-9a-f]+/+0xOFFSET/g
% project registry
$ heapdelta run -q -o registry.hds ./registry
$ heapdelta stats registry.hds
registry.hds  ./registry  TIME  SIZE live in 12005 blocks   build ID
[ Top 10 live at exit by lineno ]
src/registry.cpp:13: size=SIZE, count=3000, average=80 B
    explicit Session(int id) : user("user-with-a-long-name-" + std::to_string(id)), history(32) {}  via std::vector<int>::vector SIZE, std::operator+ SIZE
src/registry.cpp:40: size=SIZE, count=4501, average=51 B
    handlers->emplace(name, [name, id] { return id + static_cast<int>(name.size()); });  via std::unordered_map<…>::emplace
src/registry.cpp:21: size=SIZE, count=3000, average=64 B
    values[id] = std::make_shared<Value>(id);          via std::make_shared<Session> SIZE, std::map<int, std::shared_ptr<Session>>::operator[] SIZE
src/registry.cpp:22: size=SIZE, count=1, average=SIZE
    order.push_back(values[id]);                       via std::vector<std::weak_ptr<Session>>::push_back
src/registry.cpp:42: size=SIZE, count=1500, average=19 B
    }                                                  via std::string::string
src/registry.cpp:35: size=72 B, count=1, average=72 B
    registry = new Registry<Session>;
src/registry.cpp:36: size=56 B, count=1, average=56 B
    handlers = new std::unordered_map<std::string, std::function<int()>>;
libc and runtime, one-time: size=SIZE, count=1
Total: size=SIZE, count=12005        lost: nothing
next: heapdelta stats registry.hds -k traceback -n 1
# At least 95 % of the bytes, apart from what libstdc++ keeps once for exceptions.
$ heapdelta stats registry.hds --format json | jq '([.stats[] | select(.frames[0].file == "src/registry.cpp") | .size] | add) / ([.stats[] | select(.frames[0].module | endswith("libstdc++.so.6") | not) | .size] | add) >= 0.95'
true
$ heapdelta stats registry.hds --skip none -n 2
registry.hds  ./registry  TIME  SIZE live in 12005 blocks   build ID
[ Top 2 live at exit by lineno ]
libstdc++.so.6(operator new+0xOFFSET): size=SIZE, count=12004, average=60 B
libstdc++.so.6+0xOFFSET: size=SIZE, count=1, average=SIZE
Total: size=SIZE, count=12005        lost: nothing
hint: 90 % of the bytes have no line: libstdc++.so.6 (build id ID…, no debug information): apt install libstdc++6-dbgsym, --debug-dir or --debuginfod with DEBUGINFOD_URLS set
next: heapdelta stats registry.hds --attribute raw --skip none -k traceback -n 1
