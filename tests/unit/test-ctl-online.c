/*
 * snapkeepctl check --online: what is found of an Azure that was read.
 */
#include "engine-fixture.h"
#include "snapkeepctl/verb-check-online.h"

/* The daemon deletes nothing where an element of the listing cannot be decoded, and the disk that is one may
 * be without backups: neither is in order. */
static void test_unread(void **state) {
        struct online_subscription subscription = {.id = SUB, .read = true};
        struct online online = {
                .subscriptions = &subscription,
                .n_subscriptions = 1,
        };
        struct strbuf text = {};
        size_t one = 1;

        fixture_init();
        online.file = &f.file;
        online.targets = &one;
        online.identities[ONLINE_CREATOR].has_token = true;
        engine_begin();
        engine_pass(60);
        online.direct.engine = f.engine;
        assert_int_equal(online_judge(&online), 0);
        assert_int_equal(online.findings.n, 0);

        f.odd_snapshot = "{\"id\":\"" SNAPSHOTS_ID "/theirs\",\"location\":\"w\","
                         "\"tags\":{\"a\":null},\"properties\":{}}";
        engine_pass(3600);
        assert_int_equal(online_judge(&online), 0);
        diagnostics_format(&online.findings, &text);
        assert_non_null(strstr(
                strbuf_str(&text),
                "warning: subscription " SUB ": 0 disks and 1 snapshot in its listing cannot "
                "be read, the first " SNAPSHOTS_ID "/theirs: the member tags is missing or "
                "wrong; nothing of it is deleted while that is so: look at it with Azure's "
                "own tools"));
        strbuf_deinit(&text);
        diagnostics_deinit(&online.findings);
        engine_end();
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_unread)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
