/*
 * The golden list calendar-golden.txt: every line forward from its instant, and backward from its
 * last. Its path is the argument.
 */
#include "base/time.h"
#include "core/calendar.h"
#include "zone-file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define FIELDS 4
#define INSTANTS_MAX 16

static const char *path;

struct row {
        int line;
        char *fields[FIELDS]; /* zone, expression, after, instants */
        struct utc instants[INSTANTS_MAX];
        size_t n;
        bool ends; /* "-": none comes after */
};

static char *trim(char *text) {
        size_t n;

        text += strspn(text, " ");
        for (n = strlen(text); n > 0 && text[n - 1] == ' '; n--)
                text[n - 1] = '\0';
        return text;
}

static struct utc parse_instant(const struct row *row, const char *text) {
        struct utc t;

        if (utc_parse(text, strlen(text), &t) != 0)
                fail_msg("line %d: %s is no instant", row->line, text);
        return t;
}

static void split(char *line, struct row *row) {
        for (size_t i = 0; i < FIELDS; i++) {
                char *end = strchr(line, '|');

                if (!end != (i == FIELDS - 1))
                        fail_msg("line %d: %d fields are wanted", row->line, FIELDS);
                if (end)
                        *end = '\0';
                row->fields[i] = trim(line);
                line = end ? end + 1 : line;
        }
}

static void check_row(struct row *row) {
        _cleanup_(calendar_freep) struct calendar *calendar = NULL;
        _cleanup_(zone_freep) struct zone *zone = NULL, *own = NULL;
        struct utc after, t, before = UTC_NONE;
        char text[UTC_TEXT_SIZE];

        after = parse_instant(row, row->fields[2]);
        for (char *save, *word = strtok_r(row->fields[3], " ", &save); word;
             word = strtok_r(NULL, " ", &save)) {
                assert_true(row->n < INSTANTS_MAX);
                if (strcmp(word, "-") == 0)
                        row->ends = true;
                else
                        row->instants[row->n++] = parse_instant(row, word);
        }
        assert_true(row->n > 0);

        assert_int_equal(zone_file_read(row->fields[0], &zone), 0);
        if (calendar_parse(row->fields[1], strlen(row->fields[1]), &calendar, NULL, NULL) != 0)
                fail_msg("line %d: %s", row->line, row->fields[1]);
        if (calendar_zone_name(calendar)) {
                assert_int_equal(zone_file_read(calendar_zone_name(calendar), &own), 0);
                calendar_bind_zone(calendar, own);
        }

        for (size_t i = 0; i < row->n; i++, after = t) {
                if (!calendar_next(calendar, zone, after, &t) || t.ticks != row->instants[i].ticks)
                        fail_msg("line %d: instant %zu is %s", row->line, i + 1,
                                 utc_format(t, text));
        }
        if (row->ends && calendar_next(calendar, zone, after, &t))
                fail_msg("line %d: goes on with %s", row->line, utc_format(t, text));

        for (size_t i = row->n; i > 0; i--) {
                if (!calendar_previous(calendar, zone, row->instants[i - 1], &t) ||
                    t.ticks != row->instants[i - 1].ticks)
                        fail_msg("line %d: instant %zu is not its own last", row->line, i);
                if (!calendar_previous(calendar, zone, utc_add_seconds(t, -1), &before))
                        before = UTC_NONE;
                if (i > 1 && before.ticks != row->instants[i - 2].ticks)
                        fail_msg("line %d: the one before instant %zu", row->line, i);
        }
        /* Nothing lies between the beginning and the first. */
        if (utc_is_set(before) && before.ticks > parse_instant(row, row->fields[2]).ticks)
                fail_msg("line %d: %s before the first", row->line, utc_format(before, text));
}

static void test_golden(void **state) {
        static char line[4096];
        size_t n_rows = 0;
        int n_lines = 0;
        FILE *f;

        f = fopen(path, "re");
        assert_non_null(f);
        while (fgets(line, sizeof(line), f)) {
                struct row row = {.line = ++n_lines};

                line[strcspn(line, "\n")] = '\0';
                if (line[0] == '#' || line[0] == '\0')
                        continue;
                split(line, &row);
                check_row(&row);
                n_rows++;
        }
        fclose(f);
        print_message("# %zu rows\n", n_rows);
        assert_true(n_rows > 50);
}

int main(int argc, char *argv[]) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_golden),
        };

        if (argc != 2)
                return 2;
        path = argv[1];
        return cmocka_run_group_tests_name("calendar-golden", tests, NULL, NULL);
}
