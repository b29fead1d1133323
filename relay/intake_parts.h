/* What the files of intake share. For relay/intake*.c only. */

#ifndef RELAY_INTAKE_PARTS_H
#define RELAY_INTAKE_PARTS_H

#include <stdbool.h>
#include <stddef.h>

struct intake;
struct textbuf;

/* Say no: a line of mail.log, the counter, and the answer itself. */
void intake_refuse(struct intake *intake, const char *command, const char *recipient,
                   unsigned code, const char *text);

/* The same for what accept or the queue said. */
void intake_refuse_credit(struct intake *intake, const char *command, int rc);

/* ---- intake_returns.c ---- */

struct address;
struct intake_returns;

/* A recipient on a listener of returns: NULL and where it goes if core does not take it;
 * else why not, for a 550. */
const char *intake_returns_rcpt(struct intake *intake, const struct address *recipient,
                                struct address *out_mailbox);
void intake_returns_content(struct intake *intake, const char *bytes, size_t length);
/* All of it is there: core decides, the answer follows. */
void intake_returns_ask(struct intake *intake);
void intake_returns_free(struct intake_returns *returns);

/* ---- intake_rcpt.c ---- */

void intake_clear_rcpts(struct intake *intake);

/* The stream's archive gets a copy, when it is no recipient already. False without
 * memory. */
bool intake_add_archive(struct intake *intake);

/* The field that says whom a staging relay's mail was meant for; nothing elsewhere. */
void intake_put_meant(const struct intake *intake, struct textbuf *out);

/* ---- intake_end.c ---- */

/* May the message's From be? False: text says why not, for a 550. */
bool intake_may_write_as(const struct intake *intake, char *text, size_t size);

/* May the user's message come in now? Core answers; intake_commit or a refusal follows.
 */
void intake_ask_permit(struct intake *intake);

/* Write it; 250 when it is durable. */
void intake_commit(struct intake *intake);

/* The permit, if there is one, goes home with its message's fate. */
void intake_end_permit(struct intake *intake, bool is_accepted);

#endif
