# From a clone to two guilty lines: one command.  What is installed and built already takes no time.
% cd "$top"
$ scripts/quickstart -y | sed 's/^[$] /> /'
