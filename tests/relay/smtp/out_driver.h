/* Drives a client engine in tests: collects what it sends and reports. */

#ifndef TESTS_RELAY_SMTP_OUT_DRIVER_H
#define TESTS_RELAY_SMTP_OUT_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "relay/limits.h"
#include "relay/smtp/smtp_out.h"

#define DRIVER_RESULTS 128

struct driver {
    struct smtp_out *engine;
    char sent[65536]; /* since the last driver_take */
    size_t sent_length;
    struct reply results[DRIVER_RESULTS];
    uint32_t rcpts[DRIVER_RESULTS];
    unsigned result_count;
    unsigned readies;
    unsigned bodies;
    unsigned closes;
    unsigned handshakes;
    bool hold_body; /* do not end the body by itself */
};

static inline void driver_run(struct driver *driver)
{
    for (;;) {
        const struct reply *reply = NULL;
        const char *bytes = NULL;
        size_t length = 0;
        switch (smtp_out_next(driver->engine)) {
        case SMTP_OUT_WAIT: return;
        case SMTP_OUT_SEND:
            bytes = smtp_out_output(driver->engine, &length);
            if (driver->sent_length + length < sizeof driver->sent) {
                memcpy(driver->sent + driver->sent_length, bytes, length);
                driver->sent_length += length;
                driver->sent[driver->sent_length] = '\0';
            }
            smtp_out_sent(driver->engine, length);
            break;
        case SMTP_OUT_START_TLS: driver->handshakes++; break;
        case SMTP_OUT_READY: driver->readies++; break;
        case SMTP_OUT_SEND_BODY:
            driver->bodies++;
            if (!driver->hold_body) {
                smtp_out_body_done(driver->engine, true);
            }
            break;
        case SMTP_OUT_RESULT:
            if (driver->result_count < DRIVER_RESULTS) {
                driver->rcpts[driver->result_count] =
                    smtp_out_result(driver->engine, &reply);
                driver->results[driver->result_count++] = *reply;
            }
            break;
        case SMTP_OUT_CLOSE: driver->closes++; break;
        }
    }
}

/* The server says text, in pieces of step bytes (0: at once). */
static inline void driver_say_bytes(struct driver *driver, const char *text,
                                    size_t length, size_t step)
{
    size_t at = 0;
    while (at < length) {
        size_t part = step == 0 || step > length - at ? length - at : step;
        at += smtp_out_feed(driver->engine, text + at, part);
        driver_run(driver);
    }
}

static inline void driver_say(struct driver *driver, const char *text)
{
    driver_say_bytes(driver, text, strlen(text), 0);
}

/* What was sent since the last call; valid until more is sent. */
static inline const char *driver_take(struct driver *driver)
{
    driver->sent[driver->sent_length] = '\0';
    driver->sent_length = 0;
    return driver->sent;
}

static inline void driver_start(struct driver *driver,
                                const struct smtp_out_options *options)
{
    memset(driver, 0, sizeof *driver);
    driver->engine = smtp_out_new(options, NULL, NULL);
    driver_run(driver);
}

/* Up to READY with a server that offers what is given ("250-X\r\n250 Y\r\n"). */
static inline void driver_greet(struct driver *driver,
                                const struct smtp_out_options *options, const char *ehlo)
{
    driver_start(driver, options);
    driver_say(driver, "220 mx.example ESMTP\r\n");
    driver_say(driver, ehlo);
    (void)driver_take(driver);
}

#endif
