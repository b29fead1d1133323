/* What the programs that measure the queue share: the clock, a queue on a real directory,
 * the page cache, this process's memory. Header only. */

#ifndef TOOLS_BENCH_BENCH_QUEUE_H
#define TOOLS_BENCH_BENCH_QUEUE_H

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "queue/queue.h"

static inline uint64_t bench_now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static inline double bench_seconds_since(uint64_t start_ns)
{
    return (double)(bench_now_ns() - start_ns) / 1e9;
}

static inline uint64_t bench_unix_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Opens or ends the program with the reason. 0 bytes = the queue's own choice. */
static inline struct queue *bench_open(const char *directory, uint32_t segment_bytes)
{
    struct queue_options options = {.directory = directory,
                                    .segment_bytes = segment_bytes,
                                    .now_unix_ms = bench_unix_ms(),
                                    .salt = bench_now_ns(),
                                    .now_ns_cb = bench_now_ns};
    struct queue *queue = NULL;
    struct errmsg err = {""};
    if (queue_open(&queue, &options, &err) != 0) {
        (void)fprintf(stderr, "%s: %s\n", directory, err.text);
        exit(1);
    }
    return queue;
}

/* A whole number from the command line, or the program ends. */
static inline uint64_t bench_number(const char *text)
{
    char *end = NULL;
    uint64_t value = strtoull(text, &end, 10);
    if (end == text || *end != '\0') {
        (void)fprintf(stderr, "%s is no number\n", text);
        exit(2);
    }
    return value;
}

/* Resident memory of this process in bytes. */
static inline uint64_t bench_resident(void)
{
    unsigned long long size = 0;
    unsigned long long resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL || fscanf(file, "%llu %llu", &size, &resident) != 2) { // NOLINT
        exit(1);
    }
    (void)fclose(file);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Calls one_cb for each segment file; how many there are. */
typedef void (*bench_file_cb)(int file, void *owner);
static inline unsigned bench_each_segment(const char *directory, bench_file_cb one_cb,
                                          void *owner)
{
    unsigned count = 0;
    DIR *stream = opendir(directory);
    const struct dirent *entry = NULL;
    if (stream == NULL) {
        perror(directory);
        exit(1);
    }
    while ((entry = readdir(stream)) != NULL) { // NOLINT(concurrency-mt-unsafe)
        const char *dot = strrchr(entry->d_name, '.');
        int file = dot == NULL || strcmp(dot, ".seg") != 0
                       ? -1
                       : openat(dirfd(stream), entry->d_name, O_RDONLY | O_CLOEXEC);
        if (file >= 0) {
            one_cb(file, owner);
            (void)close(file);
            count++;
        }
    }
    (void)closedir(stream);
    return count;
}

static inline void bench_forget_file(int file, void *owner)
{
    (void)owner;
    (void)fdatasync(file);
    (void)posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
}

/* Nothing of the directory is in the page cache any more; says how it was done. */
static inline const char *bench_drop_cache(const char *directory)
{
    int file = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);
    sync();
    bool done = file >= 0 && write(file, "3\n", 2) == 2;
    if (file >= 0) {
        (void)close(file);
    }
    if (done) {
        return "page cache dropped";
    }
    (void)bench_each_segment(directory, bench_forget_file, NULL);
    return "not root: page cache given up with posix_fadvise";
}

#endif
