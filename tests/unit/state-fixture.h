/*
 * A store in memory, pieces of the state file, and the allocator, of which the n-th allocation fails.
 *
 * Linked with --wrap for the allocator; that of cJSON, a shared library, is azure's to test. Included by
 * one test program each.
 */
#pragma once

#include "base/sha256.h"
#include "base/str.h"
#include "base/strbuf.h"
#include "core/naming.h"
#include "engine/state.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Allocations until one fails; negative: none does. */
static long countdown = -1;
static bool failed;

static inline bool fails(void) {
        if (countdown < 0 || countdown-- > 0)
                return false;
        failed = true;
        return true; /* and none after it, so that the way out is seen alone */
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_reallocarray(void *memory, size_t n, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t n);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_reallocarray(void *memory, size_t n, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t n);
void __wrap_free(void *memory);

void *__wrap_malloc(size_t size) {
        return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size) {
        return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *memory, size_t size) {
        return fails() ? NULL : __real_realloc(memory, size);
}

void *__wrap_reallocarray(void *memory, size_t n, size_t size) {
        return fails() ? NULL : __real_reallocarray(memory, n, size);
}

char *__wrap_strdup(const char *text) {
        return fails() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t n) {
        return fails() ? NULL : __real_strndup(text, n);
}

void __wrap_free(void *memory) {
        __real_free(memory);
}

/* A store of the state, and of others that were set aside. */
struct memory_store {
        struct store store;
        char *bytes; /* NULL: there is none */
        size_t len;
        int read_error, write_error, rename_error; /* 0 or a negative errno */
        unsigned writes;
        char *unread[STATE_UNREAD_MAX + 1]; /* by number */
};

/* Its place in @unread. */
static inline char **unread_of(struct memory_store *m, const char *name) {
        size_t len = strlen("state-unread-");

        assert_int_equal(strncmp(name, "state-unread-", len), 0);
        assert_int_equal(strlen(name), len + 1);
        assert_in_range(name[len], '1', '0' + STATE_UNREAD_MAX);
        return &m->unread[name[len] - '0'];
}

static inline int memory_read(struct store *store, const char *name, char **ret_bytes,
                              size_t *ret_len) {
        struct memory_store *m = container_of(store, struct memory_store, store);

        if (strcmp(name, "state") != 0)
                return *unread_of(m, name) ? -EIO : -ENOENT;
        if (m->read_error || !m->bytes)
                return m->read_error ?: -ENOENT;
        *ret_bytes = malloc(m->len + 1);
        if (!*ret_bytes)
                return -ENOMEM;
        memcpy(*ret_bytes, m->bytes, m->len);
        (*ret_bytes)[m->len] = '\0';
        *ret_len = m->len;
        return 0;
}

static inline void put(struct memory_store *m, const char *bytes, size_t len) {
        __real_free(m->bytes);
        m->bytes = __real_malloc(len + 1);
        assert_non_null(m->bytes);
        memcpy(m->bytes, bytes, len);
        m->bytes[len] = '\0';
        m->len = len;
}

static inline int memory_write(struct store *store, const char *name, const char *bytes,
                               size_t len) {
        struct memory_store *m = container_of(store, struct memory_store, store);

        assert_string_equal(name, "state");
        assert_true(len <= STORE_FILE_MAX);
        if (m->write_error)
                return m->write_error;
        put(m, bytes, len);
        m->writes++;
        return 0;
}

static inline int memory_rename(struct store *store, const char *name, const char *other) {
        struct memory_store *m = container_of(store, struct memory_store, store);

        assert_string_equal(name, "state");
        if (m->rename_error || *unread_of(m, other))
                return m->rename_error ?: -EEXIST;
        if (!m->bytes)
                return -ENOENT;
        *unread_of(m, other) = take_ptr(m->bytes);
        m->read_error = 0;
        return 0;
}

static const struct store_ops memory_ops = {
        .read = memory_read, .write = memory_write, .rename = memory_rename};

#define MEMORY_STORE                                                                               \
        {                                                                                          \
                .store = {.ops = &memory_ops }                                                     \
        }

static inline void memory_store_deinit(struct memory_store *m) {
        __real_free(m->bytes);
        for (size_t i = 0; i < ARRAY_SIZE(m->unread); i++)
                __real_free(m->unread[i]);
}

#define NOON INT64_C(1795435200) /* 2026-11-23T12:00:00Z */
/* Created so early that only the deletion counts. */
#define LONG_AGO utc_from_seconds(UTC_MIN_SECONDS)
#define GEN1 "0217b3db-61cb-4bf6-bbfb-e1bbddadf4d4"
#define GEN2 "a217b3db-61cb-4bf6-bbfb-e1bbddadf4d4"
#define KEY1 "0123456789abcdef"
#define KEY2 "fedcba9876543210"

/* Pieces of the full file, for those who change one. */
#define HEAD "{\"version\":1,\n"
#define NO_PAUSE "\"pause\":null,\n"
#define PAUSE "\"pause\":{\"all\":true,\"prune\":false,\"until\":\"2026-11-24T12:00:00Z\"},\n"
#define ACK_MASS                                                                                   \
        "{\"kind\":\"mass\",\"policy\":\"bronze\",\"rule\":null,\"allowance\":120,"                \
        "\"at\":\"2026-11-23T12:00:00Z\"}"
#define ACK_POLICY                                                                                 \
        "{\"kind\":\"policy\",\"policy\":\"gold\",\"rule\":\"last=3, \\\"x\\\"\",\"allowance\":0," \
        "\"at\":\"2026-11-22T12:00:00Z\"}"
#define ACK_ASK                                                                                    \
        "{\"kind\":\"ask\",\"policy\":\"gold\",\"rule\":null,\"allowance\":0,"                     \
        "\"at\":\"2026-11-21T12:00:00Z\"}"
#define GONE1 "{\"generation\":\"" GEN1 "\",\"first\":\"2026-11-23T11:00:00Z\",\"since\":null}"
#define GONE2                                                                                      \
        "{\"generation\":\"" GEN2 "\",\"first\":\"2026-11-20T00:00:00Z\","                         \
        "\"since\":\"2026-11-20T01:00:00Z\"}"
#define FAILURE1                                                                                   \
        "{\"snapshot\":\"" GEN1 "\",\"subscription\":\"" GEN2                                      \
        "\",\"since\":\"2026-11-23T11:00:00Z\"}"
#define FAILURE2                                                                                   \
        "{\"snapshot\":\"" GEN2 "\",\"subscription\":\"" GEN2                                      \
        "\",\"since\":\"2026-11-23T12:00:00Z\"}"
#define FLEET1                                                                                     \
        "{\"key\":\"" KEY1 "\",\"days\":[20780,20779,0,0,0,0,0,0],"                                \
        "\"sizes\":[12,4294967295,0,0,0,0,0,0],\"missing_from\":16,\"accepted\":null}"
#define FLEET2                                                                                     \
        "{\"key\":\"" KEY2 "\",\"days\":[0,0,0,0,0,0,0,0],\"sizes\":[0,0,0,0,0,0,0,0],"            \
        "\"missing_from\":0,\"accepted\":0}"
#define DELETIONS1 "{\"hour\":498730,\"policy\":\"gold\",\"born\":0,\"count\":7}"
#define DELETIONS2 "{\"hour\":498732,\"policy\":\"bronze\",\"born\":0,\"count\":1}"
/* Of what was created an hour before. */
#define DELETIONS4 "{\"hour\":498732,\"policy\":\"gold\",\"born\":498731,\"count\":2}"
#define DELETIONS3 "{\"hour\":498732,\"policy\":\"gold\",\"born\":0,\"count\":9007199254740991}"

#define RULE1 "{\"policy\":\"bronze\",\"rule\":\"none\",\"complete\":0}"
#define RULE2 "{\"policy\":\"gold\",\"rule\":\"last=3, \\\"x\\\"\",\"complete\":41}"

#define MASSES_OF(masses) "\"masses\":[\n" masses "],\n"
#define UNSELECTED_OF(unselected) "\"unselected\":[\n" unselected "],\n"
#define UNSELECTED1 "{\"generation\":\"" GEN1 "\",\"policy\":\"bronze\"}"
#define UNSELECTED2 "{\"generation\":\"" GEN1 "\",\"policy\":\"gold\"}"
#define UNSELECTED3 "{\"generation\":\"" GEN2 "\",\"policy\":\"bronze\"}"
#define MASS1 "{\"policy\":\"bronze\"}"
#define MASS2 "{\"policy\":\"gold\"}"

#define FILE_OF(pause, acks, gone, fleets, deletions)                                              \
        RULED_FILE_OF(pause, acks, gone, NO_FAILURES, fleets, deletions, "")
#define NO_FAILURES "\"failures\":[\n],\n"
#define RULED_FILE_OF(pause, acks, gone, failures, fleets, deletions, rules)                       \
        MASSED_FILE_OF(pause, acks, gone, failures, fleets, deletions, MASSES_OF(""), rules)
#define MASSED_FILE_OF(pause, acks, gone, failures, fleets, deletions, masses, rules)              \
        WHOLE_FILE_OF(pause, acks, gone, UNSELECTED_OF(""), failures, fleets, deletions, masses,   \
                      rules)
#define WHOLE_FILE_OF(pause, acks, gone, unselected, failures, fleets, deletions, masses, rules)   \
        HEAD pause "\"acks\":[\n" acks "],\n\"gone\":[\n" gone "],\n" unselected failures          \
                   "\"fleets\":[\n" fleets "],\n\"deletions\":[\n" deletions "],\n" masses         \
                   "\"rules\":[\n" rules "]}\n"

#define ACKS ACK_MASS ",\n" ACK_POLICY ",\n" ACK_ASK "\n"
#define GONE GONE1 ",\n" GONE2 "\n"
#define FAILURES "\"failures\":[\n" FAILURE1 ",\n" FAILURE2 "\n],\n"
#define FLEETS FLEET1 ",\n" FLEET2 "\n"
#define DELETIONS DELETIONS1 ",\n" DELETIONS2 ",\n" DELETIONS3 ",\n" DELETIONS4 "\n"
#define UNSELECTED UNSELECTED1 ",\n" UNSELECTED2 ",\n" UNSELECTED3 "\n"
#define MASSES MASS1 ",\n" MASS2 "\n"
#define RULES RULE1 ",\n" RULE2 "\n"

static const char empty_file[] = FILE_OF(NO_PAUSE, "", "", "", "");
static const char full_file[] =
        WHOLE_FILE_OF(PAUSE, ACKS, GONE, UNSELECTED_OF(UNSELECTED), FAILURES, FLEETS, DELETIONS,
                      MASSES_OF(MASSES), RULES);
/* printf '%s' of all before the last line | sha256sum */
static const char empty_written[] = "{\"version\":2,\n" NO_PAUSE
                                    "\"acks\":[\n],\n\"gone\":[\n],\n" UNSELECTED_OF("") NO_FAILURES
        "\"fleets\":[\n],\n\"deletions\":[\n],\n" MASSES_OF(
                "") "\"rules\":[\n],\n"
                    "\"sha256\":"
                    "\"b84b50783d3a84b89681db0052191d75dd3113802cf21db722877eaf5758b860\"}\n";
/* As it was before there were unselected ones in it, failures, and masses. */
static const char earlier_file[] =
        WHOLE_FILE_OF(PAUSE, ACKS, GONE, "", "", FLEETS, DELETIONS, "", RULES);

static inline bool is_sealable(const char *text, size_t len) {
        return len > strlen(HEAD "]}\n") && strncmp(text, HEAD, strlen(HEAD)) == 0 &&
               strncmp(text + len - strlen("]}\n"), "]}\n", strlen("]}\n")) == 0;
}

/* A file of version 1 as it is written since: its last line has the hash of all before it. */
static inline void seal(const char *text, size_t len, struct strbuf *out) {
        uint8_t digest[SHA256_SIZE];

        assert_true(is_sealable(text, len));
        strbuf_clear(out);
        strbuf_append_str(out, "{\"version\":2,\n");
        strbuf_append(out, text + strlen(HEAD), len - strlen(HEAD) - strlen("}\n"));
        strbuf_append_str(out, ",\n");
        assert_int_equal(sha256_bytes(out->data, out->len, digest), 0);
        strbuf_append_str(out, "\"sha256\":\"");
        for (size_t i = 0; i < sizeof(digest); i++)
                strbuf_appendf(out, "%02x", digest[i]);
        strbuf_append_str(out, "\"}\n");
        assert_int_equal(out->error, 0);
}

static inline void assert_written(const struct memory_store *m, const char *text, size_t len) {
        _cleanup_(strbuf_deinit) struct strbuf sealed = {};

        seal(text, len, &sealed);
        assert_string_equal(m->bytes, strbuf_str(&sealed));
        assert_int_equal(m->len, sealed.len);
}

static inline int note_failure(struct state *state, const char *snapshot, struct utc now) {
        struct guid unique_id, subscription;

        assert_int_equal(guid_parse(snapshot, strlen(snapshot), &unique_id), 0);
        assert_int_equal(guid_parse(GEN2, strlen(GEN2), &subscription), 0);
        return state_failure_note(state, &unique_id, &subscription, now);
}

/* The same state, filled in this order or in the other. */
static inline void fill(struct state *state, bool backwards) {
        const struct utc noon = utc_from_seconds(NOON);

        state->paused = true;
        state->paused_until = utc_add_seconds(noon, SEC_PER_DAY);
        for (unsigned n = 0; n < 20; n++) {
                unsigned i = backwards ? 19 - n : n;
                struct state_fleet *fleet;
                struct state_gone *gone;
                int r = 0;

                if (i == 0)
                        r = state_ack(state, DOUBT_MASS, "bronze", NULL, 120, noon);
                else if (i == 1)
                        r = state_ack(state, DOUBT_POLICY, "gold", "last=3, \"x\"", 0,
                                      utc_add_seconds(noon, -SEC_PER_DAY));
                else if (i == 2)
                        r = state_ack(state, _DOUBT_N, "gold", NULL, 0,
                                      utc_add_seconds(noon, -2 * SEC_PER_DAY));
                else if (i == 3) {
                        assert_int_equal(state_gone_get(state, GEN1, &gone), 0);
                        gone->first = (struct utc){utc_add_seconds(noon, -3600).ticks + 1234567};
                } else if (i == 4) {
                        assert_int_equal(state_gone_get(state, GEN2, &gone), 0);
                        gone->first = utc_from_seconds(1795132800);
                        gone->since = utc_from_seconds(1795136400);
                } else if (i == 5) {
                        assert_int_equal(state_fleet_get(state, KEY1, &fleet), 0);
                        fleet->fleet = (struct fleet){
                                .day = {20780, 20779},
                                .size = {12, UINT32_MAX},
                                .missing_from = 16,
                        };
                } else if (i == 6) {
                        assert_int_equal(state_fleet_get(state, KEY2, &fleet), 0);
                        fleet->fleet.has_accepted = true;
                } else if (i == 7)
                        r = state_count_deletions(state, "gold", LONG_AGO, 7,
                                                  utc_add_seconds(noon, -2 * SEC_PER_HOUR));
                else if (i == 8)
                        r = state_count_deletions(state, "bronze", LONG_AGO, 1, noon);
                else if (i == 9)
                        r = state_count_deletions(state, "gold", utc_add_seconds(noon, -3600), 2,
                                                  noon);
                else if (i == 10)
                        r = state_count_deletions(state, "gold", LONG_AGO, UINT64_MAX,
                                                  utc_add_seconds(noon, SEC_PER_HOUR - 1));
                else if (i == 11)
                        r = state_rule_set(state, "bronze", "none", 0);
                else if (i == 12)
                        r = state_rule_set(state, "gold", "last=3, \"x\"", 41);
                else if (i == 13)
                        r = note_failure(state, GEN1, utc_add_seconds(noon, -3600));
                else if (i == 14)
                        r = note_failure(state, GEN2, noon);
                else if (i < 17)
                        r = state_mass_note(state, i == 15 ? "bronze" : "gold");
                else
                        r = state_unselected_note(state, i == 19 ? GEN2 : GEN1,
                                                  i == 18 ? "gold" : "bronze");
                assert_int_equal(r, 0);
        }
        assert_true(state->changed);
}

static inline void assert_empty(const struct state *state) {
        static const struct state empty;

        assert_memory_equal(state, &empty, sizeof(empty));
}

/* But for a pause that could be read. */
static inline void assert_forgotten(struct state *state) {
        state->paused = state->paused_prune = false;
        state->paused_until = (struct utc){};
        assert_empty(state);
}

static inline int load_text(const char *bytes, size_t len, struct state *ret_state) {
        _cleanup_(memory_store_deinit) struct memory_store m = MEMORY_STORE;

        int r;

        put(&m, bytes, len);
        memset(ret_state, 0xff, sizeof(*ret_state));
        r = state_load(&m.store, ret_state);
        assert_int_equal(ret_state->unread, r != 0);
        ret_state->unread = false; /* for those who compare */
        return r;
}

#define X16 "xxxxxxxxxxxxxxxx"
#define X64 X16 X16 X16 X16
#define X256 X64 X64 X64 X64
