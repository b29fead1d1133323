/* Good path: open -> size -> trailer -> footer, checked and opened -> into the ring; core
 * takes them in order. Failures are handed on with the footer they concern: what a
 * missing one means is for replay to say. */

#include "queue/ahead.h"

#include <stdlib.h>

#include "queue/footer.h"

static void load(const struct ahead *ahead, const struct segment_header *header,
                 struct ahead_footer *out_footer)
{
    const struct disk *disk = ahead->disk;
    char name[SEGMENT_NAME];
    segment_name(header->number, name);
    *out_footer = (struct ahead_footer){0};
    int handle = disk->open_readonly(disk, name);
    if (handle < 0) {
        out_footer->rc = handle;
        return;
    }
    int64_t size = disk->size(disk, handle);
    out_footer->file_bytes = size > 0 ? (uint64_t)size : 0;
    int rc = footer_find(disk, handle, header, &out_footer->trailer);
    if (rc == 0) {
        struct footer_digest digest = {0};
        rc =
            footer_load(disk, handle, header, ahead->seal, &out_footer->trailer, &digest);
        out_footer->bytes = digest.bytes;
        out_footer->length = digest.length;
    }
    out_footer->rc = rc;
    disk->close(disk, handle);
}

static void *ahead_main(void *arg)
{
    struct ahead *ahead = arg;
    (void)pthread_mutex_lock(&ahead->mutex);
    while (!ahead->stopping && ahead->loaded < ahead->count) {
        if (ahead->loaded - ahead->taken == AHEAD_SLOTS) {
            (void)pthread_cond_wait(&ahead->changed, &ahead->mutex);
            continue;
        }
        size_t at = ahead->loaded;
        struct ahead_footer footer;
        (void)pthread_mutex_unlock(&ahead->mutex);
        load(ahead, &ahead->headers[at], &footer);
        (void)pthread_mutex_lock(&ahead->mutex);
        ahead->slots[at % AHEAD_SLOTS] = footer;
        ahead->loaded++;
        (void)pthread_cond_broadcast(&ahead->changed);
    }
    (void)pthread_mutex_unlock(&ahead->mutex);
    return NULL;
}

void ahead_start(struct ahead *ahead, const struct disk *disk, const struct seal *seal,
                 const struct segment_header *headers, size_t count)
{
    *ahead =
        (struct ahead){.disk = disk, .seal = seal, .headers = headers, .count = count};
    (void)pthread_mutex_init(&ahead->mutex, NULL);
    (void)pthread_cond_init(&ahead->changed, NULL);
    ahead->running =
        count > 1 && pthread_create(&ahead->thread, NULL, ahead_main, ahead) == 0;
}

void ahead_take(struct ahead *ahead, struct ahead_footer *out_footer)
{
    if (!ahead->running) {
        load(ahead, &ahead->headers[ahead->taken++], out_footer);
        return;
    }
    (void)pthread_mutex_lock(&ahead->mutex);
    while (ahead->loaded == ahead->taken) {
        (void)pthread_cond_wait(&ahead->changed, &ahead->mutex);
    }
    *out_footer = ahead->slots[ahead->taken % AHEAD_SLOTS];
    ahead->taken++;
    (void)pthread_cond_broadcast(&ahead->changed);
    (void)pthread_mutex_unlock(&ahead->mutex);
}

void ahead_stop(struct ahead *ahead)
{
    if (ahead->running) {
        (void)pthread_mutex_lock(&ahead->mutex);
        ahead->stopping = true;
        (void)pthread_cond_broadcast(&ahead->changed);
        (void)pthread_mutex_unlock(&ahead->mutex);
        (void)pthread_join(ahead->thread, NULL);
        for (; ahead->taken < ahead->loaded; ahead->taken++) {
            free(ahead->slots[ahead->taken % AHEAD_SLOTS].bytes);
        }
    }
    (void)pthread_cond_destroy(&ahead->changed);
    (void)pthread_mutex_destroy(&ahead->mutex);
}
