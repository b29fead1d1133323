// One message by nodemailer, as test_clients.py says in the environment; 0 when it was taken.
'use strict';
const fs = require('fs');
const nodemailer = require('/usr/share/nodejs/nodemailer');

const e = process.env;
const transport = nodemailer.createTransport({
    host: 'localhost',
    port: Number(e.MAIL_PORT),
    name: 'client.test',
    secure: e.MAIL_WAY === 'implicit',
    requireTLS: e.MAIL_WAY === 'starttls',
    ignoreTLS: e.MAIL_WAY === 'plain',
    authMethod: e.MAIL_AUTH,
    auth: { user: e.MAIL_USER, pass: e.MAIL_PASSWORD },
    tls: { ca: fs.readFileSync(e.MAIL_ROOT) },
});
const envelope = { from: 'erp@sender.test', to: [e.MAIL_TO] };
if (e.MAIL_DSN) {
    envelope.dsn = { id: 'e1', return: 'headers', notify: ['success', 'delay'], recipient: 'erp@sender.test' };
}
transport.sendMail({ envelope, raw: fs.readFileSync(e.MAIL_FILE) })
    .then(() => process.exit(0))
    .catch((error) => {
        console.error(error.response || error.message);
        process.exit(1);
    });
