/*
 * notify: what the service manager is told (sd_notify(3)).
 *
 * Without a manager ($NOTIFY_SOCKET unset, a run in a terminal) every call does nothing and returns
 * 0. Others return a negative errno when the message could not be sent; the service goes on
 * without. Texts are one line: control characters in them become blanks, so that no text can
 * smuggle in an assignment.
 */
#pragma once

#include "base/macros.h"

#include <stdint.h>

/* The policy is loaded and the loop runs; also the end of a reload. @status may be NULL: unchanged.
 * */
int notify_ready(const char *status);
/* A reload begins; MONOTONIC_USEC is sent along, as Type=notify-reload (systemd 253) wants. */
int notify_reloading(void);
int notify_stopping(const char *status);
/* The sentence that "systemctl status" shows. */
_printf_(1, 2) int notify_status(const char *format, ...);

/* The loop made progress. To be sent at least every half of the interval. */
int notify_watchdog(void);
/* The longest time between two notify_watchdog() before the manager kills us; 0 when it does not
 * watch. */
int64_t notify_watchdog_interval_ns(void);
