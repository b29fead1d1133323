/* How core is told to tell: alert's settings out of the configuration, and its mails back
 * to core, which puts them into the queue. */

#ifndef RELAY_PAGER_H
#define RELAY_PAGER_H

#include "relay/alert.h"

struct core;

/* For alert_start and alert_reload. Texts are borrowed from the configuration in force.
 */
struct alert_options pager_options(struct core *core);

/* Free the mails that came back after core's last turn: when alert and the loop have
 * ended. */
void pager_drop(struct core *core);

#endif
