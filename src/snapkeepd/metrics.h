/*
 * metrics: figures for Prometheus, as a text file that the node exporter's collector reads.
 *
 * Ages are told as the time that they count from, so that a file which is not written any more does
 * not look young: time() - snapkeep_series_newest_timestamp_seconds is the age.
 */
#pragma once

#include "base/strbuf.h"
#include "snapkeepd/answers.h"
#include "snapkeepd/meter.h"

/* Appends all of it. Where memory is out, @out has an error. */
void metrics_append(const struct answer_source *source, const struct meter_counts *counts,
                    struct strbuf *out);
