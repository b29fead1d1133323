#include "relay/parcel.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "relay/api_json.h"
#include "relay/arena.h"
#include "relay/id.h"
#include "relay/smtp/params.h"

/* ---- words for bits ---- */

struct word {
    const char *name;
    unsigned bit;
};

static const struct word flag_words[] = {
    {"8bit", ENVELOPE_EIGHT_BIT},        {"smtputf8", ENVELOPE_SMTPUTF8},
    {"dot-line", ENVELOPE_HAS_DOT_LINE}, {"dsn", ENVELOPE_IS_DSN},
    {"trusted", ENVELOPE_TRUSTED},       {"requiretls", ENVELOPE_REQUIRETLS},
    {"binary", ENVELOPE_BINARY},         {NULL, 0}};

static const struct word notify_words[] = {{"NEVER", PARAMS_NOTIFY_NEVER},
                                           {"SUCCESS", PARAMS_NOTIFY_SUCCESS},
                                           {"FAILURE", PARAMS_NOTIFY_FAILURE},
                                           {"DELAY", PARAMS_NOTIFY_DELAY},
                                           {NULL, 0}};

static json_t *print_words(const struct word *words, unsigned bits)
{
    json_t *list = api_json_array();
    for (; words->name != NULL; words++) {
        if ((bits & words->bit) != 0) {
            api_json_push(list, api_json_string(words->name));
        }
    }
    return list;
}

/* ---- writing ---- */

/* A text that must come back as it was. False when JSON cannot hold it. */
static bool put_exact(json_t *object, const char *key, const char *text)
{
    json_t *value = json_string(text);
    if (value == NULL) {
        return false;
    }
    api_json_set(object, key, value);
    return true;
}

static void put_number(json_t *object, const char *key, uint64_t value)
{
    api_json_set(object, key, json_integer((json_int_t)value));
}

static const char *state_word(const struct change *state)
{
    switch (state->state) {
    case CHANGE_WAITING: return "waiting";
    case CHANGE_HELD: return "held";
    case CHANGE_FAILED:
    case CHANGE_EXPIRED:
    case CHANGE_DELIVERED:
    case CHANGE_RELAYED:
    case CHANGE_PURGED:
    case CHANGE_NOTICED:
    case CHANGE_STATES: break;
    }
    return "gone";
}

static json_t *print_reply(const struct change *state)
{
    json_t *reply = api_json_object();
    json_t *enhanced = api_json_array();
    for (int i = 0; i < 3; i++) {
        api_json_push(enhanced, json_integer(state->enhanced[i]));
    }
    put_number(reply, "code", state->code);
    api_json_set(reply, "enhanced", enhanced);
    api_json_text(reply, "text", state->text);
    put_number(reply, "class", state->reply_class);
    put_number(reply, "stage", state->stage);
    put_number(reply, "origin", state->origin);
    api_json_text(reply, "host", state->host);
    api_json_text(reply, "address", state->address);
    api_json_text(reply, "tls", state->tls);
    put_number(reply, "took_ms", state->took_ms);
    return reply;
}

static json_t *print_recipient(const struct envelope_recipient *recipient,
                               const struct change *state, unsigned number)
{
    json_t *object = api_json_object();
    bool good = put_exact(object, "address", recipient->address) &&
                put_exact(object, "domain", recipient->domain) &&
                put_exact(object, "orcpt", recipient->orcpt);
    put_number(object, "number", number);
    api_json_set(object, "notify", print_words(notify_words, recipient->notify));
    api_json_text(object, "state", state_word(state));
    if (!change_state_is_final(state->state)) {
        put_number(object, "attempts", state->attempts);
        put_number(object, "next_unix_ms", state->next_unix_ms);
        put_number(object, "when_unix_ms", state->when_unix_ms);
        api_json_text(object, "source", state->source);
        api_json_text(object, "actor", state->actor);
        api_json_text(object, "reason", state->reason);
        api_json_set(object, "reply", print_reply(state));
    }
    if (!good) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static bool print_envelope(json_t *object, const struct envelope *envelope)
{
    char id[ID_BYTES];
    id_print(envelope->id, id);
    api_json_text(object, "id", id);
    put_number(object, "accepted_unix_ms", envelope->accepted_unix_ms);
    put_number(object, "expires_unix_ms", envelope->expires_unix_ms);
    put_number(object, "notice_unix_ms", envelope->notice_unix_ms);
    api_json_set(object, "flags", print_words(flag_words, envelope->flags));
    put_number(object, "priority", envelope->priority);
    api_json_text(object, "ret",
                  envelope->ret == PARAMS_RET_FULL   ? "FULL"
                  : envelope->ret == PARAMS_RET_HDRS ? "HDRS"
                                                     : "");
    api_json_text(object, "from_domain", envelope->from_domain);
    api_json_text(object, "client", envelope->client);
    api_json_text(object, "helo", envelope->helo);
    api_json_text(object, "listener", envelope->listener);
    api_json_text(object, "job", envelope->job);
    api_json_text(object, "subject", envelope->subject);
    return put_exact(object, "sender", envelope->sender) &&
           put_exact(object, "stream", envelope->stream) &&
           put_exact(object, "user", envelope->user) &&
           put_exact(object, "envid", envelope->envid) &&
           put_exact(object, "message_id", envelope->message_id);
}

char *parcel_print(const struct parcel *parcel, size_t *out_length)
{
    json_t *root = api_json_object();
    json_t *recipients = api_json_array();
    const struct envelope *envelope = &parcel->envelope;
    api_json_text(root, "format", PARCEL_FORMAT);
    put_number(root, "eml_bytes", parcel->eml_bytes);
    put_number(root, "header_bytes", parcel->header_bytes);
    put_number(root, "eml_crc32c", parcel->checksum);
    bool good = print_envelope(root, envelope);
    for (unsigned i = 0; good && i < envelope->recipient_count; i++) {
        json_t *row = print_recipient(&envelope->recipients[i], &parcel->states[i], i);
        good = row != NULL;
        if (good) {
            api_json_push(recipients, row);
        }
    }
    api_json_set(root, "recipients", recipients);
    char *text = good ? json_dumps(root, JSON_INDENT(1)) : NULL;
    json_decref(root);
    if (text != NULL) {
        *out_length = strlen(text);
    }
    return text;
}

/* ---- reading ---- */

/* What is read from, and what is wrong with it: the first mistake counts. */
struct reading {
    struct errmsg *err;
    bool failed;
};

static void complain(struct reading *reading, const char *key, const char *wanted)
{
    if (!reading->failed) {
        errmsg_set(reading->err, "\"%s\" %s", key, wanted);
    }
    reading->failed = true;
}

static const char *take_text(struct reading *reading, const json_t *object,
                             const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    if (text == NULL) {
        complain(reading, key, "is no text");
        return "";
    }
    return text;
}

static uint64_t take_number(struct reading *reading, const json_t *object,
                            const char *key, uint64_t most)
{
    const json_t *value = json_object_get(object, key);
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < 0 || (uint64_t)number > most) {
        complain(reading, key, "is no number, or out of bounds");
        return 0;
    }
    return (uint64_t)number;
}

static unsigned take_words(struct reading *reading, const json_t *object, const char *key,
                           const struct word *words)
{
    const json_t *list = json_object_get(object, key);
    unsigned bits = 0;
    size_t index = 0;
    json_t *value = NULL;
    if (!json_is_array(list)) {
        complain(reading, key, "is no list");
        return 0;
    }
    json_array_foreach(list, index, value)
    {
        const char *text = json_string_value(value);
        const struct word *word = words;
        while (word->name != NULL && (text == NULL || strcmp(word->name, text) != 0)) {
            word++;
        }
        if (word->name == NULL) {
            complain(reading, key, "has a word that is not known here");
        }
        bits |= word->bit;
    }
    return bits;
}

static void take_reply(struct reading *reading, const json_t *object,
                       struct change *state)
{
    const json_t *reply = json_object_get(object, "reply");
    const json_t *enhanced = json_object_get(reply, "enhanced");
    if (!json_is_array(enhanced) || json_array_size(enhanced) != 3) {
        complain(reading, "enhanced", "is no list of three numbers");
        return;
    }
    for (size_t i = 0; i < 3; i++) {
        json_int_t part = json_integer_value(json_array_get(enhanced, i));
        if (part < 0 || part > 999) {
            complain(reading, "enhanced", "is no enhanced status code");
            return;
        }
        state->enhanced[i] = (uint16_t)part;
    }
    state->code = (uint16_t)take_number(reading, reply, "code", 999);
    state->text = take_text(reading, reply, "text");
    state->reply_class = (uint8_t)take_number(reading, reply, "class", UINT8_MAX);
    state->stage = (uint8_t)take_number(reading, reply, "stage", UINT8_MAX);
    state->origin = (uint8_t)take_number(reading, reply, "origin", UINT8_MAX);
    state->host = take_text(reading, reply, "host");
    state->address = take_text(reading, reply, "address");
    state->tls = take_text(reading, reply, "tls");
    state->took_ms = take_number(reading, reply, "took_ms", INT64_MAX);
}

static void take_state(struct reading *reading, const json_t *object, uint64_t id,
                       unsigned number, struct change *state)
{
    const char *word = take_text(reading, object, "state");
    change_init(state);
    state->id = id;
    state->number = (uint16_t)number;
    if (strcmp(word, "gone") == 0) {
        state->state = CHANGE_PURGED;
        state->ended = true;
        return;
    }
    if (strcmp(word, "waiting") != 0 && strcmp(word, "held") != 0) {
        complain(reading, "state", "is one of waiting, held, gone");
        return;
    }
    state->state = strcmp(word, "held") == 0 ? CHANGE_HELD : CHANGE_WAITING;
    state->attempts = (uint16_t)take_number(reading, object, "attempts", UINT16_MAX);
    state->next_unix_ms = take_number(reading, object, "next_unix_ms", INT64_MAX);
    state->when_unix_ms = take_number(reading, object, "when_unix_ms", INT64_MAX);
    state->source = take_text(reading, object, "source");
    state->actor = take_text(reading, object, "actor");
    state->reason = take_text(reading, object, "reason");
    take_reply(reading, object, state);
}

static void take_envelope(struct reading *reading, const json_t *root,
                          struct envelope *envelope)
{
    const char *id = take_text(reading, root, "id");
    const char *ret = take_text(reading, root, "ret");
    if (!id_parse(id, strlen(id), &envelope->id)) {
        complain(reading, "id", "is no id: they have 13 letters");
    }
    envelope->accepted_unix_ms =
        take_number(reading, root, "accepted_unix_ms", INT64_MAX);
    envelope->expires_unix_ms = take_number(reading, root, "expires_unix_ms", INT64_MAX);
    envelope->notice_unix_ms = take_number(reading, root, "notice_unix_ms", INT64_MAX);
    envelope->flags = take_words(reading, root, "flags", flag_words);
    envelope->priority = (uint8_t)take_number(reading, root, "priority", 9);
    envelope->ret = (uint8_t)(strcmp(ret, "FULL") == 0   ? PARAMS_RET_FULL
                              : strcmp(ret, "HDRS") == 0 ? PARAMS_RET_HDRS
                                                         : PARAMS_RET_ABSENT);
    envelope->sender = take_text(reading, root, "sender");
    envelope->from_domain = take_text(reading, root, "from_domain");
    envelope->stream = take_text(reading, root, "stream");
    envelope->user = take_text(reading, root, "user");
    envelope->client = take_text(reading, root, "client");
    envelope->helo = take_text(reading, root, "helo");
    envelope->listener = take_text(reading, root, "listener");
    envelope->job = take_text(reading, root, "job");
    envelope->subject = take_text(reading, root, "subject");
    envelope->envid = take_text(reading, root, "envid");
    envelope->message_id = take_text(reading, root, "message_id");
}

static void take_recipients(struct reading *reading, const json_t *root,
                            struct parcel *parcel)
{
    const json_t *list = json_object_get(root, "recipients");
    size_t count = json_array_size(list);
    if (count == 0 || count > ENVELOPE_RECIPIENTS) {
        complain(reading, "recipients", "is no list, empty, or too long");
        return;
    }
    struct envelope_recipient *recipients = arena_must(count, sizeof *recipients);
    parcel->states = arena_must(count, sizeof *parcel->states);
    parcel->envelope.recipients = recipients;
    parcel->envelope.recipient_count = (unsigned)count;
    for (unsigned i = 0; i < count && !reading->failed; i++) {
        const json_t *row = json_array_get(list, i);
        recipients[i].address = take_text(reading, row, "address");
        recipients[i].domain = take_text(reading, row, "domain");
        recipients[i].orcpt = take_text(reading, row, "orcpt");
        recipients[i].notify = (uint8_t)take_words(reading, row, "notify", notify_words);
        if (take_number(reading, row, "number", ENVELOPE_RECIPIENTS) != i) {
            complain(reading, "number", "is not the recipient's place in the list");
        }
        take_state(reading, row, parcel->envelope.id, i, &parcel->states[i]);
        parcel->here += !parcel->states[i].ended;
    }
    if (parcel->here == 0) {
        complain(reading, "recipients", "has none that is not gone");
    }
}

int parcel_parse(const char *bytes, size_t length, struct parcel *out_parcel,
                 struct errmsg *err)
{
    json_error_t error;
    struct reading reading = {.err = err};
    struct parcel parcel = {.here = 0};
    json_t *root = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        errmsg_set(err, "line %d: %s", error.line, error.text);
        return -EINVAL;
    }
    parcel.root = root;
    envelope_init(&parcel.envelope);
    if (strcmp(take_text(&reading, root, "format"), PARCEL_FORMAT) != 0) {
        complain(&reading, "format", "is not \"" PARCEL_FORMAT "\"");
    }
    parcel.eml_bytes = take_number(&reading, root, "eml_bytes", INT64_MAX);
    parcel.header_bytes = take_number(&reading, root, "header_bytes", INT64_MAX);
    parcel.checksum = (uint32_t)take_number(&reading, root, "eml_crc32c", UINT32_MAX);
    take_envelope(&reading, root, &parcel.envelope);
    take_recipients(&reading, root, &parcel);
    parcel.envelope.size_bytes = parcel.eml_bytes;
    if (parcel.header_bytes > parcel.eml_bytes) {
        complain(&reading, "header_bytes", "is more than eml_bytes");
    }
    if (reading.failed) {
        parcel_done(&parcel);
        return -EINVAL;
    }
    *out_parcel = parcel;
    return 0;
}

void parcel_done(struct parcel *parcel)
{
    union {
        const struct envelope_recipient *kept;
        void *memory;
    } recipients = {.kept = parcel->envelope.recipients};
    if (parcel->root != NULL) {
        json_decref(parcel->root);
        free(recipients.memory);
        free(parcel->states);
    }
    *parcel = (struct parcel){0};
}
