#include "relay/api_rows.h"

#include "relay/api_filter.h"
#include "relay/api_json.h"

static const char *gate_state_name(enum api_gate_state state)
{
    switch (state) {
    case API_GATE_OPEN: return "open";
    case API_GATE_CLOSED: return "closed";
    case API_GATE_NOT_ASKED: return "not asked";
    }
    return "";
}

json_t *api_rows_status(const struct api_status *status)
{
    json_t *object = api_json_object();

    api_json_text(object, "hostname", status->hostname);
    api_json_text(object, "version", status->version);
    api_json_text(object, "config_path", status->config_path);
    api_json_text(object, "phase", status->phase);
    api_json_text(object, "refusing", status->refusing);
    api_json_count(object, "workers", status->workers);
    api_json_time(object, "started_unix_ms", status->started_unix_ms);
    api_json_time(object, "config_unix_ms", status->config_unix_ms);
    api_json_time(object, "oldest_unix_ms", status->oldest_unix_ms);
    api_json_count(object, "queued", status->queued);
    api_json_count(object, "ready", status->ready);
    api_json_count(object, "deferred", status->deferred);
    api_json_count(object, "active", status->active);
    api_json_count(object, "held", status->held);
    api_json_count(object, "messages", status->messages);
    api_json_count(object, "queue_bytes", status->queue_bytes);
    api_json_count(object, "disk_free_bytes", status->disk_free_bytes);
    api_json_count(object, "accepted", status->accepted);
    api_json_count(object, "delivered", status->delivered);
    api_json_count(object, "retried", status->retried);
    api_json_count(object, "bounced", status->bounced);
    api_json_count(object, "expired", status->expired);
    api_json_count(object, "connections_in", status->connections_in);
    api_json_count(object, "connections_out", status->connections_out);
    return object;
}

json_t *api_rows_wait(const struct api_wait *wait)
{
    json_t *object = api_json_object();

    api_json_text(object, "gate", wait->gate);
    api_json_text(object, "subject", wait->subject);
    api_json_text(object, "sentence", wait->sentence);
    api_json_count(object, "recipients", wait->recipients);
    api_json_time(object, "since_unix_ms", wait->since_unix_ms);
    api_json_time(object, "opens_unix_ms", wait->opens_unix_ms);
    return object;
}

json_t *api_rows_stream(const struct api_stream *stream)
{
    json_t *object = api_json_object();

    api_json_text(object, "name", stream->name);
    api_json_words(object, "sources", stream->sources);
    api_json_text(object, "mode", stream->mode);
    api_json_text(object, "state", stream->state);
    api_json_text(object, "reason", stream->reason);
    api_json_count(object, "weight", stream->weight);
    api_json_bool(object, "walled", stream->walled);
    api_json_count(object, "queued", stream->queued);
    api_json_count(object, "ready", stream->ready);
    api_json_count(object, "deferred", stream->deferred);
    api_json_count(object, "active", stream->active);
    api_json_count(object, "held", stream->held);
    api_json_count(object, "delivered", stream->delivered);
    api_json_count(object, "retried", stream->retried);
    api_json_count(object, "bounced", stream->bounced);
    api_json_count(object, "lifetime_ms",
                   stream->lifetime_ms > 0 ? (uint64_t)stream->lifetime_ms : 0);
    api_json_time(object, "oldest_unix_ms", stream->oldest_unix_ms);
    return object;
}

json_t *api_rows_source(const struct api_source *source)
{
    json_t *object = api_json_object();

    api_json_text(object, "name", source->name);
    api_json_text(object, "address", source->address);
    api_json_text(object, "address6", source->address6);
    api_json_text(object, "public_address", source->public_address);
    api_json_text(object, "helo", source->helo);
    api_json_words(object, "streams", source->streams);
    api_json_text(object, "warmup", source->warmup);
    api_json_text(object, "preflight", source->preflight);
    api_json_text(object, "state", source->state);
    api_json_text(object, "reason", source->reason);
    api_json_bool(object, "shared", source->shared);
    api_json_count(object, "connections", source->connections);
    api_json_count(object, "queued", source->queued);
    api_json_count(object, "delivered", source->delivered);
    api_json_count(object, "retried", source->retried);
    api_json_count(object, "bounced", source->bounced);
    api_json_number(object, "rate_per_second", source->rate_per_second);
    api_json_time(object, "since_unix_ms", source->since_unix_ms);
    return object;
}

json_t *api_rows_site(const struct api_site *site)
{
    json_t *object = api_json_object();

    api_json_text(object, "name", site->name);
    api_json_text(object, "state", site->state);
    api_json_text(object, "reason", site->reason);
    api_json_count(object, "domains", site->domains);
    api_json_count(object, "lanes", site->lanes);
    api_json_count(object, "connections", site->connections);
    api_json_count(object, "queued", site->queued);
    api_json_count(object, "ready", site->ready);
    api_json_count(object, "deferred", site->deferred);
    api_json_count(object, "delivered", site->delivered);
    api_json_count(object, "retried", site->retried);
    api_json_count(object, "bounced", site->bounced);
    api_json_number(object, "rate_per_second", site->rate_per_second);
    api_json_number(object, "set_per_second", site->set_per_second);
    api_json_number(object, "total_per_second", site->total_per_second);
    api_json_number(object, "deferral_share", site->deferral_share);
    api_json_count(object, "set_connections", site->set_connections);
    api_json_count(object, "total_connections", site->total_connections);
    return object;
}

json_t *api_rows_lane(const struct api_lane *lane)
{
    json_t *object = api_json_object();

    api_json_text(object, "source", lane->source);
    api_json_text(object, "site", lane->site);
    api_json_text(object, "phase", lane->phase);
    api_json_text(object, "reason", lane->reason);
    api_json_count(object, "connections", lane->connections);
    api_json_count(object, "window", lane->window);
    api_json_count(object, "set_connections", lane->set_connections);
    api_json_count(object, "per_connection", lane->per_connection);
    api_json_number(object, "rate_per_second", lane->rate_per_second);
    api_json_number(object, "allowed_per_second", lane->allowed_per_second);
    api_json_number(object, "set_per_second", lane->set_per_second);
    api_json_number(object, "ceiling_per_second", lane->ceiling_per_second);
    api_json_number(object, "deferral_share", lane->deferral_share);
    api_json_count(object, "ready", lane->ready);
    api_json_count(object, "delivered", lane->delivered);
    api_json_count(object, "retried", lane->retried);
    api_json_count(object, "bounced", lane->bounced);
    api_json_time(object, "since_unix_ms", lane->since_unix_ms);
    api_json_time(object, "opens_unix_ms", lane->opens_unix_ms);
    return object;
}

json_t *api_rows_block(const struct api_block *block)
{
    json_t *object = api_json_object();

    api_json_text(object, "source", block->source);
    api_json_text(object, "site", block->site);
    api_json_text(object, "cause", block->cause);
    api_json_text(object, "dnsbl", block->dnsbl);
    api_json_text(object, "reply", block->reply);
    api_json_text(object, "sentence", block->sentence);
    api_json_count(object, "recipients", block->recipients);
    api_json_time(object, "since_unix_ms", block->since_unix_ms);
    api_json_time(object, "probe_unix_ms", block->probe_unix_ms);
    return object;
}

json_t *api_rows_freeze(const struct api_freeze *freeze)
{
    json_t *object = api_json_object();

    api_json_text(object, "kind", freeze->kind);
    api_json_text(object, "name", freeze->name);
    api_json_text(object, "why", freeze->why);
    api_json_text(object, "by", freeze->by);
    api_json_time(object, "since_unix_ms", freeze->since_unix_ms);
    api_json_time(object, "until_unix_ms", freeze->until_unix_ms);
    return object;
}

json_t *api_rows_user(const struct api_user *user)
{
    json_t *object = api_json_object();

    api_json_text(object, "name", user->name);
    api_json_text(object, "state", user->state);
    api_json_text(object, "reason", user->reason);
    api_json_words(object, "streams", user->streams);
    api_json_words(object, "from", user->from);
    api_json_words(object, "networks", user->networks);
    api_json_bool(object, "has_password", user->has_password);
    api_json_count(object, "tokens", user->tokens);
    api_json_count(object, "certificates", user->certificates);
    api_json_count(object, "priority_low", user->priority_low);
    api_json_count(object, "priority_high", user->priority_high);
    api_json_count(object, "max_message_bytes", user->max_message_bytes);
    api_json_count(object, "per_minute", user->per_minute);
    api_json_count(object, "per_hour", user->per_hour);
    api_json_count(object, "per_day", user->per_day);
    api_json_count(object, "used_minute", user->used_minute);
    api_json_count(object, "used_hour", user->used_hour);
    api_json_count(object, "used_day", user->used_day);
    return object;
}

json_t *api_rows_plan(const struct api_plan_row *row)
{
    json_t *object = api_json_object();

    api_json_count(object, "day", row->day);
    api_json_text(object, "site", row->site);
    api_json_count(object, "leaves", row->leaves);
    api_json_count(object, "expires", row->expires);
    api_json_count(object, "left", row->left);
    api_json_text(object, "limit", row->limit);
    return object;
}

json_t *api_rows_warmup(const struct api_warmup *warmup)
{
    json_t *object = api_json_object();

    api_json_text(object, "source", warmup->source);
    api_json_text(object, "site", warmup->site);
    api_json_text(object, "ramp", warmup->ramp);
    api_json_text(object, "state", warmup->state);
    api_json_text(object, "preflight", warmup->preflight);
    api_json_text(object, "findings", warmup->findings);
    api_json_text(object, "evidence", warmup->evidence);
    api_json_text(object, "verdict", warmup->verdict);
    api_json_count(object, "day", warmup->day);
    api_json_count(object, "days", warmup->days);
    api_json_count(object, "cap", warmup->cap);
    api_json_count(object, "released", warmup->released);
    api_json_count(object, "sent", warmup->sent);
    api_json_count(object, "waiting", warmup->waiting);
    api_json_time(object, "next_unix_ms", warmup->next_unix_ms);
    api_json_time(object, "day_end_unix_ms", warmup->day_end_unix_ms);
    return object;
}

json_t *api_rows_recipient(const struct api_queue_row *row)
{
    json_t *object = api_json_object();

    api_json_text(object, "id", row->id);
    api_json_text(object, "sender", row->sender);
    api_json_text(object, "recipient", row->recipient);
    api_json_text(object, "domain", row->domain);
    api_json_text(object, "site", row->site);
    api_json_text(object, "source", row->source);
    api_json_text(object, "stream", row->stream);
    api_json_text(object, "user", row->user);
    api_json_text(object, "client", row->client);
    api_json_text(object, "job", row->job);
    api_json_text(object, "subject", row->subject);
    api_json_text(object, "state", api_filter_state_name(row->state));
    api_json_count(object, "priority", row->priority);
    api_json_count(object, "attempts", row->attempts);
    api_json_count(object, "size_bytes", row->size_bytes);
    api_json_time(object, "accepted_unix_ms", row->accepted_unix_ms);
    api_json_time(object, "next_unix_ms", row->next_unix_ms);
    api_json_time(object, "expires_unix_ms", row->expires_unix_ms);
    api_json_text(object, "gate", row->gate);
    api_json_text(object, "reply", row->reply);
    api_json_text(object, "class", row->class_name);
    api_json_text(object, "held_by", row->held_by);
    return object;
}

json_t *api_rows_message(const struct api_message *message)
{
    json_t *object = api_json_object();

    api_json_text(object, "id", message->id);
    api_json_text(object, "sender", message->sender);
    api_json_text(object, "stream", message->stream);
    api_json_text(object, "user", message->user);
    api_json_text(object, "client", message->client);
    api_json_text(object, "job", message->job);
    api_json_text(object, "subject", message->subject);
    api_json_text(object, "message_id", message->message_id);
    api_json_count(object, "priority", message->priority);
    api_json_count(object, "size_bytes", message->size_bytes);
    api_json_time(object, "accepted_unix_ms", message->accepted_unix_ms);
    api_json_time(object, "expires_unix_ms", message->expires_unix_ms);
    return object;
}

json_t *api_rows_attempt(const struct api_attempt *attempt)
{
    json_t *object = api_json_object();

    api_json_text(object, "recipient", attempt->recipient);
    api_json_text(object, "source", attempt->source);
    api_json_text(object, "source_address", attempt->source_address);
    api_json_text(object, "host", attempt->host);
    api_json_text(object, "address", attempt->address);
    api_json_text(object, "tls", attempt->tls);
    api_json_text(object, "outcome", attempt->outcome);
    api_json_text(object, "stage", attempt->stage);
    api_json_text(object, "reply", attempt->reply);
    api_json_text(object, "class", attempt->class_name);
    api_json_text(object, "scope", attempt->scope);
    api_json_text(object, "dnsbl", attempt->dnsbl);
    api_json_time(object, "start_unix_ms", attempt->start_unix_ms);
    api_json_count(object, "took_ms",
                   attempt->took_ms > 0 ? (uint64_t)attempt->took_ms : 0);
    return object;
}

json_t *api_rows_why(const struct api_why *why)
{
    json_t *object = api_json_object();

    api_json_text(object, "subject", why->subject);
    api_json_text(object, "stream", why->stream);
    api_json_text(object, "source", why->source);
    api_json_text(object, "site", why->site);
    api_json_text(object, "holds", why->holds);
    api_json_text(object, "sentence", why->sentence);
    api_json_count(object, "recipients", why->recipients);
    api_json_time(object, "opens_unix_ms", why->opens_unix_ms);
    return object;
}

json_t *api_rows_gate(const struct api_gate *gate)
{
    json_t *object = api_json_object();

    api_json_text(object, "name", gate->name);
    api_json_text(object, "state", gate_state_name(gate->state));
    api_json_text(object, "value", gate->value);
    api_json_text(object, "limit", gate->limit);
    api_json_text(object, "owner", gate->owner);
    api_json_text(object, "reply", gate->reply);
    api_json_time(object, "since_unix_ms", gate->since_unix_ms);
    api_json_time(object, "opens_unix_ms", gate->opens_unix_ms);
    return object;
}

json_t *api_rows_journal(const struct api_journal_row *row)
{
    json_t *object = api_json_object();

    api_json_time(object, "unix_ms", row->unix_ms);
    api_json_text(object, "actor", row->actor);
    api_json_text(object, "kind", row->kind);
    api_json_text(object, "subject", row->subject);
    api_json_text(object, "before", row->before);
    api_json_text(object, "after", row->after);
    api_json_text(object, "evidence", row->evidence);
    api_json_time(object, "until_unix_ms", row->until_unix_ms);
    return object;
}

json_t *api_rows_summary(const struct api_summary_row *row)
{
    json_t *object = api_json_object();

    api_json_text(object, "group", row->group);
    api_json_text(object, "what", row->what);
    api_json_text(object, "name", row->name);
    api_json_count(object, "count", row->count);
    return object;
}
