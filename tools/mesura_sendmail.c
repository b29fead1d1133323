#include "tools/mesura_sendmail.h"

#include <errno.h>
#include <libconfig.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_CONFIG "/etc/mesura/mesura.conf"
#define DEFAULT_SERVER "127.0.0.1:25"
#define DEFAULT_DROP   "/var/spool/mesura-drop"

struct options {
    bool ignores_dots;
    bool takes_recipients;
    bool passes;      /* -bs */
    bool is_other;    /* -bp, -bi, -bv: nothing to send */
    const char *from; /* NULL: the user */
};

/* ---- where to ----
 *
 * The daemon's own file, as far as whoever calls may read it: a listener on loopback that
 * trusts and needs neither TLS nor a login, and `drop`. */

static bool is_usable(const config_setting_t *listener)
{
    const char *tls = "none";
    const char *auth = "none";
    const char *address = "127.0.0.1";
    (void)config_setting_lookup_string(listener, "tls", &tls);
    (void)config_setting_lookup_string(listener, "auth", &auth);
    (void)config_setting_lookup_string(listener, "address", &address);
    bool is_local = strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0 ||
                    strcmp(address, "0.0.0.0") == 0;
    return is_local && strcmp(tls, "implicit") != 0 && strcmp(auth, "required") != 0;
}

static void read_listener(const config_setting_t *listener, struct sendmail_mail *mail)
{
    const char *address = "127.0.0.1";
    int port = 25;
    (void)config_setting_lookup_string(listener, "address", &address);
    (void)config_setting_lookup_int(listener, "port", &port);
    if (strcmp(address, "0.0.0.0") == 0) {
        address = "127.0.0.1";
    }
    (void)snprintf(mail->server, sizeof mail->server,
                   strchr(address, ':') != NULL ? "[%s]:%d" : "%s:%d", address, port);
}

static void read_config(struct sendmail_mail *mail)
{
    const char *path = getenv("MESURA_CONFIG");
    const char *server = getenv("MESURA_SERVER");
    const char *drop = getenv("MESURA_DROP");
    const char *text = NULL;
    config_t config;
    (void)snprintf(mail->server, sizeof mail->server, DEFAULT_SERVER);
    (void)snprintf(mail->drop, sizeof mail->drop, DEFAULT_DROP);
    path = path != NULL ? path : DEFAULT_CONFIG;
    config_init(&config);
    if (access(path, R_OK) == 0 && config_read_file(&config, path) == CONFIG_TRUE) {
        const config_setting_t *listeners = config_lookup(&config, "listeners");
        int count = listeners == NULL ? 0 : config_setting_length(listeners);
        for (int i = 0; i < count; i++) {
            const config_setting_t *listener =
                config_setting_get_elem(listeners, (unsigned)i);
            if (config_setting_is_group(listener) && is_usable(listener)) {
                read_listener(listener, mail);
                break;
            }
        }
        if (config_lookup_string(&config, "drop", &text) == CONFIG_TRUE) {
            (void)snprintf(mail->drop, sizeof mail->drop, "%s", text);
        }
    }
    config_destroy(&config);
    if (server != NULL) {
        (void)snprintf(mail->server, sizeof mail->server, "%s", server);
    }
    if (drop != NULL) {
        (void)snprintf(mail->drop, sizeof mail->drop, "%s", drop);
    }
}

/* ---- the command line ---- */

/* The value of a letter: the rest of the word, or the next one. */
static const char *value_of(int count, char **words, int *at)
{
    if (words[*at][2] != '\0') {
        return words[*at] + 2;
    }
    return *at + 1 < count ? words[++*at] : NULL;
}

/* One word that begins with a dash. False, and said, when it cannot be. */
static bool take_option(struct sendmail_mail *mail, struct options *options, int count,
                        char **words, int *at)
{
    const char *word = words[*at];
    const char *value = "";
    switch (word[1]) {
    case 't': options->takes_recipients = true; return true;
    case 'i': options->ignores_dots = true; return true;
    case 'v':
    case 'n':
    case 'm':
    case 'U':
    case 'G': return true; /* what other sendmails take and this one does anyway */
    case 'o':
        options->ignores_dots = options->ignores_dots || strcmp(word, "-oi") == 0;
        return word[2] != '\0' || value_of(count, words, at) != NULL;
    case 'b':
        options->passes = strcmp(word, "-bs") == 0;
        options->is_other = strcmp(word, "-bp") == 0 || strcmp(word, "-bi") == 0;
        if (options->passes || options->is_other || strcmp(word, "-bm") == 0) {
            return true;
        }
        break;
    case 'f':
    case 'r':
    case 'F':
    case 'N':
    case 'R':
    case 'B':
    case 'V':
    case 'O':
    case 'X':
    case 'h':
    case 'p':
    case 'A':
        value = value_of(count, words, at);
        if (value == NULL) {
            break;
        }
        options->from = word[1] == 'f' || word[1] == 'r' ? value : options->from;
        mail->name = word[1] == 'F' ? value : mail->name;
        mail->notify = word[1] == 'N' ? value : mail->notify;
        mail->ret = word[1] == 'R' ? value : mail->ret;
        return true;
    default: break;
    }
    (void)fprintf(stderr, "sendmail: %s is not understood\n", word);
    return false;
}

static bool take_words(struct sendmail_mail *mail, struct options *options, int count,
                       char **words)
{
    bool only_names = false;
    for (int i = 0; i < count; i++) {
        if (!only_names && strcmp(words[i], "--") == 0) {
            only_names = true;
        } else if (!only_names && words[i][0] == '-' && words[i][1] != '\0') {
            if (!take_option(mail, options, count, words, &i)) {
                return false;
            }
        } else if (!mesura_sendmail_add(mail, words[i])) {
            return false;
        }
    }
    return true;
}

/* DSN words go into commands: letters and commas only. */
static bool is_word(const char *text)
{
    return strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz,") ==
               strlen(text) &&
           strlen(text) < 64;
}

static void set_sender(struct sendmail_mail *mail, const char *from)
{
    if (from != NULL) {
        size_t length = strlen(from);
        bool has_angles = length >= 2 && from[0] == '<' && from[length - 1] == '>';
        (void)snprintf(mail->from, sizeof mail->from, "%.*s",
                       (int)(length - (has_angles ? 2 : 0)), from + (has_angles ? 1 : 0));
        return;
    }
    const struct passwd *user =
        getpwuid(getuid()); /* NOLINT(concurrency-mt-unsafe): one thread */
    if (user != NULL) {
        (void)snprintf(mail->from, sizeof mail->from, "%s", user->pw_name);
    } else {
        (void)snprintf(mail->from, sizeof mail->from, "uid%u", (unsigned)getuid());
    }
}

static enum sendmail_exit deliver(struct sendmail_mail *mail)
{
    if (mail->recipient_count == 0) {
        (void)fprintf(stderr, "sendmail: no recipients\n");
        return SENDMAIL_USAGE;
    }
    enum sendmail_exit result = mesura_sendmail_send(mail);
    return result == SENDMAIL_TEMPORARY ? mesura_sendmail_drop(mail) : result;
}

int mesura_sendmail(int count, char **words)
{
    static struct sendmail_mail mail; /* large, and once in a process */
    struct options options = {.from = NULL};
    enum sendmail_exit result = SENDMAIL_USAGE;
    mail = (struct sendmail_mail){.name = "", .notify = "", .ret = ""};
    read_config(&mail);
    if (!take_words(&mail, &options, count, words)) {
        result = SENDMAIL_USAGE;
    } else if (!is_word(mail.notify) || !is_word(mail.ret)) {
        (void)fprintf(stderr, "sendmail: -N is never, or success,failure,delay; -R is "
                              "full or hdrs\n");
    } else if (options.is_other) {
        result = SENDMAIL_OK;
    } else if (options.passes) {
        result = mesura_sendmail_pass(&mail);
    } else {
        set_sender(&mail, options.from);
        result = mesura_sendmail_read(&mail, stdin, options.ignores_dots,
                                      options.takes_recipients)
                     ? deliver(&mail)
                     : SENDMAIL_DATA;
    }
    for (unsigned i = 0; i < mail.recipient_count; i++) {
        free(mail.recipients[i]);
    }
    if (mail.content != NULL) {
        (void)fclose(mail.content);
    }
    return (int)result;
}
