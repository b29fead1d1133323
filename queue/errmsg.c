#include "queue/errmsg.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void errmsg_set(struct errmsg *err, const char *format, ...)
{
    if (err == NULL) {
        return;
    }
    va_list args;
    va_start(args, format);
    (void)vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
}

void errmsg_wrap(struct errmsg *err, const char *format, ...)
{
    if (err == NULL) {
        return;
    }
    char inner[ERRMSG_BYTES];
    memcpy(inner, err->text, sizeof inner);

    va_list args;
    va_start(args, format);
    int used = vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    if (used >= 0 && (size_t)used < sizeof err->text) {
        size_t room = sizeof err->text - (size_t)used;
        (void)snprintf(err->text + used, room, ": %s", inner);
    }
}

void errmsg_errno(struct errmsg *err, int errno_value, const char *format, ...)
{
    if (err == NULL) {
        return;
    }
    int code = errno_value < 0 ? -errno_value : errno_value;
    va_list args;
    va_start(args, format);
    int used = vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    if (used >= 0 && (size_t)used < sizeof err->text) {
        char meaning[128];
        size_t room = sizeof err->text - (size_t)used;
        (void)snprintf(err->text + used, room, ": %s",
                       strerror_r(code, meaning, sizeof meaning));
    }
}
