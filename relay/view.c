#include "relay/view.h"

#include "relay/api_view.h"

const struct api_view *view_table(struct core *core)
{
    static struct api_view table;
    table.owner = core;
    return &table;
}
