/* One ask of `mesura` to the daemon: HTTP over its unix socket. */

#ifndef TOOLS_MESURA_HTTP_H
#define TOOLS_MESURA_HTTP_H

#include <jansson.h>

#include "tools/mesura_args.h"

/* Ask. path begins with '/'; params (borrowed, may be NULL) is an object of texts: the
 * query of a GET, the body of a POST. *out_document is owned by the caller, and is set
 * whenever the daemon sent JSON, also with a refusal. Otherwise NULL. Whatever is not 200
 * is said on stderr; the result is the exit status that follows from it. */
enum mesura_exit mesura_http_get(const struct mesura_args *args, const char *path,
                                 json_t *params, json_t **out_document);
enum mesura_exit mesura_http_post(const struct mesura_args *args, const char *path,
                                  json_t *params, json_t **out_document);

/* The path with name behind it, escaped; free() it. */
char *mesura_http_path(const char *path, const char *name);

#endif
