# A server grows.  Which line?  The first command is the whole answer, without files and without stopping it.
%mask s/\b[0-9]{3,}( +server)/PID\1/; s/(server) +[0-9].*s +/\1  UP  /
% project server
% start_server heapdelta run -q -o server.hds ./server
$ heapdelta ps
% heapdelta diff server --wait 60s >watch.txt 2>&1 & watcher=$!
% sleep 1; serve 12000; kill -INT $watcher; wait $watcher; true
$ cat watch.txt
$ heapdelta snapshot -o now.hds server
$ heapdelta stats now.hds -k traceback -n 1
% stop_server
$ heapdelta stats
