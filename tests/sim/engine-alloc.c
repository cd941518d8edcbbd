/*
 * Memory runs out under the engine: each allocation that it, azure, core or base makes in a round
 * fails once, alone or with those that follow. It must not crash, must leak nothing, must delete
 * nothing that is to stay, and with memory back the round must come right.
 *
 *         engine-alloc [--stride N] [--story NAME]
 *
 * With a stride every N-th fails, and whatever the stride the first that each way of calls leads to:
 * what is allocated once in a life would be missed by all strides but 1.
 *
 * The linker puts our functions in place of the allocator's (--wrap). Only what is asked for while
 * code of the engine runs is counted and fails: every way from the simulation into the engine and
 * back passes through here. Losing memory in base's or the simulation's own hands is another test's.
 */
#include "base/macros.h"
#include "base/sha256.h"
#include "base/strbuf.h"
#include "config/diagnostics.h"
#include "config/policy_reader.h"
#include "engine/engine.h"
#include "sim/network.h"
#include "sim/random.h"
#include "sim/service.h"
#include "sim/store.h"
#include "sim/time.h"
#include "sim/trace.h"
#include "sim/zones.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <execinfo.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Many that fail in a row fail for so long at most: a daemon that cannot even start asks for little. */
#define FAMINE_MINUTES 3
#define FAMINE_ALLOCATIONS 400
#define MINUTE_NS (60 * NSEC_PER_SEC)
/* So many of the calls that lead to an allocation tell one way from another. */
#define WAY_DEPTH 24
#define WAYS_MAX 16384
/* 2026-11-02T00:00:00Z, a Monday. */
#define START_S INT64_C(1793577600)

/* ---- the allocator ---- */

static struct {
        bool inside;          /* code of the engine runs */
        uint64_t n;           /* asked for there, counted from 1 */
        uint64_t first, last; /* these fail; 0 and 0: none does */
        uint64_t failed;
        int64_t alive; /* allocated and not freed, by whomever */
} heap;

/* The ways that led to allocations, in a table by their hash, while they are noted down. */
static struct {
        bool noted;
        uint64_t hashes[WAYS_MAX]; /* 0: free */
        uint64_t first[WAYS_MAX];  /* the allocations that were the first of theirs, in order */
        size_t n;
} ways;

/* FNV-1a over the return addresses. Where the program lies does not matter: a table is of one run. */
static void way_note(uint64_t allocation) {
        uint64_t hash = UINT64_C(0xcbf29ce484222325);
        void *calls[WAY_DEPTH];
        int n = backtrace(calls, WAY_DEPTH);
        size_t at;

        for (int i = 0; i < n; i++)
                hash = (hash ^ (uintptr_t)calls[i]) * UINT64_C(0x100000001b3);
        hash += hash == 0;
        for (at = hash % WAYS_MAX; ways.hashes[at] != 0; at = (at + 1) % WAYS_MAX)
                if (ways.hashes[at] == hash)
                        return;
        if (ways.n == WAYS_MAX / 2)
                abort();
        ways.hashes[at] = hash;
        ways.first[ways.n++] = allocation;
}

static bool fails(void) {
        if (!heap.inside)
                return false;
        heap.n++;
        if (ways.noted)
                way_note(heap.n);
        if (heap.n < heap.first || heap.n > heap.last)
                return false;
        heap.failed++;
        return true;
}

static void *count(void *memory) {
        heap.alive += memory != NULL;
        return memory;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_reallocarray(void *memory, size_t n, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t n);
void __real_free(void *memory);
EVP_MD_CTX *__real_EVP_MD_CTX_new(void);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_reallocarray(void *memory, size_t n, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t n);
_printf_(2, 3) int __wrap_asprintf(char **ret_text, const char *format, ...);
_printf_(3, 4) int __wrap___asprintf_chk(char **ret_text, int flag, const char *format, ...);
void __wrap_free(void *memory);
EVP_MD_CTX *__wrap_EVP_MD_CTX_new(void);

void *__wrap_malloc(size_t size) {
        return fails() ? NULL : count(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size) {
        return fails() ? NULL : count(__real_calloc(n, size));
}

void *__wrap_realloc(void *memory, size_t size) {
        if (fails())
                return NULL;
        return memory ? __real_realloc(memory, size) : count(__real_realloc(NULL, size));
}

void *__wrap_reallocarray(void *memory, size_t n, size_t size) {
        if (fails())
                return NULL;
        return memory ? __real_reallocarray(memory, n, size)
                      : count(__real_reallocarray(NULL, n, size));
}

char *__wrap_strdup(const char *text) {
        return fails() ? NULL : count(__real_strdup(text));
}

char *__wrap_strndup(const char *text, size_t n) {
        return fails() ? NULL : count(__real_strndup(text, n));
}

/* What a failed one leaves in *ret_text is undefined: nobody may free it. */
static _printf_(2, 0) int print(char **ret_text, const char *format, va_list ap) {
        int r;

        if (fails()) {
                *ret_text = (char *)(uintptr_t)16;
                return -1;
        }
        r = vasprintf(ret_text, format, ap);
        heap.alive += r >= 0;
        return r;
}

int __wrap_asprintf(char **ret_text, const char *format, ...) {
        va_list ap;
        int r;

        va_start(ap, format);
        r = print(ret_text, format, ap);
        va_end(ap);
        return r;
}

/* The same where the compiler fortifies. */
int __wrap___asprintf_chk(char **ret_text, int flag, const char *format, ...) {
        va_list ap;
        int r;

        va_start(ap, format);
        r = print(ret_text, format, ap);
        va_end(ap);
        return r;
}

void __wrap_free(void *memory) {
        heap.alive -= memory != NULL;
        __real_free(memory);
}

/* libcrypto's own memory is out of sight: freed there, not counted here. */
EVP_MD_CTX *__wrap_EVP_MD_CTX_new(void) {
        return fails() ? NULL : __real_EVP_MD_CTX_new();
}

/* ---- the ways in and out ---- */

struct wire {
        struct machine *machine;
        struct wire *next;
        struct transport_call *call;
        transport_done_fn done;
        void *data;
        transport_sink_fn sink;
        void *sink_data;
};

struct machine {
        struct sim *sim;
        struct service *service;
        struct network *network;
        struct sim_zones *zones;
        struct sim_node *node;
        struct network_link *link;
        struct sim_random *random;
        struct sim_store *files;
        struct policy_file *file;

        struct reactor reactor;
        struct transport transport;
        struct store store;
        struct log log;
        struct secrets secrets;
        struct wire *wires; /* calls under way */
        struct machine_run {
                reactor_fn fn;
                void *data;
                struct reactor_source *source; /* NULL: free */
        } runs[4];                             /* the engine's sources */
        struct engine *engine;                 /* NULL while it is dead */

        uint64_t effects;    /* of the journal, looked at */
        const char *bad;     /* what should not have been; NULL: nothing */
        char what[256];      /* and of what */
        const char *retired; /* name of the disk whose snapshots may go to the last, or NULL */
        unsigned alarms;     /* snapshots that were missed */
        size_t lost;         /* of ours by another hand, which a plan may not know of yet */
        unsigned said;       /* of what the operator is to do: how much was taken */
        bool echo;
};

_printf_(3, 4) static void complain(struct machine *m, const char *bad, const char *format, ...) {
        va_list ap;

        if (m->bad)
                return;
        m->bad = bad;
        va_start(ap, format);
        vsnprintf(m->what, sizeof(m->what), format, ap);
        va_end(ap);
}

static void must(int r) {
        if (r != 0) {
                fprintf(stderr, "the test cannot go on: %d\n", r);
                abort();
        }
}

/* Code of the engine runs from here, or no longer; the result is to be given back. */
static bool enter(bool inside) {
        bool was = heap.inside;

        heap.inside = inside;
        return was;
}

static void leave(bool was) {
        heap.inside = was;
}

static void machine_run(enum reactor_reason reason, void *data) {
        struct machine_run *run = data;
        bool was = enter(true);

        run->fn(reason, run->data);
        leave(was);
}

static int source_new(struct reactor *reactor, reactor_fn fn, void *data,
                      struct reactor_source **ret_source) {
        struct machine *m = container_of(reactor, struct machine, reactor);
        struct machine_run *run = m->runs;
        bool was;
        int r;

        if (fails())
                return -ENOMEM;
        was = enter(false);
        while (run->source)
                run++;
        run->fn = fn;
        run->data = data;
        r = reactor_source_new(sim_node_reactor(m->node), machine_run, run, &run->source);
        *ret_source = run->source;
        leave(was);
        return r;
}

static void source_free(struct reactor *reactor, struct reactor_source *source) {
        struct machine *m = container_of(reactor, struct machine, reactor);
        bool was = enter(false);

        for (size_t i = 0; i < ARRAY_SIZE(m->runs); i++)
                if (m->runs[i].source == source)
                        m->runs[i].source = NULL;
        reactor_source_free(sim_node_reactor(m->node), source);
        leave(was);
}

static void schedule(struct reactor *reactor, struct reactor_source *source) {
        struct machine *m = container_of(reactor, struct machine, reactor);
        bool was = enter(false);

        reactor_schedule(sim_node_reactor(m->node), source);
        leave(was);
}

/* These two need no memory in life: a timer is there since it was first armed. */
static int arm_mono(struct reactor *reactor, struct reactor_source *source, struct mono deadline) {
        struct machine *m = container_of(reactor, struct machine, reactor);
        bool was = enter(false);
        int r = reactor_arm_mono(sim_node_reactor(m->node), source, deadline);

        leave(was);
        return r;
}

static int arm_utc(struct reactor *reactor, struct reactor_source *source, struct utc deadline) {
        struct machine *m = container_of(reactor, struct machine, reactor);
        bool was = enter(false);
        int r = reactor_arm_utc(sim_node_reactor(m->node), source, deadline);

        leave(was);
        return r;
}

static void wire_free(struct wire *wire) {
        struct wire **at = &wire->machine->wires;

        while (*at != wire)
                at = &(*at)->next;
        *at = wire->next;
        free(wire);
}

static void wire_done(struct transport_call *call, struct http_reply *reply, void *data) {
        struct wire *wire = data;
        transport_done_fn done = wire->done;
        void *their_data = wire->data;
        bool was;

        wire_free(wire);
        was = enter(true);
        done(call, reply, their_data);
        leave(was);
}

static int wire_sink(const char *bytes, size_t len, void *data) {
        struct wire *wire = data;
        bool was = enter(true);
        int r = wire->sink(bytes, len, wire->sink_data);

        leave(was);
        return r;
}

static int wire_send(struct transport *transport, struct http_request *request,
                     transport_done_fn done, void *data, struct transport_call **ret_call) {
        struct machine *m = container_of(transport, struct machine, transport);
        struct wire *wire;
        bool was;

        if (fails())
                return -ENOMEM;
        was = enter(false);
        wire = calloc(1, sizeof(*wire));
        if (!wire)
                abort();
        *wire = (struct wire){
                .machine = m,
                .next = m->wires,
                .done = done,
                .data = data,
                .sink = request->sink,
                .sink_data = request->sink_data,
        };
        m->wires = wire;
        if (request->sink) {
                request->sink = wire_sink;
                request->sink_data = wire;
        }
        must(transport_send(network_link_transport(m->link), request, wire_done, wire,
                            &wire->call));
        *ret_call = wire->call;
        leave(was);
        return 0;
}

static void wire_cancel(struct transport *transport, struct transport_call *call) {
        struct machine *m = container_of(transport, struct machine, transport);
        bool was = enter(false);
        struct wire *wire = m->wires;

        while (wire->call != call)
                wire = wire->next;
        transport_cancel(network_link_transport(m->link), call);
        wire_free(wire);
        leave(was);
}

static int file_read(struct store *store, const char *name, char **ret_bytes, size_t *ret_len) {
        struct machine *m = container_of(store, struct machine, store);
        bool was;
        int r;

        if (fails())
                return -ENOMEM;
        was = enter(false);
        r = store_read(sim_store_interface(m->files), name, ret_bytes, ret_len);
        leave(was);
        return r;
}

static int file_write(struct store *store, const char *name, const char *bytes, size_t len) {
        struct machine *m = container_of(store, struct machine, store);
        bool was;
        int r;

        if (fails())
                return -ENOMEM;
        was = enter(false);
        r = store_write(sim_store_interface(m->files), name, bytes, len);
        leave(was);
        return r;
}

static int file_remove(struct store *store, const char *name) {
        struct machine *m = container_of(store, struct machine, store);
        bool was = enter(false);
        int r = store_remove(sim_store_interface(m->files), name);

        leave(was);
        return r;
}

static int file_rename(struct store *store, const char *name, const char *other) {
        struct machine *m = container_of(store, struct machine, store);
        bool was = enter(false);
        int r = store_rename(sim_store_interface(m->files), name, other);

        leave(was);
        return r;
}

static int secret_read(struct secrets *secrets, enum secrets_kind kind, const char *name,
                       char **ret_text) {
        if (fails())
                return -ENOMEM;
        return -ENOENT;
}

static void entry_write(struct log *log, const struct log_entry *entry) {
        struct machine *m = container_of(log, struct machine, log);
        char now[UTC_TEXT_SIZE];

        if (entry->fields[LOG_SNAPSHOT] && entry->fields[LOG_REASON])
                m->alarms += strcmp(entry->fields[LOG_REASON], "vanished") == 0 ||
                             strcmp(entry->fields[LOG_REASON], "unlisted") == 0;
        if (m->echo)
                printf("#   %s %s: %s\n", utc_format(sim_true_utc(m->sim), now),
                       log_level_name(entry->level), entry->message);
}

/* ---- the world ---- */

#define OWNER "prod-backup"
#define KEEP_LAST 3
#define OURS_N 6
#define POLICY(safety, schedule)                                                                   \
        "version: 1\n"                                                                             \
        "owner: " OWNER "\n"                                                                       \
        "azure:\n"                                                                                 \
        "  cloud: {arm: https://arm.example, login: https://login.example, imds: "                 \
        "http://169.254.169.254}\n"                                                                \
        "  identity: managed\n"                                                                    \
        "defaults: {snapshot_group: rg-snapshots, timezone: UTC}\n"                                \
        "safety: {" safety ", min_keep: 2, min_age: 0s}\n"                                         \
        "policies:\n"                                                                              \
        "  gold: {schedule: {every: " schedule "}, jitter: 0s, keep: {last: 3}}\n"                 \
        "targets:\n"                                                                               \
        "  - {policy: gold, match: {subscription: " SERVICE_SUBSCRIPTION                           \
        ", groups: [rg-app]}, expect: '>=1'}\n"

static const char *disk_id(const char *group, const char *name) {
        static char ids[4][256];
        static unsigned turn;
        char *id = ids[turn++ % ARRAY_SIZE(ids)];

        snprintf(id, sizeof(ids[0]),
                 "/subscriptions/" SERVICE_SUBSCRIPTION
                 "/resourceGroups/%s/providers/Microsoft.Compute/disks/%s",
                 group, name);
        return id;
}

static void add_disk(struct machine *m, const char *group, const char *name) {
        struct service_disk_spec spec = {
                .subscription = SERVICE_SUBSCRIPTION, .group = group, .name = name};

        must(service_add_disk(m->service, sim_true_utc(m->sim), &spec, NULL));
}

/* One that is ours in all: tags, derived name, complete. */
static void add_ours(struct machine *m, const char *group, const char *disk, const char *keep,
                     int64_t slot_s, bool hold) {
        const struct service_resource *source = service_find(m->service, disk_id(group, disk));
        char generation[GUID_TEXT_SIZE], slot[UTC_SLOT_SIZE], name[128], place[256];
        const char *const pairs[][2] = {
                {"snapkeep-version", "1"},   {"snapkeep-owner", OWNER},
                {"snapkeep-policy", "gold"}, {"snapkeep-slot", slot},
                {"snapkeep-disk", place},    {"snapkeep-generation", generation},
                {"snapkeep-keep", keep},     {"snapkeep-hold", "audit"},
        };
        struct service_tag tags[ARRAY_SIZE(pairs)];
        struct service_snapshot_spec spec = {
                .subscription = SERVICE_SUBSCRIPTION,
                .group = "rg-snapshots",
                .name = name,
                .source_id = source->id,
                .time_created = utc_from_seconds(slot_s + 2),
                .tags = tags,
                .n_tags = ARRAY_SIZE(tags) - !hold,
        };
        uint8_t digest[SHA256_SIZE];
        size_t n;

        guid_format(&source->unique_id, generation);
        utc_format_slot(utc_from_seconds(slot_s), slot);
        must(sha256_fields((const char *const[]){OWNER, generation, "gold", source->region}, 4,
                           digest));
        n = (size_t)snprintf(name, sizeof(name), "%s-", disk);
        for (int i = 0; i < 8; i++)
                n += (size_t)snprintf(name + n, sizeof(name) - n, "%02x", digest[i]);
        snprintf(name + n, sizeof(name) - n, "-%s", slot);
        snprintf(place, sizeof(place), SERVICE_SUBSCRIPTION "/%s/%s", group, disk);
        for (size_t i = 0; i < ARRAY_SIZE(tags); i++)
                tags[i] = (struct service_tag){(char *)(uintptr_t)pairs[i][0],
                                               (char *)(uintptr_t)pairs[i][1]};
        must(service_add_snapshot(m->service, sim_true_utc(m->sim), &spec, NULL));
}

/* OURS_N of ours that end just before the start; the second oldest is held. */
static void add_chain(struct machine *m, const char *group, const char *disk, const char *keep,
                      int64_t every_s) {
        for (int i = OURS_N; i > 0; i--)
                add_ours(m, group, disk, keep, START_S - i * every_s, i == OURS_N - 1);
}

/* A stranger's, beside ours. */
static void add_strangers(struct machine *m, const char *group, const char *disk, int64_t at_s) {
        struct service_snapshot_spec spec = {
                .subscription = SERVICE_SUBSCRIPTION,
                .group = "rg-snapshots",
                .name = "by-hand",
                .source_id = service_find(m->service, disk_id(group, disk))->id,
                .time_created = utc_from_seconds(at_s),
        };

        must(service_add_snapshot(m->service, sim_true_utc(m->sim), &spec, NULL));
}

/* ---- what must not be ---- */

static bool is_ours(const struct service_resource *r) {
        const char *owner = service_tag_get(r, "snapkeep-owner");

        return r->kind == SERVICE_SNAPSHOT && owner && strcmp(owner, OWNER) == 0;
}

static bool is_backup(const struct service_resource *r) {
        return is_ours(r) && service_tag_get(r, "snapkeep-until");
}

/* Complete ones of ours of the generation with a slot after @slot; NULL: all. */
static size_t count_ours(const struct machine *m, const struct guid *generation, const char *slot) {
        struct utc now = sim_true_utc(m->sim);
        size_t n = 0;

        for (size_t i = 0; i < service_resources(m->service); i++) {
                const struct service_resource *r = service_resource_at(m->service, i);

                n += is_ours(r) && !is_backup(r) &&
                     guid_compare(&r->source_unique_id, generation) == 0 &&
                     service_resource_is_complete(r, now) &&
                     (!slot || strcmp(service_tag_get(r, "snapkeep-slot"), slot) > 0);
        }
        return n;
}

/* A daemon has deleted it. */
static void check_deletion(struct machine *m, const struct service_resource *victim) {
        if (!is_ours(victim))
                complain(m, "deleted what is not ours", "%s", victim->name);
        else if (service_tag_get(victim, "snapkeep-hold"))
                complain(m, "deleted what is held", "%s", victim->name);
        else if (is_backup(victim))
                complain(m, "deleted a backup before its date", "%s", victim->name);
        else if (m->retired && strncmp(victim->name, m->retired, strlen(m->retired)) == 0)
                return;
        else if (count_ours(m, &victim->source_unique_id,
                            service_tag_get(victim, "snapkeep-slot")) < KEEP_LAST - m->lost)
                complain(m, "deleted what the rule keeps", "%s", victim->name);
}

static void check_effects(struct machine *m) {
        for (; m->effects < service_effects(m->service); m->effects++) {
                const struct service_effect *effect = service_effect_at(m->service, m->effects);

                if (effect->kind == SERVICE_EFFECT_DELETED && effect->request != 0)
                        check_deletion(m, effect->resource);
        }
}

/* With memory back all is as it would have been: the newest slot is filled, what the rule does not
 * keep is gone, and what is held is there. */
static void check_end(struct machine *m, const char *disk, int64_t slot_s) {
        const struct service_resource *r = service_find(m->service, disk_id("rg-app", disk));
        char slot[UTC_SLOT_SIZE];
        size_t n = count_ours(m, &r->unique_id, NULL), n_backups = 0;

        for (size_t i = 0; i < service_resources(m->service); i++)
                n_backups += is_backup(service_resource_at(m->service, i));
        if (n_backups > 1)
                complain(m, "took a backup twice", "%zu are there", n_backups);
        if (n != KEEP_LAST + 1)
                complain(m, "did not come right", "%s has %zu", disk, n);
        utc_format_slot(utc_from_seconds(slot_s - 1), slot);
        if (count_ours(m, &r->unique_id, slot) != 1)
                complain(m, "did not come right", "%s lacks its newest slot", disk);
}

/* ---- what the operator does ---- */

struct acker {
        struct machine *m;
        char hashes[8][ENGINE_HASH_SIZE];
        size_t n;
};

static void collect_hash(const struct engine_doubt *doubt, void *data) {
        struct acker *acker = data;

        if (doubt->hash && acker->n < ARRAY_SIZE(acker->hashes))
                strcpy(acker->hashes[acker->n++], doubt->hash);
}

/* Reads what stands and accepts it, as soon as something does. */
static int say_acks(struct machine *m) {
        struct acker acker = {.m = m};
        int r = 0;

        engine_doubts(m->engine, collect_hash, &acker);
        if (acker.n == 0)
                return ENGINE_E_UNKNOWN;
        for (size_t i = 0; i < acker.n; i++)
                r = engine_ack(m->engine, acker.hashes[i], "root") ?: r;
        return r;
}

static int say_pause(struct machine *m) {
        return engine_pause(m->engine, /* all= */ true,
                            utc_add_seconds(engine_now(m->engine), 3600), "root");
}

static int say_resume(struct machine *m) {
        return engine_resume(m->engine, "root");
}

static int say_apply(struct machine *m) {
        char hash[PLAN_HASH_SIZE];
        int r = engine_plan_hash(m->engine, hash);

        return r ?: engine_apply(m->engine, hash, "root");
}

/* Of a disk that no target selects. */
static int say_retire(struct machine *m) {
        const struct service_resource *r = service_find(m->service, disk_id("rg-other", "disk-9"));
        char generation[GUID_TEXT_SIZE], hash[ENGINE_HASH_SIZE];
        size_t n;
        int result;

        guid_format(&r->unique_id, generation);
        m->retired = "disk-9";
        result = engine_retire_plan(m->engine, generation, &n, hash);
        if (result == 0 && n != OURS_N - 1)
                complain(m, "retire does not see all", "%zu", n);
        return result ?: engine_retire(m->engine, generation, hash, "root");
}

static int say_restart(struct machine *m) {
        m->engine = engine_free(m->engine);
        return 0;
}

/* The one of the disk that is held, or NULL. */
static const struct service_resource *find_held(const struct machine *m, const char *disk) {
        for (size_t i = 0; i < service_resources(m->service); i++) {
                const struct service_resource *r = service_resource_at(m->service, i);

                if (is_ours(r) && strncmp(r->name, disk, strlen(disk)) == 0 &&
                    service_tag_get(r, "snapkeep-hold"))
                        return r;
        }
        return NULL;
}

/* What is held already, so that nothing else changes. */
static int say_hold(struct machine *m) {
        char order[ENGINE_HASH_SIZE];

        return engine_hold(m->engine, find_held(m, "disk-1")->name, "audit", "root", order);
}

/* Of the disk that is retired: what it holds no longer was held when the word was said, and stays. */
static int say_release(struct machine *m) {
        const struct service_resource *held = find_held(m, "disk-9");
        char order[ENGINE_HASH_SIZE];

        return held ? engine_release(m->engine, held->name, "root", order) : 0;
}

/* Somebody's of disk-2, older than all of ours: it goes as what the rule does not keep. */
static int say_adopt(struct machine *m) {
        char order[ENGINE_HASH_SIZE];

        return engine_adopt(m->engine, "by-hand", "", "root", order);
}

/* One more of disk-2, which stays to the end. */
static int say_backup(struct machine *m) {
        char order[ENGINE_HASH_SIZE];

        return engine_backup(m->engine, "disk-2", 30 * SEC_PER_DAY, "audit", "", "root", order);
}

static int say_invariant(struct machine *m) {
        const struct service_resource *r = service_find(m->service, disk_id("rg-app", "disk-2"));
        char generation[GUID_TEXT_SIZE];

        guid_format(&r->unique_id, generation);
        engine_invariant_broken(m->engine, generation, "a test says so");
        return 0;
}

/* What status and the watchdog ask for. */
static int say_look(struct machine *m) {
        struct strbuf text = {};

        engine_summary(m->engine, &text);
        (void)engine_is_well(m->engine);
        strbuf_deinit(&text);
        return 0;
}

static int lose_disk(struct machine *m) {
        bool was = enter(false);
        int r = service_delete(m->service, sim_true_utc(m->sim), disk_id("rg-app", "disk-2"));

        leave(was);
        return r;
}

/* Whether the daemon knows of a complete snapshot with that point in time. */
static bool knows_newest(const struct machine *m, struct utc newest) {
        const struct plan *plan = engine_plan(m->engine, 0);

        for (size_t i = 0; plan && i < plan->n_series; i++)
                if (plan->series[i].newest.ticks == newest.ticks)
                        return true;
        return false;
}

/* Somebody deletes the newest of ours of disk-1, once the daemon has seen it: what it never saw it
 * cannot miss. */
static int lose_snapshot(struct machine *m) {
        bool was = enter(false);
        const struct service_resource *newest = NULL;

        for (size_t i = 0; i < service_resources(m->service); i++) {
                const struct service_resource *r = service_resource_at(m->service, i);

                if (is_ours(r) && strncmp(r->name, "disk-1", 6) == 0 &&
                    service_resource_is_complete(r, sim_true_utc(m->sim)))
                        newest = r;
        }
        if (!newest || !knows_newest(m, newest->time_created)) {
                leave(was);
                return 1;
        }
        must(service_delete(m->service, sim_true_utc(m->sim), newest->id));
        m->lost++;
        leave(was);
        return 0;
}

struct saying {
        int minute;                    /* not before */
        int (*say)(struct machine *m); /* 0: taken; else it is said again a minute later */
};

struct story {
        const char *name;
        const char *policy;
        const char *keep; /* the rule that the old snapshots carry */
        int64_t every_s;
        int trouble_minutes; /* while allocations may fail */
        int minutes;         /* in all */
        bool second_lives;   /* disk-2, to the end */
        unsigned alarms;     /* snapshots to be missed */
        const struct saying *sayings;
        size_t n_sayings;
};

static const struct saying round_sayings[] = {
        {1, say_acks}, {3, say_adopt}, {4, say_backup}, {6, say_look}};
static const struct saying hands_sayings[] = {
        {1, say_pause}, {2, say_resume},  {3, say_apply},   {6, say_acks},       {7, say_retire},
        {8, say_hold},  {8, say_release}, {9, say_restart}, {11, say_invariant}, {12, say_restart},
};
static const struct saying gone_sayings[] = {{10, lose_disk}, {12, lose_snapshot}, {20, say_acks}};

static const struct story stories[] = {
        {
                .name = "round",
                .policy = POLICY("prune: ask", "5m"),
                .keep = "last=3;pick=first;zone=UTC",
                .every_s = 300,
                .trouble_minutes = 11,
                .minutes = 44,
                .second_lives = true,
                .sayings = round_sayings,
                .n_sayings = ARRAY_SIZE(round_sayings),
        },
        {
                .name = "hands",
                .policy = POLICY("prune: auto", "5m"),
                .keep = "last=10000;pick=first;zone=UTC",
                .every_s = 300,
                .trouble_minutes = 14,
                .minutes = 54,
                .second_lives = true,
                .sayings = hands_sayings,
                .n_sayings = ARRAY_SIZE(hands_sayings),
        },
        {
                .name = "gone",
                .policy = POLICY("prune: auto", "1h"),
                .keep = "last=3;pick=first;zone=UTC",
                .every_s = 3600,
                .trouble_minutes = 130,
                .minutes = 245,
                .alarms = 1,
                .sayings = gone_sayings,
                .n_sayings = ARRAY_SIZE(gone_sayings),
        },
};

/* ---- a run ---- */

static void machine_init(struct machine *m, const struct story *story, bool echo) {
        static const struct reactor_ops reactor_ops = {.source_new = source_new,
                                                       .source_free = source_free,
                                                       .schedule = schedule,
                                                       .arm_mono = arm_mono,
                                                       .arm_utc = arm_utc};
        static const struct transport_ops transport_ops = {.send = wire_send,
                                                           .cancel = wire_cancel};
        static const struct store_ops store_ops = {
                .read = file_read,
                .write = file_write,
                .remove = file_remove,
                .rename = file_rename,
        };
        static const struct log_ops log_ops = {.write = entry_write};
        static const struct secrets_ops secrets_ops = {.read = secret_read};
        struct service_options service_options = service_options_default();
        struct network_options network_options = network_options_default();
        struct diagnostics diagnostics = {};

        *m = (struct machine){
                .reactor.ops = &reactor_ops,
                .transport.ops = &transport_ops,
                .store.ops = &store_ops,
                .log = {.ops = &log_ops, .most = LOG_LEVEL_INFO},
                .secrets.ops = &secrets_ops,
                .echo = echo,
        };
        service_options.page_size = 4; /* so that there is a next page */
        must(sim_new(utc_from_seconds(START_S), &m->sim));
        must(service_new(&service_options, &m->service));
        must(network_new(m->sim, m->service, NULL, &network_options, &m->network));
        must(sim_zones_new(&m->zones));
        must(sim_node_new(m->sim, 1, /* wall_offset_ns= */ 0, &m->node));
        must(network_link_new(m->network, m->node, &m->link));
        must(sim_random_new(/* seed= */ 1, 1, &m->random));
        must(sim_store_new(/* seed= */ 1, 1, &m->files));
        must(config_load(story->policy, strlen(story->policy), "policy.yaml",
                         sim_zones_interface(m->zones), &m->file, &diagnostics));
        diagnostics_deinit(&diagnostics);

        must(service_add_group(m->service, SERVICE_SUBSCRIPTION, "rg-app", SERVICE_REGION));
        must(service_add_group(m->service, SERVICE_SUBSCRIPTION, "rg-other", SERVICE_REGION));
        must(service_add_group(m->service, SERVICE_SUBSCRIPTION, "rg-snapshots", SERVICE_REGION));
        add_disk(m, "rg-app", "disk-1");
        add_disk(m, "rg-app", "disk-2");
        add_disk(m, "rg-other", "disk-9");
        add_chain(m, "rg-app", "disk-1", story->keep, story->every_s);
        add_chain(m, "rg-app", "disk-2", story->keep, story->every_s);
        add_chain(m, "rg-other", "disk-9", story->keep, story->every_s);
        add_strangers(m, "rg-app", "disk-2", START_S - 10 * story->every_s);
        must(sim_run_for(m->sim, 30 * NSEC_PER_SEC));
}

/* Tries to start the daemon, as its unit would. */
static void machine_start(struct machine *m) {
        struct services services = {
                .clock = sim_node_clock(m->node),
                .reactor = &m->reactor,
                .transport = &m->transport,
                .random = sim_random_interface(m->random),
                .secrets = &m->secrets,
                .store = &m->store,
                .log = &m->log,
        };
        struct engine_options options = {.version = "sim"};
        int r = engine_new(&services, m->file, &options, &m->engine);

        if (r == 0)
                engine_start(m->engine);
        else if (r != -ENOMEM)
                complain(m, "engine_new() says something else than -ENOMEM", "%d", r);
}

static void machine_deinit(struct machine *m) {
        bool was = enter(true);

        m->engine = engine_free(m->engine);
        leave(was);
        if (sim_node_sources(m->node) != 0 || network_link_calls(m->link) != 0 || m->wires)
                complain(m, "left sources or calls behind", "%s", "");
        policy_file_free(m->file);
        network_link_free(m->link);
        sim_store_free(m->files);
        sim_random_free(m->random);
        sim_node_free(m->node);
        network_free(m->network);
        sim_zones_free(m->zones);
        service_free(m->service);
        sim_free(m->sim);
}

static void machine_minute(struct machine *m, const struct story *story, int minute) {
        struct mono until = mono_add_ns(sim_mono(m->sim), MINUTE_NS);
        bool was = enter(true);

        if (!m->engine)
                machine_start(m);
        if (m->engine && m->said < story->n_sayings && minute >= story->sayings[m->said].minute) {
                int r = story->sayings[m->said].say(m);

                if (r == 0)
                        m->said++;
                else if (r < 0 && r != -ENOMEM)
                        complain(m, "an operator is told something else than -ENOMEM", "%d", r);
        } else if (m->engine && minute % 10 == 0) {
                /* What was accepted may be asked again, when it could not be written down. */
                (void)say_acks(m);
        }
        leave(was);

        while (sim_next(m->sim).ns <= until.ns) {
                sim_step(m->sim);
                check_effects(m);
        }
        must(sim_run_until(m->sim, until));
}

/* One run, in which the @first-th to the @last-th allocation fail. Returns how many were made while
 * they may, and what was bad in @ret_what, empty for nothing. */
static uint64_t run(const struct story *story, uint64_t first, uint64_t last, bool echo,
                    char ret_what[static 512]) {
        int64_t alive = heap.alive, slot_s;
        int since = -1; /* minute of the first failure */
        struct machine m;
        uint64_t n = 0;

        machine_init(&m, story, echo);
        heap.n = heap.failed = 0;
        heap.first = first;
        heap.last = last;
        for (int minute = 0; minute < story->minutes; minute++) {
                machine_minute(&m, story, minute);
                since = since < 0 && heap.failed > 0 ? minute : since;
                if (since >= 0 && minute >= since + FAMINE_MINUTES)
                        heap.last = 0;
                if (minute + 1 == story->trouble_minutes) {
                        n = heap.n;
                        heap.first = heap.last = 0;
                }
        }

        slot_s = START_S + (story->minutes * 60 / story->every_s) * story->every_s;
        check_end(&m, "disk-1", slot_s);
        if (story->second_lives)
                check_end(&m, "disk-2", slot_s);
        if (m.said < story->n_sayings)
                complain(&m, "the operator was not heard", "saying %u", m.said);
        if (m.alarms < story->alarms)
                complain(&m, "an alarm is missing", "%u of %u", m.alarms, story->alarms);
        if (!m.engine || !engine_is_well(m.engine))
                complain(&m, "the engine is not well in the end", "%s", "");
        machine_deinit(&m);
        if (heap.alive != alive)
                complain(&m, "leaked", "%lld allocations", (long long)(heap.alive - alive));
        snprintf(ret_what, 512, "%s%s%s", m.bad ?: "", m.bad ? ": " : "", m.bad ? m.what : "");
        return n;
}

/* Whether all was well when the allocation failed, with the @more that follow it. */
static bool is_survived(const struct story *story, uint64_t allocation, uint64_t more) {
        char what[512];

        run(story, allocation, allocation + more, /* echo= */ false, what);
        if (what[0] != '\0')
                printf("# %s: allocation %llu and %llu more: %s\n", story->name,
                       (unsigned long long)allocation, (unsigned long long)more, what);
        return what[0] == '\0';
}

/* Every @stride-th allocation fails, with the @more that follow it. Returns whether all was well. */
static bool sweep(const struct story *story, uint64_t n, uint64_t stride, uint64_t more) {
        unsigned bad = 0;

        for (uint64_t i = 1; i <= n && bad < 10; i += stride)
                bad += !is_survived(story, i, more);
        return bad == 0;
}

/* The first of each way that no stride has met fails alone. */
static bool sweep_ways(const struct story *story, uint64_t n, uint64_t stride) {
        unsigned bad = 0;

        for (size_t i = 0; i < ways.n && ways.first[i] <= n && bad < 10; i++)
                if ((ways.first[i] - 1) % stride != 0)
                        bad += !is_survived(story, ways.first[i], 0);
        return bad == 0;
}

int main(int argc, char **argv) {
        cJSON_Hooks hooks = {.malloc_fn = __wrap_malloc, .free_fn = __wrap_free};
        uint64_t stride = 1, only = 0, more = 0;
        const char *name = NULL;
        bool good = true;

        for (int i = 1; i + 1 < argc; i += 2)
                if (strcmp(argv[i], "--stride") == 0)
                        stride = strtoull(argv[i + 1], NULL, 10);
                else if (strcmp(argv[i], "--story") == 0)
                        name = argv[i + 1];
                else if (strcmp(argv[i], "--only") == 0)
                        only = strtoull(argv[i + 1], NULL, 10);
                else if (strcmp(argv[i], "--more") == 0)
                        more = strtoull(argv[i + 1], NULL, 10);

        cJSON_InitHooks(&hooks);
        setvbuf(stdout, NULL, _IOLBF, 0);
        printf("1..%zu\n", ARRAY_SIZE(stories));
        for (size_t i = 0; i < ARRAY_SIZE(stories); i++) {
                const struct story *story = &stories[i];
                char what[512];
                uint64_t n;
                bool kept;

                if (name && strcmp(name, story->name) != 0) {
                        printf("ok %zu - %s # SKIP not asked for\n", i + 1, story->name);
                        continue;
                }
                if (only > 0) {
                        run(story, only, only + more, /* echo= */ true, what);
                        printf("%sok %zu - %s %s\n", what[0] ? "not " : "", i + 1, story->name,
                               what);
                        continue;
                }
                memset(&ways, 0, sizeof(ways));
                ways.noted = true;
                n = run(story, 0, 0, /* echo= */ false, what);
                ways.noted = false;
                printf("# %s: %llu allocations, %zu ways to them\n", story->name,
                       (unsigned long long)n, ways.n);
                kept = what[0] == '\0';
                if (!kept)
                        printf("# %s: %s\n", story->name, what);
                kept = kept && n > 1000 && sweep(story, n, stride, 0) &&
                       sweep_ways(story, n, stride) &&
                       sweep(story, n, 37 * stride, FAMINE_ALLOCATIONS);
                printf("%sok %zu - %s\n", kept ? "" : "not ", i + 1, story->name);
                good = good && kept;
        }
        return good ? 0 : 1;
}
