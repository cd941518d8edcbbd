/*
 * manager: the daemon's control interface, org.snapkeep1.Manager on the system's D-Bus.
 *
 * Reading is for everyone, acting for root and the group snapkeep; the bus decides it by
 * org.snapkeep1.conf, method by method. systemd/org.snapkeep1.Manager.xml is the interface in D-Bus's
 * own words, and the manual of who calls it from another language.
 */
#pragma once

#include "runtime/bus.h"
#include "snapkeepd/host.h"

struct engine;
struct manager;

/* Indices of manager_interface.methods. */
enum manager_method {
        MANAGER_STATUS,
        MANAGER_LIST_SERIES,
        MANAGER_LIST_DOUBTS,
        MANAGER_LIST_SNAPSHOTS,
        MANAGER_LIST_CHAINS,
        MANAGER_PLAN,
        MANAGER_RETIRE_PLAN,
        MANAGER_ORDER,
        MANAGER_ACK,
        MANAGER_APPLY,
        MANAGER_PAUSE,
        MANAGER_RESUME,
        MANAGER_RETIRE,
        MANAGER_HOLD,
        MANAGER_RELEASE,
        MANAGER_ADOPT,
        MANAGER_BACKUP,
        MANAGER_RELOAD,
        _MANAGER_METHOD_N,
};

extern const struct bus_interface manager_interface;

/* Names of refusals, behind MANAGER_ERRORS. */
#define MANAGER_ERRORS "org.snapkeep1.Error."
#define MANAGER_E_UNKNOWN "Unknown"
#define MANAGER_E_CHANGED "Changed"
#define MANAGER_E_SELECTED "Selected"
#define MANAGER_E_NOT_READ "NotRead"
#define MANAGER_E_POLICY "Policy"   /* Reload: the new one is wrong, the old one stays */
#define MANAGER_E_INVALID "Invalid" /* an argument is none */
#define MANAGER_E_AMBIGUOUS "Ambiguous"
#define MANAGER_E_NOT_OURS "NotOurs"
#define MANAGER_E_DELETING "Deleting"
#define MANAGER_E_BUSY "Busy"
/* Adopt: why it cannot be ours */
#define MANAGER_E_OURS "AlreadyOurs"
#define MANAGER_E_FULL "NotIncremental"
#define MANAGER_E_INCOMPLETE "NotComplete"
#define MANAGER_E_UNMANAGED "Unmanaged"
#define MANAGER_E_POLICIES "SeveralPolicies"
#define MANAGER_E_GROUP "OtherGroup"
#define MANAGER_E_SLOT "SameInstant"
#define MANAGER_E_BURST "TooSoon"
#define MANAGER_E_CHAIN "ChainFull"
#define MANAGER_E_PAUSED "Paused"

/* Reads the policy again. Returns 0, or 1 with the reason in @why when the old one stays in force, or a
 * negative errno. */
typedef int (*manager_reload_fn)(struct strbuf *why, void *data);

/* Serves from the next turn on, whether a bus is there or not. Returns 0 or a negative errno. */
int manager_new(struct host *host, manager_reload_fn reload, void *data,
                struct manager **ret_manager);
struct manager *manager_free(struct manager *manager);
DEFINE_CLEANUP(struct manager *, manager_free)

/* From now on it speaks of this engine and policy, borrowed until the next call. NULL for both: there
 * is none any more, and every call is refused. */
void manager_serve(struct manager *manager, struct engine *engine, const struct policy_file *file);

/* Whether the policy file was refused at the last reload. */
void manager_refuse(struct manager *manager, bool refused);

/* Tells those who listen which properties have changed since the last look. */
void manager_look(struct manager *manager);
