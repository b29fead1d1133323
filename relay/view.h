/* What the control API may ask of core: the functions of struct api_view. Core thread. */

#ifndef RELAY_VIEW_H
#define RELAY_VIEW_H

struct api_view;
struct core;

/* The table for this core; one per process, valid until it ends. */
const struct api_view *view_table(struct core *core);

#endif
