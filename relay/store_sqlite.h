/* SQLite as a store's engine: one file in the spool, WAL, synchronous=FULL. */

#ifndef RELAY_STORE_SQLITE_H
#define RELAY_STORE_SQLITE_H

#include "relay/store_engine.h"

/* Open or create options->dir/store.sqlite, as store_open says. *out is freed by its
 * close. */
ATTR_MUST_CHECK int store_sqlite_open(struct store_engine **out,
                                      const struct store_options *options,
                                      struct store_opened *out_opened,
                                      struct errmsg *err);

#endif
