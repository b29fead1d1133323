#include "tools/mesura_user.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "tools/mesura_http.h"
#include "tools/mesura_text.h"

#define PASSWORD_BYTES 256

static enum mesura_exit unknown(const struct mesura_user_edit *edit, const char *name)
{
    (void)fprintf(stderr, "mesura: no user %s in %s\n", name, edit->path);
    return MESURA_NOTHING;
}

/* Put the user into the table and the table into force. */
static enum mesura_exit keep(struct mesura_user_edit *edit, const struct users_user *user,
                             const char *done)
{
    struct errmsg err = {.text = ""};
    if (user == NULL) {
        return MESURA_USAGE; /* said */
    }
    if (users_put(edit->users, user, &err) != 0) {
        (void)fprintf(stderr, "mesura: %s\n", err.text);
        return MESURA_USAGE;
    }
    return mesura_user_commit(edit, done);
}

static bool make_hash(const struct mesura_args *args, char hash[USERS_HASH_BYTES])
{
    char password[PASSWORD_BYTES] = "";
    bool is_made = mesura_user_password(args, password, sizeof password);
    if (is_made && users_hash(password, hash) != 0) {
        (void)fprintf(stderr, "mesura: no memory for a password's hash\n");
        is_made = false;
    }
    sodium_memzero(password, sizeof password);
    return is_made;
}

/* ---- the commands, each on an open table ---- */

typedef enum mesura_exit (*edit_cb)(struct mesura_user_edit *edit, const char *name);

static enum mesura_exit run(const struct mesura_args *args, edit_cb change)
{
    struct mesura_user_edit edit;
    enum mesura_exit result = mesura_user_open(&edit, args);
    if (result == MESURA_DONE) {
        result = change(&edit, args->names[0]);
    }
    mesura_user_close(&edit);
    return result;
}

static enum mesura_exit add(struct mesura_user_edit *edit, const char *name)
{
    struct users_user user = {.priority_high = 9};
    if (users_find(edit->users, name) != NULL) {
        (void)fprintf(stderr, "mesura: user %s is there: mesura user set changes it\n",
                      name);
        return MESURA_NOTHING;
    }
    if (strlen(name) >= sizeof user.name) {
        (void)fprintf(stderr, "mesura: a user's name has at most %zu bytes\n",
                      sizeof user.name - 1);
        return MESURA_USAGE;
    }
    memcpy(user.name, name, strlen(name) + 1);
    const struct users_user *changed = mesura_user_apply(edit->args, &user);
    if (changed == NULL) {
        return MESURA_USAGE;
    }
    user = *changed;
    if (mesura_args_get(edit->args, "no-password")[0] == '\0' &&
        !make_hash(edit->args, user.hash)) {
        return MESURA_USAGE;
    }
    return keep(edit, &user, "user added");
}

enum mesura_exit mesura_user_add(const struct mesura_args *args)
{
    return run(args, add);
}

static enum mesura_exit set(struct mesura_user_edit *edit, const char *name)
{
    const struct users_user *user = users_find(edit->users, name);
    if (user == NULL) {
        return unknown(edit, name);
    }
    return keep(edit, mesura_user_apply(edit->args, user), "rights changed");
}

enum mesura_exit mesura_user_set(const struct mesura_args *args)
{
    return run(args, set);
}

static enum mesura_exit passwd(struct mesura_user_edit *edit, const char *name)
{
    const struct users_user *user = users_find(edit->users, name);
    if (user == NULL) {
        return unknown(edit, name);
    }
    struct users_user changed = *user;
    if (!make_hash(edit->args, changed.hash)) {
        return MESURA_USAGE;
    }
    return keep(edit, &changed, "password changed; sessions of the old one end");
}

enum mesura_exit mesura_user_passwd(const struct mesura_args *args)
{
    return run(args, passwd);
}

static enum mesura_exit token(struct mesura_user_edit *edit, const char *name)
{
    const struct users_user *user = users_find(edit->users, name);
    bool revokes = mesura_args_get(edit->args, "revoke")[0] != '\0';
    struct users_token tokens[USERS_LIST_ITEMS];
    char text[USERS_TOKEN_TEXT_BYTES] = "";
    if (user == NULL) {
        return unknown(edit, name);
    }
    struct users_user changed = *user;
    if (revokes) {
        changed.token_count = 0;
        return keep(edit, &changed, "every token of the user is void");
    }
    if (user->token_count == USERS_LIST_ITEMS) {
        (void)fprintf(stderr, "mesura: user %s has %d tokens; --revoke voids them\n",
                      name, USERS_LIST_ITEMS);
        return MESURA_NOTHING;
    }
    memcpy(tokens, user->tokens, user->token_count * sizeof tokens[0]);
    users_make_token(text, &tokens[user->token_count]);
    changed.tokens = tokens;
    changed.token_count = user->token_count + 1;
    enum mesura_exit result = keep(edit, &changed, "token made; it is shown this once");
    if (result == MESURA_DONE) {
        (void)printf("%s\n", text);
    }
    sodium_memzero(text, sizeof text);
    return result;
}

enum mesura_exit mesura_user_token(const struct mesura_args *args)
{
    return run(args, token);
}

static enum mesura_exit del(struct mesura_user_edit *edit, const char *name)
{
    if (!users_remove(edit->users, name)) {
        return unknown(edit, name);
    }
    return mesura_user_commit(edit, "user removed; its sessions end");
}

enum mesura_exit mesura_user_del(const struct mesura_args *args)
{
    return run(args, del);
}

static enum mesura_exit switch_user(struct mesura_user_edit *edit, const char *name,
                                    bool is_disabled)
{
    const struct users_user *user = users_find(edit->users, name);
    if (user == NULL) {
        return unknown(edit, name);
    }
    struct users_user changed = *user;
    changed.is_disabled = is_disabled;
    return keep(edit, &changed,
                is_disabled ? "user disabled; its sessions and cached logins end"
                            : "user enabled");
}

static enum mesura_exit disable(struct mesura_user_edit *edit, const char *name)
{
    return switch_user(edit, name, true);
}

static enum mesura_exit enable(struct mesura_user_edit *edit, const char *name)
{
    return switch_user(edit, name, false);
}

enum mesura_exit mesura_user_disable(const struct mesura_args *args)
{
    return run(args, disable);
}

enum mesura_exit mesura_user_enable(const struct mesura_args *args)
{
    return run(args, enable);
}

/* ---- the list ---- */

static json_t *texts_of(const char *const *texts, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        (void)json_array_append_new(list, json_string(texts[i]));
    }
    return list;
}

static json_t *networks_of(const struct users_user *user)
{
    json_t *list = json_array();
    for (size_t i = 0; i < user->network_count; i++) {
        char text[USERS_NETWORK_BYTES];
        (void)json_array_append_new(
            list, json_string(users_network_print(&user->networks[i], text)));
    }
    return list;
}

/* The same keys as GET /v1/users has, but for what only the daemon knows. */
static json_t *row_of(const struct users_user *user)
{
    return json_pack(
        "{s:s, s:s, s:o, s:o, s:o, s:b, s:I, s:I, s:i, s:i, s:I, s:I, s:I, s:I}", "name",
        user->name, "state", user->is_disabled ? "disabled" : "active", "streams",
        texts_of(user->streams, user->stream_count), "from",
        texts_of(user->from, user->from_count), "networks", networks_of(user),
        "has_password", user->hash[0] != '\0', "tokens", (json_int_t)user->token_count,
        "certificates", (json_int_t)user->certificate_count, "priority_low",
        (int)user->priority_low, "priority_high", (int)user->priority_high,
        "max_message_bytes", (json_int_t)user->max_message_bytes, "per_minute",
        (json_int_t)user->per_minute, "per_hour", (json_int_t)user->per_hour, "per_day",
        (json_int_t)user->per_day);
}

static void print_words(const char *label, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        (void)printf("%s%s", i == 0 ? label : ",", words[i]);
    }
}

static void print_limit(const char *label, uint64_t value)
{
    if (value != 0) {
        (void)printf("%s%llu", label, (unsigned long long)value);
    }
}

static void print_row(const struct users_user *user)
{
    (void)printf("%-24s %-8s %s%s", user->name, user->is_disabled ? "disabled" : "active",
                 user->hash[0] != '\0' ? "password" : "no password",
                 user->token_count > 0 ? ", tokens" : "");
    print_words("  streams ", user->streams, user->stream_count);
    print_words("  from ", user->from, user->from_count);
    for (size_t i = 0; i < user->network_count; i++) {
        char text[USERS_NETWORK_BYTES];
        (void)printf("%s%s", i == 0 ? "  networks " : ",",
                     users_network_print(&user->networks[i], text));
    }
    print_limit("  per minute ", user->per_minute);
    print_limit("  per hour ", user->per_hour);
    print_limit("  per day ", user->per_day);
    print_limit("  max message ", user->max_message_bytes);
    (void)printf("\n");
}

enum mesura_exit mesura_user_list(const struct mesura_args *args)
{
    struct mesura_user_edit edit;
    enum mesura_exit result = mesura_user_open(&edit, args);
    if (result == MESURA_DONE && args->is_json) {
        json_t *rows = json_array();
        for (size_t i = 0; i < users_count(edit.users); i++) {
            (void)json_array_append_new(rows, row_of(users_at(edit.users, i)));
        }
        json_t *document = json_pack("{s:s, s:o}", "file", edit.path, "users", rows);
        (void)json_dumpf(document, stdout, JSON_INDENT(2));
        (void)putchar('\n');
        json_decref(document);
    } else if (result == MESURA_DONE) {
        for (size_t i = 0; i < users_count(edit.users); i++) {
            print_row(users_at(edit.users, i));
        }
    }
    mesura_user_close(&edit);
    return result;
}
