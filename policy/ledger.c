#include "policy/ledger.h"

#include <stddef.h>

static uint64_t least(uint64_t one, uint64_t other)
{
    return one < other ? one : other;
}

void ledger_open(struct ledger *ledger, const struct ledger_record *record, int32_t day)
{
    *ledger = (struct ledger){.day = day};
    if (record != NULL && record->day >= day) {
        ledger->day = record->day;
        ledger->durable = record->reserved;
        ledger->asked = record->reserved;
        ledger->spent = record->reserved;
    }
}

bool ledger_day(struct ledger *ledger, int32_t day, struct ledger *out_old)
{
    if (day <= ledger->day) {
        return false;
    }
    if (out_old != NULL) {
        *out_old = *ledger;
    }
    *ledger = (struct ledger){.day = day};
    return true;
}

uint64_t ledger_room(const struct ledger *ledger, uint64_t cap)
{
    uint64_t most = least(ledger->durable, cap);
    return most > ledger->spent ? most - ledger->spent : 0;
}

bool ledger_want(struct ledger *ledger, uint64_t cap, uint64_t lease,
                 struct ledger_record *out_record)
{
    uint64_t size = lease > 0 ? lease : 1;
    uint64_t left = ledger->durable > ledger->spent ? ledger->durable - ledger->spent : 0;

    if (ledger->asked != ledger->durable || ledger->durable >= cap ||
        left >= size / 2 + size % 2) {
        return false;
    }
    ledger->asked = least(cap, ledger->durable + least(size, cap));
    *out_record = (struct ledger_record){.day = ledger->day, .reserved = ledger->asked};
    return true;
}

void ledger_durable(struct ledger *ledger, const struct ledger_record *record)
{
    if (record->day == ledger->day && record->reserved == ledger->asked) {
        ledger->durable = record->reserved;
    }
}

void ledger_failed(struct ledger *ledger)
{
    ledger->asked = ledger->durable;
}

void ledger_spend(struct ledger *ledger, uint64_t n)
{
    ledger->spent += n;
    ledger->flying += n;
}

void ledger_settle(struct ledger *ledger, int32_t day, uint64_t accepted,
                   uint64_t given_back)
{
    if (day != ledger->day) {
        return;
    }
    uint64_t back = least(given_back, ledger->flying);
    ledger->flying -= back;
    ledger->spent -= least(back, ledger->spent);
    ledger->flying -= least(accepted, ledger->flying);
}

struct ledger_record ledger_close(const struct ledger *ledger)
{
    return (struct ledger_record){.day = ledger->day, .reserved = ledger->spent};
}

uint64_t ledger_lease(uint64_t cap, double per_second)
{
    uint64_t share = cap / 100;
    double two_seconds = 2.0 * per_second;
    uint64_t rate = two_seconds > 0 && two_seconds < 1e18 ? (uint64_t)two_seconds : share;
    uint64_t lease = least(share, rate);

    return lease > 0 ? lease : 1;
}
