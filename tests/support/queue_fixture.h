/* A queue in a fresh directory, and whole messages through it, for tests. */

#ifndef TESTS_SUPPORT_QUEUE_FIXTURE_H
#define TESTS_SUPPORT_QUEUE_FIXTURE_H

#include <semaphore.h>
#include <stdint.h>

#include "queue/queue.h"

struct queue_fixture {
    char directory[64];
    struct queue_options options;
    struct queue *queue;
};

struct queue_fixture_write {
    struct queue_write write; /* first */
    sem_t done;
};

/* Segments of 64 KiB, no reserve; in a new directory under /tmp, or on a disk given. */
void queue_fixture_init(struct queue_fixture *fixture);
void queue_fixture_init_disk(struct queue_fixture *fixture, const struct disk *disk);
/* The same with everything encrypted; the seal is borrowed for the fixture's life. */
void queue_fixture_init_sealed(struct queue_fixture *fixture, const struct disk *disk,
                               const struct seal *seal);
void queue_fixture_reopen(struct queue_fixture *fixture);
/* Closes, and removes the directory. */
void queue_fixture_done(struct queue_fixture *fixture);

/* Submit and wait, sealed when the queue has a seal; what done_cb was told. */
int queue_fixture_submit(struct queue_fixture *fixture, struct queue_fixture_write *write,
                         enum queue_level level);
/* One recipient; body of that size, byte i is queue_fixture_byte(id, i). Returns the
 * handle in the index; 0 when the write failed. */
uint32_t queue_fixture_accept(struct queue_fixture *fixture, uint64_t id,
                              const char *domain, unsigned body_bytes);
uint32_t queue_fixture_accept_pieces(struct queue_fixture *fixture, uint64_t id,
                                     unsigned pieces, unsigned piece_bytes);
/* Apply, write, tell; fills home. Returns rc of the write. */
int queue_fixture_settle(struct queue_fixture *fixture, struct change *change);
uint8_t queue_fixture_byte(uint64_t id, uint64_t at);
/* Housekeeping until so many segments were freed, or nothing more happens; how many. */
unsigned queue_fixture_dead(struct queue_fixture *fixture, uint64_t wanted);
/* Let other threads run for a moment. */
void queue_fixture_pause(void);

#endif
