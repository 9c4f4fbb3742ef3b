# SPDX-License-Identifier: MIT
# perl as an allocating program: hashes of lists of words, sorted, joined, split and matched again: words.pl ROUNDS
use strict;
use warnings;

my ($rounds) = @ARGV;
my $seed = 12345;
my $sum = 0;
sub next_word { $seed = ($seed * 1103515245 + 12345) & 0x7fffffff; return join('', map { chr(97 + ($seed >> $_) % 26) } 3, 7, 11, 15) }

for my $round (1 .. $rounds) {
	my %lists;
	for (1 .. 4000) {
		my $word = next_word();
		push @{ $lists{ substr($word, 0, 2) } }, { word => $word, length => length($word), round => $round };
	}
	for my $key (sort keys %lists) {
		my $text = join(',', map { $_->{word} } sort { $a->{word} cmp $b->{word} } @{ $lists{$key} });
		my @parts = split(/,/, $text);
		$sum += grep { /[aeiou]{2}/ } @parts;
	}
}
print "$sum\n";
