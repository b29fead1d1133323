#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/mesura_sendmail.h"

#define WAIT_S       300
#define LINE_BYTES   2048
#define BUFFER_BYTES 65536

/* ---- a connection ---- */

static int dial(const char *server)
{
    char host[64];
    const char *colon = strrchr(server, ':');
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    if (colon == NULL || (size_t)(colon - server) >= sizeof host) {
        return -1;
    }
    bool has_brackets = server[0] == '[' && colon[-1] == ']';
    (void)snprintf(host, sizeof host, "%.*s",
                   (int)(colon - server) - (has_brackets ? 2 : 0),
                   server + (has_brackets ? 1 : 0));
    if (getaddrinfo(host, colon + 1, &hints, &found) != 0) {
        return -1;
    }
    struct timeval limit = {.tv_sec = WAIT_S};
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0 ||
                    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0 ||
                    connect(fd, found->ai_addr, found->ai_addrlen) != 0)) {
        (void)close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    return fd;
}

static bool write_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = write(fd, bytes, length);
        if (sent <= 0) {
            return false;
        }
        bytes += sent;
        length -= (size_t)sent;
    }
    return true;
}

/* A whole reply: its code, 0 when the connection is over; the last line is in out. */
static int read_reply(FILE *in, char out[LINE_BYTES])
{
    out[0] = '\0';
    do {
        if (fgets(out, LINE_BYTES, in) == NULL || strlen(out) < 4) {
            return 0;
        }
    } while (out[3] == '-');
    out[strcspn(out, "\r\n")] = '\0';
    return (int)strtol(out, NULL, 10);
}

static int ask(int fd, FILE *in, const char *command, char reply[LINE_BYTES])
{
    return write_all(fd, command, strlen(command)) ? read_reply(in, reply) : 0;
}

/* ---- the transaction ---- */

/* Content with its dots doubled, and the final one. */
static bool send_content(int fd, FILE *content)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t got = 0;
    bool is_sent = true;
    while (is_sent && (got = getline(&line, &room, content)) > 0) {
        is_sent =
            (line[0] != '.' || write_all(fd, ".", 1)) && write_all(fd, line, (size_t)got);
    }
    free(line);
    return is_sent && ferror(content) == 0 && write_all(fd, ".\r\n", 3);
}

static bool is_sayable(const char *address)
{
    return strpbrk(address, "<>\r\n\t ") == NULL && strlen(address) < 400;
}

/* MAIL and RCPT. How many were taken; *out_code is a 4xx or 0 where nobody may be lost.
 */
static unsigned say_envelope(struct sendmail_mail *mail, int fd, FILE *in, int *out_code,
                             unsigned *out_refused)
{
    char line[LINE_BYTES];
    char reply[LINE_BYTES];
    unsigned taken = 0;
    (void)snprintf(line, sizeof line, "MAIL FROM:<%s> BODY=8BITMIME%s%s\r\n", mail->from,
                   mail->ret[0] == '\0' ? "" : " RET=", mail->ret);
    *out_code = ask(fd, in, line, reply);
    for (unsigned i = 0; *out_code / 100 == 2 && i < mail->recipient_count; i++) {
        (void)snprintf(line, sizeof line, "RCPT TO:<%s>%s%s\r\n", mail->recipients[i],
                       mail->notify[0] == '\0' ? "" : " NOTIFY=", mail->notify);
        int code = ask(fd, in, line, reply);
        if (code / 100 == 5) {
            (void)fprintf(stderr, "sendmail: %s: %s\n", mail->recipients[i], reply);
            (*out_refused)++;
        } else if (code / 100 == 2) {
            taken++;
        } else {
            *out_code = code;
        }
    }
    if (*out_code / 100 == 5) {
        (void)fprintf(stderr, "sendmail: %s\n", reply);
    }
    return taken;
}

static enum sendmail_exit exit_of(int code)
{
    return code / 100 == 5 ? SENDMAIL_UNAVAILABLE : SENDMAIL_TEMPORARY;
}

static enum sendmail_exit converse(struct sendmail_mail *mail, int fd, FILE *in)
{
    char reply[LINE_BYTES];
    unsigned refused = 0;
    int code = read_reply(in, reply);
    if (code / 100 != 2) {
        return SENDMAIL_TEMPORARY; /* a greeting that refuses: a relay that is stopping */
    }
    code = ask(fd, in, "EHLO localhost\r\n", reply);
    if (code / 100 != 2) {
        return SENDMAIL_TEMPORARY;
    }
    unsigned taken = say_envelope(mail, fd, in, &code, &refused);
    if (code / 100 != 2) {
        return exit_of(code);
    }
    if (taken == 0) {
        return SENDMAIL_NO_USER;
    }
    code = ask(fd, in, "DATA\r\n", reply);
    if (code == 354) {
        code = send_content(fd, mail->content) ? read_reply(in, reply) : 0;
    }
    if (code / 100 != 2) {
        if (code / 100 == 5) {
            (void)fprintf(stderr, "sendmail: %s\n", reply);
        }
        return exit_of(code);
    }
    (void)ask(fd, in, "QUIT\r\n", reply);
    return refused > 0 ? SENDMAIL_NO_USER : SENDMAIL_OK;
}

enum sendmail_exit mesura_sendmail_send(struct sendmail_mail *mail)
{
    bool is_good = is_sayable(mail->from);
    for (unsigned i = 0; i < mail->recipient_count; i++) {
        is_good = is_good && is_sayable(mail->recipients[i]);
    }
    if (!is_good) {
        (void)fprintf(stderr, "sendmail: an address has bytes that none may have\n");
        return SENDMAIL_DATA;
    }
    int fd = dial(mail->server);
    FILE *in = fd < 0 ? NULL : fdopen(fd, "r");
    if (in == NULL) {
        return SENDMAIL_TEMPORARY;
    }
    enum sendmail_exit result = converse(mail, fd, in);
    (void)fclose(in);
    rewind(mail->content);
    return result;
}

/* ---- -bs ---- */

/* What is readable goes to the other side; false at its end. */
static bool pump(int from, int to)
{
    char bytes[BUFFER_BYTES];
    ssize_t got = read(from, bytes, sizeof bytes);
    return got > 0 && write_all(to, bytes, (size_t)got);
}

enum sendmail_exit mesura_sendmail_pass(const struct sendmail_mail *mail)
{
    int fd = dial(mail->server);
    if (fd < 0) {
        (void)printf("421 4.3.2 the relay at %s does not answer\r\n", mail->server);
        return SENDMAIL_TEMPORARY;
    }
    struct pollfd ends[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
                             {.fd = fd, .events = POLLIN}};
    bool is_open = true;
    while (is_open && poll(ends, 2, WAIT_S * 1000) > 0) {
        if (ends[0].revents != 0 && !pump(STDIN_FILENO, fd)) {
            (void)shutdown(fd, SHUT_WR);
            ends[0].fd = -1; /* no more commands; the answers still come */
        }
        if (ends[1].revents != 0) {
            is_open = pump(fd, STDOUT_FILENO);
        }
    }
    (void)close(fd);
    return SENDMAIL_OK;
}

/* ---- the drop directory ---- */

/* Envelope, an empty line, the content: what relay/dropfile reads. */
static bool write_drop(struct sendmail_mail *mail, int fd)
{
    FILE *out = fdopen(fd, "w");
    char bytes[BUFFER_BYTES];
    size_t got = 0;
    if (out == NULL) {
        (void)close(fd);
        return false;
    }
    (void)fprintf(out, "mesura-drop 1\nfrom %s\n", mail->from);
    for (unsigned i = 0; i < mail->recipient_count; i++) {
        (void)fprintf(out, "to %s\n", mail->recipients[i]);
    }
    if (mail->notify[0] != '\0') {
        (void)fprintf(out, "notify %s\n", mail->notify);
    }
    if (mail->ret[0] != '\0') {
        (void)fprintf(out, "ret %s\n", mail->ret);
    }
    (void)fputs("\n", out);
    while ((got = fread(bytes, 1, sizeof bytes, mail->content)) > 0) {
        (void)fwrite(bytes, 1, got, out);
    }
    bool is_good = fflush(out) == 0 && ferror(out) == 0 && ferror(mail->content) == 0 &&
                   fsync(fd) == 0;
    return fclose(out) == 0 && is_good;
}

enum sendmail_exit mesura_sendmail_drop(struct sendmail_mail *mail)
{
    unsigned char dice[12];
    char name[64] = "";
    char part[80];
    char final[80];
    int dir = open(mail->drop, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 || getrandom(dice, sizeof dice, 0) != (ssize_t)sizeof dice) {
        (void)fprintf(stderr,
                      "sendmail: the relay at %s does not answer, and there is no drop "
                      "directory %s; nothing was sent\n",
                      mail->server, mail->drop);
        return SENDMAIL_TEMPORARY;
    }
    for (size_t i = 0; i < sizeof dice; i++) {
        (void)snprintf(name + 2 * i, sizeof name - 2 * i, "%02x", dice[i]);
    }
    (void)snprintf(part, sizeof part, "%s.part", name);
    (void)snprintf(final, sizeof final, "%s.mail", name);
    int fd =
        openat(dir, part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd >= 0) {
        (void)fchmod(fd, 0640); /* for the relay's group, whatever the umask */
    }
    bool is_kept =
        fd >= 0 && write_drop(mail, fd) && renameat(dir, part, dir, final) == 0;
    if (is_kept) {
        int whole = open(mail->drop, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int sync_fd = whole >= 0 ? whole : openat(dir, final, O_WRONLY | O_CLOEXEC);
        is_kept = sync_fd >= 0 && (whole >= 0 ? fsync(sync_fd) : syncfs(sync_fd)) == 0;
        if (sync_fd >= 0) {
            (void)close(sync_fd);
        }
    }
    if (!is_kept) {
        perror("sendmail: the message could not be put into the drop directory");
        if (fd >= 0) {
            (void)unlinkat(dir, part, 0);
        }
        (void)close(dir);
        return SENDMAIL_TEMPORARY;
    }
    (void)close(dir);
    (void)fprintf(
        stderr,
        "sendmail: the relay at %s does not answer; the message is kept in %s and "
        "goes out when the relay runs\n",
        mail->server, mail->drop);
    return SENDMAIL_OK;
}
