/* Inside of the fake disk: what its face (fake_disk.c), its files (fake_disk_files.c) and
 * its power (fake_disk_power.c) share. */

#ifndef TESTS_SUPPORT_FAKE_DISK_IMPL_H
#define TESTS_SUPPORT_FAKE_DISK_IMPL_H

#include <pthread.h>

#include "tests/support/fake_disk.h"

#define FAKE_PIECE   512
#define FAKE_FILES   512
#define FAKE_HANDLES 256
#define FAKE_NAME    48

struct fake_file {
    bool used;
    uint8_t *now;    /* as written; length size, room room */
    uint8_t *synced; /* as on the platter */
    uint8_t *dirty;  /* per piece */
    uint64_t size;
    uint64_t synced_size;
    uint64_t room;
    unsigned handles;
    unsigned names; /* in either directory, or in pending changes */
};

struct fake_entry {
    char name[FAKE_NAME];
    int file; /* -1 = free */
};

/* A change of names that no sync_dir has covered. */
struct fake_change {
    char remove[FAKE_NAME]; /* "" = nothing */
    char add[FAKE_NAME];
    int file;
};

struct fake_disk {
    struct disk face;
    pthread_mutex_t mutex;
    uint64_t dice;
    struct fake_file files[FAKE_FILES];
    struct fake_entry now[FAKE_FILES];
    struct fake_entry synced[FAKE_FILES];
    struct fake_change *changes;
    size_t change_count;
    int handles[FAKE_HANDLES]; /* file; -1 = free */
    unsigned crash_at;
    unsigned fail_sync;
    unsigned syncs;
    bool down;
    bool locked;
    enum fake_mutation mutation;
    uint64_t limit;
};

uint64_t fake_disk_roll(struct fake_disk *fake);
struct fake_disk *fake_disk_lock(const struct disk *disk);
void fake_disk_unlock(struct fake_disk *fake);
struct fake_entry *fake_disk_find(struct fake_entry *entries, const char *name);
void fake_disk_add_change(struct fake_disk *fake, const char *gone, const char *add,
                          int file);
void fake_disk_apply(struct fake_entry *entries, const struct fake_change *change);
void fake_disk_free_unnamed(struct fake_disk *fake);
int fake_disk_open_file(struct fake_disk *fake, const char *name, bool create);
void fake_disk_grow(struct fake_file *file, uint64_t size);
uint64_t fake_disk_all_bytes(const struct fake_disk *fake);
int fake_disk_write_one(struct fake_disk *fake, struct fake_file *file,
                        const struct iovec *part, uint64_t offset);
void fake_disk_sync_file(struct fake_file *file);

#endif
