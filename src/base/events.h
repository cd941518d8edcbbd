/*
 * events: what the log tells that somebody may act on or search for, each with an identity for ever.
 *
 * The one table of them. An entry of an event (log_event(), log.h) carries its MESSAGE_ID and at least
 * its fields; the journal's catalogue (snapkeep.catalog, `journalctl -x`) and the manual are made from
 * its texts or compared with them. A new event takes a new id (systemd-id128 new), and an id that was
 * in a release is never given to another.
 *
 * What stands for a while (a doubt, a finding) has one event for its begin and its end, which
 * SNAPKEEP_STATE tells apart: "begun", "over". Those are found by the word in SNAPKEEP_REASON.
 */
#pragma once

#include <stdint.h>

enum log_event {
        LOG_EVENT_SNAPSHOT_TAKEN,
        LOG_EVENT_SNAPSHOT_FAILED,
        LOG_EVENT_DELETION_BEGINS,
        LOG_EVENT_SNAPSHOT_DELETED,
        LOG_EVENT_DELETION_FAILED,
        LOG_EVENT_FAILURE_OVER,
        LOG_EVENT_SNAPSHOT_VANISHED,
        LOG_EVENT_SNAPSHOT_UNLISTED,
        LOG_EVENT_DISK_GONE,
        LOG_EVENT_SUBSCRIPTION_UNREADABLE,
        LOG_EVENT_SUBSCRIPTION_READABLE,
        LOG_EVENT_SUBSCRIPTION_UNPLANNED,
        LOG_EVENT_TOKEN_FAILED,
        LOG_EVENT_TOKEN_AGAIN,
        LOG_EVENT_KEY,
        LOG_EVENT_LATE,
        LOG_EVENT_CHAIN_LONG,
        LOG_EVENT_CHAIN_CRITICAL,
        LOG_EVENT_DOUBT_CLOCK,
        LOG_EVENT_DOUBT_LISTING,
        LOG_EVENT_DOUBT_TARGETS,
        LOG_EVENT_DOUBT_STALE,
        LOG_EVENT_DOUBT_POLICY,
        LOG_EVENT_DOUBT_MASS,
        LOG_EVENT_DOUBT_PEER,
        LOG_EVENT_DOUBT_INTERNAL,
        LOG_EVENT_INVARIANT_BROKEN,
        LOG_EVENT_PAUSED,
        LOG_EVENT_ALL_PAUSED,
        LOG_EVENT_ASK,
        LOG_EVENT_MISTAKEN,
        LOG_EVENT_UNCLAIMED,
        LOG_EVENT_FUTURE,
        LOG_EVENT_DISK_MISSING,
        LOG_EVENT_NO_ATTEMPT,
        LOG_EVENT_NO_GENERATION,
        LOG_EVENT_NO_SNAPSHOT,
        LOG_EVENT_MOVED,
        LOG_EVENT_GONE,
        LOG_EVENT_DEFERRED,
        LOG_EVENT_ORDER,
        LOG_EVENT_ORDER_FAILED,
        LOG_EVENT_SNAPSHOT_HELD,
        LOG_EVENT_SNAPSHOT_RELEASED,
        LOG_EVENT_SNAPSHOT_ADOPTED,
        LOG_EVENT_BACKUP_TAKEN,
        LOG_EVENT_PAUSE_OVER,
        LOG_EVENT_RETIRE_OVER,
        LOG_EVENT_STATE_UNWRITABLE,
        LOG_EVENT_STATE_WRITABLE,
        LOG_EVENT_STATE_FORGOTTEN,
        LOG_EVENT_STARTED,
        LOG_EVENT_CANNOT_START,
        LOG_EVENT_STOPPING,
        LOG_EVENT_ROUND_OVER,
        LOG_EVENT_POLICY_FAULT,
        LOG_EVENT_POLICY_RELOADED,
        LOG_EVENT_RELOAD_FAILED,
        LOG_EVENT_PRUNE_OFF,
        LOG_EVENT_NO_STATE,
        LOG_EVENT_NO_CONNECTIONS,
        LOG_EVENT_BUS_NAMED,
        LOG_EVENT_BUS_REFUSED,
        LOG_EVENT_BUS_LOST,
        LOG_EVENT_STUCK,
        LOG_EVENT_CLOCK_STEPPED,
        LOG_EVENT_METRICS_UNWRITABLE,
        LOG_EVENT_METRICS_WRITABLE,
        LOG_EVENT_HEARTBEAT_FAILED,
        LOG_EVENT_HEARTBEAT_AGAIN,
        _LOG_EVENT_N,
};

struct event_entry {
        const char *id;   /* MESSAGE_ID: 32 hexadecimal digits */
        const char *name; /* a word; of what stands for a while, its SNAPKEEP_REASON */
        uint32_t fields;  /* LOG_BIT() of those that each entry has; it may have more */
        const char *subject;
        /* Sentences, in which @FIELD@ stands for the entry's. */
        const char *cause, *effect, *remedy;
};

const struct event_entry *event_entry(enum log_event event);
/* By its name; NULL when there is none. */
const struct event_entry *event_find(const char *name);
