#include "runtime/bus_client.h"

#include <errno.h>
#include <string.h>
#include <systemd/sd-bus.h>

/* Chosen: the daemon answers between two steps of its work, which are short; a reload reads a file. */
#define PATIENCE_US (30 * UINT64_C(1000000))

struct bus_client {
        const struct bus_interface *interface;
        sd_bus *connection;
        uint64_t patience_us;
};

void bus_answer_deinit(struct bus_answer *answer) {
        free(answer->text);
        free(answer->error);
        free(answer->message);
        *answer = (struct bus_answer){};
}

int bus_client_open(const struct bus_interface *interface, struct bus_client **ret_client) {
        _cleanup_(bus_client_freep) struct bus_client *client = calloc(1, sizeof(*client));
        int r;

        if (!client)
                return -ENOMEM;
        client->interface = interface;
        client->patience_us = PATIENCE_US;
        r = sd_bus_open_system(&client->connection);
        if (r < 0)
                return r == -ENOMEM ? r : BUS_E_NO_BUS;
        *ret_client = take_ptr(client);
        return 0;
}

struct bus_client *bus_client_free(struct bus_client *client) {
        if (!client)
                return NULL;
        sd_bus_close_unref(client->connection);
        free(client);
        return NULL;
}

void bus_client_set_patience(struct bus_client *client, uint64_t patience_us) {
        client->patience_us = patience_us;
}

static int append_value(sd_bus_message *message, char type, const union bus_value *value) {
        uint32_t number;
        int boolean;

        /* Only the member of this type may be read: the others are no values of theirs. */
        switch (type) {
        case 's':
                return sd_bus_message_append_basic(message, 's', value->string);
        case 't':
                return sd_bus_message_append_basic(message, 't', &value->number);
        case 'u':
                number = (uint32_t)value->number;
                return sd_bus_message_append_basic(message, 'u', &number);
        default:
                boolean = value->boolean;
                return sd_bus_message_append_basic(message, 'b', &boolean);
        }
}

static int new_call(const struct bus_client *client, const struct bus_method *method,
                    const union bus_value *in, sd_bus_message **ret_message) {
        const struct bus_interface *interface = client->interface;
        sd_bus_message *message;
        int r;

        r = sd_bus_message_new_method_call(client->connection, &message, interface->service,
                                           interface->path, interface->name, method->name);
        if (r < 0)
                return r;
        /* Whoever asks a daemon that was stopped on purpose does not start it by asking. */
        r = sd_bus_message_set_auto_start(message, false);
        for (size_t i = 0; method->in[i] && r >= 0; i++)
                r = append_value(message, method->in[i], &in[i]);
        if (r < 0) {
                sd_bus_message_unref(message);
                return r;
        }
        *ret_message = message;
        return 0;
}

static int read_answer(sd_bus_message *reply, const struct bus_method *method,
                       struct bus_answer *answer) {
        const char *text;
        int r = 0;

        for (const char *type = method->out; *type && r >= 0; type++) {
                if (*type == 't') {
                        r = sd_bus_message_read_basic(reply, 't', &answer->number);
                        continue;
                }
                r = sd_bus_message_read_basic(reply, 's', &text);
                if (r >= 0) {
                        answer->text = strdup(text);
                        r = answer->text ? 0 : -ENOMEM;
                }
        }
        return r < 0 ? r : 0;
}

/* The outcome that an error's name stands for. */
static int judge(const char *name) {
        static const struct {
                const char *name;
                int outcome;
        } known[] = {
                {SD_BUS_ERROR_SERVICE_UNKNOWN, BUS_E_NO_SERVICE},
                {SD_BUS_ERROR_NAME_HAS_NO_OWNER, BUS_E_NO_SERVICE},
                {SD_BUS_ERROR_ACCESS_DENIED, BUS_E_DENIED},
                {SD_BUS_ERROR_NO_REPLY, BUS_E_SILENT},
                {SD_BUS_ERROR_TIMEOUT, BUS_E_SILENT},
                {SD_BUS_ERROR_DISCONNECTED, BUS_E_NO_BUS},
        };

        for (size_t i = 0; i < ARRAY_SIZE(known); i++)
                if (strcmp(known[i].name, name) == 0)
                        return known[i].outcome;
        return BUS_E_REFUSED;
}

/* An error that never reached the bus: the greeting failed, or the answer did not come. */
static int judge_errno(int r) {
        switch (-r) {
        case ETIMEDOUT:
                return BUS_E_SILENT;
        case ENOMEM:
                return r;
        default:
                return BUS_E_NO_BUS;
        }
}

static int refused(const sd_bus_error *error, int r, struct bus_answer *answer) {
        int outcome = error->name && error->name[0] ? judge(error->name) : judge_errno(r);

        /* sd-bus makes errors of its own for what fails here, by the errno's name. */
        if (error->name && strncmp(error->name, "System.Error.", strlen("System.Error.")) == 0)
                outcome = judge_errno(r);
        if (error->message) {
                answer->message = strdup(error->message);
                if (!answer->message)
                        return -ENOMEM;
        }
        if (outcome == BUS_E_REFUSED) {
                answer->error = strdup(error->name);
                if (!answer->error)
                        return -ENOMEM;
        }
        return outcome;
}

int bus_client_call(struct bus_client *client, const struct bus_method *method,
                    const union bus_value *in, struct bus_answer *ret_answer) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *message = NULL, *reply = NULL;
        struct bus_answer answer = {};
        int r;

        r = new_call(client, method, in, &message);
        if (r < 0)
                return r;
        r = sd_bus_call(client->connection, message, client->patience_us, &error, &reply);
        r = r < 0 ? refused(&error, r, &answer) : read_answer(reply, method, &answer);
        sd_bus_message_unref(message);
        sd_bus_message_unref(reply);
        if (r < 0) {
                bus_answer_deinit(&answer);
                return r;
        }
        *ret_answer = answer;
        return r;
}
