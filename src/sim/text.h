/*
 * sim/text: numbers and GUIDs into a strbuf without a format string. A simulation writes some twenty
 * of them for each request, and spent a third of its time in formatting.
 */
#pragma once

#include "base/guid.h"
#include "base/strbuf.h"

#include <stdint.h>

/* @literal: a string constant. */
#define SIM_APPEND(out, literal) strbuf_append(out, literal, sizeof(literal) - 1)

/* Decimal, with leading zeros to at least @digits. */
void sim_append_number(struct strbuf *out, uint64_t value, size_t digits);
/* Sixteen hexadecimal digits. */
void sim_append_hex(struct strbuf *out, uint64_t value);
void sim_append_guid(struct strbuf *out, const struct guid *guid);
