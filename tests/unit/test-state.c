/*
 * The state in its store: what is written is read again, byte for byte; what cannot be read is set aside;
 * pauses over it.
 */
#include "state-fixture.h"

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

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_written),      cmocka_unit_test(test_read),
                cmocka_unit_test(test_earlier),      cmocka_unit_test(test_pauses),
                cmocka_unit_test(test_store),        cmocka_unit_test(test_set_aside),
                cmocka_unit_test(test_unread_pause),
        };

        return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
