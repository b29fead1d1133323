/* Does a configuration fit this machine: its addresses, the files that are named?
 *
 * For mesurad -t. Blocks on files; not for the event loops. */

#ifndef RELAY_CONFIG_MACHINE_H
#define RELAY_CONFIG_MACHINE_H

struct config;
struct config_notes;

/* A certificate, key or token that is not there is an error; what may still come (an
 * address, a folder, the users file) is a warning. */
void config_machine(const struct config *config, struct config_notes *notes);

#endif
