#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "relay/addresslist.h"

#include "tools/mesura_sendmail.h"

#define HEADER_BYTES ((size_t)256 * 1024) /* as much of a header as the relay takes */

bool mesura_sendmail_add(struct sendmail_mail *mail, const char *address)
{
    char bare[512];
    if (addresslist_read(address, strlen(address), bare, sizeof bare) != 1 ||
        bare[0] == '\0') {
        (void)fprintf(stderr, "sendmail: '%s' is no address\n", address);
        return false;
    }
    if (mail->recipient_count == SENDMAIL_RECIPIENTS) {
        (void)fprintf(stderr, "sendmail: at most %d recipients\n", SENDMAIL_RECIPIENTS);
        return false;
    }
    char *copy = strdup(bare);
    if (copy == NULL) {
        abort();
    }
    mail->recipients[mail->recipient_count++] = copy;
    return true;
}

struct reading {
    struct sendmail_mail *mail;
    char *header; /* owned: as it came, lines with LF */
    size_t length;
    bool has_from;
    bool is_bad;
};

static void on_address(void *owner, const char *address)
{
    struct reading *reading = owner;
    if (address[0] != '\0' && !mesura_sendmail_add(reading->mail, address)) {
        reading->is_bad = true;
    }
}

static bool begins(const char *line, const char *name)
{
    size_t length = strlen(name);
    return strncasecmp(line, name, length) == 0 && line[length] == ':';
}

/* The end of the field that begins here: its folded lines belong to it. */
static size_t field_end(const struct reading *reading, size_t at)
{
    do {
        const char *lf = memchr(reading->header + at, '\n', reading->length - at);
        at = lf == NULL ? reading->length : (size_t)(lf - reading->header) + 1;
    } while (at < reading->length &&
             (reading->header[at] == ' ' || reading->header[at] == '\t'));
    return at;
}

static void read_fields(struct reading *reading, bool takes_recipients)
{
    for (size_t at = 0; at < reading->length;) {
        const char *line = reading->header + at;
        size_t end = field_end(reading, at);
        bool names = begins(line, "To") || begins(line, "Cc") || begins(line, "Bcc");
        reading->has_from = reading->has_from || begins(line, "From");
        if (takes_recipients && names) {
            const char *colon = strchr(line, ':');
            size_t skip = (size_t)(colon - line) + 1;
            (void)addresslist_each(colon + 1, end - at - skip, on_address, reading);
        }
        at = end;
    }
}

/* A line with CR LF, whatever it had. */
static void put_line(FILE *out, const char *line, size_t length)
{
    while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r')) {
        length--;
    }
    (void)fwrite(line, 1, length, out);
    (void)fputs("\r\n", out);
}

static bool is_field(const char *line)
{
    size_t name = 0;
    while (line[name] > ' ' && line[name] < 0x7f && line[name] != ':') {
        name++;
    }
    return name > 0 && line[name] == ':';
}

/* The end of what is to be read: a lone dot. */
static bool is_dot(const char *line, ssize_t length)
{
    return line[0] == '.' && (length == 1 || line[1] == '\n' || line[1] == '\r');
}

/* The header into memory; the line behind it, if it is body, stays in *line. */
static ssize_t read_header(struct reading *reading, FILE *in, char **line, size_t *room,
                           bool ignores_dots)
{
    ssize_t got = 0;
    while ((got = getline(line, room, in)) > 0) {
        bool is_folded = reading->length > 0 && ((*line)[0] == ' ' || (*line)[0] == '\t');
        bool is_empty = (*line)[0] == '\n' || (*line)[0] == '\r';
        if ((!ignores_dots && is_dot(*line, got)) || is_empty ||
            (!is_folded && !is_field(*line)) ||
            reading->length + (size_t)got > HEADER_BYTES) {
            return is_empty ? getline(line, room, in) : got;
        }
        memcpy(reading->header + reading->length, *line, (size_t)got);
        reading->length += (size_t)got;
    }
    return got;
}

static void put_header(const struct reading *reading)
{
    const struct sendmail_mail *mail = reading->mail;
    FILE *out = mail->content;
    if (!reading->has_from && mail->from[0] != '\0') {
        bool has_name = mail->name[0] != '\0' && strpbrk(mail->name, "\"\\\r\n") == NULL;
        (void)fprintf(out, has_name ? "From: \"%s\" <%s>\r\n" : "From: %s%s\r\n",
                      has_name ? mail->name : "", mail->from);
    }
    for (size_t at = 0; at < reading->length;) {
        const char *lf = memchr(reading->header + at, '\n', reading->length - at);
        size_t end = lf == NULL ? reading->length : (size_t)(lf - reading->header) + 1;
        put_line(out, reading->header + at, end - at);
        at = end;
    }
    (void)fputs("\r\n", out);
}

bool mesura_sendmail_read(struct sendmail_mail *mail, FILE *in, bool ignores_dots,
                          bool takes_recipients)
{
    struct reading reading = {.mail = mail, .header = calloc(1, HEADER_BYTES + 1)};
    char *line = NULL;
    size_t room = 0;
    mail->content = tmpfile();
    if (reading.header == NULL || mail->content == NULL) {
        perror("sendmail: no room for the message");
        free(reading.header);
        return false;
    }
    ssize_t got = read_header(&reading, in, &line, &room, ignores_dots);
    read_fields(&reading, takes_recipients);
    put_header(&reading);
    while (got > 0 && (ignores_dots || !is_dot(line, got))) {
        put_line(mail->content, line, (size_t)got);
        got = getline(&line, &room, in);
    }
    free(line);
    free(reading.header);
    if (ferror(in) != 0 || fflush(mail->content) != 0 || ferror(mail->content) != 0) {
        perror("sendmail: the message could not be read or kept");
        return false;
    }
    rewind(mail->content);
    return !reading.is_bad;
}
