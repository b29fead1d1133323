#include "relay/config_machine.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <assert.h>
#include <errno.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "relay/aliases.h"
#include "relay/config.h"
#include "relay/limits.h"
#include "relay/net/tls_config.h"

#define ZONE_FOLDER "/usr/share/zoneinfo"

struct machine {
    const struct config *config;
    struct config_notes *notes;
    struct ifaddrs *addresses; /* NULL when the system does not tell */
};

static struct config_where where_of(const struct machine *machine, const void *value)
{
    struct config_where where = config_where(machine->config, value);

    if (where.file[0] == '\0') {
        where = (struct config_where){machine->config->path, 1};
    }
    return where;
}

static bool machine_has(const struct machine *machine,
                        const struct config_address *address)
{
    for (const struct ifaddrs *at = machine->addresses; at != NULL; at = at->ifa_next) {
        if (at->ifa_addr == NULL || at->ifa_addr->sa_family != address->family) {
            continue;
        }
        if (address->family == AF_INET) {
            struct sockaddr_in in;

            memcpy(&in, at->ifa_addr, sizeof in);
            if (memcmp(&in.sin_addr, address->bytes, 4) == 0) {
                return true;
            }
        } else {
            struct sockaddr_in6 in6;

            memcpy(&in6, at->ifa_addr, sizeof in6);
            if (memcmp(&in6.sin6_addr, address->bytes, 16) == 0) {
                return true;
            }
        }
    }
    return false;
}

static void address_check(const struct machine *machine,
                          const struct config_address *address, const char *noun,
                          const char *name)
{
    static const uint8_t zero[16];
    struct config_where where = where_of(machine, address);

    if (machine->addresses == NULL || address->family == AF_UNSPEC ||
        (address->family == AF_INET && address->bytes[0] == 127) ||
        memcmp(address->bytes, zero, sizeof zero) == 0 || machine_has(machine, address)) {
        return;
    }
    config_notes_warn(machine->notes, where.file, where.line,
                      "%s \"%s\": %s is not an address of this machine now; behind NAT, "
                      "write the local one here and the other one as public",
                      noun, name, address->text);
}

/* For whom a file must not be. */
enum secrecy {
    FILE_OPEN = 0,
    FILE_SECRET = S_IRWXO,        /* not for everybody */
    FILE_KEY = S_IRWXG | S_IRWXO, /* for its owner alone */
};

/* A file that is opened at start. */
static void file_check(const struct machine *machine, const char *const *field,
                       const char *what, enum secrecy secrecy)
{
    struct config_where where = where_of(machine, field);
    struct stat info;

    if ((*field)[0] == '\0') {
        return;
    }
    if (stat(*field, &info) != 0) {
        if (errno == EACCES) {
            config_notes_warn(machine->notes, where.file, where.line,
                              "%s: %s may not be read by who runs this check", what,
                              *field);
        } else {
            config_notes_error(machine->notes, where.file, where.line,
                               "%s: %s is not there", what, *field);
        }
        return;
    }
    if (!S_ISREG(info.st_mode)) {
        config_notes_error(machine->notes, where.file, where.line, "%s: %s is not a file",
                           what, *field);
    } else if ((info.st_mode & (mode_t)secrecy) != 0) {
        config_notes_error(machine->notes, where.file, where.line,
                           secrecy == FILE_KEY
                               ? "%s: others than its owner may use %s; chmod 600 it"
                               : "%s: everybody may read %s; chmod o= it",
                           what, *field);
    } else if (access(*field, R_OK) != 0) {
        config_notes_warn(machine->notes, where.file, where.line,
                          "%s: %s may not be read by who runs this check", what, *field);
    }
}

/* A credential of systemd's is there when the service runs, and not for who checks. */
static void secret_check(const struct machine *machine, const char *const *field,
                         const char *what)
{
    if ((*field)[0] == '/') {
        file_check(machine, field, what, FILE_SECRET);
    }
}

/* The systemd unit makes these when it starts the daemon. */
static bool folder_is_made(const char *path)
{
    static const char *const made[] = {"/run/mesura/", "/var/log/mesura/", "/var/spool/"};

    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
        if (strncmp(path, made[i], strlen(made[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* The folder in which a file will be made. */
static void folder_check(const struct machine *machine, const char *const *field,
                         const char *what)
{
    struct config_where where = where_of(machine, field);
    const char *slash = strrchr(*field, '/');
    char folder[LIMIT_CONFIG_STRING + 1];
    struct stat info;

    if (slash == NULL || slash == *field || folder_is_made(*field)) {
        return;
    }
    (void)snprintf(folder, sizeof folder, "%.*s", (int)(slash - *field), *field);
    if (stat(folder, &info) != 0 && errno == ENOENT) {
        config_notes_warn(
            machine->notes, where.file, where.line,
            "%s: the folder %s is not there; it must be before mesurad starts", what,
            folder);
    }
}

static void zone_check(const struct machine *machine, const char *const *field,
                       const char *noun, const char *name)
{
    struct config_where where = where_of(machine, field);
    char path[LIMIT_CONFIG_STRING + sizeof ZONE_FOLDER + 1];

    (void)snprintf(path, sizeof path, "%s/%s", ZONE_FOLDER, *field);
    if (strcmp(*field, "UTC") != 0 && access(ZONE_FOLDER, F_OK) == 0 &&
        access(path, R_OK) != 0) {
        config_notes_error(
            machine->notes, where.file, where.line,
            "%s \"%s\": timezone: this machine knows no zone \"%s\"; write "
            "one such as \"Europe/Berlin\" (timedatectl list-timezones)",
            noun, name, *field);
    }
}

static void submission_check(const struct machine *machine)
{
    const struct config *config = machine->config;
    bool tls = false;
    bool auth = false;

    for (size_t i = 0; i < config->listener_count; i++) {
        const struct config_listener *listener = &config->listeners[i];

        address_check(machine, &listener->address, "listener", listener->name);
        tls = tls || listener->tls != CONFIG_LISTENER_PLAIN;
        auth = auth || listener->auth != CONFIG_AUTH_NONE;
    }
    if (tls) {
        file_check(machine, &config->tls.certificate, "tls.certificate", FILE_OPEN);
        file_check(machine, &config->tls.key, "tls.key", FILE_SECRET);
    }
    for (size_t i = 0; tls && i < config->certificate_count; i++) {
        file_check(machine, &config->certificates[i].certificate,
                   "certificates: certificate", FILE_OPEN);
        file_check(machine, &config->certificates[i].key, "certificates: key",
                   FILE_SECRET);
    }
    if (auth && access(config->users, F_OK) != 0) {
        struct config_where where = where_of(machine, &config->users);

        config_notes_warn(
            machine->notes, where.file, where.line,
            "users: %s is not there, so that nobody can log in; make it with "
            "mesura user add",
            config->users);
    }
    if (config->http.enabled) {
        file_check(machine, &config->http.token_file, "http.token_file", FILE_SECRET);
    }
}

/* Entries that mean nothing here: their mail would go to the origin. */
static void aliases_check(const struct machine *machine)
{
    struct config_where where = where_of(machine, &machine->config->aliases);
    struct aliases_doubt doubt;
    struct aliases *aliases = NULL;
    struct errmsg err;

    if (aliases_load(&aliases, machine->config->aliases, &doubt, &err) != 0) {
        config_notes_error(machine->notes, where.file, where.line, "aliases: %s",
                           err.text);
        return;
    }
    aliases_free(aliases);
    if (doubt.count > 0) {
        config_notes_warn(machine->notes, where.file, where.line,
                          "aliases: %s:%u: \"%s\" is no address, and so are %u in all; a "
                          "relay delivers to none of them",
                          machine->config->aliases, doubt.line, doubt.text, doubt.count);
    }
}

static void sending_check(const struct machine *machine)
{
    const struct config *config = machine->config;

    for (size_t i = 0; i < config->source_count; i++) {
        address_check(machine, &config->sources[i].address, "source",
                      config->sources[i].name);
        address_check(machine, &config->sources[i].address6, "source",
                      config->sources[i].name);
    }
    for (size_t i = 0; i < config->stream_count; i++) {
        zone_check(machine, &config->streams[i].timezone, "stream",
                   config->streams[i].name);
    }
    for (size_t i = 0; i < config->warmup_count; i++) {
        zone_check(machine, &config->warmups[i].timezone, "warmup",
                   config->warmups[i].name);
    }
    for (size_t i = 0; i < config->route_count; i++) {
        secret_check(machine, &config->routes[i].password_file, "route: password_file");
        secret_check(machine, &config->routes[i].token_file, "route: token_file");
    }
    for (size_t i = 0; i < config->dnsbl.zone_count; i++) {
        file_check(machine, &config->dnsbl.zones[i].key_file, "dnsbl zone: key_file",
                   FILE_SECRET);
    }
    file_check(machine, &config->delivery.trust, "delivery.trust", FILE_OPEN);
    for (size_t i = 0; i < config->dkim_count; i++) {
        file_check(machine, &config->dkim[i].key, "dkim: key", FILE_SECRET);
    }
}

/* The system's roots. Whoever needs them does not start without; everybody else should
 * know that no certificate will count as verified. */
static void roots_check(const struct machine *machine)
{
    const char *file;
    const char *folder;
    if (machine->config->delivery.trust[0] == '\0' && !tls_roots_places(&file, &folder)) {
        struct config_where where = where_of(machine, &machine->config->delivery.trust);
        config_notes_warn(machine->notes, where.file, where.line,
                          "delivery.trust: no trusted certificates at %s or %s; no "
                          "receiver will count as verified. Install ca-certificates or "
                          "name a file",
                          folder, file);
    }
}

void config_machine(const struct config *config, struct config_notes *notes)
{
    struct machine machine = {.config = config, .notes = notes};

    assert(config != NULL);
    assert(notes != NULL);
    if (getifaddrs(&machine.addresses) != 0) {
        machine.addresses = NULL;
    }
    submission_check(&machine);
    aliases_check(&machine);
    sending_check(&machine);
    roots_check(&machine);
    file_check(&machine, &config->queue.key_file, "queue.key_file", FILE_KEY);
    folder_check(&machine, &config->spool, "spool");
    folder_check(&machine, &config->control, "control");
    folder_check(&machine, &config->log.file, "log.file");
    folder_check(&machine, &config->log.maillog, "log.maillog");
    if (config->alerts.command[0] != '\0' && access(config->alerts.command, X_OK) != 0) {
        struct config_where where = where_of(&machine, &config->alerts.command);

        config_notes_warn(notes, where.file, where.line,
                          "alerts.command: %s cannot be run by who runs this check",
                          config->alerts.command);
    }
    if (machine.addresses != NULL) {
        freeifaddrs(machine.addresses);
    }
}
