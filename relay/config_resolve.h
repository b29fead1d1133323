/* Turns names into indexes and fills in what follows from other values: a listener's
 * streams, a stream's schedule, a source's HELO, a route's ports.
 *
 * After all lists are filled; while loading; one thread. */

#ifndef RELAY_CONFIG_RESOLVE_H
#define RELAY_CONFIG_RESOLVE_H

struct config_build;

/* Names that do not exist are noted as errors; what named them stays empty. */
void config_resolve(struct config_build *build);

#endif
