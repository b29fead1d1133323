/* What cannot be: values that are each well written and do not go together.
 *
 * Notes errors only. After config_resolve; while loading; one thread. Split by subject:
 * submission (listeners, TLS, HTTP), doors (addresses and headers as mail comes in),
 * sending (sources, streams), mail (sites, routes, schedules, warm-ups, DKIM, reply
 * rules). */

#ifndef RELAY_CONFIG_VERIFY_H
#define RELAY_CONFIG_VERIFY_H

struct config_build;

/* All of them, and the settings of the top level. */
void config_verify(struct config_build *build);

void config_verify_listeners(struct config_build *build);
void config_verify_mail(struct config_build *build);
void config_verify_doors(struct config_build *build);

#endif
