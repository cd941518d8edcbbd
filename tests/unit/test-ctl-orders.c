/*
 * Orders of snapkeepctl to a daemon that does not answer, in place of which the test says what comes.
 */
#include "runtime/bus_client.h"
#include "snapkeepctl/output.h"
#include "snapkeepd/manager.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- the bus ---- */

static int outcome;           /* of acting calls */
static int looks;             /* of the others */
static const char *look_json; /* their answer */

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
                ret_answer->text = strdup(look_json);
                assert_non_null(ret_answer->text);
        }
        return r;
}

/* ---- the verbs ---- */

/* What it says on stderr. */
static const char *said(const struct verb *verb, enum status wanted) {
        struct request request = {.verb = verb,
                                  .argument = "x",
                                  .arguments = {"x"},
                                  .n_arguments = 1,
                                  .reason = "y",
                                  .hash = "z"};
        char path[] = "/tmp/ctl-orders-XXXXXX";
        int err = dup(STDERR_FILENO), file = mkstemp(path);
        static char text[4096];
        enum status status;
        ssize_t n;

        assert_true(err >= 0 && file >= 0);
        assert_int_equal(unlink(path), 0);
        assert_true(dup2(file, STDERR_FILENO) >= 0);
        status = verb->run(&request);
        assert_true(dup2(err, STDERR_FILENO) >= 0);
        assert_int_equal(status, wanted);
        n = pread(file, text, sizeof(text) - 1, 0);
        assert_true(n >= 0);
        text[n] = '\0';
        close(err);
        close(file);
        return text;
}

/* It may have been taken, and answered too late: nobody is to believe that nothing will happen. */
static void test_silence(void **state) {
        static const struct verb *const orders[] = {&verb_hold,   &verb_release, &verb_adopt,
                                                    &verb_backup, &verb_retire,  &verb_ack,
                                                    &verb_pause,  &verb_resume,  &verb_reload};
        static const char unclear[] = "the order may have been taken all the same";

        look_json = "{\"version\":1,\"total\":0,\"offset\":0,\"doubts\":[]}";
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

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_silence),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
