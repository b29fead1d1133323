#include <stdlib.h>
#include <string.h>

#include "queue/index.h"

#include "relay/domains.h"
#include "relay/round.h"

#include "tests/support/test.h"

struct mail {
    struct flow flow;
    struct lading lading;
};

static struct mail *mail_of(struct round *round, const char *user)
{
    struct mail *mail = calloc(1, sizeof *mail);
    cr_assert_not_null(mail);
    mail->flow.user = user;
    mail->lading.flow = &mail->flow;
    round_add(round, &mail->lading);
    return mail;
}

static void drop(struct mail *mail)
{
    round_remove(&mail->lading);
    free(mail);
}

/* Five domains of one user go before the second of another's 500. */
TEST(round, many_do_not_delay_few)
{
    struct round round = {0};
    struct mail *many[500];
    struct mail *few = NULL;
    for (unsigned i = 0; i < 500; i++) {
        many[i] = mail_of(&round, "campaign");
    }
    for (unsigned i = 0; i < 20; i++) {
        round_spend(round_first(&round), 1);
    }
    few = mail_of(&round, "shop");
    unsigned waited = 0;
    for (unsigned got = 0; got < 5; waited++) {
        struct lading *first = round_first(&round);
        got += first == &few->lading ? 1 : 0;
        round_spend(first, 1);
    }
    cr_assert_leq(waited, 11, "five of the shop took %u turns", waited);
    drop(few);
    for (unsigned i = 0; i < 500; i++) {
        drop(many[i]);
    }
    cr_assert(round_is_empty(&round));
    round_done(&round);
}

/* Who sends a hundred at once waits until the others have had a hundred. */
TEST(round, recipients_count)
{
    struct round round = {0};
    struct mail *big = mail_of(&round, "big");
    struct mail *small = mail_of(&round, "small");
    unsigned bigs = 0;
    unsigned smalls = 0;
    for (unsigned i = 0; i < 404; i++) {
        struct lading *first = round_first(&round);
        bool is_big = first == &big->lading;
        bigs += is_big ? 100 : 0;
        smalls += is_big ? 0 : 1;
        round_spend(first, is_big ? 100 : 1);
    }
    cr_assert(bigs >= 300 && bigs <= 500 && smalls >= 300, "%u and %u", bigs, smalls);
    drop(big);
    drop(small);
    round_done(&round);
}

/* Whatever comes and goes: in any history everybody who stays is served in turn, and no
 * two differ by more than one. */
TEST(round, histories)
{
    static const char *const names[] = {"", "a", "b", "c", "d", "e", "f", "g"};
    uint64_t seed = 20261122;
    struct round round = {0};
    struct mail *mails[64] = {0};
    struct mail *stays[2] = {mail_of(&round, "one"), mail_of(&round, "two")};
    unsigned given[2] = {0};
    for (unsigned i = 0; i < 20000; i++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        unsigned at = (unsigned)(seed >> 33) % 64;
        if (mails[at] == NULL) {
            mails[at] = mail_of(&round, names[(seed >> 45) % 8]);
        } else {
            drop(mails[at]);
            mails[at] = NULL;
        }
        struct lading *first = round_first(&round);
        given[0] += first == &stays[0]->lading;
        given[1] += first == &stays[1]->lading;
        round_spend(first, 1);
        cr_assert(given[0] + 1 >= given[1] && given[1] + 1 >= given[0],
                  "seed 20261122, step %u: %u and %u", i, given[0], given[1]);
    }
    cr_assert_gt(given[0], 1000);
    struct round moved = {0};
    round_move(&moved, &round);
    cr_assert(round_is_empty(&round) && !round_is_empty(&moved));
    for (unsigned i = 0; i < 64; i++) {
        if (mails[i] != NULL) {
            drop(mails[i]);
        }
    }
    drop(stays[0]);
    drop(stays[1]);
    cr_assert(round_is_empty(&moved));
    round_done(&moved);
}

static const struct lading *wanted;

static bool is_wanted(const struct lading *lading)
{
    return lading == wanted;
}

/* What is looked for is found near the front, in the row whose turn it is and at the head
 * of others, and not further back. */
TEST(round, finds_near_the_front)
{
    struct round round = {0};
    struct mail *row[6];
    for (unsigned i = 0; i < 6; i++) {
        row[i] = mail_of(&round, "one");
    }
    struct mail *other = mail_of(&round, "two");
    wanted = &row[3]->lading;
    cr_assert_eq(round_find(&round, is_wanted, 4), wanted);
    cr_assert_null(round_find(&round, is_wanted, 3));
    wanted = &other->lading;
    cr_assert_eq(round_find(&round, is_wanted, 4), wanted);
    cr_assert_null(round_find(&round, is_wanted, 1));
    for (unsigned i = 0; i < 6; i++) {
        drop(row[i]);
    }
    drop(other);
    round_done(&round);
}
