/* The parameters of MAIL and RCPT: SIZE, BODY, SMTPUTF8, AUTH (RFC 1870, 6152, 6531,
 * 4954), MT-PRIORITY (RFC 6710) and RET, ENVID, NOTIFY, ORCPT (RFC 3461), checked and
 * kept as written.
 *
 * Each may come once; an unknown one is refused. What was not advertised is unknown. */

#ifndef RELAY_SMTP_PARAMS_H
#define RELAY_SMTP_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PARAMS_ENVID_BYTES  101 /* RFC 3461 5.4 */
#define PARAMS_ORCPT_BYTES  501
#define PARAMS_NOTIFY_BYTES 29

enum params_error {
    PARAMS_OK,
    PARAMS_UNKNOWN,   /* 555 5.5.4 */
    PARAMS_SYNTAX,    /* 501 5.5.4: bad value, or given twice */
    PARAMS_NEED_UTF8, /* 553 5.6.7: ORCPT in UTF-8 without SMTPUTF8 */
};

/* Which families were advertised. */
struct params_offer {
    bool size;
    bool body_8bit;
    bool smtputf8;
    bool auth;
    bool dsn;
    bool priority;
};

enum params_ret {
    PARAMS_RET_ABSENT,
    PARAMS_RET_FULL,
    PARAMS_RET_HDRS,
};

struct mail_params {
    uint64_t size_bytes; /* as declared; 0 when not given */
    bool has_size;
    bool is_8bit; /* BODY=8BITMIME */
    bool smtputf8;
    bool has_priority;
    int8_t priority; /* MT-PRIORITY: -9 to 9 */
    bool has_auth;   /* AUTH= was given; its value is not trusted and not kept */
    enum params_ret ret;
    char ret_text[5];               /* as written ("full" stays "full"), "" when absent */
    char envid[PARAMS_ENVID_BYTES]; /* xtext as written, "" when absent */
};

/* Bits of rcpt_params.notify. 0: NOTIFY was not given. */
enum params_notify {
    PARAMS_NOTIFY_NEVER = 1,
    PARAMS_NOTIFY_SUCCESS = 2,
    PARAMS_NOTIFY_FAILURE = 4,
    PARAMS_NOTIFY_DELAY = 8,
};

struct rcpt_params {
    unsigned notify;                       /* bits of params_notify */
    char notify_text[PARAMS_NOTIFY_BYTES]; /* as written, "" when absent */
    char orcpt[PARAMS_ORCPT_BYTES];        /* "rfc822;xtext" as written, "" when absent */
};

/* Parse what follows the path of MAIL or RCPT, leading spaces included. out is untouched
 * on failure. */
enum params_error params_parse_mail(const char *bytes, size_t length,
                                    const struct params_offer *offer,
                                    struct mail_params *out);
enum params_error params_parse_rcpt(const char *bytes, size_t length,
                                    const struct params_offer *offer, bool smtputf8,
                                    struct rcpt_params *out);

/* The NOTIFY bits of a stored text such as "SUCCESS,delay"; 0 when it is empty or bad. */
unsigned params_notify_bits(const char *text);

/* Decode xtext (RFC 3461 section 4) once; control bytes become '?'. Always terminated;
 * cut when it does not fit. Returns the length. */
size_t params_xtext_decode(const char *text, char *out, size_t cap);

#endif
