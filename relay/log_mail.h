/* Events and sessions as lines of mail.log, in the form Postfix writes, so that
 * pflogsumm, fail2ban and the parsers people have keep working. Pure; any thread. */

#ifndef RELAY_LOG_MAIL_H
#define RELAY_LOG_MAIL_H

#include <stdint.h>

#include "relay/linebuf.h"
#include "relay/log.h"

/* What each line begins with. */
struct log_mail_head {
    const char *hostname;
    uint32_t process; /* the daemon's id */
};

/* Add the lines of an event: none, one, or as many as an accepted message has. */
void log_mail_event(struct linebuf *buf, const struct log_mail_head *head,
                    const struct log_event *event);

/* Add the line of a session. */
void log_mail_session(struct linebuf *buf, const struct log_mail_head *head,
                      int64_t unix_ms, const struct log_session *session);

#endif
