/*
 * snapkeepctl and a daemon in place of which the test says what comes: orders that get no answer, and a
 * list.
 */
#include "runtime/bus_client.h"
#include "snapkeepctl/output.h"
#include "snapkeepd/manager.h"

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

/* ---- the bus ---- */

static int outcome; /* of acting calls */
static int looks;   /* of the others */
/* Their answers, by the name of the method. */
static const struct look { const char *method, *json; } * look_answers;

void bus_answer_deinit(struct bus_answer *answer) {
        free(answer->text);
        *answer = (struct bus_answer){};
}

int bus_client_open(const struct bus_interface *interface, struct bus_client **ret_client) {
        *ret_client = (struct bus_client *)&outcome;
        return 0;
}

struct bus_client *bus_client_free(struct bus_client *client) {
        return NULL;
}

void bus_client_set_patience(struct bus_client *client, uint64_t patience_us) {
}

int bus_client_call(struct bus_client *client, const struct bus_method *method,
                    const union bus_value *in, struct bus_answer *ret_answer) {
        int r = method->acts ? outcome : looks;

        *ret_answer = (struct bus_answer){};
        if (r == 0 && !method->acts) {
                for (const struct look *look = look_answers; !ret_answer->text; look++) {
                        assert_non_null(look->method);
                        if (strcmp(look->method, method->name) == 0)
                                ret_answer->text = strdup(look->json);
                }
        }
        return r;
}

/* ---- the verbs ---- */

static bool as_json;

/* What it says on stderr, or shows on stdout. */
static const char *told(const struct verb *verb, enum status wanted, int fd) {
        struct request request = {.verb = verb,
                                  .argument = "x",
                                  .arguments = {"x"},
                                  .n_arguments = 1,
                                  .utc = true,
                                  .json = as_json,
                                  .reason = "y",
                                  .hash = "z"};
        char path[] = "/tmp/ctl-orders-XXXXXX";
        int was = dup(fd), file = mkstemp(path);
        static char text[4096];
        enum status status;
        ssize_t n;

        assert_true(was >= 0 && file >= 0);
        assert_int_equal(fflush(stdout), 0);
        assert_int_equal(unlink(path), 0);
        assert_true(dup2(file, fd) >= 0);
        status = verb->run(&request);
        assert_true(dup2(was, fd) >= 0);
        assert_int_equal(status, wanted);
        n = pread(file, text, sizeof(text) - 1, 0);
        assert_true(n >= 0);
        text[n] = '\0';
        close(was);
        close(file);
        return text;
}

/* TAP alone goes to stdout. */
static const char *said(const struct verb *verb, enum status wanted) {
        int was = dup(STDOUT_FILENO), nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
        const char *text;

        assert_true(was >= 0 && nowhere >= 0);
        assert_int_equal(fflush(stdout), 0);
        assert_true(dup2(nowhere, STDOUT_FILENO) >= 0);
        text = told(verb, wanted, STDERR_FILENO);
        assert_true(dup2(was, STDOUT_FILENO) >= 0);
        close(was);
        close(nowhere);
        return text;
}

/* It may have been taken, and answered too late: nobody is to believe that nothing will happen. */
static void test_silence(void **state) {
        static const struct verb *const orders[] = {&verb_hold,   &verb_release, &verb_adopt,
                                                    &verb_backup, &verb_retire,  &verb_ack,
                                                    &verb_pause,  &verb_resume,  &verb_reload};
        static const struct look doubts[] = {
                {"ListDoubts", "{\"version\":1,\"total\":0,\"offset\":0,\"doubts\":[]}"},
                {"RetirePlan", "0"},
                {},
        };
        static const char unclear[] = "the order may have been taken all the same";

        look_answers = doubts;
        for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
                looks = 0;
                outcome = BUS_E_SILENT;
                assert_non_null(strstr(said(orders[i], STATUS_NO_DAEMON), unclear));
                outcome = BUS_E_NO_SERVICE;
                assert_null(strstr(said(orders[i], STATUS_NO_DAEMON), unclear));
                outcome = BUS_E_DENIED;
                assert_null(strstr(said(orders[i], STATUS_TROUBLE), unclear));
        }
        looks = BUS_E_SILENT; /* it had only been asked */
        assert_null(strstr(said(&verb_ack, STATUS_NO_DAEMON), unclear));
}

#define ROW(generation, policy, state, backup)                                                     \
        "{\"kind\":\"ours\",\"generation\":\"" generation "\",\"claimed_by\":\"" policy            \
        "\",\"disk\":\"/x/" generation "\",\"state\":\"" state "\",\"kept_by\":[\"" backup         \
        "\"],\"name\":\"n\"}"
#define SERIES(generation, policy, complete)                                                       \
        "{\"generation\":\"" generation "\",\"policy\":\"" policy "\",\"disk\":\"/x/" generation   \
        "\",\"complete\":" complete ",\"underway\":0,\"failed\":0,\"gone\":false}"

/* What is no snapshot of the schedule, or is leaving, is there all the same: a series with nothing else is
 * not shown a second time as an empty one. */
static void test_list(void **state) {
        static const struct look answers[] = {
                {"Status", "{\"version\":1,\"subscriptions\":[],\"findings\":[]}"},
                {"ListSeries",
                 "{\"version\":1,\"total\":4,\"series\":[" SERIES("a", "gold", "1") "," SERIES(
                         "a", "silver", "0") "," SERIES("b", "gold", "0") "," SERIES("c", "gold",
                                                                                     "0") "]}"},
                {"ListSnapshots",
                 "{\"version\":1,\"total\":3,\"snapshots\":[" ROW(
                         "a", "gold", "complete",
                         "last 1/3") "," ROW("a", "silver", "complete",
                                             "backup") "," ROW("b", "gold", "leaving", "x") "]}"},
                {},
        };
        const char *text;
        size_t n = 0;

        looks = 0;
        look_answers = answers;
        text = told(&verb_list, STATUS_DONE, STDOUT_FILENO);
        for (const char *at = text; (at = strstr(at, "  generation ")); at++)
                n++;
        if (n != 4 || !strstr(text, "a  policy silver  generation a  1 snapshot\n") ||
            !strstr(text, "b  policy gold  generation b  1 snapshot\n") ||
            !strstr(text, "c  policy gold  generation c  0 snapshots\n"))
                fail_msg("%s", text);
}

/* What a list lacks, or that it is of long ago, is said beside it, and is no success. */
static void test_gaps(void **state) {
        static const struct {
                int line;
                const char *subscription, *sentence; /* NULL: none, and all is well */
        } rows[] = {
                {__LINE__, "\"failing\":false,\"unread_disks\":0,\"unread_snapshots\":0", NULL},
                {__LINE__, "\"failing\":false,\"unread_disks\":0,\"unread_snapshots\":2",
                 "0 disks and 2 snapshots in the listing of subscription s1 cannot be read and are "
                 "not in the answer; \"snapkeepctl status\" tells more\n"},
                {__LINE__, "\"failing\":false,\"unread_disks\":1,\"unread_snapshots\":99",
                 "1 disk and 99 snapshots or more in the listing of subscription s1 cannot be "
                 "read"},
                {__LINE__, "\"failing\":true,\"unread_disks\":0,\"unread_snapshots\":0",
                 "subscription s1 cannot be read, and what is shown of it is of "
                 "2026-11-30T12:00:00Z; \"snapkeepctl status\" tells more\n"},
        };
        static const struct verb *const verbs[] = {&verb_list, &verb_chain};

        looks = 0;
        for (size_t i = 0; i < ARRAY_SIZE(rows) * ARRAY_SIZE(verbs); i++) {
                const char *sentence = rows[i / 2].sentence, *text;
                char status[300];
                const struct look answers[] = {
                        {"Status", status},
                        {"ListSeries", "{\"version\":1,\"total\":0,\"series\":[]}"},
                        {"ListSnapshots", "{\"version\":1,\"total\":0,\"snapshots\":[]}"},
                        {"ListChains",
                         "{\"version\":1,\"total\":0,\"chains\":[],\"snapshots\":[]}"},
                        {},
                };

                (void)snprintf(status, sizeof(status),
                               "{\"version\":1,\"subscriptions\":[{\"id\":\"s1\",\"read\":"
                               "\"2026-11-30T12:00:00Z\",%s}],\"findings\":[]}",
                               rows[i / 2].subscription);
                look_answers = answers;
                text = said(verbs[i % 2], sentence ? STATUS_TROUBLE : STATUS_DONE);
                if (sentence ? !strstr(text, sentence) : *text)
                        fail_msg("line %d: %s", rows[i / 2].line, text);
        }
}

#define UNREAD(failing)                                                                            \
        ",{\"id\":\"s2\",\"read\":null,\"failing\":" failing                                       \
        ",\"unread_disks\":0,\"unread_snapshots\":0}"
#define ACTION(name, done)                                                                         \
        "{\"do\":\"delete\",\"policy\":\"gold\",\"snapshot\":\"" name                              \
        "\",\"slot\":\"2026-11-30T12:00:00Z\",\"reason\":\"superseded\",\"blocked\":[],"           \
        "\"done\":" done "}"

/* A plan shows what is left to do; and that it waits, where a subscription is awaited. */
static void test_plan(void **state) {
        static const struct {
                int line;
                const char *other, *actions, *shows, *says;
        } rows[] = {
                {__LINE__, "", ACTION("a", "false") "," ACTION("b", "true"),
                 "To delete: 1 snapshot\n", ""},
                {__LINE__, "", ACTION("a", "true") "," ACTION("b", "true"),
                 "To delete: nothing\n2 more were done since Azure was read, as the next listing "
                 "is "
                 "to confirm.\n",
                 ""},
                {__LINE__, UNREAD("true"), ACTION("a", "false"), "To delete: 1 snapshot\n",
                 "1 of 2 subscriptions was not read yet and is not in the answer\n"},
                {__LINE__, UNREAD("false"), ACTION("a", "false"), "To delete: 1 snapshot\n",
                 "1 of 2 subscriptions was not read yet and is not in the answer; before it was, "
                 "or "
                 "has failed, nothing is deleted of any other\n"},
        };

        looks = 0;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                enum status wanted = *rows[i].says ? STATUS_TROUBLE : STATUS_DONE;
                char plan[1500];
                const struct look answers[] = {{"Plan", plan}, {}};
                const char *text;

                (void)snprintf(
                        plan, sizeof(plan),
                        "{\"version\":1,\"total\":%d,\"offset\":0,\"subscriptions\":[{\"id\":"
                        "\"s1\",\"read\":\"2026-11-30T12:00:00Z\",\"failing\":false,"
                        "\"unread_disks\":0,\"unread_snapshots\":0}%s],\"actions\":[%s],"
                        "\"next\":null,\"findings\":[]}",
                        1 + !!strstr(rows[i].actions, "},{"), rows[i].other, rows[i].actions);
                look_answers = answers;
                text = told(&verb_plan, wanted, STDOUT_FILENO);
                if (!strstr(text, rows[i].shows))
                        fail_msg("line %d: %s", rows[i].line, text);
                text = said(&verb_plan, wanted);
                if (*rows[i].says ? !strstr(text, rows[i].says) : *text)
                        fail_msg("line %d: %s", rows[i].line, text);
        }
}

/* What it shows on a terminal of this width, as a pseudo terminal takes it. */
static const char *shown(const struct verb *verb, enum status wanted, unsigned short width) {
        int was = dup(STDOUT_FILENO), leader = posix_openpt(O_RDWR | O_NOCTTY), follower;
        struct winsize size = {.ws_row = 25, .ws_col = width};
        struct request request = {.verb = verb, .utc = true};
        static char text[4096];
        size_t len = 0;
        ssize_t n;

        assert_true(was >= 0 && leader >= 0);
        assert_int_equal(grantpt(leader) | unlockpt(leader), 0);
        follower = open(ptsname(leader), O_RDWR | O_NOCTTY);
        assert_true(follower >= 0);
        assert_int_equal(ioctl(follower, TIOCSWINSZ, &size), 0);
        assert_int_equal(fflush(stdout), 0);
        assert_true(dup2(follower, STDOUT_FILENO) >= 0);
        assert_int_equal(setenv("TERM", "dumb", 1), 0);
        assert_int_equal(verb->run(&request), wanted);
        assert_true(dup2(was, STDOUT_FILENO) >= 0);
        close(was);
        close(follower);
        while ((n = read(leader, text + len, sizeof(text) - 1 - len)) > 0)
                len += (size_t)n;
        text[len] = '\0';
        close(leader);
        return text;
}

/* However narrow it is, what is wrong with a disk and which snapshot would go are told whole, in lines
 * that fit but for a long name; and a disk with which nothing is wrong has no line for that. */
static void test_narrow(void **state) {
        static const char reasons[] = "newest older than rpo, slots missed: 3, doubt listing",
                          snapshot[] = "rg-snapshots/database-server-01-data-disk-0-"
                                       "7c193ba296613467-20261130T175745Z";
        static const struct look answers[] = {
                {"Status", "{\"version\":1,\"health\":\"critical\",\"summary\":\"2 disks\"}"},
                {"ListSeries",
                 "{\"version\":1,\"total\":2,\"series\":[{\"policy\":\"gold\",\"disk\":"
                 "\"/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/"
                 "rg-production-systems/providers/Microsoft.Compute/disks/"
                 "database-server-01-data-disk-0\",\"health\":\"critical\",\"newest\":"
                 "\"2026-11-30T17:00:00Z\",\"next\":\"2026-11-30T18:00:00Z\",\"complete\":5,"
                 "\"held\":0,\"reasons\":[\"newest older than rpo\",\"slots missed: 3\","
                 "\"doubt listing\"]},{\"policy\":\"gold\",\"disk\":\"db\",\"health\":\"ok\","
                 "\"complete\":5,\"held\":0,\"reasons\":[]}]}"},
                {"ListDoubts", "{\"version\":1,\"total\":0,\"doubts\":[]}"},
                {"Plan",
                 "{\"version\":1,\"total\":1,\"subscriptions\":[],\"findings\":[],\"actions\":[{"
                 "\"do\":\"delete\",\"policy\":\"gold\",\"slot\":\"2026-11-30T17:00:00Z\","
                 "\"reason\":\"superseded under daily=30,weekly=12,monthly=24\",\"blocked\":["
                 "\"listing\"],\"snapshot\":\"/subscriptions/"
                 "11111111-1111-4111-8111-111111111111/resourceGroups/rg-snapshots/providers/"
                 "Microsoft.Compute/snapshots/"
                 "database-server-01-data-disk-0-7c193ba296613467-20261130T175745Z\"}]}"},
                {},
        };
        static const unsigned short widths[] = {80, 100, 120, 200};

        looks = 0;
        look_answers = answers;
        for (size_t i = 0; i < ARRAY_SIZE(widths) * 2; i++) {
                bool is_status = i % 2 == 0;
                const char *text = shown(is_status ? &verb_status : &verb_plan,
                                         is_status ? STATUS_USAGE : STATUS_DONE, widths[i / 2]);
                bool held = is_status || strstr(text, "HELD BACK BY");

                if (!strstr(text, is_status ? reasons : snapshot) || !held ||
                    strstr(text, "\n    \r\n"))
                        fail_msg("width %u: %s", widths[i / 2], text);
                for (const char *line = text; line; line = strchr(line + 1, '\n'))
                        if (strcspn(line + 1, "\r\n") > widths[i / 2] &&
                            strncmp(line + 1, "      rg-", 9) != 0)
                                fail_msg("width %u: %s", widths[i / 2], text);
        }
}

#define STATUS_DISK                                                                                \
        "/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/rg/providers/"         \
        "Microsoft.Compute/disks/"

/* Of a disk that was asked for, JSON has the doubts that the text has. */
static void test_one_disk(void **state) {
        static const struct look answers[] = {
                {"Status", "{\"version\":1,\"health\":\"warning\"}"},
                {"ListSeries",
                 "{\"version\":1,\"total\":2,\"series\":[{\"disk\":\"" STATUS_DISK "x\",\"policy\":"
                 "\"gold\",\"health\":\"ok\"},{\"disk\":\"" STATUS_DISK "y\",\"policy\":\"gold\","
                 "\"health\":\"warning\"}]}"},
                {"ListDoubts",
                 "{\"version\":1,\"total\":3,\"doubts\":[{\"doubt\":\"stale\",\"scope\":\"x under "
                 "gold\"},{\"doubt\":\"stale\",\"scope\":\"y under gold\"},{\"doubt\":\"mass\","
                 "\"scope\":\"policy gold\"}]}"},
                {},
        };
        const char *text;

        looks = 0;
        look_answers = answers;
        as_json = true;
        text = told(&verb_status, STATUS_DONE, STDOUT_FILENO);
        as_json = false;
        assert_non_null(strstr(text,
                               "\"doubts\":[{\"doubt\":\"stale\",\"scope\":\"x under gold\"},{"
                               "\"doubt\":\"mass\",\"scope\":\"policy gold\"}]"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_silence),  cmocka_unit_test(test_list),
                cmocka_unit_test(test_gaps),     cmocka_unit_test(test_narrow),
                cmocka_unit_test(test_one_disk), cmocka_unit_test(test_plan),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
