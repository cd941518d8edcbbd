#include "snapkeepd/manager.h"

#include "base/str.h"
#include "engine/engine.h"
#include "snapkeep-config.h"
#include "snapkeepd/answers.h"

#include <errno.h>
#include <string.h>

#define TICKS_PER_USEC (TICKS_PER_SEC / 1000000)

struct manager {
        struct bus *bus;
        struct host *host;
        manager_reload_fn reload;
        void *data;
        struct engine *engine;
        const struct policy_file *file;
        bool refused;
        /* What was told last. */
        char *summary;
        size_t n_doubts;
        enum health health;
};

static struct answer_source manager_source(const struct manager *manager) {
        return (struct answer_source){
                .engine = manager->engine,
                .file = manager->file,
                .refused = manager->refused,
        };
}

/* ---- reading ---- */

static int on_status(struct bus_call *call, void *data) {
        struct answer_source source = manager_source(data);

        answer_status(&source, &call->text);
        return 0;
}

static int on_list_series(struct bus_call *call, void *data) {
        struct answer_source source = manager_source(data);

        answer_series(&source, call->in[0].number, call->in[1].number, &call->text);
        return 0;
}

static int on_list_doubts(struct bus_call *call, void *data) {
        struct answer_source source = manager_source(data);

        answer_doubts(&source, call->in[0].number, call->in[1].number, &call->text);
        return 0;
}

static int on_list_snapshots(struct bus_call *call, void *data) {
        struct answer_source source = manager_source(data);

        return answer_snapshots(&source, call->in[0].number, call->in[1].number, &call->text);
}

static int on_list_chains(struct bus_call *call, void *data) {
        struct answer_source source = manager_source(data);
        int r;

        r = answer_chains(&source, call->in[0].string, call->in[1].number, call->in[2].number,
                          &call->text);
        switch (r) {
        case ENGINE_E_UNKNOWN:
                return bus_refuse(call, MANAGER_E_UNKNOWN,
                                  "no such disk is in the subscriptions that the policy names");
        case ENGINE_E_NOT_READ:
                return bus_refuse(call, MANAGER_E_NOT_READ,
                                  "no such disk is in what could be read, and not all could; "
                                  "\"snapkeepctl status\" tells more");
        case ENGINE_E_AMBIGUOUS:
                return bus_refuse(call, MANAGER_E_AMBIGUOUS,
                                  "more than %d disks have this name; give GROUP/NAME or the whole "
                                  "ARM id",
                                  ANSWER_CHAINS_MAX);
        case ENGINE_E_INVALID:
                return bus_refuse(call, MANAGER_E_INVALID,
                                  "a disk is given as NAME, GROUP/NAME or its whole ARM id");
        }
        return r;
}

static int on_plan(struct bus_call *call, void *data) {
        struct answer_source source = manager_source(data);

        return answer_plan(&source, call->in[0].number, call->in[1].number, &call->text);
}

static int on_order(struct bus_call *call, void *data) {
        struct answer_source source = manager_source(data);

        if (answer_order(&source, call->in[0].string, &call->text))
                return 0;
        return bus_refuse(call, MANAGER_E_UNKNOWN,
                          "there is no such order; it may be over for long, or the daemon was "
                          "restarted or reloaded since");
}

/* ---- acting ---- */

/* An outcome of the engine's acting calls, as the answer. @what is the noun of the argument. */
static int outcome(struct manager *manager, struct bus_call *call, int r, const char *what) {
        switch (r) {
        case ENGINE_E_UNKNOWN:
                return bus_refuse(call, MANAGER_E_UNKNOWN, "there is no such %s", what);
        case ENGINE_E_CHANGED:
                return bus_refuse(call, MANAGER_E_CHANGED,
                                  "it is not what this hash stands for any more: look again, and "
                                  "say the hash of that");
        case ENGINE_E_SELECTED:
                return bus_refuse(call, MANAGER_E_SELECTED,
                                  "policies and targets of the policy file still select this "
                                  "generation, and nothing of ours in it is unclaimed but what "
                                  "is held, or its policy made in a subscription that the disk "
                                  "was moved from; what a policy has goes by its keep");
        case ENGINE_E_NOT_READ:
                return bus_refuse(call, MANAGER_E_NOT_READ,
                                  "not every subscription was read yet, so nobody can say what "
                                  "this would do");
        }
        if (r == 0)
                manager_look(manager);
        return r;
}

static int refuse_adoption(struct bus_call *call, int r) {
        switch (r) {
        case ENGINE_E_OURS:
                return bus_refuse(call, MANAGER_E_OURS, "this snapshot is ours already");
        case ENGINE_E_FULL:
                return bus_refuse(call, MANAGER_E_FULL,
                                  "this snapshot is a full one; only incremental ones can be ours");
        case ENGINE_E_INCOMPLETE:
                return bus_refuse(call, MANAGER_E_INCOMPLETE,
                                  "this snapshot is not complete, or is dated in the future");
        case ENGINE_E_UNMANAGED:
                return bus_refuse(
                        call, MANAGER_E_UNMANAGED,
                        "it is of no disk that the policy selects: of another generation, "
                        "of another region, or of one that no target finds");
        case ENGINE_E_POLICIES:
                return bus_refuse(call, MANAGER_E_POLICIES,
                                  "several policies select its disk; say under which it is to be");
        case ENGINE_E_GROUP:
                return bus_refuse(call, MANAGER_E_GROUP,
                                  "it is not in the snapshot_group of the policy, and what is "
                                  "elsewhere is never deleted");
        }
        return bus_refuse(call, MANAGER_E_SLOT, "there is one of ours of the same second already");
}

/* The same of orders about a snapshot. */
static int order_outcome(struct manager *manager, struct bus_call *call, int r) {
        switch (r) {
        case ENGINE_E_UNKNOWN:
                return bus_refuse(call, MANAGER_E_UNKNOWN,
                                  "there is no such snapshot in what was last read of Azure");
        case ENGINE_E_NOT_READ:
                return bus_refuse(call, MANAGER_E_NOT_READ,
                                  "not every subscription was read yet, so nobody can say which "
                                  "snapshot that is");
        case ENGINE_E_AMBIGUOUS:
                return bus_refuse(call, MANAGER_E_AMBIGUOUS,
                                  "several snapshots have this name; give the whole ARM id");
        case ENGINE_E_NOT_OURS:
                return bus_refuse(call, MANAGER_E_NOT_OURS,
                                  "this snapshot is not ours, and what is not ours is never "
                                  "changed");
        case ENGINE_E_LEAVING:
                return bus_refuse(call, MANAGER_E_DELETING,
                                  "this snapshot is being deleted, and nothing can stop it");
        case ENGINE_E_BUSY:
                return bus_refuse(call, MANAGER_E_BUSY,
                                  "another order about this snapshot is under way, or too many "
                                  "are; try again");
        case ENGINE_E_INVALID:
                return bus_refuse(call, MANAGER_E_INVALID,
                                  "a snapshot is given as NAME, GROUP/NAME or its whole ARM id; a "
                                  "reason has 1 to 256 bytes and no control characters");
        }
        if (r == 0)
                return 0;
        return r >= ENGINE_E_OURS ? refuse_adoption(call, r)
                                  : outcome(manager, call, r, "snapshot");
}

static int on_ack(struct bus_call *call, void *data) {
        struct manager *manager = data;

        return outcome(manager, call, engine_ack(manager->engine, call->in[0].string, call->who),
                       "doubt or question to accept; it may have ended");
}

static int on_apply(struct bus_call *call, void *data) {
        struct manager *manager = data;

        return outcome(manager, call, engine_apply(manager->engine, call->in[0].string, call->who),
                       "plan");
}

static int on_pause(struct bus_call *call, void *data) {
        struct manager *manager = data;
        uint64_t usec = call->in[1].number;
        struct utc until = UTC_NEVER;

        if (usec > 0) {
                if (usec > (uint64_t)UTC_MAX_SECONDS * 1000000)
                        return bus_refuse(call, MANAGER_E_INVALID,
                                          "the end of the pause is beyond the year 9999");
                until = (struct utc){(int64_t)usec * TICKS_PER_USEC};
                if (until.ticks <= engine_now(manager->engine).ticks)
                        return bus_refuse(call, MANAGER_E_INVALID,
                                          "the end of the pause has passed already");
        }
        return outcome(manager, call,
                       engine_pause(manager->engine, call->in[0].boolean, until, call->who),
                       "pause");
}

static int on_resume(struct bus_call *call, void *data) {
        struct manager *manager = data;

        return outcome(manager, call, engine_resume(manager->engine, call->who), "pause");
}

/* Azure writes GUIDs in either case, and people copy them from there. */
static int read_generation(const char *text, char ret_generation[static GUID_TEXT_SIZE]) {
        if (strlen(text) != GUID_TEXT_SIZE - 1)
                return ENGINE_E_UNKNOWN;
        stpcpy(ret_generation, text);
        str_lower(ret_generation);
        return 0;
}

static int on_retire_plan(struct bus_call *call, void *data) {
        struct manager *manager = data;
        char hash[ENGINE_HASH_SIZE], generation[GUID_TEXT_SIZE];
        size_t n;
        int r;

        r = read_generation(call->in[0].string, generation);
        r = r ?: engine_retire_plan(manager->engine, generation, &n, hash);
        if (r != 0)
                return outcome(manager, call, r, "generation with snapshots of ours");
        call->number = n;
        strbuf_append_str(&call->text, hash);
        return 0;
}

static int on_retire(struct bus_call *call, void *data) {
        struct manager *manager = data;
        char generation[GUID_TEXT_SIZE];
        int r;

        r = read_generation(call->in[0].string, generation);
        r = r ?: engine_retire(manager->engine, generation, call->in[1].string, call->who);
        return outcome(manager, call, r, "generation with snapshots of ours");
}

static int on_hold(struct bus_call *call, void *data) {
        struct manager *manager = data;
        char order[ENGINE_HASH_SIZE] = "";
        int r;

        r = engine_hold(manager->engine, call->in[0].string, call->in[1].string, call->who, order);
        strbuf_append_str(&call->text, order);
        return order_outcome(manager, call, r);
}

static int on_release(struct bus_call *call, void *data) {
        struct manager *manager = data;
        char order[ENGINE_HASH_SIZE] = "";
        int r;

        r = engine_release(manager->engine, call->in[0].string, call->who, order);
        strbuf_append_str(&call->text, order);
        return order_outcome(manager, call, r);
}

static int on_adopt(struct bus_call *call, void *data) {
        struct manager *manager = data;
        char order[ENGINE_HASH_SIZE] = "";
        int r;

        r = engine_adopt(manager->engine, call->in[0].string, call->in[1].string, call->who, order);
        strbuf_append_str(&call->text, order);
        return order_outcome(manager, call, r);
}

static int on_backup(struct bus_call *call, void *data) {
        struct manager *manager = data;
        char order[ENGINE_HASH_SIZE] = "";
        int r;

        r = engine_backup(manager->engine, call->in[0].string,
                          (int64_t)MIN(call->in[1].number, (uint64_t)INT64_MAX), call->in[2].string,
                          call->in[3].string, call->who, order);
        strbuf_append_str(&call->text, order);
        switch (r) {
        case ENGINE_E_UNKNOWN:
                return bus_refuse(call, MANAGER_E_UNKNOWN,
                                  "no such disk is in what was last read of Azure");
        case ENGINE_E_NOT_READ:
                return bus_refuse(call, MANAGER_E_NOT_READ,
                                  "not every subscription was read yet, so nobody can say which "
                                  "disk that is");
        case ENGINE_E_BUSY:
                return bus_refuse(call, MANAGER_E_BUSY,
                                  "another backup of this disk was ordered within this minute, or "
                                  "too many orders are under way; try again");
        case ENGINE_E_AMBIGUOUS:
                return bus_refuse(call, MANAGER_E_AMBIGUOUS,
                                  "several disks have this name; give the whole ARM id");
        case ENGINE_E_UNMANAGED:
                return bus_refuse(call, MANAGER_E_UNMANAGED,
                                  "the policy, or any, does not select this disk, or it cannot be "
                                  "snapshotted");
        case ENGINE_E_BURST:
                return bus_refuse(call, MANAGER_E_BURST,
                                  "too many snapshots of this disk are of late or under way; try "
                                  "again in five minutes");
        case ENGINE_E_PAUSED:
                return bus_refuse(call, MANAGER_E_PAUSED,
                                  "everything is paused; \"snapkeepctl resume\" ends that");
        case ENGINE_E_CHAIN:
                return bus_refuse(call, MANAGER_E_CHAIN,
                                  "the chain of this disk has the 500 snapshots that Azure allows");
        case ENGINE_E_INVALID:
                return bus_refuse(call, MANAGER_E_INVALID,
                                  "a disk is given as NAME, GROUP/NAME or its whole ARM id; it is "
                                  "kept from an hour to ten years; a reason has 1 to 256 bytes and "
                                  "no control characters");
        }
        return order_outcome(manager, call, r);
}

static int on_reload(struct bus_call *call, void *data) {
        _cleanup_(strbuf_deinit) struct strbuf why = {};
        struct manager *manager = data;
        int r;

        log_tell(manager->host->log, LOG_LEVEL_NOTICE, LOG_EVENT_ORDER,
                 "%s asks to reload the policy", call->who);
        r = manager->reload(&why, manager->data);
        if (r > 0)
                return bus_refuse(call, MANAGER_E_POLICY,
                                  "the new policy is wrong and the old one stays in force: %s",
                                  strbuf_str(&why));
        return r;
}

/* ---- properties ---- */

static int get_version(struct strbuf *text, uint32_t *number, void *data) {
        strbuf_append_str(text, SNAPKEEP_VERSION);
        return 0;
}

static int get_summary(struct strbuf *text, uint32_t *number, void *data) {
        struct manager *manager = data;

        engine_summary(manager->engine, text);
        return 0;
}

static int get_n_doubts(struct strbuf *text, uint32_t *number, void *data) {
        struct answer_source source = manager_source(data);

        *number = (uint32_t)answer_n_doubts(&source);
        return 0;
}

static int get_health(struct strbuf *text, uint32_t *number, void *data) {
        struct answer_source source = manager_source(data);

        strbuf_append_str(text, health_name(answer_health(&source)));
        return 0;
}

static const struct bus_method methods[] = {
        [MANAGER_STATUS] =
                {.name = "Status", .in = "", .out = "s", .names = "json\0", .run = on_status},
        [MANAGER_LIST_SERIES] = {.name = "ListSeries",
                                 .in = "uu",
                                 .out = "s",
                                 .names = "offset\0count\0json\0",
                                 .run = on_list_series},
        [MANAGER_LIST_DOUBTS] = {.name = "ListDoubts",
                                 .in = "uu",
                                 .out = "s",
                                 .names = "offset\0count\0json\0",
                                 .run = on_list_doubts},
        [MANAGER_LIST_SNAPSHOTS] = {.name = "ListSnapshots",
                                    .in = "uu",
                                    .out = "s",
                                    .names = "offset\0count\0json\0",
                                    .run = on_list_snapshots},
        [MANAGER_LIST_CHAINS] = {.name = "ListChains",
                                 .in = "suu",
                                 .out = "s",
                                 .names = "disk\0offset\0count\0json\0",
                                 .run = on_list_chains},
        [MANAGER_PLAN] = {.name = "Plan",
                          .in = "uu",
                          .out = "s",
                          .names = "offset\0count\0json\0",
                          .run = on_plan},
        [MANAGER_RETIRE_PLAN] = {.name = "RetirePlan",
                                 .in = "s",
                                 .out = "ts",
                                 .names = "generation\0snapshots\0hash\0",
                                 .run = on_retire_plan},
        [MANAGER_ORDER] =
                {.name = "Order", .in = "s", .out = "s", .names = "order\0json\0", .run = on_order},
        [MANAGER_ACK] = {.name = "Ack",
                         .in = "s",
                         .out = "",
                         .names = "hash\0",
                         .acts = true,
                         .run = on_ack},
        [MANAGER_APPLY] = {.name = "Apply",
                           .in = "s",
                           .out = "",
                           .names = "hash\0",
                           .acts = true,
                           .run = on_apply},
        [MANAGER_PAUSE] = {.name = "Pause",
                           .in = "bt",
                           .out = "",
                           .names = "all\0until_usec\0",
                           .acts = true,
                           .run = on_pause},
        [MANAGER_RESUME] = {.name = "Resume",
                            .in = "",
                            .out = "",
                            .names = "",
                            .acts = true,
                            .run = on_resume},
        [MANAGER_RETIRE] = {.name = "Retire",
                            .in = "ss",
                            .out = "",
                            .names = "generation\0hash\0",
                            .acts = true,
                            .run = on_retire},
        [MANAGER_HOLD] = {.name = "Hold",
                          .in = "ss",
                          .out = "s",
                          .names = "snapshot\0reason\0order\0",
                          .acts = true,
                          .run = on_hold},
        [MANAGER_RELEASE] = {.name = "Release",
                             .in = "s",
                             .out = "s",
                             .names = "snapshot\0order\0",
                             .acts = true,
                             .run = on_release},
        [MANAGER_ADOPT] = {.name = "Adopt",
                           .in = "ss",
                           .out = "s",
                           .names = "snapshot\0policy\0order\0",
                           .acts = true,
                           .run = on_adopt},
        [MANAGER_BACKUP] = {.name = "Backup",
                            .in = "stss",
                            .out = "s",
                            .names = "disk\0keep_sec\0reason\0policy\0order\0",
                            .acts = true,
                            .run = on_backup},
        [MANAGER_RELOAD] = {.name = "Reload",
                            .in = "",
                            .out = "",
                            .names = "",
                            .acts = true,
                            .run = on_reload},
};
_Static_assert(ARRAY_SIZE(methods) == _MANAGER_METHOD_N, "every method has its row");

static const struct bus_property properties[] = {
        {.name = "Version", .type = 's', .constant = true, .get = get_version},
        {.name = "Summary", .type = 's', .get = get_summary},
        {.name = "NDoubts", .type = 'u', .get = get_n_doubts},
        {.name = "Health", .type = 's', .get = get_health},
};

const struct bus_interface manager_interface = {
        .service = "org.snapkeep1",
        .path = "/org/snapkeep1",
        .name = "org.snapkeep1.Manager",
        .errors = MANAGER_ERRORS,
        .methods = methods,
        .n_methods = ARRAY_SIZE(methods),
        .properties = properties,
        .n_properties = ARRAY_SIZE(properties),
};

/* ---- life ---- */

int manager_new(struct host *host, manager_reload_fn reload, void *data,
                struct manager **ret_manager) {
        _cleanup_(manager_freep) struct manager *manager = calloc(1, sizeof(*manager));
        int r;

        if (!manager)
                return -ENOMEM;
        manager->host = host;
        manager->reload = reload;
        manager->data = data;
        manager->health = HEALTH_UNKNOWN;
        r = bus_new(host->loop, host->log, &manager_interface, manager, &manager->bus);
        if (r < 0)
                return r;
        *ret_manager = take_ptr(manager);
        return 0;
}

struct manager *manager_free(struct manager *manager) {
        if (!manager)
                return NULL;
        bus_free(manager->bus);
        free(manager->summary);
        free(manager);
        return NULL;
}

void manager_refuse(struct manager *manager, bool refused) {
        manager->refused = refused;
}

void manager_serve(struct manager *manager, struct engine *engine, const struct policy_file *file) {
        manager->engine = engine;
        manager->file = file;
        if (!engine)
                bus_hush(manager->bus);
}

void manager_look(struct manager *manager) {
        struct answer_source source = manager_source(manager);
        const char *changed[ARRAY_SIZE(properties) + 1] = {};
        enum health health = answer_health(&source);
        size_t n_doubts = answer_n_doubts(&source), n = 0;
        struct strbuf summary = {};
        char *text;

        engine_summary(manager->engine, &summary);
        if (strbuf_take(&summary, &text) < 0)
                text = NULL; /* told at the next look */
        if (text && (!manager->summary || strcmp(text, manager->summary) != 0))
                changed[n++] = "Summary";
        if (n_doubts != manager->n_doubts)
                changed[n++] = "NDoubts";
        if (health != manager->health)
                changed[n++] = "Health";

        free(manager->summary);
        manager->summary = text;
        manager->n_doubts = n_doubts;
        manager->health = health;
        bus_changed(manager->bus, changed);
}
