/* Opening the store's SQLite file: its settings, its tables, and what to do with a
 * damaged one. Before threads. */

#ifndef RELAY_STORE_FILE_H
#define RELAY_STORE_FILE_H

#include <sqlite3.h>

#include "relay/store.h"

/* Open or create the file, as store_open says. *out is closed with sqlite3_close. */
ATTR_MUST_CHECK int store_file_open(sqlite3 **out, const struct store_options *options,
                                    struct store_opened *out_opened, struct errmsg *err);

/* The negative errno that says what SQLite's result means; 0 for SQLITE_OK, _ROW, _DONE.
 */
int store_file_errno(int result);

#endif
