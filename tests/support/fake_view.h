/* A struct api_view for tests: one row of everything, and a note of what was asked. */

#ifndef TESTS_SUPPORT_FAKE_VIEW_H
#define TESTS_SUPPORT_FAKE_VIEW_H

#include <stdbool.h>

#include "relay/api_view.h"

struct fake_view {
    struct api_view view;
    char asked[2048];           /* "act retry domain=x.test ..." of the last ask */
    bool is_slow;               /* keep the answer in `waiting` instead of finishing it */
    struct api_answer *waiting; /* borrowed */
    bool is_sick;               /* for the health */
    unsigned row_count;         /* recipients that `queue` hands over; 1 after init */
};

void fake_view_init(struct fake_view *fake);

#endif
