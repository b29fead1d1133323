#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "relay/verp.h"

#include "tests/support/test.h"

#define ID UINT64_C(0x0123456789abcdef)

static const uint8_t key[VERP_KEY_BYTES] = {1, 2, 3};
static const uint8_t other_key[VERP_KEY_BYTES] = {1, 2, 4};

/* What was made is read again, in any case, and is genuine for its recipient alone. */
TEST(verp, both_ways)
{
    static const char *const recipients[] = {
        "kim@gmail.test",
        "a.long+tag@x.example",
        "o'hara@x.test",
        "odd=name@x.test",
        "a-very-long-local-part-indeed@and-a-long-domain.example.net",
        "j\xc3\xbcrgen@x.test",
        "\"quoted name\"@x.test"};
    for (size_t i = 0; i < sizeof recipients / sizeof recipients[0]; i++) {
        char local[VERP_LOCAL_BYTES];
        struct verp verp;
        char stream[VERP_CODE_BYTES];
        verp_make(key, VERP_BOUNCE, ID, "bulk", "b1", recipients[i], local);
        cr_assert_lt(strlen(local), VERP_LOCAL_BYTES);
        for (char *at = local; *at != '\0'; at++) {
            *at = (char)toupper((unsigned char)*at);
        }
        cr_assert(verp_read(local, &verp), "%s", local);
        cr_assert_eq(verp.id, ID);
        cr_assert_eq(verp.kind, VERP_BOUNCE);
        verp_code("bulk", stream);
        cr_assert_str_eq(verp.stream, stream);
        cr_assert(verp_is_genuine(key, &verp, recipients[i]), "%s", recipients[i]);
        cr_assert(verp.recipient[0] == '\0' ||
                  strcasecmp(verp.recipient, recipients[i]) == 0);
        cr_assert_not(verp_is_genuine(key, &verp, "eve@gmail.test"));
        cr_assert_not(verp_is_genuine(other_key, &verp, recipients[i]));
        cr_assert_not(verp_is_genuine(key, &verp, ""));
    }
    char local[VERP_LOCAL_BYTES];
    verp_make(key, VERP_BOUNCE, ID, "bulk", "b1", "kim@gmail.test", local);
    cr_assert_not_null(strstr(local, "-kim=gmail.test"));
}

/* One letter changed, and it is not ours; an unsubscribe is no bounce. */
TEST(verp, forged)
{
    char local[VERP_LOCAL_BYTES];
    struct verp verp;
    verp_make(key, VERP_UNSUBSCRIBE, ID, "bulk", "", "kim@gmail.test", local);
    for (size_t i = 0; local[i] != '\0'; i++) {
        char changed[VERP_LOCAL_BYTES];
        memcpy(changed, local, sizeof changed);
        changed[i] = changed[i] == 'b' ? 'c' : 'b';
        if (verp_read(changed, &verp)) {
            cr_assert_not(verp_is_genuine(key, &verp, verp.recipient), "at %zu", i);
        }
    }
}

/* Other addresses are none of ours. */
TEST(verp, foreign)
{
    static const char *const locals[] = {
        "",
        "b-",
        "postmaster",
        "b-0123456789",
        "b-00000000000000000000000000000000000-x",
        "x-0123456789abc0123012301234567890-kim=gmail.test",
        ("b-0123456789abc01230123012345678xx"
         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")};
    struct verp verp;
    for (size_t i = 0; i < sizeof locals / sizeof locals[0]; i++) {
        cr_assert_not(verp_read(locals[i], &verp), "%s", locals[i]);
    }
}
