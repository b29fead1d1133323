/* What is possible and yet probably not meant: warnings about the values alone.
 *
 * While loading; one thread. */

#ifndef RELAY_CONFIG_DOUBT_H
#define RELAY_CONFIG_DOUBT_H

struct config_build;

void config_doubt(struct config_build *build);

#endif
