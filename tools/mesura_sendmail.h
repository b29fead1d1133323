/* `mesura sendmail`: what programs expect at /usr/sbin/sendmail. Hands the message to the
 * relay by SMTP; when none answers, it goes to the drop directory, from which the relay
 * takes it. */

#ifndef TOOLS_MESURA_SENDMAIL_H
#define TOOLS_MESURA_SENDMAIL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define SENDMAIL_RECIPIENTS 1000

/* Exit statuses of sysexits.h, as callers of sendmail know them. */
enum sendmail_exit {
    SENDMAIL_OK = 0,
    SENDMAIL_USAGE = 64,
    SENDMAIL_DATA = 65,
    SENDMAIL_NO_USER = 67,
    SENDMAIL_UNAVAILABLE = 69,
    SENDMAIL_SOFTWARE = 70,
    SENDMAIL_TEMPORARY = 75,
};

/* One message as the command line and standard input give it. */
struct sendmail_mail {
    char from[512];     /* of the envelope: -f, or the user's name; "" the null sender */
    const char *name;   /* -F; "" none */
    const char *notify; /* -N; "" none */
    const char *ret;    /* -R; "" none */
    char *recipients[SENDMAIL_RECIPIENTS]; /* owned */
    unsigned recipient_count;
    FILE *content;   /* owned: CR LF lines, header fixed; at its start */
    char server[64]; /* host:port or [host6]:port */
    char drop[512];  /* the directory */
};

/* The command, called by whatever name; words are those behind it. */
int mesura_sendmail(int count, char **words);

/* ---- mesura_sendmail_read.c ---- */

/* Read standard input into mail->content: up to a lone dot unless ignores_dots, lines to
 * CR LF, a From field added where there is none, recipients from To, Cc and Bcc when
 * takes_recipients. False, and said, when that is not possible. */
bool mesura_sendmail_read(struct sendmail_mail *mail, FILE *in, bool ignores_dots,
                          bool takes_recipients);
bool mesura_sendmail_add(struct sendmail_mail *mail, const char *address);

/* ---- mesura_sendmail_send.c ---- */

/* By SMTP. SENDMAIL_TEMPORARY: nobody took it (the drop directory is next); else it is
 * final, and refusals were said. */
enum sendmail_exit mesura_sendmail_send(struct sendmail_mail *mail);

/* Pass standard input and output through to the relay (-bs). */
enum sendmail_exit mesura_sendmail_pass(const struct sendmail_mail *mail);

/* Into the drop directory, synced. */
enum sendmail_exit mesura_sendmail_drop(struct sendmail_mail *mail);

#endif
