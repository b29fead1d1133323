# One message by Net::SMTP, as test_clients.py says in the environment; 0 when it was taken.
use strict;
use warnings;
use Net::SMTP;

my %e = %ENV;
my @tls = (SSL_ca_file => $e{MAIL_ROOT}, SSL_verifycn_name => 'localhost');
my $smtp = Net::SMTP->new('localhost', Port => $e{MAIL_PORT}, Hello => 'client.test', Timeout => 60,
    ($e{MAIL_WAY} eq 'implicit' ? (SSL => 1, @tls) : ())) or die "connect: $@\n";
if ($e{MAIL_WAY} eq 'starttls') {
    $smtp->starttls(@tls) or die 'starttls: ', $smtp->message;
}
my $ok = $smtp->auth($e{MAIL_USER}, $e{MAIL_PASSWORD});
die 'auth: ', $smtp->code, ' ', $smtp->message unless $ok;
open my $file, '<:raw', $e{MAIL_FILE} or die "file: $!\n";
my $data = do { local $/; <$file> };
$smtp->mail('erp@sender.test', Bits => 8) or die 'mail: ', $smtp->message;
$smtp->recipient($e{MAIL_TO}, { $e{MAIL_DSN} ? (Notify => ['SUCCESS', 'DELAY']) : () })
    or die 'rcpt: ', $smtp->message;
$data =~ s/\r\n/\n/g;
$smtp->data($data) or die 'data: ', $smtp->message;
$smtp->quit;
