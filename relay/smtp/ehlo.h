/* What the other server said it can do: the lines of its answer to EHLO.
 *
 * An unknown keyword is ignored, a known one with a value that makes no sense counts as
 * not offered (RFC 9422 4.3 for LIMITS). Zeroed, it is a server that offers nothing. */

#ifndef RELAY_SMTP_EHLO_H
#define RELAY_SMTP_EHLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ehlo {
    bool pipelining;
    bool body_8bit;
    bool smtputf8;
    bool starttls;
    bool dsn;
    bool chunking;
    bool enhanced_codes;
    bool requiretls;
    bool auth_plain;
    bool auth_login;
    bool auth_xoauth2;
    bool size;
    uint64_t size_max_bytes;  /* 0: no fixed limit */
    uint32_t mail_max;        /* LIMITS; 0: not said */
    uint32_t rcpt_max;        /* per transaction */
    uint32_t rcpt_domain_max; /* domains per transaction */
};

/* Read one line of the answer, codes removed ("SIZE 35882577"). The first line of an
 * answer is the server's name and must not be given. */
void ehlo_line(struct ehlo *ehlo, const char *text, size_t length);

#endif
