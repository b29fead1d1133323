/* The file's own rules about replies become the rules that policy/classify asks first.
 *
 * While loading; one thread. */

#ifndef RELAY_CONFIG_REPLIES_H
#define RELAY_CONFIG_REPLIES_H

struct config_build;

/* Rules that cannot be understood are noted as errors. */
void config_replies(struct config_build *build);

#endif
