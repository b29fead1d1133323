/* What cannot be of the tables for addresses and headers at the door. */

#include <assert.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "relay/config_build.h"
#include "relay/config_scalar.h"
#include "relay/config_verify.h"

/* An archive's domain becomes part of a name with a route's sender: see route.h. */
#define ARCHIVE_BYTES 120
#define VALUE_BYTES   900

/* Printable, without what would end or split an address. */
static bool is_address(const char *text, bool local_may_lack)
{
    const char *at = strrchr(text, '@');
    for (const char *byte = text; *byte != '\0'; byte++) {
        if (*byte <= ' ' || *byte == 0x7f || strchr(",;<>()\\", *byte) != NULL) {
            return false;
        }
    }
    return at != NULL && (local_may_lack || at != text) && at - text <= 64 &&
           at[1] != '\0' && config_scalar_is_host(at + 1);
}

static void rewrites_verify(struct config_build *build)
{
    for (size_t i = 0; i < build->config->rewrite_count; i++) {
        const struct config_rewrite *rule = &build->config->rewrites[i];
        if (rule->from[0] != '\0' && !is_address(rule->from, true)) {
            config_build_error(build, &rule->from,
                               "rewrite: from \"%.80s\" is not possible; write "
                               "\"root@host.local\", or \"@host.local\" for all of it",
                               rule->from);
        }
        if (rule->to[0] != '\0' && !is_address(rule->to, true)) {
            config_build_error(
                build, &rule->to,
                "rewrite: to \"%.80s\" is not possible; write "
                "\"noreply@example.com\", or \"@example.com\" to keep what "
                "stands before the @",
                rule->to);
        } else if (rule->to[0] == '@' && rule->from[0] != '@') {
            config_build_error(build, &rule->to,
                               "rewrite: from is a whole address, to is a domain; write "
                               "the whole address in both");
        }
    }
}

static bool name_is_good(const char *name, bool may_end_in_star)
{
    size_t length = strlen(name);
    if (length > 0 && may_end_in_star && name[length - 1] == '*') {
        length--;
    }
    for (size_t i = 0; i < length; i++) {
        if (!isalnum((unsigned char)name[i]) && name[i] != '-' && name[i] != '_') {
            return false;
        }
    }
    return length > 0 && length <= 76;
}

static bool value_is_good(const char *value)
{
    for (const char *at = value; *at != '\0'; at++) {
        if (*at < ' ' || *at >= 0x7f) {
            return false;
        }
    }
    return value[0] != '\0' && strlen(value) <= VALUE_BYTES;
}

/* Would the rule touch one without which mail is none, or loops for ever? */
static const char *needed_field(const struct config_header *rule)
{
    static const char *const needed[] = {"From", "Date", "Message-ID", "Received"};
    size_t length = strlen(rule->name);
    bool is_star = length > 0 && rule->name[length - 1] == '*';
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        if (is_star ? strncasecmp(needed[i], rule->name, length - 1) == 0
                    : strcasecmp(needed[i], rule->name) == 0) {
            return needed[i];
        }
    }
    return NULL;
}

static void headers_verify(struct config_build *build)
{
    for (size_t i = 0; i < build->config->header_count; i++) {
        const struct config_header *rule = &build->config->headers[i];
        bool removes = rule->action == CONFIG_HEADER_REMOVE;
        const char *needed = needed_field(rule);
        if (rule->name[0] == '\0') {
            continue; /* noted as missing */
        }
        if (!name_is_good(rule->name, removes)) {
            config_build_error(build, &rule->name,
                               "header: name \"%.80s\" is not the name of a field; write "
                               "\"X-Mailer\"%s",
                               rule->name, removes ? " or \"X-Php-*\"" : "");
        } else if (needed != NULL) {
            config_build_error(
                build, &rule->name,
                "header: \"%.80s\" would change %s, which a message needs; "
                "name others",
                rule->name, needed);
        } else if (!removes && strncasecmp(rule->name, "X-Mesura-", 9) == 0) {
            config_build_error(build, &rule->name,
                               "header: X-Mesura-* never leaves the relay; name another");
        }
        if (removes && rule->value[0] != '\0') {
            config_build_error(build, &rule->value,
                               "header \"%.80s\": a value needs action = \"add\" or "
                               "\"set\"",
                               rule->name);
        } else if (!removes && !value_is_good(rule->value)) {
            config_build_error(build, &rule->name,
                               "header \"%.80s\": value is one line of ASCII, up to %d "
                               "bytes; write value = \"text\"",
                               rule->name, VALUE_BYTES);
        }
    }
}

/* What rewrite_matches understands. */
static bool pattern_is_good(const char *pattern)
{
    if (strcmp(pattern, "*") == 0) {
        return true;
    }
    if (strchr(pattern, '@') != NULL) {
        return is_address(pattern, true);
    }
    return pattern[0] != '\0' &&
           config_scalar_is_host(pattern[0] == '.' ? pattern + 1 : pattern);
}

static void staging_verify(struct config_build *build)
{
    const struct config_staging *staging = &build->config->staging;
    if (staging->redirect_all[0] != '\0' && !is_address(staging->redirect_all, false)) {
        config_build_error(build, &staging->redirect_all,
                           "staging.redirect_all: \"%.80s\" is not one mail address; "
                           "write \"developers@example.com\"",
                           staging->redirect_all);
    }
    for (size_t i = 0; i < staging->allowed.count; i++) {
        if (!pattern_is_good(staging->allowed.items[i])) {
            config_build_error(
                build, &staging->allowed,
                "staging.allowed: \"%.80s\" is not possible; write "
                "\"user@example.com\", \"example.com\" or \".example.com\"",
                staging->allowed.items[i]);
        }
    }
}

static void certificates_verify(struct config_build *build)
{
    for (size_t i = 0; i < build->config->certificate_count; i++) {
        const struct config_certificate *at = &build->config->certificates[i];
        for (size_t n = 0; n < at->names.count; n++) {
            const char *name = at->names.items[n];
            if (!config_scalar_is_host(strncmp(name, "*.", 2) == 0 ? name + 2 : name)) {
                config_build_error(build, &at->names,
                                   "certificate: names: \"%.80s\" is not a host name; "
                                   "write \"mail.example.com\" or \"*.example.com\"",
                                   name);
            }
        }
    }
}

void config_verify_doors(struct config_build *build)
{
    assert(build != NULL);
    certificates_verify(build);
    rewrites_verify(build);
    headers_verify(build);
    staging_verify(build);
    for (size_t i = 0; i < build->config->stream_count; i++) {
        const struct config_stream *stream = &build->config->streams[i];
        if (stream->archive[0] != '\0' && (!is_address(stream->archive, false) ||
                                           strlen(stream->archive) > ARCHIVE_BYTES)) {
            config_build_error(
                build, &stream->archive,
                "stream \"%s\": archive: \"%.80s\" is not one mail address "
                "of at most %d bytes; write \"archive@example.com\"",
                stream->name, stream->archive, ARCHIVE_BYTES);
        }
    }
}
