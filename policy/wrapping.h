/* What others have put around a reply's words, and what must not be read as words.
 *
 * Logs and relays add "(in reply to RCPT TO command)"; receivers quote the mailbox they
 * speak of, and a mailbox may be called spam or blocked. Any thread; no state. */

#ifndef POLICY_WRAPPING_H
#define POLICY_WRAPPING_H

#include <stddef.h>

/* Write the text without the note of a log at its end, with every "<local@domain>" as
 * "<a@b>" and every run of blanks and tabs as one blank. At most size - 1 bytes and a
 * terminator; size >= 1. */
void wrapping_strip(const char *text, char *out, size_t size);

#endif
