/* Memory: sizes we choose abort when there is none (the queue is durable, a restart is
 * safe); sizes that come from a file may fail. */

#ifndef QUEUE_MEM_H
#define QUEUE_MEM_H

#include <stddef.h>

/* Zeroed; never NULL. */
void *mem_alloc(size_t bytes);
/* Not zeroed where new; never NULL. */
void *mem_resize(void *old, size_t bytes);
/* Not zeroed; NULL when there is none. */
void *mem_try(size_t bytes);

#endif
