/* Is a part of the day open now, and if not, when? Pure over a zone. */

#ifndef RELAY_DAYWINDOW_H
#define RELAY_DAYWINDOW_H

#include <stdint.h>

#include "relay/units.h"

struct zone;

/* 0 when unix_s lies in the window, else the unix second at which it next opens. A window
 * that is the whole day is always open; zone may be NULL: UTC. */
int64_t daywindow_opens(const struct units_window *window, const struct zone *zone,
                        int64_t unix_s);

/* How many minutes of a day it is open. */
unsigned daywindow_minutes(const struct units_window *window);

#endif
