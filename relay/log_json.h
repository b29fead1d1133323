/* One event as one line of events.jsonl. Pure; any thread. */

#ifndef RELAY_LOG_JSON_H
#define RELAY_LOG_JSON_H

#include "relay/linebuf.h"
#include "relay/log.h"

/* Add the line, with its end. event->unix_ms is set. */
void log_json_write(struct linebuf *buf, const struct log_event *event);

#endif
