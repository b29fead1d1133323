#include "policy/window.h"

#include <assert.h>

/* A remembered refusal keeps growth under it for so many growing times (at the default of
 * one minute: two hours), as the rate's ceiling does. */
#define CEILING_GROWS 120
#define CLIMB_PART                                                      \
    6 /* growth before any refusal: one every sixth of the growing time \
       */

static uint32_t most_of(const struct window_limits *limits)
{
    uint32_t most = limits->most > 0 ? limits->most : WINDOW_MOST;
    return most < WINDOW_MOST ? most : WINDOW_MOST;
}

void window_init(struct window *window, const struct window_limits *limits,
                 int64_t now_ns)
{
    uint32_t start = limits->start > 0 ? limits->start : WINDOW_START;
    uint32_t most = most_of(limits);

    *window = (struct window){
        .limit = start < most ? start : most,
        .cut_at_ns = INT64_MIN,
        .clean_since_ns = now_ns,
    };
}

uint32_t window_most(const struct window *window, const struct window_limits *limits)
{
    uint32_t most = most_of(limits);
    uint32_t limit = window->limit > 0 ? window->limit : 1;

    return limit < most ? limit : most;
}

bool window_refused(struct window *window, uint32_t open, int64_t started_ns,
                    int64_t now_ns)
{
    uint32_t before = window->limit;

    window->clean_since_ns = now_ns;
    if (started_ns <= window->cut_at_ns) {
        return false;
    }
    window->ceiling = open > 0 ? open : 1;
    window->ceiling_ns = now_ns;
    window->cut_at_ns = now_ns;
    uint32_t from = open > 0 && open < before ? open : before;
    window->limit = from > 1 ? from / 2 : 1;
    return window->limit != before;
}

bool window_clean(struct window *window, const struct window_limits *limits,
                  uint32_t open, int64_t now_ns)
{
    if (open < window->limit) {
        window->clean_since_ns = now_ns; /* not used to the full: nothing was learnt */
        return false;
    }
    /* Before the first refusal there is nothing to be careful of but the site's maximum.
     */
    int64_t wait_ns = window->ceiling > 0 || window->slow ? limits->grow_ns
                                                          : limits->grow_ns / CLIMB_PART;
    if (now_ns - window->clean_since_ns < wait_ns) {
        return false;
    }
    window->clean_since_ns = now_ns;
    if (window->limit >= most_of(limits)) {
        return false;
    }
    bool remembered = window->ceiling > 0 &&
                      (now_ns - window->ceiling_ns) / CEILING_GROWS < limits->grow_ns;
    if (remembered && window->limit >= window->ceiling) {
        return false;
    }
    window->limit++;
    return true;
}

void window_narrow(struct window *window, int64_t now_ns)
{
    window->limit = 1;
    window->slow = true;
    window->cut_at_ns = now_ns;
    window->clean_since_ns = now_ns;
}
