/* Good path: names -> ids of .json and .eml, which must be the same; the manifest; each
 * envelope and the size of its content.
 *
 * Failure modes: whatever is not as packer leaves it refuses the whole directory, with
 * the file's name. The list of ids that were imported ends at its last whole line. */

#include "relay/unpacker_dir.h"

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/arena.h"
#include "relay/id.h"
#include "relay/packer.h"

#define NAME_BYTES 32
#define KNOWN_NAME "imported"
#define KNOWN_LINE (ID_CHARS + 1)
#define KNOWN_MOST ((off_t)4 * 1024 * 1024 * 1024) /* 300 million ids */
#define ENVELOPE_MOST                                                 \
    ((off_t)128 * 1024 * 1024) /* 10,000 recipients, all with replies \
                                */

/* ---- a file in memory ---- */

static int read_file(int dir, const char *name, off_t most, char **out,
                     size_t *out_length)
{
    struct stat info;
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return -errno;
    }
    int rc = fstat(fd, &info) != 0 ? -errno : 0;
    if (rc == 0 && (!S_ISREG(info.st_mode) || info.st_size > most)) {
        rc = -EFBIG;
    }
    char *bytes = rc == 0 ? malloc((size_t)info.st_size + 1) : NULL;
    if (rc == 0 && bytes == NULL) {
        rc = -ENOMEM;
    }
    size_t got = 0;
    while (rc == 0 && got < (size_t)info.st_size) {
        ssize_t more = read(fd, bytes + got, (size_t)info.st_size - got);
        if (more < 0 && errno != EINTR) {
            rc = -errno;
        } else if (more == 0) {
            break;
        } else if (more > 0) {
            got += (size_t)more;
        }
    }
    (void)close(fd);
    if (rc != 0) {
        free(bytes);
        return rc;
    }
    bytes[got] = '\0';
    *out = bytes;
    *out_length = got;
    return 0;
}

/* ---- ids ---- */

struct ids {
    uint64_t *items; /* owned */
    size_t count;
    size_t room;
};

static void ids_add(struct ids *ids, uint64_t id)
{
    if (ids->count == ids->room) {
        ids->room = ids->room == 0 ? 1024 : ids->room * 2;
        ids->items = realloc(ids->items, ids->room * sizeof *ids->items);
        if (ids->items == NULL) {
            abort(); /* eight bytes for a file that is there */
        }
    }
    ids->items[ids->count++] = id;
}

static int by_id(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

static void ids_sort(struct ids *ids)
{
    if (ids->count > 1) {
        qsort(ids->items, ids->count, sizeof *ids->items, by_id);
    }
}

bool unpacker_dir_knows(const struct unpacker_ask *ask, uint64_t id)
{
    return ask->known_count > 0 &&
           bsearch(&id, ask->known, ask->known_count, sizeof id, by_id) != NULL;
}

static int open_folder(const char *path, struct errmsg *err)
{
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) {
        int rc = -errno;
        errmsg_errno(err, rc, "mesurad (user id %u) cannot open %s", (unsigned)geteuid(),
                     path);
        return rc;
    }
    return dir;
}

static int load_known(struct unpacker_ask *ask)
{
    struct ids ids = {0};
    char *text = NULL;
    size_t length = 0;
    int spool = open_folder(ask->spool, &ask->err);
    if (spool < 0) {
        return spool;
    }
    int rc = read_file(spool, KNOWN_NAME, KNOWN_MOST, &text, &length);
    (void)close(spool);
    if (rc == -ENOENT) {
        return 0;
    }
    if (rc != 0) {
        errmsg_errno(&ask->err, rc, "read %s/" KNOWN_NAME, ask->spool);
        return rc;
    }
    for (size_t at = 0; at + KNOWN_LINE <= length; at += KNOWN_LINE) {
        uint64_t id = 0;
        if (id_parse(text + at, ID_CHARS, &id)) {
            ids_add(&ids, id);
        }
    }
    free(text);
    ids_sort(&ids);
    ask->known = ids.items;
    ask->known_count = ids.count;
    return 0;
}

int unpacker_dir_remember(struct unpacker_ask *ask)
{
    char lines[UNPACKER_AT_ONCE * KNOWN_LINE + ID_BYTES];
    size_t used = 0;
    for (unsigned i = 0; i < ask->item_count; i++) {
        if (!ask->items[i].is_refused && !unpacker_dir_knows(ask, ask->items[i].id)) {
            id_print(ask->items[i].id, lines + used);
            lines[used + ID_CHARS] = '\n';
            used += KNOWN_LINE;
        }
    }
    int spool = open_folder(ask->spool, &ask->err);
    if (spool < 0) {
        return spool;
    }
    int fd = openat(spool, KNOWN_NAME, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct stat info;
    int rc = fd < 0 || fstat(fd, &info) != 0 ? -errno : 0;
    if (rc == 0) {
        /* Over the rest of a line that a crash has left. */
        off_t end = info.st_size - info.st_size % KNOWN_LINE;
        ssize_t wrote = pwrite(fd, lines, used, end);
        rc = wrote < 0 ? -errno : (size_t)wrote != used ? -ENOSPC : 0;
    }
    if (rc == 0 && (fdatasync(fd) != 0 || fsync(spool) != 0)) {
        rc = -errno;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    (void)close(spool);
    if (rc != 0) {
        errmsg_errno(&ask->err, rc, "write %s/" KNOWN_NAME, ask->spool);
    }
    return rc;
}

/* ---- one message ---- */

int unpacker_dir_parcel(int dir, uint64_t id, struct parcel *out, struct errmsg *err)
{
    char text[ID_BYTES];
    char name[NAME_BYTES];
    char *json = NULL;
    size_t length = 0;
    struct stat info;
    struct parcel parcel = {0};
    id_print(id, text);
    (void)snprintf(name, sizeof name, "%s.json", text);
    int rc = read_file(dir, name, ENVELOPE_MOST, &json, &length);
    if (rc != 0) {
        errmsg_errno(err, rc, "read %s", name);
        return rc;
    }
    rc = parcel_parse(json, length, &parcel, err);
    free(json);
    if (rc != 0) {
        errmsg_wrap(err, "%s", name);
        return rc;
    }
    (void)snprintf(name, sizeof name, "%s.eml", text);
    if (parcel.envelope.id != id) {
        errmsg_set(err, "%s.json is about another message", text);
        rc = -EBADMSG;
    } else if (fstatat(dir, name, &info, AT_SYMLINK_NOFOLLOW) != 0 ||
               !S_ISREG(info.st_mode) || (uint64_t)info.st_size != parcel.eml_bytes) {
        errmsg_set(err, "%s is not whole: its .json says %llu bytes", name,
                   (unsigned long long)parcel.eml_bytes);
        rc = -EBADMSG;
    }
    if (rc != 0) {
        parcel_done(&parcel);
        return rc;
    }
    *out = parcel;
    return 0;
}

/* ---- the directory ---- */

/* One name. False with a sentence for what packer does not make. */
static bool take_name(const char *name, struct ids *jsons, struct ids *emls,
                      struct errmsg *err)
{
    const char *dot = strrchr(name, '.');
    uint64_t id = 0;
    bool is_json = dot != NULL && strcmp(dot, ".json") == 0;
    bool is_eml = dot != NULL && strcmp(dot, ".eml") == 0;
    if (strcmp(name, PACKER_MANIFEST) == 0 || (!is_json && !is_eml)) {
        return true;
    }
    if (!id_parse(name, (size_t)(dot - name), &id)) {
        errmsg_set(err, "%s is no message of an export", name);
        return false;
    }
    ids_add(is_json ? jsons : emls, id);
    return true;
}

static int list_names(int dir, struct ids *jsons, struct ids *emls, struct errmsg *err)
{
    DIR *stream = fdopendir(dup(dir));
    if (stream == NULL) {
        int rc = -errno;
        errmsg_errno(err, rc, "list");
        return rc;
    }
    bool good = true;
    const struct dirent *entry = NULL;
    while (good &&
           (entry = readdir(stream)) != /* NOLINT(concurrency-mt-unsafe): own stream */
               NULL) {
        good = take_name(entry->d_name, jsons, emls, err);
    }
    (void)closedir(stream);
    ids_sort(jsons);
    ids_sort(emls);
    return good ? 0 : -EINVAL;
}

/* Every .json has its .eml, and the other way round. */
static int match_names(const struct ids *jsons, const struct ids *emls,
                       struct errmsg *err)
{
    size_t i = 0;
    while (i < jsons->count && i < emls->count && jsons->items[i] == emls->items[i]) {
        i++;
    }
    if (i == jsons->count && i == emls->count) {
        return 0;
    }
    bool lacks_eml =
        i < jsons->count && (i == emls->count || jsons->items[i] < emls->items[i]);
    char id[ID_BYTES];
    id_print(lacks_eml ? jsons->items[i] : emls->items[i], id);
    errmsg_set(err, "half a message: there is no %s.%s; nothing was imported", id,
               lacks_eml ? "eml" : "json");
    return -ENOENT;
}

static int check_manifest(int dir, const struct unpacker_ask *ask, size_t count,
                          struct errmsg *err)
{
    char *text = NULL;
    size_t length = 0;
    int rc = read_file(dir, PACKER_MANIFEST, PACKER_MANIFEST_MOST, &text, &length);
    if (rc != 0) {
        if (rc == -ENOENT && ask->again) {
            return 0;
        }
        errmsg_set(err,
                   "there is no " PACKER_MANIFEST " that can be read: the export was cut "
                   "off, and the relay it came from may still have these messages; "
                   "nothing was imported; --again takes them all the same");
        return rc;
    }
    json_t *root = json_loadb(text, length, 0, NULL);
    const char *format = json_string_value(json_object_get(root, "format"));
    json_int_t messages = json_integer_value(json_object_get(root, "messages"));
    if (format == NULL || strcmp(format, PACKER_FORMAT) != 0) {
        errmsg_set(err, PACKER_MANIFEST " is not of format \"" PACKER_FORMAT "\"");
        rc = -EINVAL;
    } else if (!ask->again && (messages < 0 || (uint64_t)messages != count)) {
        errmsg_set(err,
                   "half an export: the manifest says %lld messages, and there are %zu; "
                   "nothing was imported",
                   (long long)messages, count);
        rc = -ENOENT;
    }
    json_decref(root);
    free(text);
    return rc;
}

/* Before anything is taken: each message can be read, and is whole. */
static int check_each(int dir, const struct ids *ids, struct errmsg *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < ids->count; i++) {
        struct parcel parcel;
        rc = unpacker_dir_parcel(dir, ids->items[i], &parcel, err);
        if (rc == 0) {
            parcel_done(&parcel);
        }
    }
    return rc;
}

int unpacker_dir_open(struct unpacker_ask *ask)
{
    struct ids jsons = {0};
    struct ids emls = {0};
    int dir = open_folder(ask->dir, &ask->err);
    if (dir < 0) {
        return dir;
    }
    int rc = list_names(dir, &jsons, &emls, &ask->err);
    if (rc == 0) {
        rc = match_names(&jsons, &emls, &ask->err);
    }
    if (rc == 0) {
        rc = check_manifest(dir, ask, jsons.count, &ask->err);
    }
    if (rc == 0) {
        rc = check_each(dir, &jsons, &ask->err);
    }
    (void)close(dir);
    free(emls.items);
    if (rc != 0) {
        free(jsons.items);
        errmsg_wrap(&ask->err, "%s", ask->dir);
        return rc;
    }
    ask->ids = jsons.items;
    ask->id_count = jsons.count;
    return load_known(ask);
}
