/* How core is told to tell: alert's settings out of the configuration, and its mails back
 * to core, which puts them into the queue. */

#ifndef RELAY_PAGER_H
#define RELAY_PAGER_H

#include "relay/alert.h"

struct core;

/* For alert_start and alert_reload. Texts are borrowed from the configuration in force.
 */
struct alert_options pager_options(struct core *core);

#endif
