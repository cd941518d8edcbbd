/*
 * Beside the engine on a wire: four snapshots of ours, what was said, and rules.
 *
 * Included by one test program each.
 */
#pragma once

#include "core/planner.h"

#include "engine-fixture.h"

#define ERROR(code) "{\"error\":{\"code\":\"" code "\",\"message\":\"m\"}}"

static inline void begin(void) {
        fixture_init();
        for (int i = 3; i >= 0; i--)
                snap_add_ours(START_S - i * EVERY_S);
}

static inline void expect_said(int line, const char *part, bool expected) {
        if (said(part) != expected)
                fail_msg("row at line %d: \"%s\" was %ssaid\n%.700s", line, part,
                         expected ? "not " : "", strbuf_str(&f.said));
}

static inline void rule(enum http_method method, const char *url, int status, const char *body) {
        assert_true(f.n_rules < RULES_MAX);
        f.rules[f.n_rules++] =
                (struct rule){.method = method, .url = url, .status = status, .body = body};
}
