#include <string.h>

#include "tests/support/test.h"
#include "tools/setting.h"

/* Durations are taken with every unit and without one, and nothing else is. */
TEST(setting, durations)
{
    static const struct {
        const char *text;
        int64_t ns;
    } good[] = {
        {"20ms", 20000000},
        {"90s", 90000000000},
        {"15m", 900000000000},
        {"1.5h", 5400000000000},
        {"5d", 432000000000000},
        {"7", 7000000000},
        {"0", 0},
    };
    static const char *const bad[] = {"",    "s",   "-1s",    "1x",    "1 s",
                                      "inf", "nan", "1e300d", "0x10s "};
    int64_t ns = 0;

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cr_assert_eq(setting_parse_duration(good[i].text, &ns), 0, "%s", good[i].text);
        cr_assert_eq(ns, good[i].ns, "%s", good[i].text);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ns = 42;
        cr_assert_neq(setting_parse_duration(bad[i], &ns), 0, "%s", bad[i]);
        cr_assert_eq(ns, 42);
    }
}

/* Rates are per second whatever their unit; unlimited is 0. */
TEST(setting, rates)
{
    static const struct {
        const char *text;
        double per_s;
    } good[] = {
        {"20/s", 20.0},  {"60/m", 1.0},      {"7200/h", 2.0}, {"86400/d", 1.0},
        {"90/15m", 0.1}, {"unlimited", 0.0}, {"0.5/s", 0.5},
    };
    static const char *const bad[] = {"", "20", "20/", "/s", "20/x", "20/0s", "-1/s"};
    double rate = 0.0;

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cr_assert_eq(setting_parse_rate(good[i].text, &rate), 0, "%s", good[i].text);
        cr_assert_float_eq(rate, good[i].per_s, 1e-9, "%s", good[i].text);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_neq(setting_parse_rate(bad[i], &rate), 0, "%s", bad[i]);
    }
}

struct sample {
    char text[8];
    uint64_t count;
    uint64_t size;
    int64_t duration_ns;
    struct setting_span span;
    double fraction;
    bool flag;
    int word;
    int calls;
};

static int take_call(void *base, const char *value, struct errmsg *err)
{
    struct sample *sample = base;

    sample->calls++;
    if (strcmp(value, "bad") == 0) {
        errmsg_set(err, "not that");
        return -1;
    }
    return 0;
}

static const char *const words[] = {"one", "two", NULL};

#define AT(FIELD) offsetof(struct sample, FIELD)

static const struct setting table[] = {
    {"A group", SETTING_GROUP, 0, 0, NULL, NULL, NULL, NULL},
    {"", SETTING_CALL, 0, 0, NULL, take_call, NULL, NULL},
    {"a_text", SETTING_TEXT, AT(text), 8, NULL, NULL, "T", "h"},
    {"count", SETTING_COUNT, AT(count), 0, NULL, NULL, "N", "h"},
    {"size", SETTING_SIZE, AT(size), 0, NULL, NULL, "S", "h"},
    {"duration", SETTING_DURATION, AT(duration_ns), 0, NULL, NULL, "D", "h"},
    {"span", SETTING_SPAN, AT(span), 0, NULL, NULL, "D", "h"},
    {"fraction", SETTING_FRACTION, AT(fraction), 0, NULL, NULL, "F", "h"},
    {"flag", SETTING_FLAG, AT(flag), 0, NULL, NULL, NULL, "h"},
    {"word", SETTING_WORD, AT(word), 0, words, NULL, "W", "h"},
    {NULL, SETTING_END, 0, 0, NULL, NULL, NULL, NULL},
};

/* Both ways to write a value work, dashes are underscores, flags need none, and words
 * without dashes go to the nameless row. */
TEST(setting, arguments)
{
    char *argv[] = {
        (char[]){"x"},         (char[]){"--a-text"}, (char[]){"hello"},
        (char[]){"--count=7"}, (char[]){"--size"},   (char[]){"10k"},
        (char[]){"--flag"},    (char[]){"free"},     (char[]){"--span=5ms-1s"},
        (char[]){"--word"},    (char[]){"TWO"},      (char[]){"--fraction"},
        (char[]){"0.25"}};
    struct sample sample = {0};
    struct errmsg err = {""};

    cr_assert_eq(setting_arguments(table, &sample, 13, argv, &err), 0, "%s", err.text);
    cr_assert_str_eq(sample.text, "hello");
    cr_assert_eq(sample.count, 7);
    cr_assert_eq(sample.size, 10240);
    cr_assert(sample.flag);
    cr_assert_eq(sample.calls, 1);
    cr_assert_eq(sample.span.min_ns, 5000000);
    cr_assert_eq(sample.span.max_ns, 1000000000);
    cr_assert_eq(sample.word, 1);
    cr_assert_float_eq(sample.fraction, 0.25, 1e-9);
}

/* What is wrong is refused with its name, and the field keeps its value. */
TEST(setting, refuses)
{
    static const struct {
        const char *name;
        const char *value;
    } bad[] = {
        {"a_text", "too long for it"},
        {"count", "1.5"},
        {"count", "-1"},
        {"count", NULL},
        {"size", "10x"},
        {"span", "2s-1s"},
        {"span", "1s-"},
        {"fraction", "1.1"},
        {"flag", "perhaps"},
        {"word", "three"},
        {"duration", "soon"},
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct sample sample = {0};
        const unsigned char *bytes = (const unsigned char *)&sample;
        struct errmsg err = {""};
        const struct setting *row = setting_find(table, bad[i].name);

        cr_assert_not_null(row);
        cr_assert_neq(setting_apply(row, &sample, bad[i].value, &err), 0, "%s",
                      bad[i].name);
        cr_assert_not_null(strstr(err.text, bad[i].name), "%s", err.text);
        for (size_t at = 0; at < sizeof sample; at++) {
            cr_assert_eq(bytes[at], 0);
        }
    }
    cr_assert_null(setting_find(table, "A group"));
    cr_assert_null(setting_find(table, "coun"));
    cr_assert_null(setting_find(table, "counts"));
}
