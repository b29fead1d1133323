/* How long a start takes, with nothing of the queue in the page cache.
 *
 * Usage: queue_start DIRECTORY [start|cat|scan|warm]...      (default: cat start)
 * cat    reads all segments from front to back: the reference
 * start  opens the queue and takes the first ready recipient: seconds from one to the
 *        other, messages and megabytes a second, memory
 * scan   the same after the segments' trailers were destroyed, so that every record has
 *        to be read (and every segment sealed again): what a start without footers costs
 * warm   start, with the page cache left as it is */

#include <sys/resource.h>
#include <sys/stat.h>

#include <inttypes.h>

#include "queue/segment.h"

#include "tools/bench/bench_queue.h"

#define BLOCK ((size_t)1024 * 1024)

static void read_file(int file, void *owner)
{
    static uint8_t block[BLOCK];
    uint64_t *total = owner;
    ssize_t got = 0;
    (void)posix_fadvise(file, 0, 0, POSIX_FADV_SEQUENTIAL);
    while ((got = read(file, block, sizeof block)) > 0) {
        *total += (uint64_t)got;
    }
}

static void add_size(int file, void *owner)
{
    struct stat facts;
    if (fstat(file, &facts) == 0) {
        *(uint64_t *)owner += (uint64_t)facts.st_size;
    }
}

static void wipe_trailer(int file, void *owner)
{
    static const uint8_t zeros[SEGMENT_TRAILER];
    (void)owner;
    char path[64];
    struct stat facts;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    int writable = open(path, O_RDWR | O_CLOEXEC);
    if (writable < 0 || fstat(writable, &facts) != 0 ||
        pwrite(writable, zeros, sizeof zeros, facts.st_size - SEGMENT_TRAILER) !=
            SEGMENT_TRAILER) {
        perror("wipe a trailer");
        exit(1);
    }
    (void)close(writable);
}

static void run_cat(const char *directory)
{
    uint64_t bytes = 0;
    const char *how = bench_drop_cache(directory);
    uint64_t start = bench_now_ns();
    (void)bench_each_segment(directory, read_file, &bytes);
    double seconds = bench_seconds_since(start);
    (void)printf("cat:    %.0f MB in %.2f s, %.0f MB/s (%s)\n", (double)bytes / 1e6,
                 seconds, (double)bytes / 1e6 / seconds, how);
}

/* The first recipient that may go now, of any flow. */
static bool take_first(struct queue *queue, uint64_t now_ms)
{
    struct index *index = queue_index(queue);
    for (struct flow *flow = index_flow_next(index, NULL); flow != NULL;
         flow = index_flow_next(index, flow)) {
        if (flow_pop_ready(index, flow, now_ms) != 0) {
            return true;
        }
    }
    return false;
}

/* Processor time of this process: what does not depend on who else is busy. */
static double processor_seconds(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void run_start(const char *directory, const char *word, bool cold)
{
    uint64_t bytes = 0;
    (void)bench_each_segment(directory, add_size, &bytes);
    const char *how = cold ? bench_drop_cache(directory) : "page cache as it was";
    uint64_t before = bench_resident();
    double used = processor_seconds();
    uint64_t start = bench_now_ns();
    struct queue *queue = bench_open(directory, 0);
    bool found = take_first(queue, bench_unix_ms());
    double seconds = bench_seconds_since(start);
    used = processor_seconds() - used;
    uint64_t resident = bench_resident() - before;
    struct index_stats stats;
    unsigned notes = 0;
    index_stats(queue_index(queue), &stats);
    (void)queue_notes(queue, &notes);
    double messages = (double)stats.messages;
    (void)printf(
        "%s:  %.3f s until the first recipient is %s, %.3f s of processor (%s)\n", word,
        seconds, found ? "ready" : "NOT ready, none is due", used, how);
    (void)printf("        %.0f messages (%" PRIu64 " ready, %" PRIu64
                 " deferred, %" PRIu64
                 " domains): %.0f messages/s, %.0f MB/s of segments, %u notes\n",
                 messages, stats.ready, stats.deferred, stats.domains, messages / seconds,
                 (double)bytes / 1e6 / seconds, notes);
    (void)printf(
        "        memory a message: %.1f bytes by its own account, %.1f resident\n",
        (double)stats.memory_bytes / messages, (double)resident / messages);
    queue_close(queue);
}

static void run_scan(const char *directory)
{
    (void)bench_each_segment(directory, wipe_trailer, NULL);
    run_start(directory, "scan", true);
}

int main(int argc, char **argv)
{
    static char usual_cat[] = "cat";
    static char usual_start[] = "start";
    char *usual[] = {usual_cat, usual_start};
    if (argc < 2) {
        (void)fprintf(stderr, "usage: queue_start DIRECTORY [start|cat|scan|warm]...\n");
        return 2;
    }
    char **modes = argc > 2 ? argv + 2 : usual;
    int count = argc > 2 ? argc - 2 : 2;
    for (int i = 0; i < count; i++) {
        if (strcmp(modes[i], "cat") == 0) {
            run_cat(argv[1]);
        } else if (strcmp(modes[i], "start") == 0) {
            run_start(argv[1], "start", true);
        } else if (strcmp(modes[i], "warm") == 0) {
            run_start(argv[1], "warm", false);
        } else if (strcmp(modes[i], "scan") == 0) {
            run_scan(argv[1]);
        } else {
            (void)fprintf(stderr, "what is %s?\n", modes[i]);
            return 2;
        }
        (void)fflush(stdout);
    }
    return 0;
}
