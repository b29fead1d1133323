#include "relay/dropfile.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define FIRST_LINE   "mesura-drop 1"
#define TO_BYTES     ((size_t)1024 * 1024)
#define ENVELOPE_MAX 4000 /* lines */

static bool is_word(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char byte = text[i];
        if (!((byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
              byte == ',')) {
            return false;
        }
    }
    return length > 0 && length < DROPFILE_WORDS;
}

static bool is_address(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f) {
            return false;
        }
    }
    return length < sizeof((struct dropfile *)0)->from;
}

/* The value of a line that begins with the key and a blank; NULL when it does not. */
static const char *value_of(const char *line, size_t length, const char *key,
                            size_t *out_length)
{
    size_t size = strlen(key);
    if (length <= size || memcmp(line, key, size) != 0 || line[size] != ' ') {
        return NULL;
    }
    *out_length = length - size - 1;
    return line + size + 1;
}

static void keep(char *out, const char *value, size_t length)
{
    memcpy(out, value, length);
    out[length] = '\0';
}

/* One line of the envelope. */
static bool take_line(struct dropfile *out, const char *line, size_t length)
{
    size_t size = 0;
    const char *value = value_of(line, length, "from", &size);
    if (value != NULL && is_address(value, size)) {
        keep(out->from, size == 0 ? "<>" : value, size == 0 ? 2 : size);
        return true;
    }
    value = value_of(line, length, "to", &size);
    if (value != NULL && size > 0 && is_address(value, size)) {
        textbuf_text(&out->to, out->to.length == 0 ? "" : ",");
        textbuf_append(&out->to, value, size);
        return !out->to.failed;
    }
    value = value_of(line, length, "notify", &size);
    if (value != NULL && is_word(value, size)) {
        keep(out->notify, value, size);
        return true;
    }
    value = value_of(line, length, "ret", &size);
    if (value != NULL && is_word(value, size)) {
        keep(out->ret, value, size);
        return true;
    }
    return false;
}

int dropfile_parse(struct dropfile *out, const char *bytes, size_t length,
                   struct errmsg *err)
{
    size_t at = 0;
    *out = (struct dropfile){.from = ""};
    textbuf_init(&out->to, TO_BYTES);
    for (unsigned number = 1; number <= ENVELOPE_MAX && at < length; number++) {
        const char *line = bytes + at;
        const char *lf = memchr(line, '\n', length - at);
        size_t size = lf == NULL ? length - at : (size_t)(lf - line);
        at += size + (lf == NULL ? 0 : 1);
        if (number == 1) {
            if (size != strlen(FIRST_LINE) || memcmp(line, FIRST_LINE, size) != 0) {
                break;
            }
        } else if (size == 0) {
            out->content = at;
            if (out->to.length > 0 && out->from[0] != '\0') {
                return 0;
            }
            break;
        } else if (!take_line(out, line, size)) {
            errmsg_set(err, "line %u is not understood", number);
            return -EINVAL;
        }
    }
    errmsg_set(err, "it is no file of mesura sendmail, or names no sender or recipient");
    return -EINVAL;
}

void dropfile_done(struct dropfile *file)
{
    textbuf_done(&file->to);
}
