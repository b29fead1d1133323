/* Drives a server engine in tests: answers its questions and collects what it says. */

#ifndef TESTS_RELAY_SMTP_IN_DRIVER_H
#define TESTS_RELAY_SMTP_IN_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "relay/smtp/smtp_in.h"

struct in_driver {
    struct smtp_in *engine;
    char said[65536]; /* by the engine, since in_take */
    size_t said_length;
    char kept[65536]; /* what the engine has not taken yet */
    size_t kept_length;
    char content[65536]; /* of the last message, in full */
    size_t content_length;
    struct smtp_in_content last;
    struct address sender;
    struct mail_params mail;
    struct address rcpt;
    struct rcpt_params rcpt_params;
    char user[256];
    char password[256];
    unsigned mails;
    unsigned messages; /* contents that came to their end */
    unsigned resets;
    unsigned handshakes;
    enum smtp_in_end last_end;
    bool is_late;  /* do not answer inside hooks */
    bool asked;    /* a question is open */
    unsigned code; /* the next question's answer, 0: the usual yes */
    unsigned mail_code;
    unsigned rcpt_code;
    unsigned data_code;
    unsigned end_code;
    unsigned auth_code;
};

static inline void in_say(struct in_driver *driver, unsigned code, unsigned usual)
{
    char text[64];
    code = code == 0 ? usual : code;
    (void)snprintf(text, sizeof text, "%u.0.0 owner", code / 100);
    driver->code = code;
    if (driver->is_late) {
        driver->asked = true;
        return;
    }
    smtp_in_answer(driver->engine, code, text);
}

static inline void in_on_mail(void *owner, const struct address *sender,
                              const struct mail_params *params)
{
    struct in_driver *driver = owner;
    driver->sender = *sender;
    driver->mail = *params;
    driver->content_length = 0;
    driver->mails++;
    in_say(driver, driver->mail_code, 250);
}

static inline void in_on_rcpt(void *owner, const struct address *recipient,
                              const struct rcpt_params *params)
{
    struct in_driver *driver = owner;
    driver->rcpt = *recipient;
    driver->rcpt_params = *params;
    in_say(driver, driver->rcpt_code, 250);
}

static inline void in_on_data(void *owner)
{
    struct in_driver *driver = owner;
    in_say(driver, driver->data_code, 354);
}

static inline void in_on_content(void *owner, const char *bytes, size_t length)
{
    struct in_driver *driver = owner;
    if (length < sizeof driver->content - driver->content_length) {
        memcpy(driver->content + driver->content_length, bytes, length);
        driver->content_length += length;
    }
    driver->content[driver->content_length] = '\0';
}

static inline void in_on_content_end(void *owner, const struct smtp_in_content *content)
{
    struct in_driver *driver = owner;
    driver->messages++;
    driver->last = *content;
    in_say(driver, driver->end_code, 250);
}

static inline void in_on_reset(void *owner, enum smtp_in_end end)
{
    struct in_driver *driver = owner;
    driver->resets++;
    driver->last_end = end;
}

static inline void in_on_starttls(void *owner)
{
    struct in_driver *driver = owner;
    driver->handshakes++;
}

static inline void in_on_auth(void *owner, const char *user, const char *password)
{
    struct in_driver *driver = owner;
    (void)snprintf(driver->user, sizeof driver->user, "%s", user);
    (void)snprintf(driver->password, sizeof driver->password, "%s", password);
    in_say(driver, driver->auth_code, 235);
}

static const struct smtp_in_ops in_ops = {.on_mail = in_on_mail,
                                          .on_rcpt = in_on_rcpt,
                                          .on_data = in_on_data,
                                          .on_content = in_on_content,
                                          .on_content_end = in_on_content_end,
                                          .on_reset = in_on_reset,
                                          .on_starttls = in_on_starttls,
                                          .on_auth = in_on_auth};

static inline void in_drain(struct in_driver *driver)
{
    size_t length = 0;
    const char *bytes = smtp_in_output(driver->engine, &length);
    if (length < sizeof driver->said - driver->said_length) {
        memcpy(driver->said + driver->said_length, bytes, length);
        driver->said_length += length;
    }
    driver->said[driver->said_length] = '\0';
    smtp_in_sent(driver->engine, length);
}

/* Give the engine what it has not taken yet, as long as it takes any. */
static inline void in_push(struct in_driver *driver)
{
    for (;;) {
        size_t used = smtp_in_feed(driver->engine, driver->kept, driver->kept_length);
        driver->kept_length -= used;
        memmove(driver->kept, driver->kept + used, driver->kept_length);
        in_drain(driver);
        if (used == 0) {
            return;
        }
    }
}

/* The client sends bytes, in reads of step bytes (0: one read). */
static inline void in_send_bytes(struct in_driver *driver, const char *bytes,
                                 size_t length, size_t step)
{
    size_t at = 0;
    while (at < length) {
        size_t part = step == 0 || step > length - at ? length - at : step;
        if (part > sizeof driver->kept - driver->kept_length) {
            return;
        }
        memcpy(driver->kept + driver->kept_length, bytes + at, part);
        driver->kept_length += part;
        at += part;
        in_push(driver);
    }
}

static inline void in_send(struct in_driver *driver, const char *text)
{
    in_send_bytes(driver, text, strlen(text), 0);
}

/* Answer the question that was left open. */
static inline void in_answer_late(struct in_driver *driver)
{
    char text[64];
    (void)snprintf(text, sizeof text, "%u.0.0 late", driver->code / 100);
    driver->asked = false;
    smtp_in_answer(driver->engine, driver->code, text);
    in_drain(driver);
    in_push(driver);
}

/* What the engine said since the last call; valid until it says more. */
static inline const char *in_take(struct in_driver *driver)
{
    driver->said[driver->said_length] = '\0';
    driver->said_length = 0;
    return driver->said;
}

static inline void in_start(struct in_driver *driver,
                            const struct smtp_in_options *options)
{
    memset(driver, 0, sizeof *driver);
    driver->engine = smtp_in_new(options, &in_ops, driver, false);
    smtp_in_start(driver->engine);
    in_drain(driver);
    (void)in_take(driver);
}

/* The codes of the answers, "250 354 250 ", without the lines of multi-line ones before
 * the last. Valid until the next call. */
static inline const char *in_codes(struct in_driver *driver)
{
    static char codes[8192];
    size_t length = 0;
    const char *at = in_take(driver);
    while (*at != '\0' && length + 5 < sizeof codes) {
        if (strlen(at) > 3 && at[3] == ' ') {
            memcpy(codes + length, at, 4);
            length += 4;
        }
        at = strchr(at, '\n');
        if (at == NULL) {
            break;
        }
        at++;
    }
    codes[length] = '\0';
    return codes;
}

#endif
