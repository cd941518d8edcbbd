/*
 * order: orders to the daemon that it carries out after it has answered: given, and waited for.
 */
#pragma once

#include "snapkeepctl/remote.h"

/* Gives the order by @method, whose answer is the order's id, waits for its end and says it. Returns
 * STATUS_DONE, STATUS_TROUBLE when it was refused or failed, or STATUS_NO_DAEMON. */
enum status order_and_wait(const struct request *request, enum manager_method method,
                           const union bus_value *in);

/* The same for each of the request's arguments, with @second as the method's second one. All are given
 * before any is waited for; @note is the line for people once one is done. Returns the worst. */
enum status orders_and_wait(const struct request *request, enum manager_method method,
                            const char *second, const char *note);
