#include "relay/config.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/config_build.h"
#include "relay/config_doubt.h"
#include "relay/config_fill.h"
#include "relay/config_machine.h"
#include "relay/config_replies.h"
#include "relay/config_resolve.h"
#include "relay/config_shipped.h"
#include "relay/config_verify.h"

/* Where packages put the data of conf/. */
#define DATA_FOLDER "/usr/share/mesura"

static_assert(offsetof(struct config_snapshot, config) == 0, "one address, two types");

enum {
    DOCUMENT_DEFAULTS,
    DOCUMENT_SITES,
    DOCUMENT_RAMPS,
    DOCUMENT_COUNT,
};

struct loading {
    struct config_build build;
    struct config_document file;
    struct config_document shipped[DOCUMENT_COUNT];
};

static void shipped_scan(struct loading *loading, unsigned which, const char *content,
                         size_t bytes, const char *name)
{
    int rc = config_document_scan(&loading->shipped[which], &loading->build, content,
                                  bytes, name);

    assert(rc == 0); /* conf/ is what it was when the tests ran */
    (void)rc;
}

/* A data file: the one beside the configuration, else the installed one, else that
 * which was compiled in. */
static void shipped_open(struct loading *loading, unsigned which, const char *name,
                         const char *path)
{
    const char *slash = path == NULL ? NULL : strrchr(path, '/');
    const char *places[2] = {NULL, NULL};

    if (path != NULL) {
        places[0] = slash == NULL ? name
                                  : config_build_format(&loading->build, "%.*s/%s",
                                                        (int)(slash - path), path, name);
        places[1] = config_build_format(&loading->build, "%s/%s", DATA_FOLDER, name);
    }
    for (size_t i = 0; i < 2; i++) {
        if (places[i] != NULL && access(places[i], R_OK) == 0) {
            /* Errors in it are noted, with its name; loading fails by their count. */
            if (config_document_open(&loading->shipped[which], &loading->build,
                                     places[i]) != 0) {
                assert(loading->build.notes->errors > 0);
            }
            return;
        }
    }
    if (which == DOCUMENT_SITES) {
        shipped_scan(loading, which, config_shipped_sites, config_shipped_sites_bytes,
                     "built-in sites.conf");
    } else {
        shipped_scan(loading, which, config_shipped_ramps, config_shipped_ramps_bytes,
                     "built-in ramps.conf");
    }
}

static void values_fill(struct loading *loading)
{
    struct config_fill_documents documents = {&loading->file, loading->shipped,
                                              DOCUMENT_COUNT};

    config_fill_sections(&loading->build, &documents);
    for (size_t i = 0; i < config_schema_list_count; i++) {
        config_fill_list(&loading->build, &config_schema_lists[i], &documents);
    }
    config_resolve(&loading->build);
    config_replies(&loading->build);
    config_verify(&loading->build);
    config_doubt(&loading->build);
}

/* path is NULL for text in memory: then no other file is looked at either. */
static int loading_run(struct loading *loading, int rc, const char *path,
                       const struct config **config)
{
    struct config_notes *notes = loading->build.notes;

    if (rc == 0) {
        shipped_scan(loading, DOCUMENT_DEFAULTS, config_shipped_defaults,
                     config_shipped_defaults_bytes, "defaults.conf");
        loading->shipped[DOCUMENT_DEFAULTS].is_default = true;
        shipped_open(loading, DOCUMENT_SITES, "sites.conf", path);
        shipped_open(loading, DOCUMENT_RAMPS, "ramps.conf", path);
        values_fill(loading);
        for (size_t i = 0; i < DOCUMENT_COUNT; i++) {
            config_document_clear(&loading->shipped[i]);
        }
    }
    config_document_clear(&loading->file);
    if (notes->errors == 0) {
        *config = config_build_take(&loading->build);
        rc = 0;
    } else {
        rc = -EINVAL;
    }
    config_build_clear(&loading->build);
    return rc;
}

static void loading_init(struct loading *loading, const char *name,
                         struct config_notes *notes)
{
    memset(loading, 0, sizeof *loading);
    config_build_init(&loading->build, notes);
    loading->build.config->path = config_build_text(&loading->build, name);
}

int config_load(const char *path, const struct config **config,
                struct config_notes *notes)
{
    struct loading loading;
    int rc;

    assert(path != NULL);
    assert(config != NULL);
    assert(notes != NULL);
    assert(notes->errors == 0);
    *config = NULL;
    loading_init(&loading, path, notes);
    rc = config_document_open(&loading.file, &loading.build, path);
    return loading_run(&loading, rc, path, config);
}

int config_load_text(const char *text, size_t bytes, const char *name,
                     const struct config **config, struct config_notes *notes)
{
    struct loading loading;
    int rc;

    assert(text != NULL);
    assert(name != NULL);
    assert(config != NULL);
    assert(notes != NULL);
    assert(notes->errors == 0);
    *config = NULL;
    loading_init(&loading, name, notes);
    rc = config_document_scan(&loading.file, &loading.build, text, bytes, name);
    return loading_run(&loading, rc, NULL, config);
}

int config_check(const char *path, FILE *out)
{
    struct config_notes notes;
    const struct config *config;
    int status;

    assert(path != NULL);
    assert(out != NULL);
    config_notes_init(&notes);
    if (config_load(path, &config, &notes) == 0) {
        config_machine(config, &notes);
    }
    config_notes_print(&notes, out);
    status = notes.errors == 0 ? 0 : 1;
    config_unref(config);
    config_notes_clear(&notes);
    return status;
}

/* The snapshot behind a configuration; only its reference count ever changes. */
static struct config_snapshot *snapshot_of(const struct config *config)
{
    union {
        const struct config *config;
        struct config_snapshot *snapshot;
    } both = {.config = config};

    return both.snapshot;
}

const struct config *config_ref(const struct config *config)
{
    assert(config != NULL);
    atomic_fetch_add_explicit(&snapshot_of(config)->references, 1, memory_order_relaxed);
    return config;
}

void config_unref(const struct config *config)
{
    if (config != NULL && atomic_fetch_sub_explicit(&snapshot_of(config)->references, 1,
                                                    memory_order_acq_rel) == 1) {
        config_snapshot_free(snapshot_of(config));
    }
}

struct config_where config_where(const struct config *config, const void *value)
{
    assert(config != NULL);
    return config_snapshot_where(snapshot_of(config), value);
}

char *config_where_print(const struct config *config, const void *value, char *buffer,
                         size_t size)
{
    struct config_where where = config_where(config, value);

    assert(buffer != NULL);
    if (where.line == 0) {
        (void)snprintf(buffer, size, "default");
    } else {
        (void)snprintf(buffer, size, "%s:%u", where.file, where.line);
    }
    return buffer;
}

uint32_t config_stream_find(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->stream_count; i++) {
        if (strcmp(config->streams[i].name, name) == 0) {
            return (uint32_t)i;
        }
    }
    return CONFIG_NONE;
}

uint32_t config_source_find(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->source_count; i++) {
        if (strcmp(config->sources[i].name, name) == 0) {
            return (uint32_t)i;
        }
    }
    return CONFIG_NONE;
}

uint32_t config_site_find(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->site_count; i++) {
        if (strcmp(config->sites[i].name, name) == 0) {
            return (uint32_t)i;
        }
    }
    return CONFIG_NONE;
}

bool config_stream_is_bulk(const struct config *config,
                           const struct config_stream *stream)
{
    return strcmp(stream->name, "bulk") == 0 ||
           strcmp(config->schedules[stream->retry].name, "bulk") == 0;
}
