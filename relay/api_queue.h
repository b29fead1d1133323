/* Asks about the queue: listing, acting on many, moving messages out and in. Each is the
 * end of a route of api_routes. Core thread. */

#ifndef RELAY_API_QUEUE_H
#define RELAY_API_QUEUE_H

struct api_ask;

void api_queue_list(const struct api_ask *ask);
void api_queue_message(const struct api_ask *ask);
void api_queue_hold(const struct api_ask *ask);
void api_queue_release(const struct api_ask *ask);
void api_queue_retry(const struct api_ask *ask);
void api_queue_bounce(const struct api_ask *ask);
void api_queue_purge(const struct api_ask *ask);
void api_queue_export(const struct api_ask *ask);
void api_queue_import(const struct api_ask *ask);

#endif
