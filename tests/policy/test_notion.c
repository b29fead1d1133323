#include <string.h>

#include "policy/notion.h"

#include "tests/support/test.h"

static uint64_t notions_of(const char *raw)
{
    struct match_text text;

    match_prepare(&text, raw);
    return notion_find(&text);
}

/* A mailbox that is full is the same set in every language, whatever the order. */
TEST(notion, same_in_every_language)
{
    static const char *const full[] = {
        "The mailbox is full",
        "Das Postfach ist voll",
        "La boîte est pleine",
        "El buzón está lleno",
        "La casella è piena",
        "A caixa está cheia",
        "Het postvak is vol",
        "Skrzynka jest pełna",
        "Brevlådan är full",
        "Posta kutusu dolu",
        "Почтовый ящик переполнен",
        "邮箱已满",
        "メールボックスが一杯です",
        "메일함이 가득 찼습니다",
        "FULL: this MAILBOX, I regret",
    };

    for (size_t i = 0; i < sizeof(full) / sizeof(full[0]); i++) {
        uint64_t both = NOTION_SET(NOTION_MAILBOX) | NOTION_SET(NOTION_FULL);
        cr_assert_eq(notions_of(full[i]) & both, both, "%s", full[i]);
    }
}

/* Words that only contain a stem are not it. */
TEST(notion, edges)
{
    cr_assert_eq(notions_of("fully against temporary domaine questo"),
                 NOTION_SET(NOTION_TEMPORARY) | NOTION_SET(NOTION_DOMAIN));
    cr_assert_eq(notions_of("the shipment zips"), 0);
    cr_assert_eq(notions_of(""), 0);
}

/* Every notion has words, in the folded form in which texts are searched, and none of
 * them is empty: an empty one would be found everywhere. */
TEST(notion, words_are_well_formed)
{
    for (int i = 0; i < NOTIONS; i++) {
        char folded[8192];
        const char *words = notion_words((enum notion)i);
        cr_assert_not_null(words);
        match_fold(words, folded, sizeof(folded));
        cr_assert_str_eq(folded, words, "notion %d is not folded", i);
        cr_assert_null(strstr(words, "||"), "notion %d", i);
        cr_assert(words[0] != '|' && words[strlen(words) - 1] != '|', "notion %d", i);
        cr_assert_eq(notions_of("") & NOTION_SET(i), 0);
    }
    cr_assert_leq((int)NOTIONS, 64);
}
