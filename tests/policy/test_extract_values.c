#include "policy/extract.h"
#include "policy/finding.h"

#include "tests/support/test.h"

#define SECOND INT64_C(1000000000)

static const struct {
    const char *text;
    const char *ip;
} addresses[] = {
    {"Host [198.51.100.9] refused", "198.51.100.9"},
    {"see lookup?198.51.100.9.", "198.51.100.9"},
    {"from 2001:db8::25 refused", "2001:db8::25"},
    {"[2001:db8:0:0:0:0:0:25]", "2001:db8:0:0:0:0:0:25"},
    {"at 12:34:56 nothing", ""},
    {"from MTA([127.0.0.1]:10025)", ""},
    {"listed (127.0.0.2), you are 198.51.100.9", "198.51.100.9"},
    {"[Your DNS IP: 192.0.2.53]", ""},
    {"version 1.2.3.4.5", ""},
    {"300.1.1.1 and 1.2.3", ""},
    {"111.111.111.000", ""},
    {"ip-198-51-100-9.example", ""},
    {"", ""},
};

/* The first address that stands for us, and only whole ones. */
TEST(extract_values, addresses)
{
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        char ip[FINDING_IP_BYTES];
        (void)extract_ip(addresses[i].text, ip, sizeof(ip));
        cr_assert_str_eq(ip, addresses[i].ip, "%s: %s", addresses[i].text, ip);
    }
}

static const struct {
    const char *text;
    int64_t seconds;
} waits[] = {
    {"try again in 300s", 300},
    {"retry after 5 minutes", 300},
    {"greylisted for 20 minutes", 1200},
    {"bitte in 2 Stunden wieder", 7200},
    {"reessayez dans 10 minutes", 600},
    {"at least 1 hour", 3600},
    {"max 30 requests per 5 minutes", 0},
    {"once per 5 minutes", 0},
    {"in 99999999999999999999 seconds", 0},
    {"in 8 days", 0},
    {"port 25 in 3 tries", 0},
    {"come back in 00:04:58", 298},
    {"greylisted for 4:59", 299},
    {"riprovare tra 10 minuti", 600},
    {"reintente en 5 minutos", 300},
    {"tente novamente em 2 horas", 7200},
    {"probeer het over 5 minuten opnieuw", 300},
    {"sprobuj ponownie za 5 minut", 300},
    {"повторите через 10 минут", 600},
    {"请5分钟后重试", 300},
    {"5分後に再送してください", 300},
    {"10분 후에 다시 시도", 600},
    {"lutfen 5 dakika sonra tekrar", 300},
    {"försök igen om 15 minuter", 900},
    {"at 12:30:00 the limit was 5 messages", 0},
    {"wait until 99:99:99", 0},
    {"limit of 500 messages per 60 minutes", 0},
    {"", 0},
};

/* A wait is what is asked for, not every number with a unit. */
TEST(extract_values, waits)
{
    for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        cr_assert_eq(extract_wait_ns(waits[i].text), waits[i].seconds * SECOND, "%s",
                     waits[i].text);
    }
}
