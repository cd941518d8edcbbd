/*
 * bus: one interface of ours on the system's D-Bus, served from the loop.
 *
 *         static const struct bus_method methods[] = {
 *                 {.name = "Ack", .in = "s", .names = "hash\0", .acts = true, .run = on_ack},
 *         };
 *
 * The connection comes and goes as the bus does, and its owner need not care: nothing here waits.
 * Without a bus that is said once and tried again, ever less often, down to once a minute; when a bus
 * appears the name is taken, and when it is lost, again.
 *
 * Who may call what is the bus policy's to decide (systemd/org.snapkeep1.conf), not ours: a call that
 * arrives was allowed. Who called is asked of the bus for methods that act, so that it can be told.
 *
 * Values are few: 's' a string, 'b' a bool, 't' and 'u' numbers.
 */
#pragma once

#include "base/log.h"
#include "base/macros.h"
#include "base/strbuf.h"
#include "runtime/loop.h"

#include <stdbool.h>
#include <stdint.h>

/* Chosen: arguments of one method. */
#define BUS_VALUES_MAX 4

struct bus;

union bus_value {
        const char *string; /* borrowed */
        uint64_t number;    /* also of 'u' */
        bool boolean;
};

/* A call under way. */
struct bus_call {
        union bus_value in[BUS_VALUES_MAX]; /* as the method's signature says */
        const char *who; /* a user's name or "uid 1000"; "-" for a method that does not act */
        /* The answer: the 's' of the method's out, and its 't'. */
        struct strbuf text;
        uint64_t number;
        const char *error; /* by bus_refuse() */
        struct strbuf message;
};

/* Refuses: @error is the last part of the error's name and is static, the rest a sentence. Returns what
 * the method then returns. */
_printf_(3, 4) int bus_refuse(struct bus_call *call, const char *error, const char *format, ...);

/* Returns 0, or bus_refuse(), or a negative errno. */
typedef int (*bus_method_fn)(struct bus_call *call, void *data);
/* Writes the one of the two that the property's type asks for. Returns 0 or a negative errno. */
typedef int (*bus_property_fn)(struct strbuf *text, uint32_t *number, void *data);

struct bus_method {
        const char *name;
        const char *in;    /* "" for no arguments */
        const char *out;   /* "", "s", "t" or "ts" */
        const char *names; /* of the arguments, in then out, each with a NUL of its own */
        bool acts;         /* the caller is asked for */
        bus_method_fn run;
};

struct bus_property {
        const char *name;
        char type;     /* 's' or 'u' */
        bool constant; /* else changes are told by bus_changed() */
        bus_property_fn get;
};

/* Static. */
struct bus_interface {
        const char *service;
        const char *path;
        const char *name;
        const char *errors; /* what all names of errors begin with, the dot included */
        const struct bus_method *methods;
        size_t n_methods;
        const struct bus_property *properties;
        size_t n_properties;
};

/*
 * Begins to serve; a bus need not be there. @data goes to the functions of @interface. The address is
 * $DBUS_SYSTEM_BUS_ADDRESS, or the system's. It takes the loop's hook.
 *
 * Returns 0, or a negative errno when the machine has no memory or descriptors left.
 */
int bus_new(struct loop *loop, struct log *log, const struct bus_interface *interface, void *data,
            struct bus **ret_bus);
/* What is under way is left without an answer. Copes with NULL, returns NULL. */
struct bus *bus_free(struct bus *bus);
DEFINE_CLEANUP(struct bus *, bus_free)

/* From now on every call is refused: the end is near, and what @data leads to is no longer whole. */
void bus_hush(struct bus *bus);

/* Tells by PropertiesChanged that the properties of these names, NULL ended, have other values. */
void bus_changed(struct bus *bus, const char *const *names);
