/*
 * input: values of options that several verbs take. What is wrong with one has been said.
 */
#pragma once

#include "base/time.h"
#include "core/zone.h"
#include "snapkeepctl/ctl.h"

struct strbuf;

/* The zone of that name, from the machine's files; NULL and "UTC" need none and give NULL. When there
 * is none *ret_problem says why, as the rest of "the time zone …". Returns STATUS_DONE, STATUS_USAGE
 * with a problem, or STATUS_TROUBLE. */
enum status zone_load(const char *name, struct zone **ret_zone, const char **ret_problem);
/* The zone of --timezone; a problem is said. */
enum status zone_option(const char *name, struct zone **ret_zone);

/* The instant of the option, or clock_now() for NULL. */
enum status time_option(const char *option, const char *text, struct utc *ret_time);

/*
 * Where @text of @len bytes stops to be an RFC 3339 instant in form, or @len when its form is right and
 * what it says does not exist. For messages.
 */
size_t time_fault(const char *text, size_t len);
