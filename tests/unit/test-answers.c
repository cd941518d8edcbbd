/*
 * What the daemon answers: pages of lists whose world is another by the next page.
 */
#include "engine-fixture.h"
#include "snapkeepd/answers.h"

static struct answer_source source_of(void) {
        return (struct answer_source){.engine = f.engine, .file = &f.file};
}

/* The value of the first member of the name: a string. */
static void member(const struct strbuf *json, const char *name, char ret_value[static 128]) {
        char quoted[64];
        const char *found;

        (void)snprintf(quoted, sizeof(quoted), "\"%s\":\"", name);
        found = strstr(strbuf_str(json), quoted);
        if (!found)
                fail_msg("no %s in %s", quoted, strbuf_str(json));
        found += strlen(quoted);
        assert_true(strcspn(found, "\"") < 128);
        *stpncpy(ret_value, found, strcspn(found, "\"")) = '\0';
}

static void begin(void) {
        fixture_init();
        for (int i = 3; i >= 0; i--)
                snap_add_ours(START_S - i * EVERY_S);
        engine_begin();
        engine_pass(60);
}

typedef void (*list_fn)(const struct answer_source *source, size_t offset, size_t count,
                        struct strbuf *out);

static int read_snapshots(const struct answer_source *source, size_t offset, size_t count,
                          struct strbuf *out) {
        return answer_snapshots(source, offset, count, out);
}

static void list_snapshots(const struct answer_source *source, size_t offset, size_t count,
                           struct strbuf *out) {
        assert_int_equal(read_snapshots(source, offset, count, out), 0);
}

/* Rows of two worlds are no list: one would be there twice, and another not at all. */
static void test_pages(void **state) {
        static const list_fn lists[] = {answer_series, answer_doubts, list_snapshots};

        for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
                char first[128], second[128], third[128];
                struct strbuf page = {};
                struct answer_source source;

                begin();
                source = source_of();
                lists[i](&source, 0, 1, &page);
                member(&page, "hash", first);
                strbuf_clear(&page);
                lists[i](&source, 1, 1, &page);
                member(&page, "hash", second);
                assert_string_equal(first, second);

                engine_pass(EVERY_S); /* a slot, and a listing after it */
                strbuf_clear(&page);
                lists[i](&source, 1, 1, &page);
                member(&page, "hash", third);
                assert_string_not_equal(first, third);
                strbuf_deinit(&page);
                engine_end();
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pages),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
