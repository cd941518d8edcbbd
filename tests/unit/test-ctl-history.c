/*
 * snapkeepctl history over a journal of the test's own, whose functions stand in place of libsystemd's.
 */
#include "base/events.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/time.h"
#include "snapkeepctl/output.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#define SUBSCRIPTION "11111111-1111-4111-8111-111111111111"
#define GEN_A "aaaaaaaa-0000-4000-8000-000000000000"
#define GEN_B "bbbbbbbb-0000-4000-8000-000000000000"
#define GEN_C "cccccccc-0000-4000-8000-000000000000"

/* ---- the journal ---- */

struct entry {
        const char *at;
        enum log_event event;
        const char *message;
        const char *disk, *generation, *snapshot; /* what follows the subscription; or NULL */
};

static const struct entry *entries; /* the oldest first */
static size_t n_entries, at;
static bool hidden; /* it has no file that may be read */

/* As sd-journal(3) has them; the verb itself knows nothing of that library. */
typedef struct sd_journal sd_journal;
int sd_journal_open(sd_journal **ret, int flags);
void sd_journal_close(sd_journal *journal);
int sd_journal_has_persistent_files(sd_journal *journal);
int sd_journal_has_runtime_files(sd_journal *journal);
int sd_journal_add_match(sd_journal *journal, const void *data, size_t size);
int sd_journal_seek_tail(sd_journal *journal);
int sd_journal_previous(sd_journal *journal);
int sd_journal_get_realtime_usec(sd_journal *journal, uint64_t *ret);
int sd_journal_get_data(sd_journal *journal, const char *field, const void **data, size_t *len);

int sd_journal_open(sd_journal **ret, int flags) {
        at = n_entries;
        *ret = (sd_journal *)&at;
        return 0;
}

int sd_journal_has_persistent_files(sd_journal *journal) {
        return 0;
}

int sd_journal_has_runtime_files(sd_journal *journal) {
        return !hidden;
}

void sd_journal_close(sd_journal *journal) {
}

int sd_journal_add_match(sd_journal *journal, const void *data, size_t size) {
        return 0;
}

int sd_journal_seek_tail(sd_journal *journal) {
        return 0;
}

int sd_journal_previous(sd_journal *journal) {
        if (at == 0)
                return 0;
        at--;
        return 1;
}

int sd_journal_get_realtime_usec(sd_journal *journal, uint64_t *ret) {
        struct utc time;

        assert_int_equal(utc_parse(entries[at].at, strlen(entries[at].at), &time), 0);
        *ret = (uint64_t)utc_seconds(time) * 1000000;
        return 0;
}

int sd_journal_get_data(sd_journal *journal, const char *field, const void **data, size_t *len) {
        const struct entry *entry = &entries[at];
        static char text[512];
        const char *value = strcmp(field, "MESSAGE") == 0      ? entry->message
                            : strcmp(field, "MESSAGE_ID") == 0 ? event_entry(entry->event)->id
                            : strcmp(field, "SNAPKEEP_GENERATION") == 0 ? entry->generation
                            : strcmp(field, "SNAPKEEP_DISK") == 0       ? entry->disk
                            : strcmp(field, "SNAPKEEP_SNAPSHOT") == 0   ? entry->snapshot
                                                                        : NULL;
        bool is_path = value && (value == entry->disk || value == entry->snapshot);

        if (!value)
                return -ENOENT;
        *len = (size_t)snprintf(text, sizeof(text), "%s=%s%s", field,
                                is_path ? SUBSCRIPTION "/" : "", value);
        *data = text;
        return 0;
}

/* ---- the verb ---- */

/* Returns what it prints of messages, each with a blank behind. */
static const char *shown(const char *disk, const char *since) {
        struct request request = {.verb = &verb_history,
                                  .json = true,
                                  .argument = disk,
                                  .since = since,
                                  .n_arguments = disk ? 1 : 0};
        static char text[8192], messages[1024];
        char *from = text, path[] = "/tmp/ctl-history-XXXXXX";
        int out = dup(STDOUT_FILENO), file = mkstemp(path);
        ssize_t n;

        assert_true(out >= 0 && file >= 0);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(fflush(stdout), 0);
        assert_true(dup2(file, STDOUT_FILENO) >= 0);
        assert_int_equal(verb_history.run(&request), STATUS_DONE);
        assert_true(dup2(out, STDOUT_FILENO) >= 0);
        n = pread(file, text, sizeof(text) - 1, 0);
        assert_true(n > 0);
        text[n] = '\0';
        close(out);
        close(file);

        messages[0] = '\0';
        while ((from = strstr(from, "\"message\":\""))) {
                from += strlen("\"message\":\"");
                strncat(messages, from, strcspn(from, "\""));
                strcat(messages, " ");
        }
        return messages;
}

static void set(const struct entry *list, size_t n) {
        entries = list;
        n_entries = n;
}

/* A clock that was set back, or was wrong at a start, leaves entries that are not in order. */
static void test_since(void **state) {
        static const struct entry list[] = {
                {"2026-11-01T00:00:00Z", LOG_EVENT_ORDER, "a", NULL, NULL, NULL},
                {"2026-11-20T00:00:00Z", LOG_EVENT_ORDER, "b", NULL, NULL, NULL},
                {"1970-01-01T00:00:10Z", LOG_EVENT_STOPPING, "c", NULL, NULL, NULL},
                {"2026-11-21T00:00:00Z", LOG_EVENT_ORDER, "d", NULL, NULL, NULL},
        };

        set(list, ARRAY_SIZE(list));
        assert_string_equal(shown(NULL, NULL), "d c b a ");
        assert_string_equal(shown(NULL, "2026-11-10T00:00:00Z"), "d b ");
        assert_string_equal(shown(NULL, "2026-11-21T00:00:01Z"), "");
}

#define NAME_A "rg-snap/db_01-0123456789abcdef-20261101T000000Z"
#define NAME_C "rg-snap/d_c-0123456789abcdef-20261101T000000Z"

static const struct entry fleet[] = {
        {"2026-11-01T00:00:00Z", LOG_EVENT_SNAPSHOT_TAKEN, "takenA", "rg-A/db.01", GEN_A, NAME_A},
        {"2026-11-02T00:00:00Z", LOG_EVENT_SNAPSHOT_TAKEN, "takenB", "rg-b/db.01", GEN_B,
         "rg-snap/db_01-fedcba9876543210-20261101T000000Z"},
        {"2026-11-03T00:00:00Z", LOG_EVENT_SNAPSHOT_DELETED, "goneA", NULL, GEN_A, NAME_A},
        {"2026-11-04T00:00:00Z", LOG_EVENT_SNAPSHOT_DELETED, "goneB", NULL, GEN_B,
         "rg-snap/db_01-fedcba9876543210-20261101T000000Z"},
        /* An adopted one keeps its name. */
        {"2026-11-05T00:00:00Z", LOG_EVENT_SNAPSHOT_DELETED, "handA", NULL, GEN_A,
         "rg-snap/byhand"},
        /* Of a disk of which the journal has no more than this. */
        {"2026-11-06T00:00:00Z", LOG_EVENT_SNAPSHOT_DELETED, "goneC", NULL, GEN_C, NAME_C},
};

static void test_disk(void **state) {
        static const char id[] = "/subscriptions/" SUBSCRIPTION
                                 "/resourceGroups/RG-a/providers/Microsoft.Compute/disks/DB.01";

        set(fleet, ARRAY_SIZE(fleet));
        assert_string_equal(shown("db.01", NULL), "handA goneB goneA takenB takenA ");
        assert_string_equal(shown("rg-a/DB.01", NULL), "handA goneA takenA ");
        assert_string_equal(shown(id, NULL), "handA goneA takenA ");
        assert_string_equal(shown("rg-b/db.01", NULL), "goneB takenB ");
        assert_string_equal(shown("d.c", NULL), "goneC ");
        assert_string_equal(shown("rg-x/D.C", NULL), "goneC ");
        assert_string_equal(shown("db", NULL), "");
}

/* The name of one disk may begin with that of another and a dash. */
static void test_longer_name(void **state) {
        static const struct entry list[] = {
                {"2026-11-01T00:00:00Z", LOG_EVENT_SNAPSHOT_DELETED, "db", NULL, GEN_A,
                 "rg-snap/db-0123456789abcdef-20261101T000000Z"},
                {"2026-11-01T00:00:00Z", LOG_EVENT_SNAPSHOT_DELETED, "db-01", NULL, GEN_B,
                 "rg-snap/db-01-0123456789abcdef-20261101T000000Z"},
        };

        set(list, ARRAY_SIZE(list));
        assert_string_equal(shown("db", NULL), "db ");
        assert_string_equal(shown("db-01", NULL), "db-01 ");
}

/* What is written to a terminal of so many columns. */
static const char *on_terminal(unsigned short columns) {
        struct request request = {.verb = &verb_history, .utc = true};
        struct winsize size = {.ws_row = 25, .ws_col = columns};
        int out = dup(STDOUT_FILENO), leader = posix_openpt(O_RDWR | O_NOCTTY), follower;
        static char text[8192];
        size_t len = 0;
        ssize_t n;

        assert_true(out >= 0 && leader >= 0);
        assert_int_equal(grantpt(leader) | unlockpt(leader), 0);
        follower = open(ptsname(leader), O_RDWR | O_NOCTTY);
        assert_true(follower >= 0);
        assert_int_equal(ioctl(follower, TIOCSWINSZ, &size), 0);
        assert_int_equal(fflush(stdout), 0);
        assert_true(dup2(follower, STDOUT_FILENO) >= 0);
        close(follower);
        assert_int_equal(verb_history.run(&request), STATUS_DONE);
        assert_true(dup2(out, STDOUT_FILENO) >= 0); /* which was the last to write there */
        while ((n = read(leader, text + len, sizeof(text) - 1 - len)) > 0)
                len += (size_t)n;
        text[len] = '\0';
        close(out);
        close(leader);
        return text;
}

/* Whoever looks for what happened reads all of it, and what failed ends in the service's own words. */
static void test_terminal(void **state) {
#define FAILED                                                                                     \
        "snapshot db01-0123456789abcdef-20261101T000000Z could not be taken, will try again at "   \
        "2026-11-01T00:00:13Z (code AuthorizationFailed, status 403): no right"
        static const struct entry list[] = {
                {"2026-11-01T00:00:00Z", LOG_EVENT_SNAPSHOT_FAILED, FAILED, "rg-a/db01", GEN_A,
                 NULL},
        };

        set(list, ARRAY_SIZE(list));
        assert_non_null(strstr(on_terminal(80), "\r\n    " FAILED "\r\n"));
        assert_non_null(strstr(on_terminal(240), "  -       " FAILED "\r\n"));
}

static void test_usage(void **state) {
        struct request request = {.verb = &verb_history, .argument = "/subscriptions/x"};

        assert_int_equal(verb_history.run(&request), STATUS_USAGE);
}

/* Who may not read it must not believe that nothing was done, nor must a program. */
static void test_hidden(void **state) {
        struct request request = {.verb = &verb_history, .json = true};

        set(fleet, ARRAY_SIZE(fleet));
        hidden = true;
        assert_int_equal(verb_history.run(&request), STATUS_TROUBLE);
        request.argument = "db";
        assert_int_equal(verb_history.run(&request), STATUS_TROUBLE);
        hidden = false;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_since),       cmocka_unit_test(test_disk),
                cmocka_unit_test(test_longer_name), cmocka_unit_test(test_usage),
                cmocka_unit_test(test_hidden),      cmocka_unit_test(test_terminal),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
