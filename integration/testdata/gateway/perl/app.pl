#!/usr/bin/perl
# The application of the gateway suite for FCGI.pm: with a socket in four
# processes, without one as a plain CGI program, for which FCGI.pm runs the loop
# once. ?do= says what is asked for.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use FCGI;

my $socket = @ARGV ? FCGI::OpenSocket($ARGV[0], 100) : 0;
if (@ARGV) {
    for (1 .. 3) { last unless fork }
}
my $request = FCGI::Request(\*STDIN, \*STDOUT, \*STDERR, \%ENV, $socket);
while ($request->Accept() >= 0) {
    my ($do) = $ENV{QUERY_STRING} =~ /(?:^|&)do=(\w+)/;
    my ($id) = $ENV{QUERY_STRING} =~ /(?:^|&)id=([\w-]+)/;
    my ($body, $want) = ('', $ENV{CONTENT_LENGTH} || 0);
    while (length($body) < $want) {
        read(STDIN, $body, $want - length($body), length($body)) or last;
    }
    answer($do || '', $id, $body);
}

sub answer {
    my ($do, $id, $body) = @_;
    print "Status: 418 I'm a teapot\r\n" if $do eq 'status';
    print "Status: 303 See Other\r\nLocation: https://other.test/there?x=1\r\n" if $do eq 'redirect';
    print "Set-Cookie: a=1; Path=/\r\nSet-Cookie: b=2; Path=/; HttpOnly\r\n" if $do eq 'cookies';
    print "Content-Type: text/plain\r\n\r\n";
    if ($do eq 'env') {
        for my $name (qw(REQUEST_METHOD QUERY_STRING SCRIPT_NAME PATH_INFO REQUEST_URI REMOTE_ADDR SERVER_PROTOCOL SERVER_NAME HTTP_X_PROBE)) {
            print "$name=", $ENV{$name} // '(none)', "\n";
        }
    }
    print "echo $id" if $do eq 'echo';
    print $body if $do eq 'form'; # a form of one field is what it prints
    print length($body), ' ', sha256_hex($body) if $do eq 'body';
    if ($do eq 'big') { printf "%07d\n", $_ for 0 .. 131071 }
    print 'tea' if $do eq 'status';
    print 'moved' if $do eq 'redirect';
    print 'baked' if $do eq 'cookies';
}
