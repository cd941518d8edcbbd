/*
 * The state file: what is written is read again, byte for byte; what anybody else wrote is checked;
 * and what the state answers about acks, allowances and deletions.
 *
 * Linked with --wrap for the allocator; that of cJSON, a shared library, is azure's to test.
 */
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

static bool fails(void) {
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
static char **unread_of(struct memory_store *m, const char *name) {
        size_t len = strlen("state-unread-");

        assert_int_equal(strncmp(name, "state-unread-", len), 0);
        assert_int_equal(strlen(name), len + 1);
        assert_in_range(name[len], '1', '0' + STATE_UNREAD_MAX);
        return &m->unread[name[len] - '0'];
}

static int memory_read(struct store *store, const char *name, char **ret_bytes, size_t *ret_len) {
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

static void put(struct memory_store *m, const char *bytes, size_t len) {
        __real_free(m->bytes);
        m->bytes = __real_malloc(len + 1);
        assert_non_null(m->bytes);
        memcpy(m->bytes, bytes, len);
        m->bytes[len] = '\0';
        m->len = len;
}

static int memory_write(struct store *store, const char *name, const char *bytes, size_t len) {
        struct memory_store *m = container_of(store, struct memory_store, store);

        assert_string_equal(name, "state");
        assert_true(len <= STORE_FILE_MAX);
        if (m->write_error)
                return m->write_error;
        put(m, bytes, len);
        m->writes++;
        return 0;
}

static int memory_rename(struct store *store, const char *name, const char *other) {
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

static void memory_store_deinit(struct memory_store *m) {
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

static bool is_sealable(const char *text, size_t len) {
        return len > strlen(HEAD "]}\n") && strncmp(text, HEAD, strlen(HEAD)) == 0 &&
               strncmp(text + len - strlen("]}\n"), "]}\n", strlen("]}\n")) == 0;
}

/* A file of version 1 as it is written since: its last line has the hash of all before it. */
static void seal(const char *text, size_t len, struct strbuf *out) {
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

static void assert_written(const struct memory_store *m, const char *text, size_t len) {
        _cleanup_(strbuf_deinit) struct strbuf sealed = {};

        seal(text, len, &sealed);
        assert_string_equal(m->bytes, strbuf_str(&sealed));
        assert_int_equal(m->len, sealed.len);
}

static int note_failure(struct state *state, const char *snapshot, struct utc now) {
        struct guid unique_id, subscription;

        assert_int_equal(guid_parse(snapshot, strlen(snapshot), &unique_id), 0);
        assert_int_equal(guid_parse(GEN2, strlen(GEN2), &subscription), 0);
        return state_failure_note(state, &unique_id, &subscription, now);
}

/* The same state, filled in this order or in the other. */
static void fill(struct state *state, bool backwards) {
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

static void assert_empty(const struct state *state) {
        static const struct state empty;

        assert_memory_equal(state, &empty, sizeof(empty));
}

/* But for a pause that could be read. */
static void assert_forgotten(struct state *state) {
        state->paused = state->paused_prune = false;
        state->paused_until = (struct utc){};
        assert_empty(state);
}

static void test_written(void **unused) {
        for (unsigned backwards = 0; backwards < 2; backwards++) {
                _cleanup_(memory_store_deinit) struct memory_store m = MEMORY_STORE;
                _cleanup_(state_deinit) struct state state = {};

                fill(&state, backwards);
                assert_int_equal(state_save(&state, &m.store), 0);
                assert_false(state.changed);
                assert_written(&m, full_file, strlen(full_file));
                assert_int_equal(m.writes, 1);
                assert_int_equal(state_save(&state, &m.store), 0); /* nothing has changed */
                assert_int_equal(m.writes, 1);
        }
}

static void test_read(void **unused) {
        _cleanup_(memory_store_deinit) struct memory_store m = MEMORY_STORE;
        _cleanup_(state_deinit) struct state state = {};
        const struct state_gone *gone;
        struct state_fleet *fleet;

        put(&m, full_file, strlen(full_file));
        assert_int_equal(state_load(&m.store, &state), 0);
        assert_false(state.changed);
        assert_true(state.paused);
        assert_false(state.paused_prune);
        assert_int_equal(utc_seconds(state.paused_until), NOON + SEC_PER_DAY);
        assert_int_equal(state.n_acks, 3);
        assert_true(state_is_acked(&state, DOUBT_POLICY, "gold", "last=3, \"x\""));
        assert_true(state_is_acked(&state, _DOUBT_N, "gold", NULL));
        assert_int_equal(state_allowance(&state, "bronze", utc_from_seconds(NOON)), 120);
        assert_int_equal(state.n_gone, 2);
        gone = state_gone_find(&state, GEN1);
        assert_non_null(gone);
        assert_int_equal(gone->first.ticks, (NOON - 3600) * TICKS_PER_SEC);
        assert_false(utc_is_set(gone->since));
        gone = state_gone_find(&state, GEN2);
        assert_int_equal(utc_seconds(gone->since) - utc_seconds(gone->first), 3600);
        assert_int_equal(state.n_unselected, 3);
        assert_string_equal(state.unselected[1].generation, GEN1);
        assert_string_equal(state.unselected[1].policy, "gold");
        assert_int_equal(state_unselected_note(&state, GEN1, "gold"), 0);
        assert_int_equal(state.n_failures, 2);
        assert_int_equal(utc_seconds(state.failures[0].since), NOON - 3600);
        assert_int_equal(note_failure(&state, GEN1, utc_from_seconds(NOON)), 0); /* since then */
        assert_int_equal(utc_seconds(state.failures[0].since), NOON - 3600);
        assert_int_equal(state_fleet_get(&state, KEY1, &fleet), 0);
        assert_int_equal(fleet->fleet.day[1], 20779);
        assert_int_equal(fleet->fleet.size[1], UINT32_MAX);
        assert_int_equal(fleet->fleet.missing_from, 16);
        assert_false(fleet->fleet.has_accepted);
        assert_int_equal(state_fleet_get(&state, KEY2, &fleet), 0);
        assert_true(fleet->fleet.has_accepted);
        assert_int_equal(state_deletions_since(&state, "bronze", utc_from_seconds(NOON)), 1);
        assert_non_null(state_rule_find(&state, "gold"));
        assert_string_equal(state_rule_find(&state, "gold")->rule, "last=3, \"x\"");
        assert_int_equal(state_rule_find(&state, "gold")->complete, 41);
        assert_null(state_rule_find(&state, "silver"));
        assert_false(state.changed); /* all were there */

        state.changed = true;
        assert_int_equal(state_save(&state, &m.store), 0);
        assert_written(&m, full_file, strlen(full_file));
}

/* One of before reads as if nothing had failed yet, and gets the section with the next change. */
static void test_earlier(void **unused) {
        _cleanup_(memory_store_deinit) struct memory_store m = MEMORY_STORE;
        _cleanup_(state_deinit) struct state state = {};

        put(&m, earlier_file, strlen(earlier_file));
        assert_int_equal(state_load(&m.store, &state), 0);
        assert_int_equal(state.n_gone, 2);
        assert_int_equal(state.n_unselected, 0);
        assert_int_equal(state.n_failures, 0);
        assert_int_equal(state.n_rules, 2);
        assert_int_equal(state_unselected_note(&state, GEN2, "bronze"), 0);
        assert_int_equal(state_unselected_note(&state, GEN1, "gold"), 0);
        assert_int_equal(state_unselected_note(&state, GEN1, "bronze"), 0);
        assert_int_equal(note_failure(&state, GEN2, utc_from_seconds(NOON)), 0);
        assert_int_equal(note_failure(&state, GEN1, utc_from_seconds(NOON - 3600)), 0);
        assert_false(state_mass_stands(&state, "gold"));
        assert_int_equal(state_mass_note(&state, "gold"), 0);
        assert_int_equal(state_mass_note(&state, "bronze"), 0);
        assert_int_equal(state_mass_note(&state, "gold"), 0);
        assert_true(state.changed);
        assert_int_equal(state_save(&state, &m.store), 0);
        assert_written(&m, full_file, strlen(full_file));
        state_failure_forget(&state, 0);
        state_failure_forget(&state, 0);
        state_unselected_forget(&state, 1);
        assert_int_equal(state.n_unselected, 2);
        assert_string_equal(state.unselected[1].generation, GEN2);
        state_unselected_forget(&state, 1);
        assert_string_equal(state.unselected[0].policy, "bronze");
        state_unselected_forget(&state, 0);
        assert_true(state_mass_stands(&state, "gold"));
        state_mass_forget(&state, "gold");
        assert_false(state_mass_stands(&state, "gold"));
        state_mass_forget(&state, "gold");
        assert_true(state_mass_stands(&state, "bronze"));
        assert_int_equal(state_save(&state, &m.store), 0);
        assert_non_null(strstr(m.bytes, UNSELECTED_OF("") NO_FAILURES));
}

static void test_pauses(void **unused) {
        static const struct {
                int line;
                bool all, prune, lost;
                int64_t until; /* 0: until resumed */
                const char *text;
        } rows[] = {
                {__LINE__, false, false, false, 0, NO_PAUSE},
                {__LINE__, false, false, true, NOON, NO_PAUSE}, /* means nothing */
                {__LINE__, true, false, false, NOON + SEC_PER_DAY, PAUSE},
                {__LINE__, false, true, false, 0,
                 "\"pause\":{\"all\":false,\"prune\":true,\"until\":null},\n"},
                {__LINE__, true, true, false, 0,
                 "\"pause\":{\"all\":true,\"prune\":true,\"until\":null},\n"},
                {__LINE__, false, true, true, 0,
                 "\"pause\":{\"all\":false,\"prune\":true,\"until\":null,\"lost\":true},\n"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(memory_store_deinit) struct memory_store m = MEMORY_STORE;
                _cleanup_(state_deinit) struct state state = {}, again = {};
                _cleanup_(strbuf_deinit) struct strbuf sealed = {};
                bool paused = rows[i].all || rows[i].prune;
                char text[512];

                state.paused = rows[i].all;
                state.paused_prune = rows[i].prune;
                state.paused_lost = rows[i].lost;
                state.paused_until = rows[i].until ? utc_from_seconds(rows[i].until) : UTC_NEVER;
                state.changed = true;
                assert_int_equal(state_save(&state, &m.store), 0);
                snprintf(text, sizeof(text), HEAD "%s%s", rows[i].text,
                         empty_file + strlen(HEAD NO_PAUSE));
                seal(text, strlen(text), &sealed);
                if (strcmp(m.bytes, strbuf_str(&sealed)) != 0)
                        fail_msg("row at line %d: %s", rows[i].line, m.bytes);
                assert_int_equal(state_load(&m.store, &again), 0);
                if (again.paused != rows[i].all || again.paused_prune != rows[i].prune ||
                    again.paused_lost != (paused && rows[i].lost) ||
                    (paused && again.paused_until.ticks != state.paused_until.ticks))
                        fail_msg("row at line %d", rows[i].line);
        }
}

static void test_store(void **unused) {
        _cleanup_(memory_store_deinit) struct memory_store m = MEMORY_STORE;
        struct state state;

        /* None at all, an empty one, one that fails. */
        memset(&state, 0xff, sizeof(state));
        assert_int_equal(state_load(NULL, &state), 0);
        assert_empty(&state);
        memset(&state, 0xff, sizeof(state));
        assert_int_equal(state_load(&m.store, &state), 0);
        assert_empty(&state);
        m.read_error = -EIO;
        memset(&state, 0xff, sizeof(state));
        assert_int_equal(state_load(&m.store, &state), -EIO);
        assert_true(state.unread);
        state.unread = false;
        assert_empty(&state);

        state.changed = true;
        assert_int_equal(state_save(&state, NULL), 0);
        assert_false(state.changed);
        state.changed = true;
        m.write_error = -ENOSPC;
        assert_int_equal(state_save(&state, &m.store), -ENOSPC);
        assert_true(state.changed);
        m.write_error = 0;
        assert_int_equal(state_save(&state, &m.store), 0);
        assert_false(state.changed);
        assert_string_equal(m.bytes, empty_written);
        assert_written(&m, empty_file, strlen(empty_file));
}

/* What a start could not read is there after the first save, and after each of the nine. */
static void test_set_aside(void **unused) {
        static const struct {
                int line;
                const char *text;
                int read_error, r;
        } rows[] = {
                {__LINE__, full_file, -EIO, -EIO},
                {__LINE__, full_file, -EACCES, -EACCES},
                {__LINE__, full_file, -EMFILE, -EMFILE},
                {__LINE__, full_file, -E2BIG, -E2BIG},
                {__LINE__, "{\"version\":1,\n" PAUSE, 0, STATE_E_DAMAGED},
                {__LINE__, "{\"version\":3,\n" PAUSE, 0, STATE_E_NEWER},
        };
        char name[STATE_UNREAD_NAME_SIZE];

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(memory_store_deinit) struct memory_store m = MEMORY_STORE;
                _cleanup_(state_deinit) struct state state = {}, again = {};

                for (unsigned n = 1; n <= STATE_UNREAD_MAX; n++) {
                        put(&m, rows[i].text, strlen(rows[i].text));
                        m.read_error = rows[i].read_error;
                        if (state_load(&m.store, &state) != rows[i].r || !state.unread)
                                fail_msg("row at line %d", rows[i].line);
                        state.changed = true;
                        m.rename_error = -EROFS;
                        assert_int_equal(state_save(&state, &m.store), -EROFS);
                        assert_string_equal(m.bytes, rows[i].text);
                        m.rename_error = 0;

                        /* A write may fail then, and the daemon may end. */
                        m.write_error = -ENOSPC;
                        assert_int_equal(state_save(&state, &m.store), -ENOSPC);
                        assert_null(m.bytes);
                        assert_string_equal(m.unread[n], rows[i].text);
                        assert_int_equal(state_load(&m.store, &again), STATE_E_ASIDE);
                        assert_false(again.unread);
                        m.write_error = 0;
                        assert_int_equal(state_save(&state, &m.store), 0);
                        assert_int_equal(state_load(&m.store, &again), 0);
                        assert_false(again.unread);
                        state_deinit(&again);
                }

                put(&m, rows[i].text, strlen(rows[i].text));
                m.read_error = rows[i].read_error;
                assert_int_equal(state_load(&m.store, &state), rows[i].r);
                state.changed = true;
                assert_int_equal(state_save(&state, &m.store), -EEXIST);
                assert_string_equal(m.bytes, rows[i].text);
                __real_free(take_ptr(m.unread[7]));
                assert_int_equal(state_set_aside(&state, &m.store, name), 0);
                assert_string_equal(name, "state-unread-7");
                assert_string_equal(m.unread[7], rows[i].text);
                assert_int_equal(state_set_aside(&state, &m.store, name), 0);
                assert_string_equal(name, "");
        }

        /* Somebody took it away meanwhile. */
        {
                _cleanup_(memory_store_deinit) struct memory_store m = MEMORY_STORE;
                struct state state = {.unread = true, .changed = true};

                assert_int_equal(state_save(&state, &m.store), 0);
                assert_false(state.unread);
                assert_string_equal(m.bytes, empty_written);
        }
}

static int load_text(const char *bytes, size_t len, struct state *ret_state) {
        _cleanup_(memory_store_deinit) struct memory_store m = MEMORY_STORE;

        int r;

        put(&m, bytes, len);
        memset(ret_state, 0xff, sizeof(*ret_state));
        r = state_load(&m.store, ret_state);
        assert_int_equal(ret_state->unread, r != 0);
        ret_state->unread = false; /* for those who compare */
        return r;
}

/* With the hash that belongs to it: what a stranger wrote is no better for it. */
static int load_sealed(const char *text, size_t len, struct state *ret_state) {
        _cleanup_(strbuf_deinit) struct strbuf sealed = {};

        seal(text, len, &sealed);
        return load_text(sealed.data, sealed.len, ret_state);
}

static void test_versions(void **unused) {
        static const struct {
                int line;
                const char *text;
                int r;
        } rows[] = {
                {__LINE__, empty_file, 0},
                {__LINE__, empty_written, 0},
                {__LINE__, "{\"version\":3,\n", STATE_E_NEWER},
                {__LINE__, "{\"version\":3}", STATE_E_NEWER},
                {__LINE__, "{\"version\":10,\"x\":1}", STATE_E_NEWER},
                {__LINE__, "{\"version\":9007199254740991 }", STATE_E_NEWER},
                {__LINE__, "{\"version\":9007199254740992}", STATE_E_DAMAGED},
                {__LINE__, "{\"version\":0,\n", STATE_E_DAMAGED},
                {__LINE__, "{\"version\":03,\n", STATE_E_DAMAGED},
                {__LINE__, "{\"version\":-3,\n", STATE_E_DAMAGED},
                {__LINE__, "{\"version\":,\n", STATE_E_DAMAGED},
                {__LINE__, "{\"version\":3", STATE_E_DAMAGED}, /* of how many digits? */
                {__LINE__, "{\"version\":1,\n", STATE_E_DAMAGED},
                {__LINE__, "{\"version\":2,\n", STATE_E_DAMAGED},
                {__LINE__, "{\"version\":1}\n", STATE_E_DAMAGED},
                {__LINE__, "{\"version\":\"3\"}\n", STATE_E_DAMAGED},
                {__LINE__, " {\"version\":3}\n", STATE_E_DAMAGED},
                {__LINE__, "", STATE_E_DAMAGED},
                {__LINE__, "\n", STATE_E_DAMAGED},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct state state;
                int r = load_text(rows[i].text, strlen(rows[i].text), &state);

                if (r != rows[i].r)
                        fail_msg("row at line %d: %d", rows[i].line, r);
                assert_empty(&state);
        }
}

/* The pause is read whatever is behind it, if it is written as we do. */
static void test_unread_pause(void **unused) {
        static const struct {
                int line;
                const char *text;
                int r;
                bool all;
        } rows[] = {
                {__LINE__, "{\"version\":1,\n" PAUSE, STATE_E_DAMAGED, true},
                {__LINE__, "{\"version\":1,\n" PAUSE "\"acks\":[\n{}", STATE_E_DAMAGED, true},
                {__LINE__, "{\"version\":3,\n" PAUSE "\"more\":1}", STATE_E_NEWER, true},
                {__LINE__, "{\"version\":3," PAUSE, STATE_E_NEWER, false},
                {__LINE__, "{\"version\":3,\n\"x\":1,\n" PAUSE, STATE_E_NEWER, false},
                {__LINE__,
                 "{\"version\":3,\n\"pause\":{\"all\":true,\"prune\":false,\"until\":null,\"x\":1},"
                 "\n",
                 STATE_E_NEWER, false},
                {__LINE__, "{\"version\":3,\n\"pause\":{\"all\":true,\n", STATE_E_NEWER, false},
                {__LINE__, "{\"version\":0,\n" PAUSE, STATE_E_DAMAGED, false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct state state;
                int r = load_text(rows[i].text, strlen(rows[i].text), &state);

                if (r != rows[i].r || state.paused != rows[i].all)
                        fail_msg("row at line %d: %d", rows[i].line, r);
                if (rows[i].all)
                        assert_int_equal(utc_seconds(state.paused_until), NOON + SEC_PER_DAY);
                assert_forgotten(&state);
        }
}

/* A section that this version has not is a later one's. */
static void test_unknown_sections(void **unused) {
        static const struct {
                int line;
                const char *before; /* in an empty file comes the section before this */
                const char *section;
                int r;
        } rows[] = {
                {__LINE__, "\"acks\":[", "\"more\":[\n],\n", STATE_E_NEWER},
                {__LINE__, "\"failures\":[", "\"more\":[\n{\"x\":1}\n],\n", STATE_E_NEWER},
                {__LINE__, "\"rules\":[", "\"more\":[\n],\n", STATE_E_NEWER},
                {__LINE__, "]}\n", "],\n\"more\":[\n", STATE_E_NEWER},
                {__LINE__, "\"acks\":[", "\"gone\":[\n],\n", STATE_E_DAMAGED},
                {__LINE__, "\"acks\":[", "\"more\":[],\n", STATE_E_DAMAGED},
                {__LINE__, "\"acks\":[", "\"\":[\n],\n", STATE_E_DAMAGED},
                {__LINE__, "\"acks\":[", "more\":[\n],\n", STATE_E_DAMAGED},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const char *at = strstr(empty_file, rows[i].before);
                char text[sizeof(empty_file) + 100];
                struct state state;
                int r;

                assert_non_null(at);
                snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - empty_file), empty_file,
                         rows[i].section, at);
                r = load_text(text, strlen(text), &state);
                if (r != rows[i].r)
                        fail_msg("row at line %d: %d", rows[i].line, r);
                assert_empty(&state);
                if (load_sealed(text, strlen(text), &state) != rows[i].r)
                        fail_msg("row at line %d, sealed", rows[i].line);
                assert_empty(&state);
        }
}

#define A(acks) FILE_OF(NO_PAUSE, acks, "", "", "")
#define G(gone) FILE_OF(NO_PAUSE, "", gone, "", "")
#define F(fleets) FILE_OF(NO_PAUSE, "", "", fleets, "")
#define D(deletions) FILE_OF(NO_PAUSE, "", "", "", deletions)
#define ONE_MASS(masses)                                                                           \
        MASSED_FILE_OF(NO_PAUSE, "", "", NO_FAILURES, "", "", MASSES_OF(masses "\n"), "")
#define U(unselected)                                                                              \
        WHOLE_FILE_OF(NO_PAUSE, "", "", UNSELECTED_OF(unselected "\n"), NO_FAILURES, "", "",       \
                      MASSES_OF(""), "")
#define R(rules) RULED_FILE_OF(NO_PAUSE, "", "", NO_FAILURES, "", "", rules)
#define L(failures) RULED_FILE_OF(NO_PAUSE, "", "", "\"failures\":[\n" failures "],\n", "", "", "")
#define ONE_FAILURE(snapshot, subscription, since)                                                 \
        L("{\"snapshot\":" snapshot ",\"subscription\":" subscription ",\"since\":" since "}\n")
#define ONE_RULE(policy, rule, complete)                                                           \
        R("{\"policy\":" policy ",\"rule\":" rule ",\"complete\":" complete "}\n")
#define ACK(kind, policy, rule, allowance, at)                                                     \
        A("{\"kind\":" kind ",\"policy\":" policy ",\"rule\":" rule ",\"allowance\":" allowance    \
          ",\"at\":" at "}\n")
#define AT "\"2026-11-23T12:00:00Z\""
#define ONE_GONE(generation, first, since)                                                         \
        G("{\"generation\":" generation ",\"first\":" first ",\"since\":" since "}\n")
#define ONE_FLEET(key, days, sizes, missing, accepted)                                             \
        F("{\"key\":" key ",\"days\":[" days "],\"sizes\":[" sizes "],\"missing_from\":" missing   \
          ",\"accepted\":" accepted "}\n")
#define EIGHT "0,0,0,0,0,0,0,0"
#define ONE_DELETION(hour, policy, count) ONE_BORN(hour, policy, "0", count)
#define ONE_BORN(hour, policy, born, count)                                                        \
        D("{\"hour\":" hour ",\"policy\":" policy ",\"born\":" born ",\"count\":" count "}\n")
#define X16 "xxxxxxxxxxxxxxxx"
#define X64 X16 X16 X16 X16
#define X256 X64 X64 X64 X64

/* Each value good, then wrong; then the shape. */
static void test_values(void **unused) {
        static const struct {
                int line;
                const char *text;
                bool good;
        } rows[] = {
                {__LINE__, full_file, true},
                {__LINE__, ACK("\"ask\"", "\"gold\"", "null", "0", AT), true},
                {__LINE__, ACK("\"asked\"", "\"gold\"", "\"last=3\"", "0", AT), true},
                {__LINE__, ACK("\"asked\"", "\"gold\"", "null", "0", AT), false},
                {__LINE__, ACK("\"asked\"", "\"gold\"", "\"last=3\"", "1", AT), false},
                {__LINE__, ACK("\"Ask\"", "\"gold\"", "null", "0", AT), false},
                {__LINE__, ACK("\"clock\"", "\"gold\"", "null", "0", AT), false},
                {__LINE__, ACK("null", "\"gold\"", "null", "0", AT), false},
                {__LINE__, ACK("\"ask\"", "\"" X64 "\"", "null", "0", AT), true},
                {__LINE__, ACK("\"ask\"", "\"" X64 "x\"", "null", "0", AT), false},
                {__LINE__, ACK("\"ask\"", "\"\"", "null", "0", AT), false},
                {__LINE__, ACK("\"ask\"", "\"a-_.0\"", "null", "0", AT), true},
                {__LINE__, ACK("\"ask\"", "\"-a\"", "null", "0", AT), false},
                {__LINE__, ACK("\"ask\"", "\"a b\"", "null", "0", AT), false},
                {__LINE__, ACK("\"ask\"", "\"g\xc3\xa5ld\"", "null", "0", AT), false},
                {__LINE__, ACK("\"ask\"", "null", "null", "0", AT), false},
                {__LINE__, ACK("\"ask\"", "\"gold\"", "\"last=3\"", "0", AT), false},
                {__LINE__, ACK("\"mass\"", "\"gold\"", "\"last=3\"", "1", AT), false},
                {__LINE__, ACK("\"policy\"", "\"gold\"", "\"last=3\"", "0", AT), true},
                {__LINE__, ACK("\"policy\"", "\"gold\"", "\"" X256 "\"", "0", AT), true},
                {__LINE__, ACK("\"policy\"", "\"gold\"", "\"" X256 "x\"", "0", AT), false},
                {__LINE__, ACK("\"policy\"", "\"gold\"", "\"\"", "0", AT), false},
                {__LINE__, ACK("\"policy\"", "\"gold\"", "\"a\\u0009\"", "0", AT), false},
                {__LINE__, ACK("\"policy\"", "\"gold\"", "\"\xc3\xa5\"", "0", AT), false},
                {__LINE__, ACK("\"policy\"", "\"gold\"", "\"\\u0061\"", "0", AT), false},
                {__LINE__, ACK("\"policy\"", "\"gold\"", "null", "0", AT), false},
                {__LINE__, ACK("\"policy\"", "\"gold\"", "\"last=3\"", "1", AT), false},
                {__LINE__, ACK("\"ask\"", "\"gold\"", "null", "1", AT), false},
                {__LINE__, ACK("\"mass\"", "\"gold\"", "null", "9007199254740991", AT), true},
                {__LINE__, ACK("\"mass\"", "\"gold\"", "null", "9007199254740992", AT), false},
                {__LINE__, ACK("\"mass\"", "\"gold\"", "null", "-1", AT), false},
                {__LINE__, ACK("\"mass\"", "\"gold\"", "null", "1.5", AT), false},
                {__LINE__, ACK("\"mass\"", "\"gold\"", "null", "1e2", AT), false},
                {__LINE__, ACK("\"mass\"", "\"gold\"", "null", "\"1\"", AT), false},
                {__LINE__, ACK("\"mass\"", "\"gold\"", "null", "null", AT), false},
                {__LINE__, ACK("\"ask\"", "\"gold\"", "null", "0", "null"), false},
                {__LINE__, ACK("\"ask\"", "\"gold\"", "null", "0", "5"), false},
                {__LINE__, ACK("\"ask\"", "\"gold\"", "null", "0", "\"\""), false},
                {__LINE__, ACK("\"ask\"", "\"gold\"", "null", "0", "\"2026-11-23T12:00:00.5Z\""),
                 false},
                {__LINE__, ACK("\"ask\"", "\"gold\"", "null", "0", "\"2026-11-23T12:00:00+00:00\""),
                 false},
                {__LINE__, ACK("\"ask\"", "\"gold\"", "null", "0", "\"2026-11-31T12:00:00Z\""),
                 false},
                {__LINE__, A(ACK_POLICY ",\n" ACK_ASK "\n"), true},
                {__LINE__, A(ACK_ASK ",\n" ACK_POLICY "\n"), false},
                {__LINE__, A(ACK_ASK ",\n" ACK_ASK "\n"), false},
                {__LINE__, A(ACK_POLICY ",\n"), false},
                {__LINE__, A(ACK_POLICY "\n" ACK_ASK "\n"), false},
                {__LINE__, A(ACK_POLICY ", \n" ACK_ASK "\n"), false},
                {__LINE__, A(ACK_POLICY ",\n\n" ACK_ASK "\n"), false},
                {__LINE__, A(ACK_POLICY "\r\n"), false},
                {__LINE__, A("\n"), false},
                {__LINE__, A("5\n"), false},
                {__LINE__, A("null\n"), false},
                {__LINE__, A("[]\n"), false},
                {__LINE__, A("{}\n"), false},

                {__LINE__, ONE_GONE("\"" GEN1 "\"", "null", "null"), true},
                {__LINE__, ONE_GONE("\"" GEN1 "\"", AT, AT), true},
                {__LINE__, ONE_GONE("\"" GEN1 "\"", AT, AT ",\"disk\":\"a/b/c\",\"seen\":" AT),
                 true},
                {__LINE__, ONE_GONE("\"" GEN1 "\"", AT, AT ",\"disk\":\"a/b/c\""), false},
                {__LINE__, ONE_GONE("\"" GEN1 "\"", AT, AT ",\"disk\":null,\"seen\":" AT), false},
                {__LINE__, ONE_GONE("\"" GEN1 "\"", AT, AT ",\"disk\":\"a\",\"seen\":\"x\""),
                 false},
                {__LINE__, ONE_GONE("\"" GEN1 "\"", AT, AT ",\"seen\":" AT), false},
                {__LINE__, ONE_GONE("\"0217B3DB-61cb-4bf6-bbfb-e1bbddadf4d4\"", AT, AT), false},
                {__LINE__, ONE_GONE("\"0217b3db-61cb-4bf6-bbfb-e1bbddadf4d\"", AT, AT), false},
                {__LINE__, ONE_GONE("\"\"", AT, AT), false},
                {__LINE__, ONE_GONE("null", AT, AT), false},
                {__LINE__, ONE_GONE("\"" GEN1 "\"", "\"x\"", "null"), false},
                {__LINE__, ONE_GONE("\"" GEN1 "\"", AT, "false"), false},
                {__LINE__, ONE_GONE("\"" GEN1 "\"", AT, "null,\"x\":1"), false},
                {__LINE__, G(GONE2 ",\n" GONE1 "\n"), false},
                {__LINE__, G(GONE1 ",\n" GONE1 "\n"), false},
                {__LINE__, G("{\"generation\":\"" GEN1 "\",\"first\":null}\n"), false},
                {__LINE__, G("{\"generation\":\"" GEN1 "\",\"since\":null,\"first\":null}\n"),
                 false},
                {__LINE__, G("{ \"generation\":\"" GEN1 "\",\"first\":null,\"since\":null}\n"),
                 false},
                {__LINE__, G("{\"generation\":\"" GEN1 "\",\"first\":null,\"since\":null} \n"),
                 false},
                {__LINE__, G("{\"generation\":\"" GEN1 "\",\"first\":null,\"first\":null}\n"),
                 false},

                {__LINE__, ONE_FAILURE("\"" GEN1 "\"", "\"" GEN2 "\"", AT), true},
                {__LINE__, ONE_FAILURE("\"" GEN1 "\"", "\"" GEN2 "\"", "null"), false},
                {__LINE__, ONE_FAILURE("\"" GEN1 "\"", "\"\"", AT), false},
                {__LINE__, ONE_FAILURE("\"x\"", "\"" GEN2 "\"", AT), false},
                {__LINE__, ONE_FAILURE("null", "\"" GEN2 "\"", AT), false},
                {__LINE__, L(FAILURE1 ",\n" FAILURE2 "\n"), true},
                {__LINE__, L(FAILURE2 ",\n" FAILURE1 "\n"), false},
                {__LINE__, L(FAILURE1 ",\n" FAILURE1 "\n"), false},
                {__LINE__, L("{\"snapshot\":\"" GEN1 "\",\"since\":" AT "}\n"), false},

                {__LINE__, ONE_FLEET("\"" KEY1 "\"", EIGHT, EIGHT, "0", "null"), true},
                {__LINE__, ONE_FLEET("\"0123456789abcde\"", EIGHT, EIGHT, "0", "null"), false},
                {__LINE__, ONE_FLEET("\"0123456789abcdef0\"", EIGHT, EIGHT, "0", "null"), false},
                {__LINE__, ONE_FLEET("\"0123456789abcdeF\"", EIGHT, EIGHT, "0", "null"), false},
                {__LINE__, ONE_FLEET("null", EIGHT, EIGHT, "0", "null"), false},
                {__LINE__, ONE_FLEET("\"" KEY1 "\"", "0,0,0,0,0,0,0", EIGHT, "0", "null"), false},
                {__LINE__, ONE_FLEET("\"" KEY1 "\"", EIGHT ",0", EIGHT, "0", "null"), false},
                {__LINE__, ONE_FLEET("\"" KEY1 "\"", "", EIGHT, "0", "null"), false},
                {__LINE__, ONE_FLEET("\"" KEY1 "\"", EIGHT, "0,0,0,0,0,0,0", "0", "null"), false},
                {__LINE__, ONE_FLEET("\"" KEY1 "\"", EIGHT, EIGHT ",0", "0", "null"), false},
                {__LINE__, ONE_FLEET("\"" KEY1 "\"", "2932896,0,0,0,0,0,0,0", EIGHT, "0", "null"),
                 true},
                {__LINE__, ONE_FLEET("\"" KEY1 "\"", "2932897,0,0,0,0,0,0,0", EIGHT, "0", "null"),
                 false},
                {__LINE__, ONE_FLEET("\"" KEY1 "\"", "-1,0,0,0,0,0,0,0", EIGHT, "0", "null"), true},
                {__LINE__, ONE_FLEET("\"" KEY1 "\"", "\"1\",0,0,0,0,0,0,0", EIGHT, "0", "null"),
                 false},
                {__LINE__,
                 ONE_FLEET("\"" KEY1 "\"", EIGHT, "4294967296,0,0,0,0,0,0,0", "0", "null"), false},
                {__LINE__, ONE_FLEET("\"" KEY1 "\"", EIGHT, "-1,0,0,0,0,0,0,0", "0", "null"),
                 false},
                {__LINE__, ONE_FLEET("\"" KEY1 "\"", EIGHT, EIGHT, "4294967295", "4294967295"),
                 true},
                {__LINE__, ONE_FLEET("\"" KEY1 "\"", EIGHT, EIGHT, "4294967296", "null"), false},
                {__LINE__, ONE_FLEET("\"" KEY1 "\"", EIGHT, EIGHT, "0", "4294967296"), false},
                {__LINE__, ONE_FLEET("\"" KEY1 "\"", EIGHT, EIGHT, "null", "null"), false},
                {__LINE__, ONE_FLEET("\"" KEY1 "\"", EIGHT, EIGHT, "0", "false"), false},
                {__LINE__, F(FLEET2 ",\n" FLEET1 "\n"), false},
                {__LINE__, F(FLEET1 ",\n" FLEET1 "\n"), false},

                {__LINE__, ONE_DELETION("498732", "\"gold\"", "1"), true},
                {__LINE__, ONE_DELETION("-5", "\"gold\"", "1"), true},
                {__LINE__, ONE_DELETION("70389527", "\"gold\"", "1"), true},
                {__LINE__, ONE_DELETION("70389528", "\"gold\"", "1"), false},
                {__LINE__, ONE_DELETION("498732", "\"gold\"", "0"), false},
                {__LINE__, ONE_DELETION("498732", "\"gold\"", "-1"), false},
                {__LINE__, ONE_DELETION("498732", "\"gold\"", "9007199254740992"), false},
                {__LINE__, ONE_DELETION("498732", "\"go ld\"", "1"), false},
                {__LINE__, ONE_DELETION("\"498732\"", "\"gold\"", "1"), false},
                {__LINE__, ONE_BORN("5", "\"gold\"", "-5", "1"), true},
                {__LINE__, ONE_BORN("5", "\"gold\"", "70389527", "1"), true},
                {__LINE__, ONE_BORN("5", "\"gold\"", "70389528", "1"), false},
                {__LINE__, ONE_BORN("5", "\"gold\"", "null", "1"), false},
                {__LINE__, D(DELETIONS4 ",\n" DELETIONS3 "\n"), false},
                {__LINE__, D(DELETIONS2 ",\n" DELETIONS1 "\n"), false},
                {__LINE__, D(DELETIONS3 ",\n" DELETIONS2 "\n"), false},
                {__LINE__, D(DELETIONS2 ",\n" DELETIONS2 "\n"), false},

                {__LINE__,
                 FILE_OF("\"pause\":{\"all\":false,\"prune\":false,\"until\":null},\n", "", "", "",
                         ""),
                 false},
                {__LINE__,
                 FILE_OF("\"pause\":{\"all\":1,\"prune\":false,\"until\":null},\n", "", "", "", ""),
                 false},
                {__LINE__, FILE_OF("\"pause\":{\"all\":true,\"until\":null},\n", "", "", "", ""),
                 false},
                {__LINE__,
                 FILE_OF("\"pause\":{\"all\":true,\"prune\":true,\"until\":5},\n", "", "", "", ""),
                 false},
                {__LINE__,
                 FILE_OF("\"pause\":{\"all\":true,\"prune\":true,\"until\":null}\n", "", "", "",
                         ""),
                 false},
                {__LINE__,
                 FILE_OF("\"pause\":{\"all\":true,\"prune\":true,\"until\":null,\"lost\":false},\n",
                         "", "", "", ""),
                 false},
                {__LINE__,
                 FILE_OF("\"pause\":{\"all\":true,\"prune\":false,\"until\":null,\"lost\":true},\n",
                         "", "", "", ""),
                 false},
                {__LINE__, FILE_OF("\"pause\":\n", "", "", "", ""), false},
                {__LINE__, FILE_OF("\"pause\":,\n", "", "", "", ""), false},
                {__LINE__, FILE_OF("", "", "", "", ""), false},
                {__LINE__, FILE_OF(NO_PAUSE, GONE, ACKS, "", ""), false},
                {__LINE__, FILE_OF(NO_PAUSE, "", "", "", "") "\n", false},
                {__LINE__, "\xef\xbb\xbf" FILE_OF(NO_PAUSE, "", "", "", ""), false},
                {__LINE__, ONE_RULE("\"gold\"", "\"last=3\"", "0"), true},
                {__LINE__, ONE_RULE("\"gold\"", "\"" X256 "\"", "9007199254740991"), true},
                {__LINE__, ONE_RULE("\"gold\"", "\"" X256 "x\"", "1"), false},
                {__LINE__, ONE_RULE("\"gold\"", "\"\"", "1"), false},
                {__LINE__, ONE_RULE("\"gold\"", "null", "1"), false},
                {__LINE__, ONE_RULE("\"gold\"", "\"last=3\"", "-1"), false},
                {__LINE__, ONE_RULE("\"gold\"", "\"last=3\"", "1.5"), false},
                {__LINE__, ONE_RULE("\"gold\"", "\"last=3\"", "null"), false},
                {__LINE__, ONE_RULE("\"\"", "\"last=3\"", "1"), false},
                {__LINE__, ONE_RULE("null", "\"last=3\"", "1"), false},
                {__LINE__, R(RULE1 ",\n" RULE1 "\n"), false},
                {__LINE__, R(RULE2 ",\n" RULE1 "\n"), false},
                {__LINE__, U(UNSELECTED1), true},
                {__LINE__, U(UNSELECTED1 ",\n" UNSELECTED3), true},
                {__LINE__, U(UNSELECTED1 ",\n" UNSELECTED1), false},
                {__LINE__, U(UNSELECTED2 ",\n" UNSELECTED1), false},
                {__LINE__, U(UNSELECTED3 ",\n" UNSELECTED2), false},
                {__LINE__, U("{\"generation\":null,\"policy\":\"gold\"}"), false},
                {__LINE__, U("{\"generation\":\"gold\",\"policy\":\"gold\"}"), false},
                {__LINE__, U("{\"generation\":\"" GEN1 "\",\"policy\":\"a b\"}"), false},
                {__LINE__, U("{\"generation\":\"" GEN1 "\",\"policy\":null}"), false},
                /* masses */
                {__LINE__, ONE_MASS(MASS1), true},
                {__LINE__, ONE_MASS(MASS1 ",\n" MASS2), true},
                {__LINE__, ONE_MASS(MASS1 ",\n" MASS1), false},
                {__LINE__, ONE_MASS(MASS2 ",\n" MASS1), false},
                {__LINE__, ONE_MASS("{\"policy\":\"\"}"), false},
                {__LINE__, ONE_MASS("{\"policy\":null}"), false},
                {__LINE__, ONE_MASS("{\"policy\":\"a b\"}"), false},
                {__LINE__, ONE_MASS("{\"policy\":\"gold\",\"since\":1}"), false},
                {__LINE__, ONE_MASS("{}"), false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct state state;
                int r = load_text(rows[i].text, strlen(rows[i].text), &state);

                if (r != (rows[i].good ? 0 : STATE_E_DAMAGED))
                        fail_msg("row at line %d: %d", rows[i].line, r);
                if (!rows[i].good)
                        assert_empty(&state);
                state_deinit(&state);
                if (!is_sealable(rows[i].text, strlen(rows[i].text)))
                        continue;
                if (load_sealed(rows[i].text, strlen(rows[i].text), &state) != r)
                        fail_msg("row at line %d, sealed", rows[i].line);
                state_deinit(&state);
        }
}

/* A file that anybody may have changed gives the state that would be written so, or none. */
static void check_whole(const char *bytes, size_t len) {
        _cleanup_(memory_store_deinit) struct memory_store m = MEMORY_STORE;
        struct state state;
        int r = load_text(bytes, len, &state);

        if (r != 0) {
                assert_true(r == STATE_E_DAMAGED || r == STATE_E_NEWER);
                assert_forgotten(&state);
                return;
        }
        state.changed = true;
        assert_int_equal(state_save(&state, &m.store), 0);
        assert_written(&m, bytes, len);
        state_deinit(&state);
}

/* Nothing of a file that was written has changed unseen, be it a digit of a date. */
static void test_seal(void **unused) {
        static const char others[] = "\0\n\",019:]}\\aZ \x80\xff";
        _cleanup_(strbuf_deinit) struct strbuf file = {}, text = {};
        struct state state;

        seal(full_file, strlen(full_file), &file);
        assert_int_equal(load_text(file.data, file.len, &state), 0);
        assert_int_equal(state.n_fleets, 2);
        state_deinit(&state);
        strbuf_append(&text, file.data, file.len);
        for (size_t at = 0; at < file.len; at++) {
                char is = file.data[at];

                for (unsigned i = 0; i < 8 + sizeof(others) - 1; i++) {
                        int r;

                        text.data[at] = i < 8 ? (char)(is ^ 1 << i) : others[i - 8];
                        if (text.data[at] == is)
                                continue;
                        r = load_text(text.data, text.len, &state);
                        if (r != STATE_E_DAMAGED && r != STATE_E_NEWER)
                                fail_msg("byte %zu as %#x: %d", at, (unsigned char)text.data[at],
                                         r);
                        /* Another version makes it newer, and the name of another section does not. */
                        assert_true(r == STATE_E_DAMAGED || at <= strlen("{\"version\":2"));
                        assert_forgotten(&state);
                }
                text.data[at] = is;
                if (load_text(file.data, at, &state) != STATE_E_DAMAGED)
                        fail_msg("cut at %zu", at);
                assert_forgotten(&state);
        }
        strbuf_append_str(&file, "\n");
        assert_int_equal(load_text(file.data, file.len, &state), STATE_E_DAMAGED);
        assert_forgotten(&state);
}

static void test_cut(void **unused) {
        for (size_t len = 0; len < strlen(full_file); len++) {
                struct state state;

                if (load_text(full_file, len, &state) != STATE_E_DAMAGED)
                        fail_msg("cut at %zu", len);
                assert_forgotten(&state);
        }
}

static void test_bytes(void **unused) {
        static const char others[] = "\0\n\",09:]}\\aZ \x80\xff";
        char text[sizeof(full_file) + 1];

        for (size_t at = 0; at < strlen(full_file); at++) {
                size_t len = strlen(full_file);

                for (unsigned i = 0; i < 8 + sizeof(others) - 1; i++) {
                        memcpy(text, full_file, sizeof(full_file));
                        text[at] = i < 8 ? (char)(text[at] ^ 1 << i) : others[i - 8];
                        check_whole(text, len);
                }
                /* One left out, one twice. */
                memcpy(text, full_file, at);
                memcpy(text + at, full_file + at + 1, len - at - 1);
                check_whole(text, len - 1);
                memcpy(text, full_file, at + 1);
                memcpy(text + at + 1, full_file + at, len - at);
                check_whole(text, len + 1);
        }
}

/* Lines left out, twice, and changed with the next. */
static void test_lines(void **unused) {
        const char *end = full_file + strlen(full_file);
        unsigned n = 0;

        for (const char *line = full_file; line < end; n++) {
                const char *next = strchr(line, '\n') + 1,
                           *after = next < end ? strchr(next, '\n') + 1 : end;
                struct strbuf s = {};

                strbuf_append(&s, full_file, (size_t)(line - full_file));
                strbuf_append(&s, next, (size_t)(end - next));
                check_whole(s.data, s.len);
                strbuf_clear(&s);
                strbuf_append(&s, full_file, (size_t)(next - full_file));
                strbuf_append(&s, line, (size_t)(end - line));
                check_whole(s.data, s.len);
                strbuf_clear(&s);
                strbuf_append(&s, full_file, (size_t)(line - full_file));
                strbuf_append(&s, next, (size_t)(after - next));
                strbuf_append(&s, line, (size_t)(next - line));
                strbuf_append(&s, after, (size_t)(end - after));
                check_whole(s.data, s.len);
                strbuf_deinit(&s);
                line = next;
        }
        assert_int_equal(n, 38);
}

static void nth_gone(unsigned n, char generation[GUID_TEXT_SIZE]) {
        snprintf(generation, GUID_TEXT_SIZE, "0217b3db-61cb-4bf6-bbfb-%012u", n);
}

static void nth_policy(unsigned n, char policy[POLICY_NAME_MAX + 1]) {
        snprintf(policy, POLICY_NAME_MAX + 1, "policy-%057u", n);
}

/* All ceilings at once, with the longest values, fit into the file; one more of each does not go. */
static void test_ceilings(void **unused) {
        _cleanup_(memory_store_deinit) struct memory_store m = MEMORY_STORE;
        _cleanup_(state_deinit) struct state state = {}, again = {};
        const struct utc noon = utc_from_seconds(NOON);
        char generation[GUID_TEXT_SIZE], policy[POLICY_NAME_MAX + 1], key[17];
        struct state_fleet *fleet;
        struct state_gone *gone;

        for (unsigned i = 0; i <= STATE_GONE_MAX; i++) {
                nth_gone(i, generation);
                assert_int_equal(state_gone_get(&state, generation, &gone),
                                 i < STATE_GONE_MAX ? 0 : -E2BIG);
                gone->first = gone->since = noon;
        }
        for (unsigned i = 0; i <= STATE_UNSELECTED_MAX; i++) {
                nth_gone(i, generation);
                nth_policy(7, policy);
                assert_int_equal(state_unselected_note(&state, generation, policy),
                                 i < STATE_UNSELECTED_MAX ? 0 : -E2BIG);
        }
        for (unsigned i = 0; i <= STATE_FAILURES_MAX; i++) {
                nth_gone(i, generation);
                assert_int_equal(note_failure(&state, generation, noon),
                                 i < STATE_FAILURES_MAX ? 0 : -E2BIG);
        }
        for (unsigned i = 0; i <= STATE_FLEETS_MAX; i++) {
                snprintf(key, sizeof(key), "%016u", i);
                assert_int_equal(state_fleet_get(&state, key, &fleet),
                                 i < STATE_FLEETS_MAX ? 0 : -E2BIG);
                for (unsigned d = 0; d < ARRAY_SIZE(fleet->fleet.day); d++) {
                        fleet->fleet.day[d] = 20780;
                        fleet->fleet.size[d] = UINT32_MAX;
                }
                fleet->fleet.missing_from = fleet->fleet.accepted = UINT32_MAX;
                fleet->fleet.has_accepted = true;
        }
        for (unsigned i = 0; i <= STATE_ACKS_MAX; i++) {
                nth_policy(i, policy);
                assert_int_equal(state_ack(&state, DOUBT_POLICY, policy, X256, 0, noon),
                                 i < STATE_ACKS_MAX ? 0 : -E2BIG);
        }
        nth_policy(7, policy); /* there is a place for one that is there */
        assert_int_equal(state_ack(&state, DOUBT_POLICY, policy, X256, 0, noon), 0);
        for (unsigned i = 0; i <= STATE_DELETIONS_MAX; i++) {
                nth_policy(i, policy);
                assert_int_equal(state_count_deletions(&state, policy, LONG_AGO, UINT64_MAX, noon),
                                 i < STATE_DELETIONS_MAX ? 0 : -E2BIG);
        }
        assert_int_equal(state_count_deletions(&state, "policy", LONG_AGO, 0, noon), 0);
        for (unsigned i = 0; i <= STATE_RULES_MAX; i++) {
                nth_policy(i, policy);
                assert_int_equal(state_rule_set(&state, policy, X256, i),
                                 i < STATE_RULES_MAX ? 0 : -E2BIG);
        }

        for (unsigned i = 0; i <= STATE_MASSES_MAX; i++) {
                nth_policy(i, policy);
                assert_int_equal(state_mass_note(&state, policy),
                                 i < STATE_MASSES_MAX ? 0 : -E2BIG);
        }

        state.changed = true;
        assert_int_equal(state_save(&state, &m.store), 0);
        assert_int_equal(state_load(&m.store, &again), 0);
        assert_int_equal(again.n_gone, STATE_GONE_MAX);
        assert_int_equal(again.n_unselected, STATE_UNSELECTED_MAX);
        assert_int_equal(again.n_failures, STATE_FAILURES_MAX);
        assert_int_equal(again.n_fleets, STATE_FLEETS_MAX);
        assert_int_equal(again.n_acks, STATE_ACKS_MAX);
        assert_int_equal(again.n_deletions, STATE_DELETIONS_MAX);
        assert_int_equal(again.n_rules, STATE_RULES_MAX);
        assert_int_equal(again.n_masses, STATE_MASSES_MAX);
        assert_memory_equal(again.gone, state.gone, STATE_GONE_MAX * sizeof(*state.gone));
        state_deinit(&again);

        /* One line more than may be, of each kind: in a file without a hash, which would tell it first. */
        m.bytes[strlen("{\"version\":")] = '1';
        strcpy(strstr(m.bytes, ",\n\"sha256\":"), "}\n");
        for (unsigned i = 0; i < 8; i++) {
                static const char *const sections[] = {"\"acks\":[\n",       "\"gone\":[\n",
                                                       "\"unselected\":[\n", "\"failures\":[\n",
                                                       "\"fleets\":[\n",     "\"deletions\":[\n",
                                                       "\"masses\":[\n",     "\"rules\":[\n"};
                static const char *const lines[] = {
                        "{\"kind\":\"ask\",\"policy\":\"a\",\"rule\":null,\"allowance\":0,"
                        "\"at\":" AT "},\n",
                        "{\"generation\":\"00000000-0000-0000-0000-000000000000\",\"first\":null,"
                        "\"since\":null},\n",
                        "{\"generation\":\"00000000-0000-0000-0000-000000000000\","
                        "\"policy\":\"a\"},\n",
                        "{\"snapshot\":\"00000000-0000-0000-0000-000000000000\","
                        "\"subscription\":\"" GEN2 "\",\"since\":" AT "},\n",
                        NULL,
                        "{\"hour\":0,\"policy\":\"a\",\"born\":0,\"count\":1},\n",
                        "{\"policy\":\"a\"},\n",
                        "{\"policy\":\"a\",\"rule\":\"none\",\"complete\":1},\n",
                };
                const char *at = strstr(m.bytes, sections[i]) + strlen(sections[i]);
                struct strbuf s = {};
                struct state none;

                if (!lines[i])
                        continue; /* the first key is the lowest there is: below */
                strbuf_append(&s, m.bytes, (size_t)(at - m.bytes));
                strbuf_append_str(&s, lines[i]);
                strbuf_append_str(&s, at);
                assert_int_equal(load_text(s.data, s.len, &none), STATE_E_DAMAGED);
                assert_empty(&none);
                strbuf_deinit(&s);
        }
        char *last = strstr(m.bytes, "\"deletions\":[\n") - strlen("}\n],\n");
        struct strbuf s = {};
        struct state none;

        strbuf_append(&s, m.bytes, (size_t)(last + 1 - m.bytes));
        strbuf_append_str(&s, ",\n{\"key\":\"ffffffffffffffff\",\"days\":[" EIGHT
                              "],\"sizes\":[" EIGHT "],\"missing_from\":0,\"accepted\":null}");
        strbuf_append_str(&s, last + 1);
        assert_int_equal(load_text(s.data, s.len, &none), STATE_E_DAMAGED);
        strbuf_deinit(&s);
}

static void test_rules(void **unused) {
        _cleanup_(state_deinit) struct state state = {};

        assert_null(state_rule_find(&state, "gold"));
        state_rule_uncount(&state, "gold");
        assert_false(state.changed);
        assert_int_equal(state_rule_set(&state, "gold", "", 1), -E2BIG);
        assert_int_equal(state_rule_set(&state, "gold", "a\n", 1), -E2BIG);
        assert_int_equal(state_rule_set(&state, "gold", X256 "x", 1), -E2BIG);
        assert_int_equal(state.n_rules, 0);

        assert_int_equal(state_rule_set(&state, "gold", "last=3", 2), 0);
        assert_true(state.changed);
        state.changed = false;
        assert_int_equal(state_rule_set(&state, "gold", "last=3", 2), 0);
        assert_false(state.changed); /* as it was */
        state_rule_uncount(&state, "silver");
        assert_false(state.changed);
        state_rule_uncount(&state, "gold");
        assert_true(state.changed);
        assert_int_equal(state_rule_find(&state, "gold")->complete, 1);
        state_rule_uncount(&state, "gold");
        state_rule_uncount(&state, "gold");
        assert_int_equal(state_rule_find(&state, "gold")->complete, 0);

        state.changed = false;
        assert_int_equal(state_rule_set(&state, "gold", "last=4", UINT64_MAX), 0);
        assert_true(state.changed);
        assert_int_equal(state.n_rules, 1);
        assert_string_equal(state_rule_find(&state, "gold")->rule, "last=4");
        assert_int_equal(state_rule_find(&state, "gold")->complete, 9007199254740991);
}

static void test_gone(void **unused) {
        _cleanup_(state_deinit) struct state state = {};
        struct state_gone *gone, *same;

        assert_null(state_gone_find(&state, GEN1));
        state_gone_forget(&state, GEN1);
        assert_false(state.changed);
        assert_int_equal(state_gone_get(&state, GEN2, &gone), 0);
        assert_true(state.changed);
        assert_false(utc_is_set(gone->first));
        assert_false(utc_is_set(gone->since));
        gone->first = utc_from_seconds(5);
        assert_int_equal(state_gone_get(&state, GEN1, &gone), 0);
        state.changed = false;
        assert_int_equal(state_gone_get(&state, GEN2, &same), 0);
        assert_false(state.changed);
        assert_int_equal(utc_seconds(same->first), 5);
        assert_int_equal(state.n_gone, 2);
        assert_string_equal(state.gone[0].generation, GEN1);

        /* An absence is of one place, and what was known of an older one is nothing. */
        assert_int_equal(state_gone_see(&state, GEN1, "a/b/c", utc_from_seconds(5)), 0);
        gone = &state.gone[0];
        gone->first = gone->since = utc_from_seconds(9);
        assert_int_equal(state_gone_see(&state, GEN1, "A/B/c", utc_from_seconds(8)), 0);
        assert_int_equal(state_gone_see(&state, GEN1, "a/b/d", utc_from_seconds(4)), 0);
        assert_string_equal(gone->disk, "a/b/c");
        assert_int_equal(utc_seconds(gone->since), 9);
        assert_int_equal(state_gone_see(&state, GEN1, "a/b/d", utc_from_seconds(6)), 0);
        assert_string_equal(gone->disk, "a/b/d");
        assert_false(utc_is_set(gone->first));
        assert_false(utc_is_set(gone->since));
        gone->first = utc_from_seconds(9);
        state_gone_end(&state, GEN1);
        assert_false(utc_is_set(gone->first));
        assert_string_equal(gone->disk, "a/b/d");

        state_gone_forget(&state, GEN1);
        assert_true(state.changed);
        assert_null(state_gone_find(&state, GEN1));
        assert_int_equal(utc_seconds(state_gone_find(&state, GEN2)->first), 5);
        assert_int_equal(state.n_gone, 1);
}

static void test_acks(void **unused) {
        _cleanup_(state_deinit) struct state state = {};
        const struct utc noon = utc_from_seconds(NOON);

        assert_false(state_is_acked(&state, DOUBT_POLICY, "gold", "last=3"));
        assert_int_equal(state_ack(&state, DOUBT_POLICY, "gold", "last=3", 0, noon), 0);
        assert_true(state.changed);
        assert_true(state_is_acked(&state, DOUBT_POLICY, "gold", "last=3"));
        assert_false(state_is_acked(&state, DOUBT_POLICY, "gold", "last=2"));
        assert_false(state_is_acked(&state, DOUBT_POLICY, "Gold", "last=3"));
        assert_false(state_is_acked(&state, DOUBT_POLICY, "gol", "last=3"));
        assert_false(state_is_acked(&state, _DOUBT_N, "gold", NULL));
        assert_int_equal(state_allowance(&state, "gold", noon), 0);

        /* A later one of the same kind and policy takes its place; others stand beside it. */
        assert_int_equal(state_ack(&state, DOUBT_POLICY, "gold", "last=2", 0, noon), 0);
        assert_int_equal(state_ack(&state, DOUBT_POLICY, "silver", "last=3", 0, noon), 0);
        assert_int_equal(state_ack(&state, _DOUBT_N, "gold", NULL, 0, noon), 0);
        assert_int_equal(state.n_acks, 3);
        assert_false(state_is_acked(&state, DOUBT_POLICY, "gold", "last=3"));
        assert_true(state_is_acked(&state, DOUBT_POLICY, "gold", "last=2"));
        assert_true(state_is_acked(&state, DOUBT_POLICY, "silver", "last=3"));
        assert_true(state_is_acked(&state, _DOUBT_N, "gold", NULL));

        /* What no tag can carry is not accepted, and takes nothing away. */
        state.changed = false;
        assert_int_equal(state_ack(&state, DOUBT_POLICY, "gold", X256 "x", 0, noon), -E2BIG);
        assert_int_equal(state_ack(&state, DOUBT_POLICY, "gold", "", 0, noon), -E2BIG);
        assert_false(state.changed);
        assert_true(state_is_acked(&state, DOUBT_POLICY, "gold", "last=2"));

        /* Forgotten, it takes no other with it. */
        state_ack_forget(&state, DOUBT_POLICY, "iron");
        assert_false(state.changed);
        state_ack_forget(&state, DOUBT_POLICY, "gold");
        assert_true(state.changed);
        assert_int_equal(state.n_acks, 2);
        assert_false(state_is_acked(&state, DOUBT_POLICY, "gold", "last=2"));
        assert_true(state_is_acked(&state, DOUBT_POLICY, "silver", "last=3"));
        assert_true(state_is_acked(&state, _DOUBT_N, "gold", NULL));
}

static void test_allowance(void **unused) {
        static const struct {
                int line;
                int64_t ticks; /* after the ack */
                uint64_t allowance;
        } rows[] = {
                {__LINE__, 0, 30},
                {__LINE__, -1, 0},
                {__LINE__, 1, 30},
                {__LINE__, SEC_PER_DAY * TICKS_PER_SEC, 30},
                {__LINE__, SEC_PER_DAY * TICKS_PER_SEC + 1, 0},
        };
        _cleanup_(state_deinit) struct state state = {};
        const struct utc noon = utc_from_seconds(NOON);

        assert_int_equal(state_ack(&state, DOUBT_MASS, "gold", NULL, 500, noon), 0);
        assert_int_equal(state_ack(&state, DOUBT_MASS, "gold", NULL, 30, noon), 0);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct utc now = {noon.ticks + rows[i].ticks};

                if (state_allowance(&state, "gold", now) != rows[i].allowance)
                        fail_msg("row at line %d", rows[i].line);
                assert_int_equal(state_allowance(&state, "silver", now), 0);
        }
}

/* One by one, while the ack counts; what comes back is no more than was taken. */
static void test_spent_allowance(void **unused) {
        _cleanup_(state_deinit) struct state state = {};
        const struct utc noon = utc_from_seconds(NOON);
        const struct utc late = utc_add_seconds(noon, SEC_PER_DAY + 1);

        assert_false(state_spend_allowance(&state, "gold", noon));
        state_return_allowance(&state, "gold", noon);
        assert_int_equal(state_ack(&state, DOUBT_MASS, "gold", NULL, 2, noon), 0);
        assert_false(state_spend_allowance(&state, "silver", noon));
        assert_false(state_spend_allowance(&state, "gold", late));
        state.changed = false;
        assert_true(state_spend_allowance(&state, "gold", noon));
        assert_true(state.changed);
        assert_true(state_spend_allowance(&state, "gold", noon));
        assert_false(state_spend_allowance(&state, "gold", noon));
        assert_int_equal(state_allowance(&state, "gold", noon), 0);
        state.changed = false;
        state_return_allowance(&state, "gold", noon);
        assert_true(state.changed);
        assert_int_equal(state_allowance(&state, "gold", noon), 1);

        /* It was another ack's. */
        assert_int_equal(state_ack(&state, DOUBT_MASS, "gold", NULL, 5, late), 0);
        state_return_allowance(&state, "gold", noon);
        assert_int_equal(state_allowance(&state, "gold", late), 5);
}

/* All hours of one policy, and no other's. */
static void test_forgotten_deletions(void **unused) {
        _cleanup_(state_deinit) struct state state = {};
        const struct utc noon = utc_from_seconds(NOON),
                         old = utc_add_seconds(noon, -SEC_PER_DAY * 9);

        state_forget_deletions(&state, "gold");
        assert_false(state.changed);
        for (int hour = 0; hour < 3; hour++) {
                struct utc at = utc_add_seconds(noon, hour * SEC_PER_HOUR);

                assert_int_equal(state_count_deletions(&state, "gold", old, 2, at), 0);
                assert_int_equal(state_count_deletions(&state, "silver", old, 1, at), 0);
        }
        state.changed = false;
        state_forget_deletions(&state, "bronze");
        assert_false(state.changed);
        state_forget_deletions(&state, "gold");
        assert_true(state.changed);
        assert_int_equal(state.n_deletions, 3);
        assert_int_equal(
                state_deletions_since(&state, "gold", utc_add_seconds(noon, 2 * SEC_PER_HOUR)), 0);
        assert_int_equal(
                state_deletions_since(&state, "silver", utc_add_seconds(noon, 2 * SEC_PER_HOUR)),
                3);
}

static void test_deletions(void **unused) {
        /* Counted at 12:59:59 on day 0: the hour of 12. */
        static const struct {
                int line;
                int64_t seconds; /* since noon of day 0 */
                uint64_t count;
        } rows[] = {
                {__LINE__, 3599, 7},
                {__LINE__, 0, 7},
                {__LINE__, -1, 7}, /* a clock that went back a little */
                {__LINE__, SEC_PER_DAY, 7},
                {__LINE__, SEC_PER_DAY + 3599, 7}, /* the window begins in that hour */
                {__LINE__, SEC_PER_DAY + 3600, 0},
                {__LINE__, -SEC_PER_DAY, 7},
                {__LINE__, -SEC_PER_DAY - 1, 0}, /* one that was far ahead */
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(state_deinit) struct state state = {};
                struct utc now = utc_from_seconds(NOON + rows[i].seconds);

                assert_int_equal(state_count_deletions(&state, "gold", LONG_AGO, 3,
                                                       utc_from_seconds(NOON + 3599)),
                                 0);
                assert_int_equal(
                        state_count_deletions(&state, "gold", LONG_AGO, 4, utc_from_seconds(NOON)),
                        0);
                assert_int_equal(state.n_deletions, 1);
                if (state_deletions_since(&state, "gold", now) != rows[i].count)
                        fail_msg("row at line %d", rows[i].line);
                assert_int_equal(state_deletions_since(&state, "silver", now), 0);

                /* What has left the window is forgotten when it is asked for, and nothing else. */
                state.changed = false;
                assert_int_equal(state_count_deletions(&state, "silver", LONG_AGO, 0, now), 0);
                assert_int_equal(state.n_deletions, 1);
                state_expire_deletions(&state, now);
                assert_int_equal(state.n_deletions, rows[i].count ? 1 : 0);
                assert_int_equal(state.changed, rows[i].count == 0);
                assert_int_equal(state_count_deletions(&state, "silver", LONG_AGO, 1, now), 0);
                assert_true(state.changed);
                assert_int_equal(state_deletions_since(&state, "silver", now), 1);
                assert_int_equal(state_deletions_since(&state, "gold", now), rows[i].count);
        }
}

/* What was gained within the window and lost again is neither. */
static void test_deletions_of_young(void **unused) {
        static const struct {
                int line;
                int64_t age_s;   /* of the snapshot when it is deleted, at noon */
                int64_t after_s; /* the look, after noon */
                uint64_t count;
        } rows[] = {
                {__LINE__, DOUBT_MASS_GAIN_S, 0, 5},
                {__LINE__, DOUBT_MASS_GAIN_S - 1, 0, 5}, /* hours are told apart, no less */
                {__LINE__, SEC_PER_DAY, 0, 0},
                {__LINE__, SEC_PER_DAY, 3599, 0},
                {__LINE__, SEC_PER_DAY, 3600, 5}, /* by now it would no longer be gained */
                {__LINE__, 3600, 0, 0},
                {__LINE__, 3600, SEC_PER_DAY - 1, 0},
                {__LINE__, 3600, SEC_PER_DAY, 5},
                {__LINE__, 0, 0, 0},
                {__LINE__, 0, SEC_PER_DAY + 3599, 0},
                {__LINE__, 0, SEC_PER_DAY + 3600, 0}, /* the deletion has left the window */
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(state_deinit) struct state state = {};
                const struct utc noon = utc_from_seconds(NOON);

                assert_int_equal(state_count_deletions(&state, "gold",
                                                       utc_add_seconds(noon, -rows[i].age_s), 5,
                                                       noon),
                                 0);
                if (state_deletions_since(&state, "gold", utc_add_seconds(noon, rows[i].after_s)) !=
                    rows[i].count)
                        fail_msg("row at line %d", rows[i].line);
        }
}

/* Of a snapshot that carries what no policy can be called, whoever wrote that: it counts for no policy, and would make
 * a file that the next start takes for damaged. */
static void test_deletions_of_no_policy(void **unused) {
        static const char *const names[] = {"",      "go ld",      "-gold", "g\xc3\xb6ld",
                                            "g\xc3", "gold\nlead", X64 "x"};
        _cleanup_(memory_store_deinit) struct memory_store m = MEMORY_STORE;
        _cleanup_(state_deinit) struct state state = {.changed = true}, again = {};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                (void)state_count_deletions(&state, names[i], LONG_AGO, 1, utc_from_seconds(NOON));
        assert_int_equal(state_count_deletions(&state, X64, LONG_AGO, 1, utc_from_seconds(NOON)),
                         0);
        assert_int_equal(state_save(&state, &m.store), 0);
        assert_int_equal(state_load(&m.store, &again), 0);
        assert_int_equal(again.n_deletions, 1);
}

/* Hours before 1970 are hours too. */
static void test_deletions_early(void **unused) {
        _cleanup_(state_deinit) struct state state = {};

        assert_int_equal(state_count_deletions(&state, "gold", LONG_AGO, 1, utc_from_seconds(-1)),
                         0);
        assert_int_equal(
                state_count_deletions(&state, "gold", LONG_AGO, 1, utc_from_seconds(-3600)), 0);
        assert_int_equal(
                state_count_deletions(&state, "gold", LONG_AGO, 1, utc_from_seconds(-3601)), 0);
        assert_int_equal(state_count_deletions(&state, "gold", LONG_AGO, 1, utc_from_seconds(0)),
                         0);
        assert_int_equal(state.n_deletions, 3);
        assert_int_equal(state.deletions[0].hour, -2);
        assert_int_equal(state.deletions[1].hour, -1);
        assert_int_equal(state.deletions[1].count, 2);
        assert_int_equal(state.deletions[2].hour, 0);
}

static char gold[] = "gold", silver[] = "silver";
static char sub_a[] = "00000000-0000-0000-0000-00000000000a",
            sub_b[] = "00000000-0000-0000-0000-00000000000b";
static char rg_1[] = "rg-1*", rg_1_upper[] = "RG-1*", rg_2[] = "rg-2";
static char tier[] = "tier", tier_upper[] = "Tier", app[] = "app", one[] = "1", a[] = "a",
            a_upper[] = "A", ab[] = "ab", b1[] = "b 1", empty[] = "";
static char *groups_12[] = {rg_1, rg_2}, *groups_21[] = {rg_2, rg_1_upper}, *groups_1[] = {rg_1};
static struct policy_tag tags_ta[] = {{tier, a}, {app, one}},
                         tags_at[] = {{app, one}, {tier_upper, a}},
                         tags_other[] = {{tier, a_upper}, {app, one}}, tags_ab[] = {{ab, one}},
                         tags_a_b1[] = {{a, b1}}, tags_a[] = {{a, empty}};
static struct resource_id disks[] = {
        {RESOURCE_DISK, "00000000-0000-0000-0000-00000000000a", "rg", "d1"},
        {RESOURCE_DISK, "00000000-0000-0000-0000-00000000000a", "rg", "d2"},
        {RESOURCE_DISK, "00000000-0000-0000-0000-00000000000a", "RG", "D1"},
};

/* Targets of one number select the same, those of others do not. */
static const struct {
        int line;
        int number;
        struct target target;
} key_rows[] = {
        {__LINE__, 0, {.policy = 0, .subscription = sub_a}},
        {__LINE__, 0, {.policy = 0, .subscription = sub_a, .expect = 5}},
        {__LINE__, 1, {.policy = 1, .subscription = sub_a}},
        {__LINE__, 2, {.policy = 0, .subscription = sub_b}},
        {__LINE__, 3, {.policy = 0, .subscription = sub_a, .groups = groups_12, .n_groups = 2}},
        {__LINE__, 3, {.policy = 0, .subscription = sub_a, .groups = groups_21, .n_groups = 2}},
        {__LINE__, 4, {.policy = 0, .subscription = sub_a, .groups = groups_1, .n_groups = 1}},
        {__LINE__, 5, {.policy = 0, .subscription = sub_a, .tags = {tags_ta, 2}}},
        {__LINE__, 5, {.policy = 0, .subscription = sub_a, .tags = {tags_at, 2}}},
        {__LINE__, 6, {.policy = 0, .subscription = sub_a, .tags = {tags_other, 2}}},
        {__LINE__, 7, {.policy = 0, .subscription = sub_a, .except_tags = {tags_ta, 2}}},
        {__LINE__, 8, {.policy = 0, .subscription = sub_a, .tags = {tags_ab, 1}}},
        {__LINE__, 9, {.policy = 0, .subscription = sub_a, .tags = {tags_a_b1, 1}}},
        {__LINE__, 10, {.policy = 0, .subscription = sub_a, .tags = {tags_a, 1}}},
        {__LINE__, 11, {.policy = 0, .disks = &disks[0], .n_disks = 1}},
        {__LINE__, 11, {.policy = 0, .disks = &disks[2], .n_disks = 1}},
        {__LINE__, 12, {.policy = 0, .disks = &disks[0], .n_disks = 2}},
        {__LINE__, 12, {.policy = 0, .disks = &disks[1], .n_disks = 2}},
        {__LINE__, 13, {.policy = 0, .disks = &disks[1], .n_disks = 1}},
};

static int key_of(size_t row, char key[static 17]) {
        struct policy policies[] = {{.name = gold}, {.name = silver}};
        struct target targets[] = {{.policy = 1}, key_rows[row].target};
        const struct policy_file file = {
                .policies = policies, .n_policies = 2, .targets = targets, .n_targets = 2};

        return target_key(&file, 1, file.policies[file.targets[1].policy].name, key);
}

static void test_target_keys(void **unused) {
        for (size_t i = 0; i < ARRAY_SIZE(key_rows); i++) {
                char key[17], other[17];

                assert_int_equal(key_of(i, key), 0);
                assert_int_equal(strspn(key, "0123456789abcdef"), 16);
                assert_int_equal(key[16], '\0');
                for (size_t j = 0; j < i; j++) {
                        assert_int_equal(key_of(j, other), 0);
                        if ((key_rows[i].number == key_rows[j].number) != !strcmp(key, other))
                                fail_msg("rows at lines %d and %d", key_rows[i].line,
                                         key_rows[j].line);
                }
        }
}

/* What one key has is another's, in order; what that one has of its own it keeps. */
static void test_fleet_renamed(void **unused) {
        _cleanup_(state_deinit) struct state state = {};
        static const char *const keys[] = {"5555555555555555", "1111111111111111",
                                           "3333333333333333"};
        struct state_fleet *fleet;

        for (uint32_t i = 0; i < ARRAY_SIZE(keys); i++) {
                assert_int_equal(state_fleet_get(&state, keys[i], &fleet), 0);
                fleet->fleet.missing_from = i + 1;
        }
        state.changed = false;
        state_fleet_rename(&state, "2222222222222222", "4444444444444444");
        state_fleet_rename(&state, keys[0], keys[1]);
        assert_false(state.changed);
        assert_int_equal(state.n_fleets, 3);

        state_fleet_rename(&state, keys[1], "9999999999999999");
        assert_true(state.changed);
        state_fleet_rename(&state, keys[0], "2222222222222222");
        assert_int_equal(state.n_fleets, 3);
        assert_string_equal(state.fleets[0].key, "2222222222222222");
        assert_int_equal(state.fleets[0].fleet.missing_from, 1);
        assert_string_equal(state.fleets[1].key, keys[2]);
        assert_int_equal(state.fleets[1].fleet.missing_from, 3);
        assert_string_equal(state.fleets[2].key, "9999999999999999");
        assert_int_equal(state.fleets[2].fleet.missing_from, 2);
}

/* Runs @fn with the first, the second, ... allocation failing until none does. */
static unsigned sweep(int (*fn)(void)) {
        for (unsigned n = 0;; n++) {
                int r;

                countdown = n;
                failed = false;
                r = fn();
                countdown = -1;
                if (!failed) {
                        assert_int_equal(r, 0);
                        return n;
                }
                if (r != -ENOMEM)
                        fail_msg("allocation %u: %d", n, r);
        }
}

/* What the tests of one act begin with. */
static struct state sample;
static struct strbuf sample_file;

static int run_load(void) {
        struct memory_store m = MEMORY_STORE;
        struct state state;
        int r;

        put(&m, sample_file.data, sample_file.len);
        r = state_load(&m.store, &state);
        state.unread = false;
        if (r != 0)
                assert_empty(&state);
        state_deinit(&state);
        memory_store_deinit(&m);
        return r;
}

static int run_save(void) {
        struct memory_store m = MEMORY_STORE;
        int r;

        sample.changed = true;
        r = state_save(&sample, &m.store);
        assert_int_equal(sample.changed, r != 0);
        assert_int_equal(m.writes, r == 0);
        memory_store_deinit(&m);
        return r;
}

static int run_ack(void) {
        struct state state = {};
        int r;

        r = state_ack(&state, DOUBT_POLICY, "gold", "last=1", 0, utc_from_seconds(NOON));
        assert_int_equal(state.n_acks, r == 0);
        assert_int_equal(state.changed, r == 0);
        state_deinit(&state);
        return r;
}

static int run_ack_again(void) {
        int r;

        r = state_ack(&sample, DOUBT_POLICY, "gold", "last=1", 0, utc_from_seconds(NOON));
        if (r != 0)
                assert_true(state_is_acked(&sample, DOUBT_POLICY, "gold", "last=3, \"x\""));
        return r;
}

static int run_gone(void) {
        struct state state = {};
        struct state_gone *gone;
        int r;

        r = state_gone_get(&state, GEN1, &gone);
        assert_int_equal(state.changed, r == 0);
        r = r ?: state_gone_see(&state, GEN1, "a/b/c", utc_from_seconds(5));
        state_deinit(&state);
        return r;
}

static int run_unselected(void) {
        struct state state = {};
        int r;

        r = state_unselected_note(&state, GEN1, "gold");
        assert_int_equal(state.n_unselected, r == 0);
        assert_int_equal(state.changed, r == 0);
        state_deinit(&state);
        return r;
}

static int run_fleet(void) {
        struct state state = {};
        struct state_fleet *fleet;
        int r;

        r = state_fleet_get(&state, KEY1, &fleet);
        assert_int_equal(state.changed, r == 0);
        state_deinit(&state);
        return r;
}

static int run_count(void) {
        struct state state = {};
        int r;

        r = state_count_deletions(&state, "gold", LONG_AGO, 1, utc_from_seconds(NOON));
        assert_int_equal(state.n_deletions, r == 0);
        assert_int_equal(state.changed, r == 0);
        state_deinit(&state);
        return r;
}

static int run_rule(void) {
        struct state state = {};
        int r;

        r = state_rule_set(&state, "gold", "last=3", 1);
        assert_int_equal(state.n_rules, r == 0);
        assert_int_equal(state.changed, r == 0);
        state_deinit(&state);
        return r;
}

static int run_key(void) {
        char key[17];

        return key_of(12, key);
}

static int run_key_of_tags(void) {
        char key[17];

        return key_of(7, key);
}

static void test_sweep(void **unused) {
        static const struct {
                int line;
                int (*fn)(void);
                unsigned least; /* allocations: a sweep over none proves nothing */
        } rows[] = {
                {__LINE__, run_load, 45},      {__LINE__, run_save, 3},
                {__LINE__, run_ack, 3},        {__LINE__, run_gone, 2},
                {__LINE__, run_unselected, 2}, {__LINE__, run_fleet, 1},
                {__LINE__, run_count, 2},      {__LINE__, run_rule, 2},
                {__LINE__, run_key, 5},        {__LINE__, run_key_of_tags, 7},
                {__LINE__, run_ack_again, 2},
        };

        fill(&sample, false);
        seal(full_file, strlen(full_file), &sample_file);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                unsigned n = sweep(rows[i].fn);

                if (n < rows[i].least)
                        fail_msg("row at line %d: %u", rows[i].line, n);
        }
        state_deinit(&sample);
        strbuf_deinit(&sample_file);
}

/* Of targets that are edited again and again nothing is kept for ever: the ceiling would stop the doubt. */
static void test_fleets_expire(void **state_) {
        static char keys[][17] = {"0000000000000001"};
        const struct utc then = utc_from_seconds(INT64_C(1793577600)),
                         later = utc_add_seconds(then, STATE_FLEET_DAYS * SEC_PER_DAY);
        struct state_fleet *fleet;
        struct state state = {};

        for (int i = 1; i <= 3; i++) {
                char key[17];

                snprintf(key, sizeof(key), "%016d", i);
                assert_int_equal(state_fleet_get(&state, key, &fleet), 0);
                fleet_see(&fleet->fleet, 12, i == 3 ? utc_add_seconds(then, SEC_PER_DAY) : then);
        }
        state.changed = false;
        state_expire_fleets(&state, keys, 1, later);
        assert_int_equal(state.n_fleets, 3);
        assert_false(state.changed);
        state_expire_fleets(&state, keys, 1, utc_add_seconds(later, SEC_PER_DAY));
        assert_true(state.changed);
        assert_int_equal(state.n_fleets, 2);
        assert_string_equal(state.fleets[0].key, "0000000000000001");
        assert_string_equal(state.fleets[1].key, "0000000000000003");
        state_deinit(&state);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_written),
                cmocka_unit_test(test_read),
                cmocka_unit_test(test_earlier),
                cmocka_unit_test(test_pauses),
                cmocka_unit_test(test_store),
                cmocka_unit_test(test_set_aside),
                cmocka_unit_test(test_versions),
                cmocka_unit_test(test_unread_pause),
                cmocka_unit_test(test_unknown_sections),
                cmocka_unit_test(test_values),
                cmocka_unit_test(test_seal),
                cmocka_unit_test(test_cut),
                cmocka_unit_test(test_bytes),
                cmocka_unit_test(test_lines),
                cmocka_unit_test(test_ceilings),
                cmocka_unit_test(test_gone),
                cmocka_unit_test(test_acks),
                cmocka_unit_test(test_allowance),
                cmocka_unit_test(test_spent_allowance),
                cmocka_unit_test(test_forgotten_deletions),
                cmocka_unit_test(test_rules),
                cmocka_unit_test(test_deletions),
                cmocka_unit_test(test_deletions_of_young),
                cmocka_unit_test(test_deletions_of_no_policy),
                cmocka_unit_test(test_deletions_early),
                cmocka_unit_test(test_target_keys),
                cmocka_unit_test(test_fleet_renamed),
                cmocka_unit_test(test_fleets_expire),
                cmocka_unit_test(test_sweep),
        };

        return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
