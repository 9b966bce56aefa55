# SPDX-License-Identifier: Apache-2.0
# What Perl's own harness says of TAP streams: one JSON line a file.
# usage: perl oracle.pl < LIST_OF_FILES
use strict;
use warnings;
use TAP::Parser;

while (my $file = <STDIN>) {
    chomp $file;
    open my $stream, '<', $file or die "$file: $!";
    local $/;
    my $tap = <$stream>;
    $tap = "# nothing\n" if !defined $tap || $tap eq '';
    my $parser = TAP::Parser->new({ tap => $tap });
    local $/ = "\n";
    $parser->run;
    my $bad = $parser->has_problems || $parser->tests_run == 0 && !$parser->skip_all;
    printf "{\"file\":\"%s\",\"cases\":%d,\"failed\":%d,\"skipped\":%d,\"ok\":%s}\n", $file,
        $parser->tests_run, scalar $parser->failed, scalar $parser->skipped, $bad ? 'false' : 'true';
}
