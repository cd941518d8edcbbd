#include "runtime/bus.h"

#include "base/clock.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>

/* Chosen: a bus that is restarted is back within a second; one that is not installed costs a wake-up
 * a minute. */
#define RETRY_FIRST_NS NSEC_PER_SEC
#define RETRY_CAP_NS (60 * NSEC_PER_SEC)
/* Chosen: messages of one turn. A client that floods us shares the loop with the work. */
#define MESSAGES_A_TURN 32
/* Chosen: how long the bus may take to say who called. */
#define WHO_TIMEOUT_US (10 * UINT64_C(1000000))

/* D-Bus specification, "Valid Names": 255 bytes. */
#define ERROR_NAME_SIZE 256

#define DRIVER "org.freedesktop.DBus"
#define DRIVER_PATH "/org/freedesktop/DBus"
#define REQUEST_NAME_PRIMARY 1
#define REQUEST_NAME_QUEUED 2
#define REQUEST_NAME_ALREADY 4

/* What was said last about the bus: a state is told when it begins. */
enum told {
        TOLD_NOTHING,
        TOLD_NO_BUS,
        TOLD_REFUSED,
        TOLD_QUEUED,
        TOLD_NAMED,
};

/* What sd-bus hands to a method's or property's function. */
struct member {
        struct bus *bus;
        const struct bus_method *method;
        const struct bus_property *property;
};

struct bus {
        struct loop *loop;
        struct log *log;
        const struct bus_interface *interface;
        void *data;
        struct member *members; /* methods, then properties */
        sd_bus_vtable *vtable;
        struct reactor_source *run;
        sd_bus *connection; /* NULL while there is none */
        struct loop_watch *watch;
        struct mono retry; /* connect, or ask for the name, again; MONO_NEVER: neither */
        int64_t retry_ns;
        enum told told;
        bool hushed;
};

/* A call that waits for the bus to say who called. */
struct pending {
        struct member *member;
        sd_bus_message *message;
};

/* ---- calls ---- */

int bus_refuse(struct bus_call *call, const char *error, const char *format, ...) {
        va_list ap;

        call->error = error;
        va_start(ap, format);
        strbuf_vappendf(&call->message, format, ap);
        va_end(ap);
        return 1;
}

static int read_value(sd_bus_message *message, char type, union bus_value *ret_value) {
        uint32_t number;
        int boolean, r;

        switch (type) {
        case 's':
                return sd_bus_message_read_basic(message, 's', &ret_value->string);
        case 't':
                return sd_bus_message_read_basic(message, 't', &ret_value->number);
        case 'u':
                r = sd_bus_message_read_basic(message, 'u', &number);
                ret_value->number = number;
                return r;
        default:
                assert(type == 'b');
                r = sd_bus_message_read_basic(message, 'b', &boolean);
                ret_value->boolean = boolean;
                return r;
        }
}

static int answer(const struct bus *bus, const struct bus_method *method, sd_bus_message *message,
                  const struct bus_call *call) {
        sd_bus_message *reply;
        int r;

        if (call->text.error)
                return call->text.error;
        r = sd_bus_message_new_method_return(message, &reply);
        if (r < 0)
                return r;
        for (const char *type = method->out; *type && r >= 0; type++)
                r = *type == 's' ? sd_bus_message_append_basic(reply, 's', strbuf_str(&call->text))
                                 : sd_bus_message_append_basic(reply, 't', &call->number);
        if (r >= 0)
                r = sd_bus_send(bus->connection, reply, NULL);
        sd_bus_message_unref(reply);
        return r;
}

static int refuse(const struct bus *bus, sd_bus_message *message, const struct bus_call *call) {
        char name[ERROR_NAME_SIZE];

        if (call->message.error)
                return call->message.error;
        snprintf(name, sizeof(name), "%s%s", bus->interface->errors, call->error);
        return sd_bus_reply_method_errorf(message, name, "%s", strbuf_str(&call->message));
}

/* Runs the method and answers. What goes wrong here is an answer too, as far as one can be sent: a
 * caller that has gone is no fault of the connection. */
static void run_method(struct member *member, sd_bus_message *message, const char *who) {
        const struct bus_method *method = member->method;
        struct bus *bus = member->bus;
        struct bus_call call = {.who = who};
        int r = 0;

        for (size_t i = 0; method->in[i] && r >= 0; i++)
                r = read_value(message, method->in[i], &call.in[i]);
        if (r >= 0 && bus->hushed)
                r = -ESHUTDOWN;
        if (r >= 0)
                r = method->run(&call, bus->data);
        if (r == 0)
                r = answer(bus, method, message, &call);
        else if (r > 0)
                r = refuse(bus, message, &call);
        if (r < 0)
                (void)sd_bus_reply_method_errorf(message, SD_BUS_ERROR_FAILED,
                                                 "%s could not be done: %s", method->name,
                                                 strerrordesc_np(-r) ?: "unknown error");
        strbuf_deinit(&call.text);
        strbuf_deinit(&call.message);
}

/* ---- who called ---- */

static void pending_free(void *data) {
        struct pending *pending = data;

        sd_bus_message_unref(pending->message);
        free(pending);
}

/*
 * The user's name from /etc/passwd alone. getpwuid() would ask whatever the machine is configured to
 * ask, a directory over the network too, and the loop would stand still meanwhile.
 */
static void name_user(uint32_t uid, struct strbuf *out) {
        struct passwd entry, *found;
        char buffer[1024];
        FILE *file;

        file = fopen("/etc/passwd", "re");
        while (file && fgetpwent_r(file, &entry, buffer, sizeof(buffer), &found) == 0)
                if (found->pw_uid == uid) {
                        strbuf_append_str(out, found->pw_name);
                        break;
                }
        if (file)
                (void)fclose(file);
        if (out->len == 0)
                strbuf_appendf(out, "uid %u", (unsigned)uid);
}

static int on_who(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        struct pending *pending = userdata;
        struct strbuf who = {};
        uint32_t uid;

        /* A caller that has gone already has no user any more; what it asked for is not done, since
         * it could not be told who did it. */
        if (sd_bus_message_is_method_error(reply, NULL) ||
            sd_bus_message_read_basic(reply, 'u', &uid) < 0) {
                (void)sd_bus_reply_method_errorf(pending->message, SD_BUS_ERROR_FAILED,
                                                 "the bus does not say who calls");
                return 1;
        }
        name_user(uid, &who);
        run_method(pending->member, pending->message, who.error ? "-" : strbuf_str(&who));
        strbuf_deinit(&who);
        return 1;
}

/* sd_bus_query_sender_creds() asks the same and waits for the answer, with the loop. */
static int ask_who(struct member *member, sd_bus_message *message) {
        struct pending *pending = malloc(sizeof(*pending));
        sd_bus_message *question = NULL;
        sd_bus_slot *slot = NULL;
        sd_bus *connection = member->bus->connection;
        int r;

        if (!pending)
                return -ENOMEM;
        *pending = (struct pending){.member = member, .message = sd_bus_message_ref(message)};

        r = sd_bus_message_new_method_call(connection, &question, DRIVER, DRIVER_PATH, DRIVER,
                                           "GetConnectionUnixUser");
        if (r >= 0)
                r = sd_bus_message_append_basic(question, 's', sd_bus_message_get_sender(message));
        if (r >= 0)
                r = sd_bus_call_async(connection, &slot, question, on_who, pending, WHO_TIMEOUT_US);
        sd_bus_message_unref(question);
        if (r < 0) {
                pending_free(pending);
                return r;
        }
        /* Owned by the connection, and freed with it when no answer comes. */
        sd_bus_slot_set_destroy_callback(slot, pending_free);
        sd_bus_slot_set_floating(slot, true);
        sd_bus_slot_unref(slot);
        return 1;
}

static int on_method(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        struct member *member = userdata;

        if (member->method->acts)
                return ask_who(member, message); /* sd-bus answers what is negative */
        run_method(member, message, "-");
        return 1;
}

static int on_property(sd_bus *connection, const char *path, const char *interface,
                       const char *property, sd_bus_message *reply, void *userdata,
                       sd_bus_error *error) {
        struct member *member = userdata;
        _cleanup_(strbuf_deinit) struct strbuf text = {};
        uint32_t number = 0;
        int r;

        if (member->bus->hushed)
                return -ESHUTDOWN;
        r = member->property->get(&text, &number, member->bus->data);
        r = r ?: text.error;
        if (r < 0)
                return r;
        return member->property->type == 's'
                       ? sd_bus_message_append_basic(reply, 's', strbuf_str(&text))
                       : sd_bus_message_append_basic(reply, 'u', &number);
}

/* ---- the name ---- */

static bool bus_tell(struct bus *bus, enum told told) {
        bool differs = bus->told != told;

        bus->told = told;
        return differs;
}

static void bus_retry_later(struct bus *bus) {
        bus->retry = mono_add_ns(clock_mono(loop_clock(bus->loop)), bus->retry_ns);
        bus->retry_ns = MIN(bus->retry_ns * 2, RETRY_CAP_NS);
}

static void bus_named(struct bus *bus) {
        bus->retry = MONO_NEVER;
        if (bus_tell(bus, TOLD_NAMED))
                log_tell(bus->log, LOG_LEVEL_NOTICE, LOG_EVENT_BUS_NAMED,
                         "takes orders on the bus as %s", bus->interface->service);
}

static int on_requested(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        struct bus *bus = userdata;
        const sd_bus_error *problem = sd_bus_message_get_error(reply);
        uint32_t verdict = 0;

        if (problem || sd_bus_message_read_basic(reply, 'u', &verdict) < 0) {
                if (bus_tell(bus, TOLD_REFUSED))
                        log_tell(bus->log, LOG_LEVEL_WARNING, LOG_EVENT_BUS_REFUSED,
                                 "the bus does not give us the name %s: %s; goes on without orders "
                                 "from there, will ask again",
                                 bus->interface->service,
                                 problem && problem->message ? problem->message
                                                             : "no reason given");
                bus_retry_later(bus);
                return 1;
        }
        bus->retry_ns = RETRY_FIRST_NS;
        if (verdict == REQUEST_NAME_PRIMARY || verdict == REQUEST_NAME_ALREADY)
                bus_named(bus);
        else if (verdict == REQUEST_NAME_QUEUED && bus_tell(bus, TOLD_QUEUED))
                log_tell(bus->log, LOG_LEVEL_WARNING, LOG_EVENT_BUS_REFUSED,
                         "another process has the name %s on the bus; goes on without orders from "
                         "there until that one ends",
                         bus->interface->service);
        return 1;
}

/* Whoever had the name before us has ended. */
static int on_message(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        struct bus *bus = userdata;
        const char *name;

        if (sd_bus_message_is_signal(message, DRIVER, "NameAcquired") > 0 &&
            sd_bus_message_read_basic(message, 's', &name) > 0 &&
            strcmp(name, bus->interface->service) == 0)
                bus_named(bus);
        return 0;
}

static int bus_request_name(struct bus *bus) {
        bus->retry = MONO_NEVER;
        return sd_bus_request_name_async(bus->connection, /* ret_slot= */ NULL,
                                         bus->interface->service, SD_BUS_NAME_QUEUE, on_requested,
                                         bus);
}

/* ---- the connection ---- */

static void bus_disconnect(struct bus *bus) {
        bus->watch = loop_watch_free(bus->watch);
        sd_bus_close(bus->connection);
        bus->connection = sd_bus_unref(bus->connection);
}

static void bus_lost(struct bus *bus, int reason) {
        bool was_there = bus->told != TOLD_NOTHING && bus->told != TOLD_NO_BUS;

        bus_disconnect(bus);
        bus_retry_later(bus);
        if (bus_tell(bus, TOLD_NO_BUS))
                log_tell(bus->log, LOG_LEVEL_NOTICE, LOG_EVENT_BUS_LOST,
                         "%s (%s); goes on without orders from there, and takes the name %s when a "
                         "bus appears",
                         was_there ? "the system's bus has gone" : "there is no system bus",
                         strerrordesc_np(-reason) ?: "unknown error", bus->interface->service);
}

static void bus_on_watch(unsigned events, void *data) {
        struct bus *bus = data;

        if (events & LOOP_FAILED)
                bus_lost(bus, -ECONNRESET);
        else
                reactor_schedule(loop_reactor(bus->loop), bus->run);
}

/* Nothing here waits: the greeting and the request are sent, and answered in later turns. */
static int bus_connect(struct bus *bus) {
        int r;

        r = sd_bus_open_system(&bus->connection);
        if (r < 0)
                return r;
        r = loop_watch_new(bus->loop, sd_bus_get_fd(bus->connection), bus_on_watch, bus,
                           &bus->watch);
        if (r >= 0)
                r = sd_bus_add_object_vtable(bus->connection, /* ret_slot= */ NULL,
                                             bus->interface->path, bus->interface->name,
                                             bus->vtable, bus->members);
        if (r >= 0)
                r = sd_bus_add_filter(bus->connection, /* ret_slot= */ NULL, on_message, bus);
        if (r >= 0)
                r = bus_request_name(bus);
        return r;
}

static void bus_process(struct bus *bus) {
        int r = 1;

        for (unsigned i = 0; i < MESSAGES_A_TURN && r > 0; i++)
                r = sd_bus_process(bus->connection, /* ret= */ NULL);
        if (r < 0)
                bus_lost(bus, r);
        else if (r > 0)
                reactor_schedule(loop_reactor(bus->loop), bus->run);
}

static void bus_run(enum reactor_reason reason, void *data) {
        struct bus *bus = data;
        bool due = clock_mono(loop_clock(bus->loop)).ns >= bus->retry.ns;
        int r = 0;

        if (due && !bus->connection)
                r = bus_connect(bus);
        else if (due)
                r = bus_request_name(bus);
        if (r < 0)
                bus_lost(bus, r);
        else if (bus->connection)
                bus_process(bus);
}

/* sd_bus_get_timeout() speaks of CLOCK_MONOTONIC, the reactor of CLOCK_BOOTTIME. */
static struct mono bus_deadline(const struct bus *bus) {
        uint64_t usec, now_usec;
        struct timespec now;

        if (!bus->connection || sd_bus_get_timeout(bus->connection, &usec) < 0 ||
            usec == UINT64_MAX)
                return bus->retry;
        clock_gettime(CLOCK_MONOTONIC, &now);
        now_usec = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
        usec = usec > now_usec ? usec - now_usec : 0;
        usec = MIN(usec, (uint64_t)(RETRY_CAP_NS / 1000));
        return (struct mono){
                MIN(bus->retry.ns,
                    mono_add_ns(clock_mono(loop_clock(bus->loop)), (int64_t)usec * 1000).ns)};
}

/* Asks the library what it wants polled, as sd_bus_get_fd(3) has it. */
static void bus_before_wait(void *data) {
        struct bus *bus = data;
        unsigned events = 0;
        int wanted, r = 0;

        if (bus->connection) {
                wanted = sd_bus_get_events(bus->connection);
                if (wanted > 0 && wanted & POLLIN)
                        events |= LOOP_READABLE;
                if (wanted > 0 && wanted & POLLOUT)
                        events |= LOOP_WRITABLE;
                r = wanted < 0 ? wanted : loop_watch_set(bus->watch, events);
        }
        if (r < 0)
                bus_lost(bus, r);
        (void)reactor_arm_mono(loop_reactor(bus->loop), bus->run, bus_deadline(bus));
}

/* ---- life ---- */

static int bus_make_vtable(struct bus *bus) {
        const struct bus_interface *interface = bus->interface;
        size_t n = interface->n_methods + interface->n_properties;
        sd_bus_vtable *row;

        /* Zeroed, as sd-bus-vtable.h asks for of tables on the heap. */
        bus->vtable = calloc(n + 2, sizeof(*bus->vtable));
        bus->members = calloc(n, sizeof(*bus->members));
        if (!bus->vtable || !bus->members)
                return -ENOMEM;

        row = bus->vtable;
        *row++ = (sd_bus_vtable)SD_BUS_VTABLE_START(0);
        for (size_t i = 0; i < interface->n_methods; i++) {
                const struct bus_method *method = &interface->methods[i];

                assert(strlen(method->in) <= BUS_VALUES_MAX);
                bus->members[i] = (struct member){.bus = bus, .method = method};
                /* sd-bus would judge callers by their capabilities as well: the policy does. */
                *row++ = (sd_bus_vtable)SD_BUS_METHOD_WITH_NAMES_OFFSET(
                        method->name, method->in, method->names, method->out, , on_method,
                        i * sizeof(struct member), SD_BUS_VTABLE_UNPRIVILEGED);
        }
        for (size_t i = 0; i < interface->n_properties; i++) {
                const struct bus_property *property = &interface->properties[i];
                size_t at = interface->n_methods + i;

                bus->members[at] = (struct member){.bus = bus, .property = property};
                *row++ = (sd_bus_vtable)SD_BUS_PROPERTY(
                        property->name, property->type == 's' ? "s" : "u", on_property,
                        at * sizeof(struct member),
                        property->constant ? SD_BUS_VTABLE_PROPERTY_CONST
                                           : SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE);
        }
        *row = (sd_bus_vtable)SD_BUS_VTABLE_END;
        return 0;
}

int bus_new(struct loop *loop, struct log *log, const struct bus_interface *interface, void *data,
            struct bus **ret_bus) {
        _cleanup_(bus_freep) struct bus *bus = calloc(1, sizeof(*bus));
        int r;

        if (!bus)
                return -ENOMEM;
        *bus = (struct bus){
                .loop = loop,
                .log = log,
                .interface = interface,
                .data = data,
                .retry = {INT64_MIN}, /* in the first turn */
                .retry_ns = RETRY_FIRST_NS,
        };
        r = bus_make_vtable(bus);
        r = r ?: reactor_source_new(loop_reactor(loop), bus_run, bus, &bus->run);
        if (r < 0)
                return r;

        loop_before_wait(loop, bus_before_wait, bus);
        reactor_schedule(loop_reactor(loop), bus->run);
        *ret_bus = take_ptr(bus);
        return 0;
}

struct bus *bus_free(struct bus *bus) {
        if (!bus)
                return NULL;
        if (bus->connection)
                bus_disconnect(bus);
        if (bus->run)
                loop_before_wait(bus->loop, NULL, NULL);
        reactor_source_free(loop_reactor(bus->loop), bus->run);
        free(bus->vtable);
        free(bus->members);
        free(bus);
        return NULL;
}

void bus_hush(struct bus *bus) {
        bus->hushed = true;
}

void bus_changed(struct bus *bus, const char *const *names) {
        const char *strings[BUS_VALUES_MAX + 1] = {};

        for (size_t i = 0; names[i]; i++) {
                assert(i < BUS_VALUES_MAX);
                strings[i] = names[i];
        }
        /* Nobody is told before the greeting is answered: who listens then asks anyway. */
        if (bus->connection && bus->told == TOLD_NAMED && strings[0])
                (void)sd_bus_emit_properties_changed_strv(bus->connection, bus->interface->path,
                                                          bus->interface->name,
                                                          (char **)(uintptr_t)strings);
}
