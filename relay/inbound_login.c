/* No test of its own: tests/relay/test_inbound.c has all of a session.
 *
 * Who is at the other end of a session: a password on its way through auth's threads, and
 * what a changed table of users means for who is logged in already. */

#include <stdlib.h>
#include <string.h>

#include "relay/arena.h"
#include "relay/config.h"
#include "relay/inbound.h"
#include "relay/inbound_parts.h"
#include "relay/log.h"
#include "relay/net/conn.h"
#include "relay/worker.h"

/* The login is right: take the user as the table in force has it. False when it has
 * none any more, or has disabled it meanwhile. */
static bool take_user(struct inbound *inbound, const char *name)
{
    struct users *users = inbound->worker->users;
    const struct users_user *user = users_find(users, name);
    if (user == NULL || user->is_disabled) {
        return false;
    }
    users_free(inbound->users);
    inbound->users = users_ref(users);
    inbound->intake.client.user = user;
    inbound->has_print = false;
    return true;
}

static void on_checked(struct letter *letter)
{
    struct login *login = LIST_OWNER(letter, struct login, check.letter);
    struct auth_check *check = &login->check;
    struct inbound *inbound = login->inbound;
    inbound->login = NULL;
    if (inbound->conn == NULL) {
        free(login);
        inbound_free(inbound);
        return;
    }
    switch (check->result) {
    case AUTH_OK:
        if (take_user(inbound, check->user)) {
            smtp_in_answer(inbound->engine, 235, "2.7.0 welcome");
            break;
        }
        smtp_in_answer(inbound->engine, 535, "5.7.8 wrong user name or password");
        break;
    case AUTH_WRONG:
        log_session(&(struct log_session){.kind = LOG_SESSION_AUTH_FAILED,
                                          .client_ip = inbound->intake.client.ip,
                                          .helo = smtp_in_helo(inbound->engine),
                                          .user = check->name,
                                          .text = "PLAIN"});
        smtp_in_answer(inbound->engine, 535, "5.7.8 wrong user name or password");
        break;
    case AUTH_TOO_FAST:
        smtp_in_answer(inbound->engine, 454, "4.7.0 too many tries; wait a while");
        break;
    case AUTH_BUSY:
        smtp_in_answer(inbound->engine, 454, "4.7.0 too many logins at once; try again");
        break;
    }
    free(login);
    inbound_tick(inbound);
}

/* A handshake: what was said before it is forgotten, who logged in too. */
void inbound_secured(struct inbound *inbound, const struct conn_tls_facts *facts)
{
    struct users *users = inbound->worker->users;
    const struct config_listener *door = inbound->intake.client.door;
    users_free(inbound->users);
    inbound->users = NULL;
    inbound->intake.client.user = NULL;
    if (!door->client_certificates || !facts->has_print) {
        return;
    }
    const struct users_user *user = users_find_certificate(users, facts->print);
    if (user == NULL || user->is_disabled ||
        !users_may_come_from(user, inbound->intake.client.ip)) {
        return; /* as who shows none: the listener says whether a password helps */
    }
    memcpy(inbound->print, facts->print, sizeof inbound->print);
    inbound->has_print = true;
    inbound->users = users_ref(users);
    inbound->intake.client.user = user;
}

/* An IPv4 address in IPv6 clothes, as auth counts them. */
static void mapped(const struct netaddr *addr, uint8_t out[16])
{
    static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};
    if (addr->family == NETADDR_V4) {
        memcpy(out, prefix, sizeof prefix);
        memcpy(out + sizeof prefix, addr->bytes, 4);
    } else {
        memcpy(out, addr->bytes, 16);
    }
}

void inbound_login(void *owner, const char *user, const char *password)
{
    struct inbound *inbound = owner;
    if (inbound->worker->auth == NULL || strlen(user) >= USERS_NAME_BYTES ||
        strlen(password) >= AUTH_PASSWORD_BYTES) {
        smtp_in_answer(inbound->engine, 535, "5.7.8 wrong user name or password");
        return;
    }
    struct login *login = arena_must(1, sizeof *login);
    struct auth_check *check = &login->check;
    login->inbound = inbound;
    check->home = &inbound->worker->mailbox;
    check->done_cb = on_checked;
    memcpy(check->name, user, strlen(user) + 1);
    memcpy(check->password, password, strlen(password) + 1);
    mapped(&inbound->remote, check->address);
    inbound->login = login;
    auth_check(inbound->worker->auth, check);
}

void inbound_review(struct inbound *inbound)
{
    const struct users_user *before = inbound->intake.client.user;
    struct users *users = inbound->worker->users;
    if (before == NULL || inbound->conn == NULL || inbound->is_finishing) {
        return;
    }
    const struct users_user *user = users_find(users, before->name);
    bool is_same =
        user != NULL &&
        (inbound->has_print ? users_find_certificate(users, inbound->print) == user
                            : strcmp(user->hash, before->hash) == 0);
    if (user == NULL || user->is_disabled || !is_same ||
        !users_may_come_from(user, inbound->intake.client.ip)) {
        smtp_in_refuse(inbound->engine, 421, "4.7.0 this login is not valid any more");
        inbound_finish(inbound, inbound_flush(inbound));
        return;
    }
    inbound->intake.client.user = user;
    users_free(inbound->users);
    inbound->users = users_ref(users);
}
