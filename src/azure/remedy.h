/*
 * remedy: what a person can do about a refusal: the half sentence behind it in a report.
 *
 * Of a missing right it names the right, the scope and a built-in role that has the right, as ARM's own
 * message says them (FACTS sections 3 and 10). Of what passes by itself it says nothing.
 */
#pragma once

#include "azure/error.h"
#include "base/strbuf.h"

/* Appends "; …", or nothing. */
void arm_remedy_append(const struct arm_error *error, struct strbuf *out);
