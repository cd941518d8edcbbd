/*
 * snapkeepctl retain as a script has it: what it reads and what it prints.
 */
#include "base/macros.h"
#include "snapkeepctl/ctl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Puts a file of @bytes in the place of @fd. Returns what was there. */
static int put(int fd, const char *bytes) {
        char path[] = "/tmp/ctl-retain-XXXXXX";
        int was = dup(fd), file = mkstemp(path);

        assert_true(was >= 0 && file >= 0);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(write(file, bytes, strlen(bytes)), strlen(bytes));
        assert_int_equal(lseek(file, 0, SEEK_SET), 0);
        assert_true(dup2(file, fd) >= 0);
        close(file);
        return was;
}

static void put_back(int fd, int was) {
        assert_true(dup2(was, fd) >= 0);
        close(was);
}

static const char *retained(const char *keep, bool json, const char *instants) {
        struct request request = {
                .verb = &verb_retain, .keep = keep, .json = json, .now = "2026-11-30T12:00:00Z"};
        static char text[1000];
        int was_in, was_out;
        enum status status;
        ssize_t n;

        assert_int_equal(fflush(stdout), 0);
        was_in = put(STDIN_FILENO, instants);
        was_out = put(STDOUT_FILENO, "");
        status = verb_retain.run(&request);
        n = pread(STDOUT_FILENO, text, sizeof(text) - 1, 0);
        put_back(STDOUT_FILENO, was_out);
        put_back(STDIN_FILENO, was_in);
        assert_int_equal(status, STATUS_DONE);
        assert_true(n >= 0);
        text[n] = '\0';
        return text;
}

#define A "2026-11-30T10:00:00Z"
#define B "2026-11-29T10:00:00Z"
#define C "2026-11-28T10:00:00Z"

/* A script deletes what is printed behind "drop": that may not be what stands behind "keep", too, and takes
 * no place from another. */
static void test_twice(void **state) {
        static const struct {
                int line;
                const char *keep, *instants, *printed;
        } rows[] = {
                {__LINE__, "last=1", A "\n" A "\n" B "\n", "keep " A " last 1/1\ndrop " B "\n"},
                {__LINE__, "last=2", B "\n" A "\n" C "\n2026-11-30T11:00:00+01:00\n",
                 "keep " A " last 1/2\nkeep " B " last 2/2\ndrop " C "\n"},
                {__LINE__, "daily=3", C "\n" C "\n" C "\n", "keep " C " daily 1/3\n"},
                /* not the same */
                {__LINE__, "last=1", A "\n2026-11-30T10:00:00.5Z\n",
                 "keep 2026-11-30T10:00:00.5000000Z last 1/1\ndrop " A "\n"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const char *text = retained(rows[i].keep, false, rows[i].instants);

                if (strcmp(text, rows[i].printed) != 0)
                        fail_msg("line %d: %s", rows[i].line, text);
        }
        assert_non_null(strstr(retained("last=1", true, A "\n" A "\n"),
                               "\"instants\":[{\"instant\":\"" A "\",\"keep\":true,\"reasons\":["
                               "\"last 1/1\"]}]}"));
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_twice)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
