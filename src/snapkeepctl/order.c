#include "snapkeepctl/order.h"

#include "base/json_writer.h"
#include "base/macros.h"
#include "snapkeepctl/output.h"

#include <string.h>
#include <time.h>

/* Chosen: people see it end at once, and the bus hardly sees the questions. */
static const struct timespec again = {.tv_nsec = 300000000};

static enum status show(const struct request *request, const struct cJSON *order) {
        static const char *const without[] = {"version", NULL};
        _cleanup_(strbuf_deinit) struct strbuf out = {};
        const char *text = json_text(order, "text");
        bool done = strcmp(json_text(order, "state"), "done") == 0;
        struct json_writer w;
        enum status status;

        if (request->json) {
                json_begin(&w, &out);
                json_copy_members(&w, order, without);
                json_end(&w);
        } else if (done) {
                append_clean(&out, text, strlen(text));
                strbuf_append_char(&out, '\n');
        }
        if (!done)
                say("%s", text);
        status = write_out(&out);
        return status == STATUS_DONE && !done ? STATUS_TROUBLE : status;
}

/* The daemon ends every order within minutes, so that this ends, too. */
static enum status wait_for(const struct request *request, struct remote *remote, const char *id) {
        const union bus_value in[] = {{.string = id}};

        for (;;) {
                _cleanup_(json_freep) struct cJSON *order = NULL;
                enum status status;

                status = remote_json(remote, MANAGER_ORDER, in, &order);
                if (status != STATUS_DONE) {
                        say("the order was given, and nobody knows what became of it; "
                            "\"snapkeepctl history\" may");
                        return status;
                }
                if (strcmp(json_text(order, "state"), "running") != 0)
                        return show(request, order);
                (void)nanosleep(&again, NULL);
        }
}

enum status order_and_wait(const struct request *request, enum manager_method method,
                           const union bus_value *in) {
        _cleanup_(bus_answer_deinit) struct bus_answer answer = {};
        _cleanup_(remote_close) struct remote remote = {};
        enum status status;

        status = remote_open(&remote);
        if (status == STATUS_DONE)
                status = remote_call(&remote, method, in, &answer);
        return status == STATUS_DONE ? wait_for(request, &remote, answer.text ?: "") : status;
}
