/* What core remembers across a start: each kind of row of the store goes to whom it
 * concerns.
 *
 * No test of its own: a table; the tests of freezes, stops, learnt, ramps, allowance,
 * vigil and sts start a core again and ask what it still knows. */

#include "relay/core_load.h"

#include <string.h>

#include "relay/allowance.h"
#include "relay/core.h"
#include "relay/freezes.h"
#include "relay/learnt.h"
#include "relay/ramps.h"
#include "relay/stops.h"
#include "relay/store.h"
#include "relay/sts.h"
#include "relay/vigil.h"

static void on_freeze_row(const struct store_row *row, void *owner)
{
    struct core *core = owner;
    freezes_load(&core->freezes, row);
}

static void on_stop_row(const struct store_row *row, void *owner)
{
    stops_load(owner, row);
}

static void on_learnt_row(const struct store_row *row, void *owner)
{
    learnt_load(owner, row);
}

static void on_ramp_row(const struct store_row *row, void *owner)
{
    ramps_load(owner, row);
}

static void on_sts_row(const struct store_row *row, void *owner)
{
    const struct core *core = owner;
    sts_load(core->sts, row);
}

static void on_conduct_row(const struct store_row *row, void *owner)
{
    if (strncmp(row->key, ALLOWANCE_PREFIX, sizeof ALLOWANCE_PREFIX - 1) == 0) {
        allowances_load(owner, row);
    } else if (strncmp(row->key, VIGIL_PREFIX, sizeof VIGIL_PREFIX - 1) == 0) {
        vigil_load(owner, row);
    }
}

static void on_preflight_row(const struct store_row *row, void *owner)
{
    preflights_load(owner, row);
}

int core_load(struct core *core, struct errmsg *err)
{
    static const struct {
        enum store_kind kind;
        store_row_cb row_cb;
    } kinds[] = {{STORE_FREEZE, on_freeze_row},   {STORE_LEARNT, on_learnt_row},
                 {STORE_STOP, on_stop_row},       {STORE_RAMP, on_ramp_row},
                 {STORE_CONDUCT, on_conduct_row}, {STORE_LEDGER, on_ramp_row},
                 {STORE_STS, on_sts_row},         {STORE_PREFLIGHT, on_preflight_row}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        int rc = store_load(core->store, kinds[i].kind, kinds[i].row_cb, core, err);
        if (rc != 0) {
            errmsg_wrap(err, "read the store");
            return rc;
        }
    }
    return store_start(core->store, err);
}
