#include "relay/preflight.h"
#include "relay/ramps_parts.h"

#include "tests/support/ramp_rig.h"

static char config[2000];

/* A source with a name and an address that the operator names, warming up. */
static const char *config_of(const char *public, const char *preflight)
{
    (void)snprintf(
        config, sizeof config,
        "sources = ( { name = \"one\"; address = \"127.0.0.11\"; %s%s%s helo = "
        "\"b1.from.test\"; warmup = \"mine\"; } );\n"
        "streams = ( { name = \"transactional\"; sources = [ \"one\" ]; } );\n"
        "warmups = ( { name = \"mine\"; start = 480; days = 5; per = \"source\"; %s } "
        ");\n"
        "sites = ( { name = \"default\"; max_rate = \"unlimited\"; max_connections = 50; "
        "} "
        ");\nadapt = { enabled = false; };\n",
        public[0] != '\0' ? "public = \"" : "", public, public[0] != '\0' ? "\";" : "",
        preflight);
    return config;
}

#define MAIL                                       \
    {"one.test", DNS_MX, "10 mx.one.test", 86400}, \
    {                                              \
        "mx.one.test", DNS_A, "8.8.8.1", 86400     \
    }

static const struct nameserver_row good[] = {
    MAIL,
    {"20.2.0.192.in-addr.arpa", DNS_PTR, "b1.from.test", 60},
    {"21.2.0.192.in-addr.arpa", DNS_PTR, "b1.from.test", 60},
    {"b1.from.test", DNS_A, "192.0.2.20", 60},
    {"from.test", DNS_TXT, "v=spf1 a:b1.from.test -all", 60},
    {NULL, 0, NULL, 0}};
static const struct nameserver_row no_spf[] = {
    MAIL,
    {"20.2.0.192.in-addr.arpa", DNS_PTR, "b1.from.test", 60},
    {"b1.from.test", DNS_A, "192.0.2.20", 60},
    {NULL, 0, NULL, 0}};
static const struct nameserver_row sick[] = {
    MAIL,
    {"20.2.0.192.in-addr.arpa", 0, "!SERVFAIL", 60},
    {"b1.from.test", DNS_A, "192.0.2.20", 60},
    {"from.test", DNS_TXT, "v=spf1 ip4:192.0.2.20 -all", 60},
    {NULL, 0, NULL, 0}};

static struct preflight *the(const struct core_rig *rig)
{
    struct preflight *preflight = sources_find(&rig->core->sources, "one")->preflight;
    cr_assert_not_null(preflight);
    return preflight;
}

/* Second by second: block lists are asked one question a second. */
static void seconds(struct core_rig *rig, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        core_rig_pass(rig, 1000);
    }
}

/* How many jobs leave within two hours. */
static unsigned leaving(struct core_rig *rig)
{
    return ramp_rig_spend(rig, 2 * RAMP_RIG_HOUR, RAMP_RIG_HOUR / 12, "250 2.0.0 ok");
}

static void start_again(struct core_rig *rig, bool force, const char *why)
{
    struct ramps_order order = {.source = sources_find(&rig->core->sources, "one"),
                                .site = "",
                                .act = RAMPS_START,
                                .force = force,
                                .why = why,
                                .by = "tester"};
    cr_assert_geq(ramps_act(rig->core, &order, NULL), 1);
    core_rig_run(rig);
}

/* A ramp starts only when its source has passed; what is mended is seen by itself, and
 * what has passed is not asked again, not after a power failure either. */
TEST(preflight, holds_until_mended)
{
    struct core_rig rig;
    core_rig_open(&rig, config_of("192.0.2.20", ""));
    rig.names.rows = no_spf;
    seconds(&rig, 15);
    cr_assert_eq(the(&rig)->state, PREFLIGHT_FAILED, "%s", the(&rig)->why);
    cr_assert_not_null(strstr(the(&rig)->why, "from.test has no SPF record"));
    ramp_rig_mail(&rig, 20);
    cr_assert_eq(leaving(&rig), 0);
    core_rig_crash(&rig);
    cr_assert_eq(leaving(&rig), 0, "nor after a power failure");
    rig.names.rows = good;
    core_rig_pass(&rig, 11 * 60 * 1000);
    seconds(&rig, 15);
    cr_assert_eq(the(&rig)->state, PREFLIGHT_PASSED, "%s", the(&rig)->why);
    cr_assert_gt(leaving(&rig), 0);
    core_rig_crash(&rig);
    rig.names.rows = no_spf;
    core_rig_pass(&rig, RAMP_RIG_HOUR);
    cr_assert_eq(the(&rig)->state, PREFLIGHT_PASSED, "%s", the(&rig)->why);
    core_rig_close(&rig);
}

/* No answer is no verdict: asked again in a minute, and nothing leaves until then. */
TEST(preflight, waits_for_servers)
{
    struct core_rig rig;
    core_rig_open(&rig, config_of("192.0.2.20", ""));
    rig.names.rows = sick;
    seconds(&rig, 15);
    cr_assert_eq(the(&rig)->state, PREFLIGHT_WAITING);
    ramp_rig_mail(&rig, 20);
    cr_assert_eq(leaving(&rig), 0);
    rig.names.rows = good;
    seconds(&rig, 62);
    cr_assert_eq(the(&rig)->state, PREFLIGHT_PASSED, "%s", the(&rig)->why);
    core_rig_close(&rig);
}

/* An operator's force starts it, durably; starting again without force asks again. */
TEST(preflight, force)
{
    struct core_rig rig;
    core_rig_open(&rig, config_of("192.0.2.20", ""));
    rig.names.rows = no_spf;
    seconds(&rig, 15);
    ramp_rig_mail(&rig, 20);
    start_again(&rig, true, "the record is on its way");
    core_rig_crash(&rig);
    rig.names.rows = no_spf;
    cr_assert_eq(the(&rig)->state, PREFLIGHT_FORCED);
    cr_assert_str_eq(the(&rig)->why, "the record is on its way");
    cr_assert_gt(leaving(&rig), 0);
    start_again(&rig, false, "");
    seconds(&rig, 15);
    cr_assert_eq(the(&rig)->state, PREFLIGHT_FAILED, "%s", the(&rig)->why);
    core_rig_close(&rig);
}

/* Addresses that nobody sees are not asked about unless the file says so; a ramp that has
 * begun goes on; an address that is new is asked about. */
TEST(preflight, who_is_asked)
{
    struct core_rig rig;
    core_rig_open(&rig, config_of("", ""));
    cr_assert_null(sources_find(&rig.core->sources, "one")->preflight);
    ramp_rig_mail(&rig, 40);
    cr_assert_gt(leaving(&rig), 0);
    rig.names.rows = no_spf;
    core_rig_config(&rig, config_of("", "preflight = true;"));
    cr_assert_eq(core_rig_reload(&rig), 0);
    cr_assert_eq(the(&rig)->state, PREFLIGHT_PASSED, "its ramp had begun");
    core_rig_config(&rig, config_of("192.0.2.21", "preflight = true;"));
    cr_assert_eq(core_rig_reload(&rig), 0);
    seconds(&rig, 15);
    cr_assert_eq(the(&rig)->state, PREFLIGHT_FAILED, "a new address: %s", the(&rig)->why);
    core_rig_config(&rig, config_of("192.0.2.21", "preflight = false;"));
    cr_assert_eq(core_rig_reload(&rig), 0);
    cr_assert_not(preflight_holds(the(&rig)->source));
    core_rig_close(&rig);
    core_rig_open(&rig, config_of("", "preflight = true;"));
    seconds(&rig, 15);
    cr_assert_eq(the(&rig)->state, PREFLIGHT_FAILED, "the file says so");
    core_rig_close(&rig);
}

/* A block list that has the address fails it; the words are there for screens. */
TEST(preflight, lists)
{
    static const struct nameserver_row listed[] = {
        MAIL,
        {"20.2.0.192.in-addr.arpa", DNS_PTR, "b1.from.test", 60},
        {"b1.from.test", DNS_A, "192.0.2.20", 60},
        {"from.test", DNS_TXT, "v=spf1 a:b1.from.test -all", 60},
        {"2.0.0.127.bl.test", DNS_A, "127.0.0.2", 60},
        {"20.2.0.192.bl.test", DNS_A, "127.0.0.2", 60},
        {NULL, 0, NULL, 0}};
    char text[2200];
    char say[PREFLIGHT_TEXT + 40];
    struct core_rig rig;
    (void)snprintf(text, sizeof text,
                   "%sdnsbl = { zones = ( { zone = \"bl.test\"; } ); };\n",
                   config_of("192.0.2.20", ""));
    core_rig_open(&rig, text);
    rig.names.rows = listed;
    core_rig_pass(&rig, 3000);
    cr_assert_eq(the(&rig)->state, PREFLIGHT_WAITING, "the list has not been asked");
    seconds(&rig, 40);
    cr_assert_eq(the(&rig)->state, PREFLIGHT_FAILED, "%s", the(&rig)->why);
    preflight_say(the(&rig)->source, say);
    cr_assert_str_eq(say, "failed: it is listed in bl.test");
    cr_assert_not_null(
        strstr(preflight_list(the(&rig)->source, text, sizeof text), "ptr: ok: "));
    core_rig_close(&rig);
}
