/* What `mesura` prints for people: tables, times, rates. Remote text is made harmless for
 * a terminal before it is printed. */

#ifndef TOOLS_MESURA_TEXT_H
#define TOOLS_MESURA_TEXT_H

#include <jansson.h>
#include <stdint.h>

#define MESURA_TEXT_COLUMNS 12
#define MESURA_TEXT_BYTES   2048

struct mesura_text_table;

/* A table with that many columns; heads are parted by '|', one that begins with '>' is
 * set to the right. */
struct mesura_text_table *mesura_text_table_new(const char *heads);
/* One row: as many cells as there are heads. Copied. */
void mesura_text_table_row(struct mesura_text_table *table, const char *const *cells);
/* Print it, or the sentence when it has no row, and free it. */
void mesura_text_table_print(struct mesura_text_table *table, const char *if_empty);

/* A line with control bytes made '?'; newline included. */
void mesura_text_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Values of a JSON object: "" and 0 for what is not there. */
const char *mesura_text_get(const json_t *object, const char *key);
int64_t mesura_text_int(const json_t *object, const char *key);
double mesura_text_real(const json_t *object, const char *key);

/* Each writes into the caller's buffer of 64 bytes and returns it. */
char *mesura_text_count(int64_t count, char *buffer);     /* 12,345 */
char *mesura_text_span(int64_t span_ms, char *buffer);    /* 3 h */
char *mesura_text_ago(int64_t unix_ms, char *buffer);     /* "3 h ago", "" for 0 */
char *mesura_text_until(int64_t unix_ms, char *buffer);   /* "in 3 h", "" for 0 */
char *mesura_text_clock(int64_t unix_ms, char *buffer);   /* local date and time */
char *mesura_text_rate(double per_second, char *buffer);  /* 12/s, 30/min, 4/h */
char *mesura_text_limit(double per_second, char *buffer); /* the same; 0: "no limit" */
char *mesura_text_share(double share, char *buffer);      /* 0.7 % */

#endif
