#include <sys/socket.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/folder.h"
#include "tests/support/loaded.h"

TEST(config, hostname_alone)
{
    /* With a hostname alone there is one listener that trusts loopback, one source, the
     * three streams, what ships of sites and ramps, and nothing to complain about. */
    struct loaded loaded = loaded_text(LOADED_HOST);
    const struct config *config = loaded.config;
    const struct config_listener *listener;

    loaded_print(&loaded);
    cr_assert_not_null(config);
    cr_assert_eq(loaded.notes.count, 0);
    cr_assert_str_eq(config->hostname, "relay.mesura.test");
    cr_assert_str_eq(config->spool, "/var/spool/mesura");
    cr_assert_str_eq(config->control, "/run/mesura/control.sock");
    cr_assert_eq(config->listener_count, 1);
    listener = &config->listeners[0];
    cr_assert_str_eq(listener->address.text, "127.0.0.1");
    cr_assert_eq(listener->port, 25);
    cr_assert_eq(listener->trust.count, 2);
    cr_assert_eq(listener->auth, CONFIG_AUTH_NONE);
    cr_assert_eq(listener->streams.count, 3);
    cr_assert_eq(config->source_count, 1);
    cr_assert_eq(config->sources[0].address.family, AF_UNSPEC);
    cr_assert_str_eq(config->sources[0].helo, "relay.mesura.test");
    cr_assert(config->sources[0].shared);
    cr_assert_eq(config->stream_count, 3);
    cr_assert_str_eq(config->streams[config->default_stream].name, "transactional");
    cr_assert_eq(config->streams[config_stream_find(config, "urgent")].lifetime_ns,
                 INT64_C(900) * UNITS_NS_PER_SECOND);
    cr_assert_eq(config->sites[config->default_site].max_connections, 10);
    cr_assert_neq(config_site_find(config, "google"), CONFIG_NONE, "shipped sites");
    cr_assert_geq(config->site_count, 20);
    cr_assert_eq(config->warmup_count, 4, "shipped ramps");
    cr_assert_eq(config->delivery.tls, CONFIG_TLS_OPPORTUNISTIC);
    cr_assert_eq(config->delivery.timeouts.dot_ns, INT64_C(600) * UNITS_NS_PER_SECOND);
    cr_assert_not(config->http.enabled);
    cr_assert_eq(config->dns.servers.count, 0);
    cr_assert(config->adapt.enabled);
    cr_assert_eq(config_source_find(config, "nobody"), CONFIG_NONE);
    cr_assert_eq(config_site_find(config, "default"), config->default_site);
    loaded_clear(&loaded);
}

TEST(config, all_errors_at_once)
{
    /* One run tells every mistake, in every part of the file. */
    struct loaded loaded =
        loaded_text("hostname = \"a b\";\n"
                    "spol = \"/x\";\n"
                    "workers = 010;\n"
                    "queue = { memory = 5000000000000000; key_file = 5; };\n"
                    "listeners = ( { name = \"l\"; } );\n"
                    "streams = ( { name = \"s\"; sources = [ \"none\" ]; } );\n"
                    "sites = ( { name = \"x\"; max_rate = \"20\"; } );\n");

    cr_assert_null(loaded.config);
    cr_assert(loaded_has(&loaded, CONFIG_NOTE_ERROR, 1, "host name"));
    cr_assert(loaded_has(&loaded, CONFIG_NOTE_ERROR, 2, "\"spool\""));
    cr_assert(loaded_has(&loaded, CONFIG_NOTE_ERROR, 3, "starts with a zero"));
    cr_assert(loaded_has(&loaded, CONFIG_NOTE_ERROR, 4, "out of bounds"));
    cr_assert(loaded_has(&loaded, CONFIG_NOTE_ERROR, 4, "key_file"));
    cr_assert(loaded_has(&loaded, CONFIG_NOTE_ERROR, 5, "nobody could send"));
    cr_assert(loaded_has(&loaded, CONFIG_NOTE_ERROR, 6, "no source named"));
    cr_assert(loaded_has(&loaded, CONFIG_NOTE_ERROR, 7, "is not a rate"));
    cr_assert(loaded_has(&loaded, CONFIG_NOTE_ERROR, 7, "match is missing"));
    loaded_clear(&loaded);
}

TEST(config, references)
{
    /* A configuration lives until the last who holds it lets go. */
    struct loaded loaded = loaded_text(LOADED_HOST);
    const struct config *held = config_ref(loaded.config);

    cr_assert_eq(held, loaded.config);
    loaded_clear(&loaded);
    cr_assert_str_eq(held->hostname, "relay.mesura.test");
    config_unref(held);
    config_unref(NULL);
}

/* What config_check prints about a file; the caller frees it. */
static char *checked(const char *path, int *status)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);

    cr_assert_not_null(out);
    *status = config_check(path, out);
    cr_assert_eq(fclose(out), 0);
    return text;
}

TEST(config, check)
{
    /* The check prints FILE:LINE of included files too, and ends with 0 or 1. */
    static const char main_conf[] = "hostname = \"relay.mesura.test\";\n"
                                    "spool = \"/var/spool/mesura\";\n"
                                    "@include \"more.conf\"\n";
    struct folder folder;
    char path[128];
    char expected[256];
    char *text;
    int status;

    folder_make(&folder);
    (void)folder_path(&folder, "main.conf", path, sizeof path);
    folder_write(&folder, "main.conf", main_conf, sizeof main_conf - 1);
    folder_write(&folder, "more.conf", "\nworkers = 2;\n", 14);
    text = checked(path, &status);
    cr_assert_eq(status, 0, "%s", text);
    cr_assert_str_empty(text);
    free(text);
    folder_write(&folder, "more.conf", "\nworkers = \"2\";\n", 16);
    text = checked(path, &status);
    cr_assert_eq(status, 1);
    (void)snprintf(expected, sizeof expected, "%s/more.conf:2: workers: write ",
                   folder.path);
    cr_assert_eq(strncmp(text, expected, strlen(expected)), 0, "%s", text);
    free(text);
    text = checked("/nonexistent/mesura.conf", &status);
    cr_assert_eq(status, 1);
    cr_assert(strstr(text, "No such file") != NULL);
    free(text);
    folder_remove(&folder);
}

TEST(config, shipped_beside)
{
    /* sites.conf and ramps.conf beside the configuration are the shipped ones, and their
     * mistakes have their own lines. */
    static const char main_conf[] =
        "hostname = \"relay.mesura.test\";\n"
        "sites = ( { name = \"big\"; max_connections = 7; } );\n"
        "sources = ( { name = \"a\"; shared = true; warmup = \"mild\"; } );\n";
    static const char sites_conf[] =
        "sites = (\n  { name = \"big\"; match = [ \"mx:*.big.test\" ]; max_rate = "
        "\"7/s\"; },\n"
        "  { name = \"small\"; match = [ \"small.test\" ]; } );\n";
    static const char ramps_conf[] = "warmups = ( { name = \"mild\"; start = 50; } );\n";
    struct folder folder;
    struct config_notes notes;
    const struct config *config;
    char path[128];
    char where[256];
    char *text;
    int status;

    folder_make(&folder);
    (void)folder_path(&folder, "main.conf", path, sizeof path);
    folder_write(&folder, "main.conf", main_conf, sizeof main_conf - 1);
    folder_write(&folder, "sites.conf", sites_conf, sizeof sites_conf - 1);
    folder_write(&folder, "ramps.conf", ramps_conf, sizeof ramps_conf - 1);
    config_notes_init(&notes);
    cr_assert_eq(config_load(path, &config, &notes), 0);
    cr_assert_str_eq(config->sites[0].name, "big");
    cr_assert_eq(config->sites[0].max_connections, 7);
    cr_assert_eq(config->sites[0].max_rate.count, 7);
    cr_assert_str_eq(config->sites[0].match.items[0], "mx:*.big.test");
    cr_assert_neq(config_site_find(config, "small"), CONFIG_NONE);
    cr_assert_str_eq(config->warmups[config->sources[0].warmup].name, "mild");
    cr_assert(strstr(config_where_print(config, &config->sites[0].max_rate, where,
                                        sizeof where),
                     "/sites.conf:2") != NULL);
    config_unref(config);
    config_notes_clear(&notes);
    folder_write(&folder, "sites.conf", "sites = (\n { nam = \"x\"; } );\n", 29);
    text = checked(path, &status);
    cr_assert_eq(status, 1);
    cr_assert(strstr(text, "/sites.conf:2: ") != NULL, "%s", text);
    free(text);
    folder_remove(&folder);
}

static char *read_shipped(void)
{
    char *text = calloc(1, 65536);
    FILE *file = fopen(MESURA_SOURCE "/conf/mesura.conf", "r");

    cr_assert_not_null(text);
    cr_assert_not_null(file);
    cr_assert_gt(fread(text, 1, 65535, file), 0);
    cr_assert_eq(fclose(file), 0);
    return text;
}

TEST(config, shipped_file)
{
    /* conf/mesura.conf loads without a note once the name is written, and says nothing
     * that is not the default. */
    static const char own_name[] = "mail.mesura.test";
    char *text = read_shipped();
    char *name = strstr(text, "mail.example.com");
    struct loaded plain = loaded_text("hostname = \"mail.mesuras.test\";\n");
    struct loaded shipped;

    cr_assert_not_null(name);
    memcpy(name, own_name, sizeof own_name - 1);
    shipped = loaded_text(text);
    loaded_print(&shipped);
    cr_assert_not_null(shipped.config);
    cr_assert_eq(shipped.notes.count, 0);
    cr_assert_eq(memcmp(&shipped.config->queue, &plain.config->queue,
                        offsetof(struct config_queue, key_file)),
                 0);
    cr_assert_str_eq(shipped.config->queue.key_file, plain.config->queue.key_file);
    cr_assert_eq(memcmp(&shipped.config->delivery.timeouts,
                        &plain.config->delivery.timeouts,
                        sizeof shipped.config->delivery.timeouts),
                 0);
    cr_assert_eq(shipped.config->adapt.enabled, plain.config->adapt.enabled);
    cr_assert_eq(shipped.config->adapt.start_rate.count,
                 plain.config->adapt.start_rate.count);
    cr_assert_eq(shipped.config->adapt.start_rate.period_ns,
                 plain.config->adapt.start_rate.period_ns);
    cr_assert_eq(shipped.config->adapt.pause_ns, plain.config->adapt.pause_ns);
    cr_assert_eq(shipped.config->adapt.max_pause_ns, plain.config->adapt.max_pause_ns);
    cr_assert_str_eq(shipped.config->log.file, plain.config->log.file);
    cr_assert_eq(shipped.config->listeners[0].max_message,
                 plain.config->listeners[0].max_message);
    cr_assert_eq(shipped.config->listeners[0].port, plain.config->listeners[0].port);
    cr_assert_eq(shipped.config->sites[shipped.config->default_site].max_rate.count,
                 plain.config->sites[plain.config->default_site].max_rate.count);
    cr_assert_eq(shipped.config->stream_count, plain.config->stream_count);
    loaded_clear(&shipped);
    loaded_clear(&plain);
    free(text);
}

/* Append the settings of conf/mesura.conf that are off: from a line that begins with #
 * and a letter to the one that ends the setting. */
static void examples_append(char *out, size_t size, const char *shipped)
{
    bool on = false;

    while (*shipped != '\0') {
        size_t bytes = strcspn(shipped, "\n");
        size_t used = strlen(out);

        on = on || (shipped[0] == '#' && isalpha((unsigned char)shipped[1]));
        if (on) {
            (void)snprintf(out + used, size - used, "%.*s\n", (int)bytes - 1,
                           shipped + 1);
            on = bytes < 3 || (strncmp(shipped + bytes - 2, "};", 2) != 0 &&
                               strncmp(shipped + bytes - 2, ");", 2) != 0);
        }
        shipped += bytes + (shipped[bytes] == '\n');
    }
}

TEST(config, shipped_examples)
{
    /* Each setting of conf/mesura.conf that is off may be switched on as it stands. */
    static char text[65536];
    char *shipped = read_shipped();
    struct loaded loaded;

    (void)snprintf(text, sizeof text, "%s", LOADED_HOST);
    examples_append(text, sizeof text, shipped);
    loaded = loaded_text(text);
    loaded_print(&loaded);
    cr_assert_not_null(loaded.config);
    cr_assert_eq(loaded.config->stream_count, 2);
    cr_assert_eq(loaded.config->route_count, 3);
    cr_assert_eq(loaded.config->reply_count, 1);
    cr_assert(loaded.config->http.enabled);
    loaded_clear(&loaded);
    free(shipped);
}
