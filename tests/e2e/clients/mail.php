<?php
// One message by PHPMailer, as test_clients.py says in the environment; 0 when it was taken.
foreach (['Exception', 'SMTP'] as $class) {
    require "/usr/share/php/libphp-phpmailer/src/$class.php";
}
use PHPMailer\PHPMailer\SMTP;

function must($good, $smtp, $what)
{
    if (!$good) {
        $error = $smtp->getError();
        fwrite(STDERR, "$what: {$error['smtp_code']} {$error['error']} {$error['detail']}\n");
        exit(1);
    }
}

$way = getenv('MAIL_WAY');
$options = ['ssl' => ['cafile' => getenv('MAIL_ROOT'), 'peer_name' => 'localhost']];
$smtp = new SMTP();
$host = ($way === 'implicit' ? 'ssl://' : '') . 'localhost';
must($smtp->connect($host, (int) getenv('MAIL_PORT'), 60, $options), $smtp, 'connect');
must($smtp->hello('client.test'), $smtp, 'hello');
if ($way === 'starttls') {
    must($smtp->startTLS(), $smtp, 'starttls');
    must($smtp->hello('client.test'), $smtp, 'hello');
}
must($smtp->authenticate(getenv('MAIL_USER'), getenv('MAIL_PASSWORD'), getenv('MAIL_AUTH')), $smtp, 'auth');
must($smtp->mail('erp@sender.test'), $smtp, 'mail');
must($smtp->recipient(getenv('MAIL_TO'), getenv('MAIL_DSN') ? 'SUCCESS,DELAY' : ''), $smtp, 'recipient');
must($smtp->data(file_get_contents(getenv('MAIL_FILE'))), $smtp, 'data');
$smtp->quit();
