#include "tools/receiver_hostile.h"

#include <string.h>
#include <strings.h>

#include "tools/dice.h"

#define LONG_BYTES    102400
#define FLOOD_LINES   128
#define GARBAGE_BYTES 200

static void put_text(struct receiver_session *session, const char *text)
{
    receiver_session_put(session, text, strlen(text));
}

static void garbage(struct receiver_session *session)
{
    char bytes[GARBAGE_BYTES];
    size_t size = 1 + dice_next(&session->provider->dice) % (sizeof bytes - 1);

    for (size_t i = 0; i < size; i++) {
        bytes[i] = (char)dice_next(&session->provider->dice);
    }
    receiver_session_put(session, bytes, size);
    put_text(session, "\r\n");
}

static void longline(struct receiver_session *session, const char *text)
{
    char block[1024];

    memset(block, 'x', sizeof block);
    receiver_session_put(session, text, strnlen(text, 3));
    put_text(session, " ");
    for (size_t i = 0; i < LONG_BYTES / sizeof block; i++) {
        receiver_session_put(session, block, sizeof block);
    }
    put_text(session, "\r\n");
}

/* The code that belongs to another command. */
static void disordered(struct receiver_session *session, const char *text)
{
    const char *code = text;

    if (strncmp(text, "250", 3) == 0) {
        code = "354";
    } else if (strncmp(text, "354", 3) == 0) {
        code = "250";
    }
    receiver_session_put(session, code, 3);
    put_text(session, text + 3);
    put_text(session, "\r\n");
}

void receiver_hostile_flood(struct receiver_session *session)
{
    for (int i = 0; i < FLOOD_LINES; i++) {
        put_text(session, "250-and one more line of a reply that never ends\r\n");
    }
}

void receiver_hostile_reply(struct receiver_session *session, const char *text)
{
    bool greeting = strncmp(text, "220", 3) == 0;

    switch (session->hostile) {
    case RECEIVER_HOSTILE_GARBAGE: garbage(session); return;
    case RECEIVER_HOSTILE_LONGLINE: longline(session, text); return;
    case RECEIVER_HOSTILE_NOCODE: text += strlen(text) > 4 ? 4 : 0; break;
    case RECEIVER_HOSTILE_NUL:
        receiver_session_put(session, text, strnlen(text, 4));
        receiver_session_put(session, "a\0b\rc ", 6);
        text += strnlen(text, 4);
        break;
    case RECEIVER_HOSTILE_ORDER: disordered(session, text); return;
    case RECEIVER_HOSTILE_EARLY:
        if (strncmp(text, "354", 3) == 0) {
            put_text(session, "354 Go on\r\n");
            text = "250 2.0.0 Taken before it was sent";
        }
        break;
    case RECEIVER_HOSTILE_ENDLESS:
        if (!greeting) {
            session->flooding = true;
            receiver_hostile_flood(session);
            return;
        }
        break;
    case RECEIVER_HOSTILE_INJECT:
        put_text(session, text);
        put_text(session, "\r\n");
        text = greeting && session->start_tls ? "250-injected\r\n250 SIZE 1" : NULL;
        break;
    case RECEIVER_HOSTILE_MUTE:
        if (!greeting) {
            session->state = RECEIVER_SESSION_SILENT;
            return;
        }
        break;
    case RECEIVER_HOSTILE_NONE:
    case RECEIVER_HOSTILE_CUT:
    case RECEIVER_HOSTILE_CUTIN:
    case RECEIVER_HOSTILE_HOLE:
    case RECEIVER_HOSTILE_DRIP:
    case RECEIVER_HOSTILE_DOTCLOSE:
    case RECEIVER_HOSTILE_DOTMUTE:
    case RECEIVER_HOSTILE_GREET421:
    case RECEIVER_HOSTILE_GREET554: break;
    }
    if (text != NULL) {
        put_text(session, text);
        put_text(session, "\r\n");
    }
}

size_t receiver_hostile_allows(const struct receiver_session *session, size_t size)
{
    uint64_t limit = session->provider->spec.hostile_bytes;

    if (session->hostile == RECEIVER_HOSTILE_DRIP) {
        return size > 0 ? 1 : 0;
    }
    if (session->hostile != RECEIVER_HOSTILE_CUT) {
        return size;
    }
    if (session->bytes_out >= limit) {
        return 0;
    }
    return limit - session->bytes_out < size ? (size_t)(limit - session->bytes_out)
                                             : size;
}
