/* The dashboard: index.html, made into bytes when the relay is built. */

#ifndef RELAY_WEB_PAGE_H
#define RELAY_WEB_PAGE_H

#include <stddef.h>

extern const unsigned char web_page_bytes[]; /* not terminated */
extern const size_t web_page_length;

#endif
