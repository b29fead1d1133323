/* Bodies that are coming in piece by piece: which segments they keep from being freed.
 *
 * A piece on its way may land in the segment being written or in any later one; once it
 * has landed, its segment is known. So an upload that stands still keeps the segments
 * its pieces are in, and not all that were written since it began. */

#include <stdlib.h>

#include "queue/mem.h"
#include "queue/queue_impl.h"

#define NOTHING_FLIES UINT64_MAX

void queue_upload_begin(struct queue *queue, struct queue_upload *upload)
{
    (void)pthread_mutex_lock(&queue->uploads_mutex);
    upload->floor = atomic_load(&queue->writer.current);
    upload->prev = NULL;
    upload->next = queue->uploads;
    if (queue->uploads != NULL) {
        queue->uploads->prev = upload;
    }
    queue->uploads = upload;
    (void)pthread_mutex_unlock(&queue->uploads_mutex);
}

void queue_upload_more(struct queue *queue, struct queue_upload *upload)
{
    (void)pthread_mutex_lock(&queue->uploads_mutex);
    if (upload->floor == NOTHING_FLIES) {
        upload->floor = atomic_load(&queue->writer.current);
    }
    (void)pthread_mutex_unlock(&queue->uploads_mutex);
}

static void keep(struct queue_upload *upload, uint64_t segment)
{
    for (unsigned i = 0; i < upload->kept_count; i++) {
        if (upload->kept[i] == segment) {
            return;
        }
    }
    if (upload->kept_count == upload->kept_room) {
        upload->kept_room = upload->kept_room == 0 ? 4 : upload->kept_room * 2;
        upload->kept = mem_resize(upload->kept, upload->kept_room * sizeof *upload->kept);
    }
    upload->kept[upload->kept_count++] = segment;
}

void queue_upload_landed(struct queue *queue, struct queue_upload *upload,
                         const struct place *place, bool is_last_flying)
{
    (void)pthread_mutex_lock(&queue->uploads_mutex);
    if (place != NULL) {
        keep(upload, place->segment);
    }
    if (is_last_flying) {
        upload->floor = NOTHING_FLIES;
    }
    (void)pthread_mutex_unlock(&queue->uploads_mutex);
}

void queue_upload_end(struct queue *queue, struct queue_upload *upload)
{
    (void)pthread_mutex_lock(&queue->uploads_mutex);
    if (upload->prev != NULL) {
        upload->prev->next = upload->next;
    } else {
        queue->uploads = upload->next;
    }
    if (upload->next != NULL) {
        upload->next->prev = upload->prev;
    }
    (void)pthread_mutex_unlock(&queue->uploads_mutex);
    free(upload->kept);
    *upload = (struct queue_upload){0};
}

void queue_look_at_uploads(struct queue *queue)
{
    struct shelf *shelf = &queue->index.shelf;
    uint64_t oldest = UINT64_MAX;
    for (uint32_t slot = 1; slot < shelf->used; slot++) {
        shelf_at(shelf, (uint16_t)slot)->held = false;
    }
    (void)pthread_mutex_lock(&queue->uploads_mutex);
    for (const struct queue_upload *upload = queue->uploads; upload != NULL;
         upload = upload->next) {
        oldest = upload->floor < oldest ? upload->floor : oldest;
        for (unsigned i = 0; i < upload->kept_count; i++) {
            uint16_t slot = shelf_find(shelf, upload->kept[i]);
            if (slot != 0) {
                shelf_at(shelf, slot)->held = true;
            }
        }
    }
    (void)pthread_mutex_unlock(&queue->uploads_mutex);
    for (uint32_t slot = 1; oldest != UINT64_MAX && slot < shelf->used; slot++) {
        struct shelf_segment *segment = shelf_at(shelf, (uint16_t)slot);
        segment->held |= segment->number >= oldest;
    }
}
