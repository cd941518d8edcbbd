/*
 * Orders that take requests to Azure: hold and release, with each answer that there can be.
 */
#include "engine-fixture.h"

#define ERROR(code) "{\"error\":{\"code\":\"" code "\",\"message\":\"m\"}}"
/* The oldest of begin(): the first that goes. */
#define OLDEST "-20261101T234500Z"
/* What was sent before the order, and has not come to its end. */
#define CALM_S 31

static char order[ENGINE_HASH_SIZE];
static int outcome;

/* Four of ours, of which the policy keeps two; nothing goes while deletions are paused. */
static void begin(bool paused) {
        fixture_init();
        for (int i = 3; i >= 0; i--)
                snap_add_ours(START_S - i * EVERY_S);
        engine_begin();
        if (paused)
                assert_int_equal(engine_pause(f.engine, /* all= */ false, UTC_NEVER, "root"), 0);
        outcome = -1;
}

static void rule(enum http_method method, const char *url, int times, int status,
                 const char *body) {
        assert_true(f.n_rules < RULES_MAX);
        f.met[f.n_rules] = 0;
        f.rules[f.n_rules++] = (struct rule){
                .method = method, .url = url, .times = times, .status = status, .body = body};
}

static struct engine_order now_is(void) {
        struct engine_order found;

        assert_true(engine_order(f.engine, order, &found));
        assert_string_equal(found.id, order);
        return found;
}

static void assert_ended(int line, enum order_state state, const char *text) {
        struct engine_order found = now_is();

        if (found.state != state || !strstr(found.text, text))
                fail_msg("line %d: %s, \"%s\", in place of %s, \"%s\"", line,
                         order_state_name(found.state), found.text, order_state_name(state), text);
}

static int hold(const char *snapshot, const char *reason) {
        outcome = engine_hold(f.engine, snapshot, reason, "root", order);
        return outcome;
}

static int release(const char *snapshot) {
        return engine_release(f.engine, snapshot, "root", order);
}

/* Set, seen, and believed when it is seen again; the rule then lets it be, until it is released. */
static void test_hold_and_release(void **state) {
        char first[ENGINE_HASH_SIZE], name[SNAPSHOT_NAME_SIZE];

        begin(/* paused= */ true);
        engine_pass(60);
        strcpy(name, f.snaps[0].name);
        assert_int_equal(hold(name, "audit 7"), 0);
        assert_int_equal(now_is().state, ORDER_RUNNING);
        assert_int_equal(now_is().kind, ORDER_HOLD);
        assert_string_equal(now_is().text, "");
        assert_true(said("is to be held (audit 7), says root"));
        strcpy(first, order);
        /* the same again is the same order */
        assert_int_equal(hold(name, "audit 7"), 0);
        assert_string_equal(order, first);
        assert_int_equal(hold(name, "another"), ENGINE_E_BUSY);
        assert_int_equal(release(name), ENGINE_E_BUSY);
        strcpy(order, first);
        engine_pass(CALM_S - 2);
        assert_int_equal(now_is().state, ORDER_RUNNING);
        assert_string_equal(snap_find(name)->hold, "audit 7");
        engine_pass(5);
        assert_ended(__LINE__, ORDER_DONE, "is held: audit 7");
        assert_int_equal(f.requests[HTTP_PATCH], 1);

        /* what is so already is seen, and not set again */
        assert_int_equal(hold(name, "audit 7"), 0);
        assert_string_equal(order, first);
        engine_pass(CALM_S);
        assert_ended(__LINE__, ORDER_DONE, "is held: audit 7");
        assert_int_equal(f.requests[HTTP_PATCH], 1);

        assert_int_equal(engine_resume(f.engine, "root"), 0);
        engine_pass(100);
        assert_non_null(snap_find(name));
        assert_int_equal(release(name), 0);
        engine_pass(5);
        assert_ended(__LINE__, ORDER_DONE, "is released, its hold was: audit 7");
        engine_pass(100);
        assert_null(snap_find(name));
        engine_end();
}

static void test_refused(void **state) {
        static const struct {
                int line;
                const char *snapshot, *reason;
                int outcome;
        } rows[] = {
                {__LINE__, "none", "x", ENGINE_E_UNKNOWN},
                {__LINE__, "rg-other/" OLDEST, "x", ENGINE_E_UNKNOWN},
                {__LINE__, "a/b/c", "x", ENGINE_E_INVALID},
                {__LINE__, "", "x", ENGINE_E_INVALID},
                {__LINE__, DISK_ID, "x", ENGINE_E_INVALID},
                {__LINE__, "by-hand", "", ENGINE_E_INVALID},
                {__LINE__, "by-hand", "two\nlines", ENGINE_E_INVALID},
                {__LINE__, "by-hand", "delete\x7f", ENGINE_E_INVALID},
                {__LINE__, "by-hand", "x", ENGINE_E_NOT_OURS},
                {__LINE__, "RG-Snapshots/by-hand", "x", ENGINE_E_NOT_OURS},
                {__LINE__, SNAPSHOTS_ID "/by-hand", "x", ENGINE_E_NOT_OURS},
        };
        char *longest, id[400];

        begin(/* paused= */ true);
        assert_int_equal(hold(f.snaps[0].name, "x"), ENGINE_E_NOT_READ);
        assert_int_equal(hold(SNAPSHOTS_ID "/x", "x"), ENGINE_E_NOT_READ);
        snap_add("by-hand", START_S);
        snap_add_ours(START_S - 10 * EVERY_S)->state = "Deleting";
        engine_pass(60);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (hold(rows[i].snapshot, rows[i].reason) != rows[i].outcome)
                        fail_msg("line %d: %d", rows[i].line, outcome);
        longest = calloc(1, 258);
        assert_non_null(longest);
        memset(longest, 'x', 257);
        assert_int_equal(hold(f.snaps[0].name, longest), ENGINE_E_INVALID);
        longest[256] = '\0';
        snprintf(id, sizeof(id), "%s/%s", SNAPSHOTS_ID, f.snaps[0].name);
        assert_int_equal(hold(id, longest), 0);
        free(longest);
        assert_int_equal(release("none"), ENGINE_E_UNKNOWN);
        assert_int_equal(hold(f.snaps[f.n_snaps - 1].name, "x"), ENGINE_E_LEAVING);
        assert_false(
                engine_order(f.engine, "0123456789abcdef", &(struct engine_order){.id = "none"}));
        engine_end();
}

#define SNAP(unique, owner, state, hold)                                                           \
        "{\"id\":\"" SNAPSHOTS_ID "/" NAME "\",\"location\":\"w\",\"tags\":{"                      \
        "\"snapkeep-owner\":\"" owner "\"" hold "},\"properties\":{\"provisioningState\":"         \
        "\"" state "\",\"uniqueId\":\"00000000-0000-4000-8000-00000000000" unique "\"}}"
#define HOLD(reason) ",\"SnapKeep-Hold\":\"" reason "\""

/* Each answer to a look or a change, the first of its kind or all of them. */
static void test_answers(void **state) {
        static const struct {
                int line;
                bool release;
                enum http_method method;
                int times, status;
                const char *body;
                enum order_state state;
                const char *text;
        } rows[] = {
                {__LINE__, false, HTTP_GET, 1, 500, ERROR("InternalServerError"), ORDER_DONE, ""},
                {__LINE__, false, HTTP_GET, 1, 429, ERROR("TooManyRequests"), ORDER_DONE, ""},
                {__LINE__, false, HTTP_GET, 1, 200, "{", ORDER_DONE, ""},
                {__LINE__, false, HTTP_GET, 0, 200, "{", ORDER_FAILED, "UnreadableReply"},
                {__LINE__, false, HTTP_GET, 0, 404, ERROR("ResourceNotFound"), ORDER_FAILED,
                 "could not be held (Changed): it is not there any more"},
                {__LINE__, false, HTTP_GET, 0, 403, ERROR("AuthorizationFailed"), ORDER_FAILED,
                 "could not be held (code AuthorizationFailed"},
                {__LINE__, false, HTTP_GET, 0, 200, SNAP("9", "prod-backup", "Succeeded", ""),
                 ORDER_FAILED, "another snapshot has its name"},
                {__LINE__, false, HTTP_GET, 0, 200, SNAP("1", "other", "Succeeded", ""),
                 ORDER_FAILED, "its owner tag is not ours any more"},
                {__LINE__, false, HTTP_GET, 0, 200, SNAP("1", "prod-backup", "Deleting", ""),
                 ORDER_FAILED, "it is being deleted"},
                {__LINE__, false, HTTP_GET, 0, 200,
                 SNAP("1", "prod-backup", "Succeeded", HOLD("theirs")), ORDER_FAILED,
                 "it is held already, and for another reason: theirs"},
                {__LINE__, false, HTTP_GET, 0, 200, SNAP("1", "prod-backup", "Succeeded", ""),
                 ORDER_FAILED, "or nobody saw that it was (NotShown"},
                {__LINE__, false, HTTP_PATCH, 1, 500, ERROR("InternalServerError"), ORDER_DONE, ""},
                {__LINE__, false, HTTP_PATCH, 1, 409, ERROR("Conflict"), ORDER_DONE, ""},
                {__LINE__, false, HTTP_PATCH, 0, 429, ERROR("TooManyRequests"), ORDER_DONE, ""},
                {__LINE__, false, HTTP_PATCH, 0, 403, ERROR("AuthorizationFailed"), ORDER_FAILED,
                 "could not be held (code AuthorizationFailed"},
                {__LINE__, false, HTTP_PATCH, 0, 409, ERROR("ScopeLocked"), ORDER_FAILED,
                 "could not be held (code ScopeLocked"},
                {__LINE__, true, HTTP_GET, 0, 200, SNAP("1", "prod-backup", "Succeeded", ""),
                 ORDER_FAILED, "could not be released (Changed): it has no hold tag"},
                {__LINE__, true, HTTP_PATCH, 1, 500, ERROR("InternalServerError"), ORDER_DONE, ""},
                {__LINE__, true, HTTP_PATCH, 0, 404, ERROR("ResourceNotFound"), ORDER_FAILED,
                 "could not be released (code ResourceNotFound"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                begin(/* paused= */ true);
                f.snaps[0].hold = rows[i].release ? "audit" : NULL;
                engine_pass(60);
                rule(rows[i].method, f.snaps[0].name, rows[i].times, rows[i].status, rows[i].body);
                f.rules[0].kept_from = rows[i].state == ORDER_FAILED || rows[i].status == 409;
                if (rows[i].release)
                        assert_int_equal(release(f.snaps[0].name), 0);
                else
                        assert_int_equal(hold(f.snaps[0].name, "audit"), 0);
                engine_pass(590);
                assert_ended(rows[i].line, rows[i].state, rows[i].text);
                if (said("error") || f.met[0] == 0)
                        fail_msg("line %d", rows[i].line);
                engine_end();
        }
}

/* Whoever set it meanwhile keeps it. */
static void swap_hold(void) {
        if (f.requests[HTTP_PATCH] > 0)
                snap_find(f.snaps[0].name)->hold = "theirs";
}

static void test_hold_of_another(void **state) {
        begin(/* paused= */ true);
        f.snaps[0].hold = "audit";
        engine_pass(60);
        assert_int_equal(release(f.snaps[0].name), 0);
        f.get_part = f.snaps[0].name;
        f.at_get = swap_hold;
        engine_pass(60);
        assert_ended(__LINE__, ORDER_FAILED, "somebody has set another hold meanwhile: theirs");
        assert_string_equal(f.snaps[0].hold, "theirs");
        engine_end();
}

static void hold_oldest(void) {
        if (outcome < 0)
                hold(f.snaps[0].name, "audit");
}

/* The order comes while the victim is read again: its DELETE does not go out, also where the hold then
 * fails. */
static void test_between_reread_and_delete(void **state) {
        for (int i = 0; i < 2; i++) {
                begin(/* paused= */ false);
                f.get_part = OLDEST;
                f.at_get = hold_oldest;
                if (i == 1)
                        rule(HTTP_PATCH, OLDEST, 0, 403, ERROR("AuthorizationFailed"));
                engine_pass(200);
                assert_int_equal(outcome, 0);
                assert_non_null(snap_find(f.snaps[0].name));
                assert_true(said("its deletion is held back (hold)"));
                assert_ended(__LINE__, i == 0 ? ORDER_DONE : ORDER_FAILED, "");
                engine_end();
        }
}

static char victim[SNAPSHOT_NAME_SIZE];

static void hold_victim(void) {
        if (outcome < 0)
                hold(victim, "audit");
}

/* The DELETE is on its way, or was taken and no listing has come since: the order is refused. */
static void test_delete_on_its_way(void **state) {
        begin(/* paused= */ false);
        strcpy(victim, f.snaps[0].name);
        rule(HTTP_DELETE, OLDEST, 1, 500, ERROR("InternalServerError"));
        f.rules[0].kept_from = true;
        f.at_delete = hold_victim;
        engine_pass(8);
        assert_int_equal(outcome, ENGINE_E_LEAVING);
        /* the lost reply's DELETE may still land */
        assert_int_equal(hold(victim, "audit"), ENGINE_E_LEAVING);
        engine_pass(20);
        assert_null(snap_find(victim));
        assert_int_equal(hold(victim, "audit"), ENGINE_E_LEAVING);
        engine_end();
}

static int adopt(const char *snapshot, const char *policy) {
        return engine_adopt(f.engine, snapshot, policy, "root", order);
}

/* What has our tags and another name is mistaken, until somebody adopts it. */
static void test_adopt(void **state) {
        begin(/* paused= */ true);
        snap_add("by-hand", START_S - 100);
        engine_pass(60);
        assert_int_equal(hold("by-hand", "audit"), ENGINE_E_NOT_OURS);
        assert_int_equal(adopt("none", ""), ENGINE_E_UNKNOWN);
        assert_int_equal(adopt(f.snaps[0].name, ""), ENGINE_E_OURS);
        assert_int_equal(adopt("by-hand", "silver"), ENGINE_E_UNMANAGED);
        assert_int_equal(adopt("by-hand", "gold"), 0);
        assert_int_equal(now_is().kind, ORDER_ADOPT);
        assert_true(said("snapshot by-hand is to be adopted under gold, says root"));
        engine_pass(5);
        assert_ended(__LINE__, ORDER_DONE, "by-hand is ours from here on, under gold");
        assert_true(snap_find("by-hand")->adopted);
        assert_int_equal(f.requests[HTTP_PATCH], 1);
        engine_pass(30); /* a listing shows it */
        assert_int_equal(adopt("by-hand", ""), ENGINE_E_OURS);
        assert_int_equal(hold("by-hand", "audit"), 0);
        engine_end();
}

/* It was made from a backup with all of its tags, whose date is long over: the rule that keeps it now is
 * that of the series. */
static void test_adopt_backups_tags(void **state) {
        begin(/* paused= */ true);
        f.policy.keep.count[KEEP_LAST] = 20;
        strcpy(snap_add("by-hand", START_S - 100)->until, "20261031T000000Z");
        engine_pass(60);
        assert_int_equal(adopt("by-hand", ""), 0);
        engine_pass(60);
        assert_int_equal(adopt("by-hand", ""), ENGINE_E_OURS);
        assert_int_equal(engine_resume(f.engine, "root"), 0);
        engine_pass(1000);
        assert_non_null(snap_find("by-hand"));
        f.policy.keep.count[KEEP_LAST] = 2;
        engine_pass(4000);
        assert_null(snap_find("by-hand"));
        assert_true(said("by-hand is to go (superseded under last=2;"));
        engine_end();
}

/* What the listing showed is another when it is read. */
static void test_adopt_read(void **state) {
        static const struct {
                int line;
                const char *body, *text;
        } rows[] = {
                {__LINE__, SNAP("5", "other", "Succeeded", ""),
                 "could not be adopted (Changed): it is not the complete one that was listed"},
#define READ(owner, incremental, state)                                                            \
        "{\"id\":\"" SNAPSHOTS_ID "/" NAME "\",\"location\":\"w\",\"tags\":{"                      \
        "\"snapkeep-owner\":\"" owner "\"},\"properties\":{\"incremental\":" incremental           \
        ",\"provisioningState\":\"" state "\",\"uniqueId\":"                                       \
        "\"00000000-0000-4000-8000-000000000005\",\"creationData\":{\"createOption\":\"Copy\","    \
        "\"sourceUniqueId\":\"" GENERATION "\"}}}"
                {__LINE__, READ("staging", "true", "Succeeded"),
                 "(OtherOwner): its owner tag says that it belongs to staging"},
                {__LINE__, READ("prod-backup", "false", "Succeeded"), "not the complete one"},
                {__LINE__, READ("prod-backup", "true", "Updating"), "not the complete one"},
                {__LINE__, READ("prod-backup", "true", "Deleting"), "it is being deleted"},
                /* and what is taken and never shown */
                {__LINE__, READ("prod-backup", "true", "Succeeded"),
                 "or nobody saw that it was (NotShown"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                begin(/* paused= */ true);
                snap_add("by-hand", START_S - 100);
                engine_pass(60);
                rule(HTTP_GET, "by-hand", 0, 200, rows[i].body);
                assert_int_equal(adopt("by-hand", ""), 0);
                engine_pass(590);
                assert_ended(rows[i].line, ORDER_FAILED, rows[i].text);
                engine_end();
        }
}

/* A change of tags as Compute makes it: it is accepted, and until its operation ends the snapshot is Updating
 * and has the tags of before. */
static unsigned looks;
static void (*take_effect)(struct snap *snap);

static void take_hold(struct snap *snap) {
        snap->hold = "audit";
}

static void lose_hold(struct snap *snap) {
        snap->hold = NULL;
}

static void take_adoption(struct snap *snap) {
        snap->adopted = true;
}

static void change_slowly(void) {
        if (f.requests[HTTP_PATCH] == 0)
                return;
        f.get_state = ++looks < 3 ? "Updating" : NULL;
        if (looks == 3)
                take_effect(snap_find(f.get_part));
}

static void test_accepted(void **state) {
        static const struct {
                int line;
                enum order_kind kind;
                void (*effect)(struct snap *snap);
                const char *text;
        } rows[] = {
                {__LINE__, ORDER_HOLD, take_hold, "is held: audit"},
                {__LINE__, ORDER_RELEASE, lose_hold, "is released, its hold was: audit"},
                {__LINE__, ORDER_ADOPT, take_adoption, "is ours from here on, under gold"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                int64_t asked_ns;

                begin(/* paused= */ true);
                f.get_part = f.snaps[0].name;
                if (rows[i].kind == ORDER_ADOPT)
                        f.get_part = snap_add("by-hand", START_S - 100)->name;
                f.snaps[0].hold = rows[i].kind == ORDER_RELEASE ? "audit" : NULL;
                engine_pass(60);
                looks = 0;
                take_effect = rows[i].effect;
                f.at_get = change_slowly;
                rule(HTTP_PATCH, "/tags/default", 1, 202, "");
                f.rules[0].kept_from = true;
                f.rules[0].header = "Retry-After: 2";
                rule(HTTP_PATCH, "/tags/default", 0, 409, ERROR("Conflict"));
                f.rules[1].kept_from = true;
                if (rows[i].kind == ORDER_HOLD)
                        assert_int_equal(hold(f.get_part, "audit"), 0);
                else if (rows[i].kind == ORDER_RELEASE)
                        assert_int_equal(release(f.get_part), 0);
                else
                        assert_int_equal(adopt(f.get_part, ""), 0);
                asked_ns = f.now_ns;
                while (f.requests[HTTP_PATCH] == 0)
                        assert_true(engine_turn(asked_ns + 5 * NSEC_PER_SEC));
                engine_pass(1);
                if (looks > 0)
                        fail_msg("line %d: it is looked at too early", rows[i].line);
                engine_pass(60);
                assert_ended(rows[i].line, ORDER_DONE, rows[i].text);
                if (f.requests[HTTP_PATCH] != 1)
                        fail_msg("line %d: it was changed %zu times", rows[i].line,
                                 f.requests[HTTP_PATCH]);
                engine_end();
        }
}

/* More than anybody gives at once; those that are over are told for an hour. */
static void test_many(void **state) {
        char first[ENGINE_HASH_SIZE];

        fixture_init();
        for (int i = 36; i >= 0; i--)
                snap_add_ours(START_S - i * EVERY_S);
        engine_begin();
        assert_int_equal(engine_pause(f.engine, /* all= */ true, UTC_NEVER, "root"), 0);
        engine_pass(60);
        for (int i = 0; i < 32; i++) {
                assert_int_equal(hold(f.snaps[i].name, "audit"), 0);
                if (i == 0)
                        strcpy(first, order);
        }
        assert_int_equal(hold(f.snaps[32].name, "audit"), ENGINE_E_BUSY);
        engine_pass(100);
        assert_ended(__LINE__, ORDER_DONE, "is held: audit");
        assert_int_equal(hold(f.snaps[32].name, "audit"), 0);
        assert_true(engine_order(f.engine, first, &(struct engine_order){}));
        engine_pass(3700);
        assert_int_equal(hold(f.snaps[33].name, "audit"), 0);
        assert_false(engine_order(f.engine, first, &(struct engine_order){}));
        engine_end();
}

/* One whose time is over while its PATCH is on the way may have been carried out. */
static void test_overdue(void **state) {
        begin(/* paused= */ true);
        engine_pass(10);
        f.silent = "/providers/Microsoft.Resources/tags/";
        assert_int_equal(hold(f.snaps[0].name, "audit"), 0);
        engine_pass(700);
        assert_ended(__LINE__, ORDER_FAILED, "could not be held, or nobody saw that it was");
        f.silent = NULL;
        engine_end();
}

/* One that a reload or a stop finds under way is not seen to its end by anybody: the log has it, as it has that it
 * was given. */
static void test_given_up(void **state) {
        begin(/* paused= */ true);
        engine_pass(10);
        assert_int_equal(hold(f.snaps[0].name, "audit"), 0);
        engine_pass(10);
        assert_int_equal(now_is().state, ORDER_RUNNING);
        engine_tell_unfinished(f.engine, "the daemon stops");
        assert_true(said("warning: the daemon stops: the order to hold snapshot "));
        engine_reload();
        assert_true(said("warning: the policy is reloaded: the order to hold snapshot "));
        strbuf_clear(&f.said);
        engine_pass(10);
        assert_int_equal(hold(f.snaps[0].name, "audit"), 0);
        engine_pass(2 * CALM_S);
        assert_ended(__LINE__, ORDER_DONE, "is held: audit");
        engine_reload();
        assert_false(said("the order to hold snapshot"));
        engine_end();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_hold_and_release),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_answers),
                cmocka_unit_test(test_hold_of_another),
                cmocka_unit_test(test_between_reread_and_delete),
                cmocka_unit_test(test_delete_on_its_way),
                cmocka_unit_test(test_adopt),
                cmocka_unit_test(test_adopt_backups_tags),
                cmocka_unit_test(test_adopt_read),
                cmocka_unit_test(test_accepted),
                cmocka_unit_test(test_many),
                cmocka_unit_test(test_overdue),
                cmocka_unit_test(test_given_up),
        };

        return cmocka_run_group_tests_name("engine-orders", tests, NULL, NULL);
}
