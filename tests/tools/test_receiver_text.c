#include <string.h>

#include "tests/support/test.h"
#include "tools/receiver_keys.h"
#include "tools/receiver_text.h"

static const struct receiver_text_facts facts = {"192.0.2.1", "who@d.test"};

/* Each style has a reply for each refusal: a code, no braces left, no line end. */
TEST(receiver_text, all_styles)
{
    struct receiver_spec spec;

    receiver_spec_init(&spec);
    for (int style = 0; style < RECEIVER_STYLES; style++) {
        spec.style = style;
        for (int class = RECEIVER_RATE; class < RECEIVER_PROTOCOL; class ++) {
            char reply[RECEIVER_TEXT_BYTES];
            int code = receiver_text_reply(&spec, (enum receiver_class) class, NULL,
                                           &facts, reply);

            cr_assert(code >= 400 && code < 600, "%s", receiver_keys_classes[class]);
            cr_assert_eq(strpbrk(reply, "{}\r\n"), NULL, "%s", reply);
        }
    }
}

/* A listing names the zone and the address, or the address it is told to name. */
TEST(receiver_text, listing)
{
    struct receiver_spec spec;
    char reply[RECEIVER_TEXT_BYTES];

    receiver_spec_init(&spec);
    cr_assert_eq(receiver_text_reply(&spec, RECEIVER_RBL, NULL, &facts, reply), 554);
    cr_assert_not_null(strstr(reply, "[192.0.2.1] blocked using bl.spamcop.net"));
    memcpy(spec.rbl_names, "10.9.8.7", sizeof "10.9.8.7");
    (void)receiver_text_reply(&spec, RECEIVER_RBL, NULL, &facts, reply);
    cr_assert_not_null(strstr(reply, "[10.9.8.7]"));
}

/* A text of one's own is used, unknown braces stay, and nothing overflows. */
TEST(receiver_text, own_texts)
{
    struct receiver_spec spec;
    char reply[RECEIVER_TEXT_BYTES];
    char many[RECEIVER_TEXT_BYTES];
    size_t used = 4;

    receiver_spec_init(&spec);
    memcpy(spec.texts[RECEIVER_RATE], "452 {what} {ip} {", sizeof "452 {what} {ip} {");
    cr_assert_eq(receiver_text_reply(&spec, RECEIVER_RATE, NULL, &facts, reply), 452);
    cr_assert_str_eq(reply, "452 {what} 192.0.2.1 {");
    memcpy(many, "450 ", 4);
    while (used + 6 < sizeof many) {
        memcpy(many + used, "{rcpt}", 6);
        used += 6;
    }
    many[used] = '\0';
    cr_assert_eq(receiver_text_reply(&spec, RECEIVER_SAY, many, &facts, reply), 450);
    cr_assert_eq(strlen(reply), sizeof reply - 1);
}
