/*
 * The table of events: identities that are none's twice, texts that an operator can use, and an event
 * for everything that stands for a while.
 */
#include "base/log.h"
#include "base/str.h"
#include "base/strbuf.h"
#include "core/doubts.h"
#include "core/planner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_identities(void **state) {
        for (int i = 0; i < _LOG_EVENT_N; i++) {
                const struct event_entry *event = event_entry((enum log_event)i);

                assert_int_equal(strlen(event->id), 32);
                assert_int_equal(strspn(event->id, "0123456789abcdef"), 32);
                assert_ptr_equal(event_find(event->name), event);
                for (int j = 0; j < i; j++)
                        assert_string_not_equal(event->id, event_entry((enum log_event)j)->id);
        }
        assert_null(event_find("no such event"));
}

/* What is between two @ is a field that each of its entries has. */
static void check_fields_of(const struct event_entry *event, const char *text) {
        const char *at = text;

        while ((at = strchr(at, '@'))) {
                const char *end = strchr(at + 1, '@');
                bool found = false;

                assert_non_null(end);
                for (int i = 0; i < _LOG_FIELD_N; i++) {
                        const char *key = log_field_key((enum log_field_name)i);

                        found |= (event->fields & LOG_BIT(i)) &&
                                 strncmp(key, at + 1, (size_t)(end - at - 1)) == 0 &&
                                 key[end - at - 1] == '\0';
                }
                if (!found)
                        fail_msg("%s: %s", event->name, text);
                at = end + 1;
        }
}

static void test_texts(void **state) {
        for (int i = 0; i < _LOG_EVENT_N; i++) {
                const struct event_entry *event = event_entry((enum log_event)i);
                const char *texts[] = {event->cause, event->effect, event->remedy};

                assert_true(strlen(event->subject) > 5);
                assert_null(strchr(event->subject, '\n'));
                check_fields_of(event, event->subject);
                for (size_t j = 0; j < ARRAY_SIZE(texts); j++) {
                        assert_true(strlen(texts[j]) > 5);
                        check_fields_of(event, texts[j]);
                }
        }
}

static void check_stands(const char *word) {
        const struct event_entry *event = event_find(word);

        if (!event)
                fail_msg("no event for \"%s\"", word);
        assert_true(event->fields & LOG_BIT(LOG_REASON));
        assert_true(event->fields & LOG_BIT(LOG_STATE));
        assert_non_null(strstr(event->subject, "@SNAPKEEP_STATE@"));
}

static void test_what_stands_has_an_event(void **state) {
        static const uint32_t blocks[] = {BLOCK_PAUSED, BLOCK_PAUSED_ALL, BLOCK_ASK, BLOCK_GONE};

        for (int doubt = 0; doubt < _DOUBT_N; doubt++)
                check_stands(doubt_name((enum doubt)doubt));
        for (int kind = 0; strcmp(finding_name((enum finding_kind)kind), "?") != 0; kind++)
                check_stands(finding_name((enum finding_kind)kind));
        for (size_t i = 0; i < ARRAY_SIZE(blocks); i++) {
                struct strbuf word = {};

                blocks_append(blocks[i], &word);
                check_stands(strbuf_str(&word));
                strbuf_deinit(&word);
        }
}

static void test_lacking_fields(void **state) {
        struct log_entry entry;

        log_begin(&entry, LOG_LEVEL_INFO);
        assert_null(log_lacks(&entry));
        log_event(&entry, LOG_EVENT_PRUNE_OFF);
        assert_string_equal(log_lacks(&entry), "SNAPKEEP_POLICY");
        log_field(&entry, LOG_POLICY, "gold");
        assert_null(log_lacks(&entry));
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_identities),
                cmocka_unit_test(test_texts),
                cmocka_unit_test(test_what_stands_has_an_event),
                cmocka_unit_test(test_lacking_fields),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
