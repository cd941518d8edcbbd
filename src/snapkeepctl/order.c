#include "snapkeepctl/order.h"

#include "base/json_writer.h"
#include "base/macros.h"
#include "snapkeepctl/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Chosen: people see it end at once, and the bus hardly sees the questions. */
static const struct timespec again = {.tv_nsec = 300000000};

static bool is_done(const struct cJSON *order) {
        return strcmp(json_text(order, "state"), "done") == 0;
}

/* A failure is for people, too, where the rest is JSON. */
static void show(const struct request *request, const struct cJSON *order, struct strbuf *out) {
        const char *text = json_text(order, "text");

        if (!is_done(order))
                say("%s", text);
        else if (!request->json) {
                append_clean(out, text, strlen(text));
                strbuf_append_char(out, '\n');
        }
}

/* What a long one tells on its way, for people, each sentence once. */
static enum status show_progress(const struct cJSON *order, char **last) {
        const char *text = json_text(order, "text");

        if (*text == '\0' || (*last && strcmp(*last, text) == 0))
                return STATUS_DONE;
        free(*last);
        *last = strdup(text);
        if (!*last)
                return say_errno("wait for the order", -ENOMEM);
        say("%s", text);
        return STATUS_DONE;
}

/* The daemon ends every order within minutes, a backup within a day, so that this ends, too. */
static enum status wait_for(struct remote *remote, const char *id, struct cJSON **ret_order) {
        const union bus_value in[] = {{.string = id}};
        _cleanup_(freep) char *last = NULL;

        for (;;) {
                _cleanup_(json_freep) struct cJSON *order = NULL;
                enum status status;

                status = remote_json(remote, MANAGER_ORDER, in, &order);
                if (status != STATUS_DONE) {
                        say("the order was given, and nobody knows what became of it; "
                            "\"snapkeepctl history\" may");
                        return status;
                }
                if (strcmp(json_text(order, "state"), "running") != 0) {
                        *ret_order = take_ptr(order);
                        return STATUS_DONE;
                }
                status = show_progress(order, &last);
                if (status != STATUS_DONE)
                        return status;
                (void)nanosleep(&again, NULL);
        }
}

enum status order_and_wait(const struct request *request, enum manager_method method,
                           const union bus_value *in) {
        static const char *const without[] = {"version", NULL};
        _cleanup_(bus_answer_deinit) struct bus_answer answer = {};
        _cleanup_(remote_close) struct remote remote = {};
        _cleanup_(json_freep) struct cJSON *order = NULL;
        _cleanup_(strbuf_deinit) struct strbuf out = {};
        enum status status;
        struct json_writer w;

        status = remote_open(&remote);
        if (status == STATUS_DONE)
                status = remote_call(&remote, method, in, &answer);
        if (status == STATUS_DONE)
                status = wait_for(&remote, answer.text ?: "", &order);
        if (status != STATUS_DONE)
                return status;
        show(request, order, &out);
        if (request->json) {
                json_begin(&w, &out);
                json_copy_members(&w, order, without);
                json_end(&w);
        }
        status = write_out(&out);
        return status == STATUS_DONE && !is_done(order) ? STATUS_TROUBLE : status;
}

enum status orders_and_wait(const struct request *request, enum manager_method method,
                            const char *second, const char *note) {
        struct bus_answer answers[ARGUMENTS_MAX] = {};
        _cleanup_(remote_close) struct remote remote = {};
        _cleanup_(strbuf_deinit) struct strbuf out = {};
        enum status status, worst = STATUS_DONE;
        struct json_writer w;
        size_t n_done = 0;

        status = remote_open(&remote);
        if (status != STATUS_DONE)
                return status;
        /* All are given before any is waited for; one that is refused stops no other. */
        for (size_t i = 0; i < request->n_arguments && worst != STATUS_NO_DAEMON; i++) {
                const union bus_value in[] = {{.string = request->arguments[i]},
                                              {.string = second}};

                status = remote_call(&remote, method, in, &answers[i]);
                if (status == STATUS_TROUBLE && request->n_arguments > 1)
                        say("that was about %s", request->arguments[i]);
                worst = MAX(worst, status);
        }
        if (request->json) {
                json_begin(&w, &out);
                json_open(&w, "orders", '[');
        }
        for (size_t i = 0; i < request->n_arguments; i++) {
                _cleanup_(json_freep) struct cJSON *order = NULL;

                if (answers[i].text) {
                        status = wait_for(&remote, answers[i].text, &order);
                        worst = MAX(worst, status);
                }
                if (order) {
                        show(request, order, &out);
                        worst = is_done(order) ? worst : MAX(worst, STATUS_TROUBLE);
                        n_done += is_done(order);
                }
                if (order && request->json)
                        json_copy(&w, NULL, order);
                bus_answer_deinit(&answers[i]);
        }
        if (request->json) {
                json_close(&w);
                json_end(&w);
        } else if (n_done > 0)
                strbuf_append_str(&out, note);
        status = write_out(&out);
        return MAX(worst, status);
}
