#include "relay/config_document.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "relay/config_notes.h"

/* libconfig stops at the first error of syntax; the lint has often said more already. */
static void syntax_error(const struct config_document *document,
                         struct config_build *build)
{
    unsigned line = 0;
    const char *file = config_text_place(
        &document->text, (unsigned)config_error_line(&document->tree), &line);
    const struct config_notes *notes = build->notes;
    const char *what = config_error_text(&document->tree);

    for (size_t i = 0; i < notes->count; i++) {
        if (notes->items[i].line == line && strcmp(notes->items[i].file, file) == 0) {
            return;
        }
    }
    if (what != NULL && strcmp(what, "syntax error") != 0) {
        config_notes_error(build->notes, file, line, "%s", what);
        return;
    }
    config_notes_error(
        build->notes, file, line,
        "syntax error here or just before; each setting is KEY = VALUE; with "
        "a semicolon, and there is no comma before a closing bracket");
}

static int document_parse(struct config_document *document, struct config_build *build,
                          int rc)
{
    const struct config_text *text = &document->text;

    document->names =
        config_build_alloc(build, text->file_count, sizeof document->names[0]);
    for (size_t i = 0; i < text->file_count; i++) {
        document->names[i] = config_build_text(build, text->files[i]);
    }
    if (rc != 0) {
        return rc;
    }
    if (config_read_string(&document->tree, text->text) != CONFIG_TRUE) {
        syntax_error(document, build);
        return -EINVAL;
    }
    document->parsed = true;
    return 0;
}

int config_document_open(struct config_document *document, struct config_build *build,
                         const char *path)
{
    assert(document != NULL);
    assert(path != NULL);
    *document = (struct config_document){0};
    config_init(&document->tree);
    return document_parse(document, build,
                          config_text_read(&document->text, path, build->notes));
}

int config_document_scan(struct config_document *document, struct config_build *build,
                         const char *content, size_t bytes, const char *name)
{
    assert(document != NULL);
    assert(content != NULL);
    *document = (struct config_document){0};
    config_init(&document->tree);
    return document_parse(
        document, build,
        config_text_scan(&document->text, content, bytes, name, build->notes));
}

void config_document_clear(struct config_document *document)
{
    assert(document != NULL);
    config_destroy(&document->tree);
    config_text_clear(&document->text);
    document->parsed = false;
}

struct config_where config_document_where(const struct config_document *document,
                                          const config_setting_t *setting)
{
    const struct config_text *text = &document->text;
    unsigned line = config_setting_source_line(setting);

    if (document->is_default || text->place_count == 0) {
        return (struct config_where){"", 0};
    }
    if (line == 0) {
        line = 1; /* the root itself */
    }
    if (line > text->place_count) {
        line = (unsigned)text->place_count;
    }
    return (struct config_where){
        .file = document->names[text->places[line - 1].file],
        .line = text->places[line - 1].line,
    };
}

const config_setting_t *config_document_find(const struct config_document *document,
                                             const char *path)
{
    if (!document->parsed) {
        return NULL;
    }
    return *path == '\0' ? config_root_setting(&document->tree)
                         : config_lookup(&document->tree, path);
}
