#include "relay/net/dns_answer.h"

#include <string.h>
#include <strings.h>

#include "relay/limits.h"

#define CLASS_IN       1
#define TYPE_SOA       6
#define JUMPS_MOST     64  /* compression pointers in one name */
#define ANSWERS_MOST   256 /* records looked at; more are cut */
#define AUTHORITY_MOST 64
#define TTL_TOP        UINT32_C(0x80000000) /* RFC 2181 8: means 0 */

#define RCODE_NXDOMAIN 3

struct message {
    const uint8_t *bytes;
    size_t size;
    size_t at;
    bool bad; /* something lay outside the message */
};

struct name {
    char text[DNS_NAME_BYTES];
    bool plain; /* only bytes that a host name may have */
};

/* A record's frame: where its data is. */
struct frame {
    struct name owner;
    uint16_t type;
    uint16_t class;
    uint32_t ttl_s;
    size_t data_at;
    uint16_t data_size;
};

static uint8_t read_u8(struct message *message)
{
    if (message->bad || message->at >= message->size) {
        message->bad = true;
        return 0;
    }
    return message->bytes[message->at++];
}

static uint16_t read_u16(struct message *message)
{
    unsigned high = read_u8(message);
    unsigned low = read_u8(message);
    return (uint16_t)(high << 8 | low);
}

static uint32_t read_u32(struct message *message)
{
    uint32_t high = read_u16(message);
    uint32_t low = read_u16(message);
    return high << 16 | low;
}

/* One label onto the name, in lower case. False when the name grows too long. */
static bool add_label(struct message *message, unsigned length, struct name *name,
                      size_t *used)
{
    size_t need = length + (*used > 0 ? 1 : 0);
    if (*used + need >= sizeof name->text) {
        return false;
    }
    if (*used > 0) {
        name->text[(*used)++] = '.';
    }
    for (unsigned i = 0; i < length; i++) {
        uint8_t byte = read_u8(message);
        if (byte >= 'A' && byte <= 'Z') {
            byte = (uint8_t)(byte + ('a' - 'A'));
        }
        bool plain = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
                     byte == '-' || byte == '_';
        name->plain = name->plain && plain;
        name->text[*used] = '?';
        if (plain) {
            name->text[*used] = (char)byte;
        }
        (*used)++;
    }
    return !message->bad;
}

/* Read a name, following compression, each pointer further back than the one before. */
static void read_name(struct message *message, struct name *name)
{
    size_t used = 0;
    size_t resume_at = 0; /* behind the first pointer */
    size_t lowest = message->at;
    name->plain = true;
    for (int jumps = 0; !message->bad;) {
        unsigned length = read_u8(message);
        if (length == 0) {
            break;
        }
        if (length < 64) {
            message->bad = message->bad || !add_label(message, length, name, &used);
            continue;
        }
        unsigned low = read_u8(message);
        size_t target = (length & 0x3fU) << 8 | low;
        if (length < 192 || target >= lowest || ++jumps > JUMPS_MOST) {
            message->bad = true;
            break;
        }
        resume_at = resume_at == 0 ? message->at : resume_at;
        lowest = target;
        message->at = target;
    }
    name->text[used] = '\0';
    if (resume_at != 0) {
        message->at = resume_at;
    }
}

/* The next record; the message stands behind it afterwards. */
static bool read_frame(struct message *message, struct frame *frame)
{
    read_name(message, &frame->owner);
    frame->type = read_u16(message);
    frame->class = read_u16(message);
    uint32_t ttl_s = read_u32(message);
    frame->ttl_s = ttl_s >= TTL_TOP ? 0 : ttl_s;
    frame->data_size = read_u16(message);
    frame->data_at = message->at;
    if (message->bad || frame->data_size > message->size - message->at) {
        message->bad = true;
        return false;
    }
    message->at += frame->data_size;
    return true;
}

/* The part of the message that is a record's data; names in it may point back. */
static struct message data_of(const struct message *message, const struct frame *frame)
{
    return (struct message){.bytes = message->bytes,
                            .size = frame->data_at + frame->data_size,
                            .at = frame->data_at};
}

/* A host's name that fills the rest of the data. */
static bool parse_host(struct message *data, char *out)
{
    struct name name;
    read_name(data, &name);
    if (data->bad || data->at != data->size || !name.plain) {
        return false;
    }
    memcpy(out, name.text, sizeof name.text);
    return true;
}

static bool parse_text(struct message *data, struct dns_record *record)
{
    if (data->at == data->size) {
        return false;
    }
    while (data->at < data->size) {
        unsigned length = read_u8(data);
        if (length > data->size - data->at) {
            return false;
        }
        size_t room = sizeof record->text - record->size;
        size_t take = length < room ? length : room;
        memcpy(record->text + record->size, data->bytes + data->at, take);
        record->size = (uint16_t)(record->size + take);
        data->at += length;
    }
    return true;
}

static bool parse_tlsa(struct message *data, struct dns_record *record)
{
    record->tlsa.usage = read_u8(data);
    record->tlsa.selector = read_u8(data);
    record->tlsa.matching = read_u8(data);
    size_t size = data->size - data->at;
    if (data->bad) {
        return false;
    }
    /* What is too long to be matched is still there: size 0 says that. Dropped, it would
     * look as if nothing had been published. */
    size = size > DNS_TLSA_BYTES ? 0 : size;
    record->tlsa.size = (uint8_t)size;
    memcpy(record->tlsa.data, data->bytes + data->at, size);
    return true;
}

static bool parse_address(struct message *data, unsigned width, struct dns_record *record)
{
    if (data->size - data->at != width) {
        return false;
    }
    memcpy(record->address, data->bytes + data->at, width);
    return true;
}

/* False when the record is not what its type says: it is dropped. */
static bool parse_record(struct message *data, enum dns_type type,
                         struct dns_record *record)
{
    memset(record, 0, sizeof *record);
    switch (type) {
    case DNS_A: return parse_address(data, 4, record);
    case DNS_AAAA: return parse_address(data, 16, record);
    case DNS_MX:
        record->preference = read_u16(data);
        return parse_host(data, record->name);
    case DNS_CNAME:
    case DNS_PTR: return parse_host(data, record->name);
    case DNS_TXT: return parse_text(data, record);
    case DNS_TLSA: return parse_tlsa(data, record);
    }
    return false;
}

/* Keep the record at its place by preference; past the cap the worst goes. */
static void keep_record(struct dns_answer *answer, const struct dns_record *record)
{
    unsigned at = answer->count;
    while (at > 0 && answer->records[at - 1].preference > record->preference) {
        at--;
    }
    if (answer->count == DNS_RECORDS_MAX) {
        answer->cut = true;
        if (at == DNS_RECORDS_MAX) {
            return;
        }
        answer->count--;
    }
    memmove(&answer->records[at + 1], &answer->records[at],
            (answer->count - at) * sizeof *record);
    answer->records[at] = *record;
    answer->count++;
}

static void lower_ttl(struct dns_answer *answer, uint32_t ttl_s)
{
    answer->ttl_s = ttl_s < answer->ttl_s ? ttl_s : answer->ttl_s;
}

/* Look for a CNAME of answer->name among the records from `message` on. True: moved on.
 */
static bool follow_alias(struct message message, unsigned count,
                         struct dns_answer *answer)
{
    struct frame frame;
    for (unsigned i = 0; i < count && read_frame(&message, &frame); i++) {
        if (frame.type != DNS_CNAME || frame.class != CLASS_IN ||
            strcmp(frame.owner.text, answer->name) != 0) {
            continue;
        }
        struct message data = data_of(&message, &frame);
        char target[DNS_NAME_BYTES];
        if (parse_host(&data, target)) {
            memcpy(answer->name, target, sizeof target);
            lower_ttl(answer, frame.ttl_s);
            return true;
        }
    }
    return false;
}

/* Walk the answer section. False when a record lies outside the message. */
static bool collect(struct message *message, unsigned count, struct dns_answer *answer)
{
    unsigned steps = 0;
    while (answer->type != DNS_CNAME && follow_alias(*message, count, answer)) {
        if (++steps > LIMIT_CNAME_STEPS) {
            return false;
        }
    }
    struct frame frame;
    for (unsigned i = 0; i < count && read_frame(message, &frame); i++) {
        struct dns_record record;
        struct message data = data_of(message, &frame);
        if (frame.type == (uint16_t)answer->type && frame.class == CLASS_IN &&
            strcmp(frame.owner.text, answer->name) == 0 &&
            parse_record(&data, answer->type, &record)) {
            keep_record(answer, &record);
            lower_ttl(answer, frame.ttl_s);
        }
    }
    return !message->bad;
}

/* How long "no" holds: the smaller of the SOA's TTL and its last field (RFC 2308). */
static uint32_t negative_ttl(struct message *message, unsigned count)
{
    struct frame frame;
    for (unsigned i = 0; i < count && read_frame(message, &frame); i++) {
        if (frame.type != TYPE_SOA || frame.class != CLASS_IN || frame.data_size < 22) {
            continue;
        }
        struct message data = data_of(message, &frame);
        data.at = data.size - 4;
        uint32_t least_s = read_u32(&data);
        least_s = least_s >= TTL_TOP ? 0 : least_s;
        return least_s < frame.ttl_s ? least_s : frame.ttl_s;
    }
    return 0;
}

/* Is this the question that was asked? */
static bool is_question(struct message *message, const struct dns_answer *answer)
{
    struct name name;
    read_name(message, &name);
    uint16_t type = read_u16(message);
    uint16_t class = read_u16(message);
    return !message->bad && type == (uint16_t)answer->type && class == CLASS_IN &&
           strcasecmp(name.text, answer->name) == 0;
}

static enum dns_outcome judge(struct message *message, struct dns_answer *answer)
{
    (void)read_u16(message); /* the id; c-ares has compared it */
    uint16_t flags = read_u16(message);
    uint16_t questions = read_u16(message);
    unsigned answers = read_u16(message);
    unsigned authorities = read_u16(message);
    (void)read_u16(message);
    bool is_response = (flags & 0xf800U) == 0x8000U; /* QR, and opcode QUERY */
    if (message->bad || !is_response) {
        return DNS_MALFORMED;
    }
    answer->rcode = flags & 0x0fU;
    if (answer->rcode != 0 && answer->rcode != RCODE_NXDOMAIN) {
        return DNS_SERVFAIL;
    }
    if (questions != 1 || !is_question(message, answer)) {
        return DNS_MALFORMED;
    }
    answer->secure = (flags & 0x20U) != 0;
    answer->cut = (flags & 0x200U) != 0 || answers > ANSWERS_MOST;
    bool all = answers <= ANSWERS_MOST;
    answer->ttl_s = UINT32_MAX;
    if (!collect(message, all ? answers : ANSWERS_MOST, answer)) {
        return DNS_MALFORMED;
    }
    if (answer->count > 0) {
        return DNS_OK;
    }
    if (answer->cut) {
        return DNS_MALFORMED; /* what we came for may be in the part that is missing */
    }
    unsigned look = authorities < AUTHORITY_MOST ? authorities : AUTHORITY_MOST;
    lower_ttl(answer, negative_ttl(message, look));
    return answer->rcode == RCODE_NXDOMAIN ? DNS_NXDOMAIN : DNS_NODATA;
}

void dns_answer_parse(const uint8_t *bytes, size_t size, const char *name,
                      enum dns_type type, struct dns_answer *out)
{
    memset(out, 0, sizeof *out);
    out->type = type;
    size_t length = strlen(name);
    if (length > 0 && name[length - 1] == '.') {
        length--;
    }
    out->outcome = DNS_MALFORMED;
    if (length >= sizeof out->name) {
        return;
    }
    for (size_t i = 0; i < length; i++) {
        bool upper = name[i] >= 'A' && name[i] <= 'Z';
        out->name[i] = (char)(upper ? name[i] + ('a' - 'A') : name[i]);
    }
    struct message message = {.bytes = bytes, .size = size};
    out->outcome = judge(&message, out);
    if (out->outcome == DNS_MALFORMED || out->outcome == DNS_SERVFAIL) {
        out->count = 0;
        out->ttl_s = 0;
        out->secure = false;
    }
}

const char *dns_answer_outcome_name(enum dns_outcome outcome)
{
    switch (outcome) {
    case DNS_OK: return "found";
    case DNS_NODATA: return "no such record";
    case DNS_NXDOMAIN: return "no such domain";
    case DNS_SERVFAIL: return "server failure";
    case DNS_TIMEOUT: return "no answer";
    case DNS_MALFORMED: return "malformed answer";
    }
    return "";
}
