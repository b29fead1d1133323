/* A file of the drop directory, as `mesura sendmail` writes it when no daemon answers:
 *
 *   mesura-drop 1
 *   from ADDRESS            (nothing behind the blank: the null sender)
 *   to ADDRESS              (one line each)
 *   notify WORDS, ret WORD  (optional, RFC 3461)
 *   (an empty line)
 *   the message
 *
 * Any local user may write one: the one parser of these bytes. Any thread. */

#ifndef RELAY_DROPFILE_H
#define RELAY_DROPFILE_H

#include <stddef.h>

#include "queue/errmsg.h"

#include "relay/textbuf.h"

#define DROPFILE_WORDS 64

struct dropfile {
    char from[1024];             /* "<>" for the null sender */
    struct textbuf to;           /* addresses parted by commas */
    char notify[DROPFILE_WORDS]; /* letters and commas; "" none */
    char ret[DROPFILE_WORDS];
    size_t content; /* where the message begins */
};

/* 0, or -EINVAL with what is wrong. dropfile_done either way. */
int dropfile_parse(struct dropfile *out, const char *bytes, size_t length,
                   struct errmsg *err) ATTR_MUST_CHECK;
void dropfile_done(struct dropfile *file);

#endif
