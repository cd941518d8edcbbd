/*
 * Beside the engine on a wire: listings of one disk in two subscriptions, a store that is remembered over
 * restarts, and the doubts that are.
 *
 * Included by one test program each.
 */
#pragma once

#include "core/planner.h"
#include "engine/engine-internal.h"

#include "engine-fixture.h"

#define ERROR(code) "{\"error\":{\"code\":\"" code "\",\"message\":\"m\"}}"
#define SUB_2 "22222222-1111-4111-8111-111111111111"
#define LIST_DISKS(subscription) "subscriptions/" subscription COMPUTE "/disks?"
#define LIST_SNAPSHOTS(subscription) "subscriptions/" subscription COMPUTE "/snapshots?"
#define DISKS(subscription, generation, tags)                                                      \
        "{\"value\":[{\"id\":\"/subscriptions/" subscription "/resourceGroups/rg-app" COMPUTE      \
        "/disks/db01\",\"name\":\"db01\",\"location\":\"westeurope\",\"tags\":{" tags "},"         \
        "\"sku\":{\"name\":\"Premium_LRS\"},\"properties\":{\"uniqueId\":\"" generation "\","      \
        "\"diskState\":\"Attached\",\"provisioningState\":\"Succeeded\"}}]}"
#define NOTHING "{\"value\":[]}"
#define TAGGED DISKS(SUB, GENERATION, "\"backup\":\"gold\"")
#define SILVERED DISKS(SUB, GENERATION, "\"backup\":\"silver\"")
#define UNTAGGED DISKS(SUB, GENERATION, "")

/* Of ours, of which the newest fills the slot that is due. */
static inline void begin(int n) {
        fixture_init();
        for (int i = n - 1; i >= 0; i--)
                snap_add_ours(START_S - i * EVERY_S);
}

static inline void rule(enum http_method method, const char *url, int status, const char *body) {
        assert_true(f.n_rules < RULES_MAX);
        f.met[f.n_rules] = 0;
        f.rules[f.n_rules++] = (struct rule){
                .method = method, .url = url, .status = status, .body = body, .kept_from = true};
}

/* What is remembered over restarts. */
static char *written; /* NULL: nothing was */

static inline int store_get(struct store *store, const char *name, char **ret_bytes,
                            size_t *ret_len) {
        if (!written)
                return -ENOENT;
        *ret_bytes = strdup(written);
        *ret_len = strlen(written);
        return *ret_bytes ? 0 : -ENOMEM;
}

static bool disk_full;

static inline int store_put(struct store *store, const char *name, const char *bytes, size_t len) {
        if (disk_full)
                return -ENOSPC;
        free(written);
        written = strndup(bytes, len);
        assert_non_null(written);
        return 0;
}

static inline int store_drop(struct store *store, const char *name) {
        return 0;
}

static inline int store_move(struct store *store, const char *name, const char *other) {
        return -EROFS;
}

static const struct store_ops store_ops = {store_get, store_put, store_drop, store_move};
static struct store store = {&store_ops};

static inline void remember(void) {
        free(written);
        written = NULL;
        f.store = &store;
}

static struct {
        uint32_t bits;
        char hash[ENGINE_HASH_SIZE]; /* the last one's */
} seen;

static inline void see_doubt(const struct engine_doubt *doubt, void *data) {
        seen.bits |= doubt->bit;
        if (doubt->hash)
                strcpy(seen.hash, doubt->hash);
}

static inline uint32_t doubts(void) {
        memset(&seen, 0, sizeof(seen));
        engine_doubts(f.engine, see_doubt, NULL);
        return seen.bits;
}

#define UNREAD 403, ERROR("AuthorizationFailed")

/* What lists the disks of the second subscription: the first rule. */
static inline void set_second(int status, const char *body) {
        f.rules[0].status = status;
        f.rules[0].body = body;
}

/* One target with disks in two subscriptions; of the second nothing but its disks matters. */
static inline void begin_two(void) {
        static struct resource_id ids[2] = {{RESOURCE_DISK, SUB, "rg-app", "db01"},
                                            {RESOURCE_DISK, SUB_2, "rg-app", "db01"}};

        begin(6);
        remember();
        f.item.period_s = 1800;
        f.target = (struct target){.disks = ids, .n_disks = 2};
        rule(HTTP_GET, LIST_DISKS(SUB_2), 200, DISKS(SUB_2, OTHER_GENERATION, ""));
        rule(HTTP_GET, LIST_SNAPSHOTS(SUB_2), 200, NOTHING);
        rule(HTTP_GET, SUB_2 "/resourceGroups", UNREAD);
        rule(HTTP_PUT, SUB_2, UNREAD);
}

static inline unsigned long long sweeps(void) {
        return engine_counts(f.engine)->sweeps;
}

/* Until @n more sweeps of any subscription have ended. */
static inline void sweep(unsigned n) {
        unsigned long long until = sweeps() + n;

        while (sweeps() < until)
                assert_true(engine_turn(INT64_MAX - 1));
}

/* A target that goes by a tag, and a disk without it: as the first rule. */
static inline void begin_untagged(void) {
        static struct policy_tag tag;

        tag = (struct policy_tag){text("backup"), text("gold")};
        begin(4);
        f.target.tags = (struct policy_tags){&tag, 1};
        rule(HTTP_GET, LIST_DISKS(SUB), 200, UNTAGGED);
}

static inline void retire(size_t expected) {
        char hash[ENGINE_HASH_SIZE];
        size_t n;

        assert_int_equal(engine_retire_plan(f.engine, GENERATION, &n, hash), 0);
        assert_int_equal(n, expected);
        assert_int_equal(engine_retire(f.engine, GENERATION, hash, "root"), 0);
}
