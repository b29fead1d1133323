/* Tables of the API's rows, for `status` and for the command of each. */

#ifndef TOOLS_MESURA_TABLES_H
#define TOOLS_MESURA_TABLES_H

#include <jansson.h>

/* Each prints at most max rows of its array (borrowed, NULL is empty); 0 is all. */
void mesura_tables_streams(const json_t *streams);
void mesura_tables_sources(const json_t *sources);
void mesura_tables_sites(const json_t *sites, size_t max);
void mesura_tables_lanes(const json_t *lanes);
void mesura_tables_warmup(const json_t *warmup);

/* What the checks of each source before its warm-up have found. */
void mesura_tables_preflight(const json_t *warmup);
void mesura_tables_journal(const json_t *journal);
/* Sentences rather than a table: each with what it is about and what ends it. */
void mesura_tables_waits(const json_t *waits, size_t max);
void mesura_tables_blocks(const json_t *blocks, const json_t *freezes);

#endif
