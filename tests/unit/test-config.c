/*
 * The policy reader: small documents against the exact text of their diagnostics, and what good
 * ones come to.
 */
#include "policies/fixture.h"

#include "config/policy_reader.h"

#include "base/macros.h"
#include "base/strbuf.h"
#include "core/calendar.h"
#include "core/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define SUB "11111111-1111-4111-8111-111111111111"
#define DISK(name)                                                                                 \
        "/subscriptions/" SUB "/resourceGroups/rg/providers/Microsoft.Compute/disks/" name

/* What every document needs, in three lines, so that a row's own text begins on line 4. */
#define HEAD "version: 1\nowner: me\ndefaults: {snapshot_group: snaps}\n"
/* A policy and its target, in three lines. */
#define BODY                                                                                       \
        "policies:\n  p: {schedule: {every: 1h}}\n"                                                \
        "targets: [{policy: p, match: {subscription: " SUB "}}]\n"

struct row {
        int line;
        const char *text;     /* the document */
        const char *expected; /* all diagnostics; "" for none */
};

/* Says what is wrong with a row and returns false, so that one run shows all. */
static bool row_holds(const struct row *row) {
        _cleanup_(policy_file_freep) struct policy_file *file = NULL;
        _cleanup_(diagnostics_deinit) struct diagnostics diagnostics = {};
        _cleanup_(strbuf_deinit) struct strbuf said = {};
        int r;

        r = config_load(row->text, strlen(row->text), "f", &fixture_zones, &file, &diagnostics);
        diagnostics_format(&diagnostics, &said);
        if (strcmp(strbuf_str(&said), row->expected) != 0) {
                print_error("row at line %d says:\n%s", row->line, strbuf_str(&said));
                return false;
        }
        if (r != (diagnostics.n_errors > 0 ? CONFIG_E_INVALID : 0) || (r == 0) != (file != NULL)) {
                print_error("row at line %d returns %d\n", row->line, r);
                return false;
        }
        return true;
}

static void check_rows(const struct row *rows, size_t n) {
        size_t wrong = 0;

        for (size_t i = 0; i < n; i++)
                wrong += !row_holds(&rows[i]);
        assert_int_equal(wrong, 0);
}

#define WORDS_1_64 "a whole number from 1 to 64"
#define TEXT_OWNER "letters, digits, '-', '_' and '.', a letter or digit first, at most 64"

static void test_yaml(void **state) {
        static const struct row rows[] = {
                {__LINE__, "",
                 "f: error: the file holds no policy; expected version, owner, "
                 "policies and targets\n"},
                {__LINE__, "# only this\n",
                 "f: error: the file holds no policy; expected version, "
                 "owner, policies and targets\n"},
                {__LINE__, "---\n",
                 "f:2:1: error: found no value; expected a mapping of version, owner, azure, "
                 "defaults, safety, policies, targets, limits, notify and metrics\n"},
                {__LINE__, "- 1\n",
                 "f:1:1: error: found a list; expected a mapping of version, owner, azure, "
                 "defaults, safety, policies, targets, limits, notify and metrics\n"},
                {__LINE__, "hello\n",
                 "f:1:1: error: found a text; expected a mapping of version, owner, azure, "
                 "defaults, safety, policies, targets, limits, notify and metrics\n"},
                {__LINE__, HEAD BODY, ""},
                {__LINE__, "---\n" HEAD BODY "...\n", ""},
                {__LINE__, HEAD BODY "---\n" HEAD BODY,
                 "f:7:1: error: a second document begins here; expected one document\n"},
                {__LINE__, "%YAML 1.1\n---\n" HEAD BODY,
                 "f:1:1: error: directives (%YAML, %TAG) are not allowed\n"},
                {__LINE__, HEAD BODY "limits:\n\tparallel: 3\n",
                 "f:8:1: error: not YAML: found character that cannot start any token (while "
                 "scanning for the next token that begins on line 8); expected spaces: YAML does "
                 "not allow tabs here\n"},
                {__LINE__, HEAD BODY "limits: {parallel: 3\n",
                 "f:8:1: error: not YAML: did not find expected ',' or '}' (while parsing a flow "
                 "mapping that begins on line 7)\n"},
                {__LINE__, HEAD BODY "limits: {parallel: &n 3}\n",
                 "f:7:20: error: limits.parallel: anchors (&name) are not allowed; expected the "
                 "value alone; what several policies share goes into defaults\n"},
                {__LINE__, HEAD BODY "limits: *l\n",
                 "f:7:9: error: limits: aliases (*name) are not allowed; expected the value "
                 "itself; "
                 "a text that begins with * needs quotes\n"},
                {__LINE__, HEAD BODY "limits: {parallel: !!int 3}\n",
                 "f:7:20: error: limits.parallel: tags (!name) are not allowed; expected the value "
                 "alone\n"},
                {__LINE__, HEAD BODY "limits: {<<: 3}\n",
                 "f:7:10: error: limits: merge keys (<<) are not allowed; expected the keys "
                 "themselves; what several policies share goes into defaults\n"},
                {__LINE__, HEAD BODY "limits: {[a]: 3}\n",
                 "f:7:10: error: limits: a list or a mapping stands where a key is due\n"},
                {__LINE__, HEAD BODY "limits: {\"\": 3}\n",
                 "f:7:10: error: limits: an empty key\n"},
                {__LINE__, HEAD BODY "owner: you\n",
                 "f:7:1: error: owner: duplicate key; first on line 2\n"},
                {__LINE__, "owner: \"a\\0b\"\nversion: 1\n" BODY,
                 "f:1:8: error: owner: the text has a line end or another control character; "
                 "expected one line\n"
                 "f:4:3: error: policies.p: snapshot_group is missing; expected the name of an "
                 "existing resource group, in defaults or here\n"},
                {__LINE__, HEAD BODY "\"a\\u202eb\": 1\n",
                 "f:7:1: error: the text has a line end or another control character; expected one "
                 "line\n"},
        };

        check_rows(rows, ARRAY_SIZE(rows));
}

static void test_text(void **state) {
        static const struct row rows[] = {
                {__LINE__, "\xef\xbb\xbfversion: 1\n",
                 "f:1:1: error: the file begins with a byte order mark; expected UTF-8 without "
                 "one\n"},
                {__LINE__, "\xff\xfev\n", "f:1:1: error: the file is UTF-16; expected UTF-8\n"},
                {__LINE__, "a: b\nowner: \xe4\n", "f:2:8: error: a byte that is not UTF-8\n"},
                /* an overlong slash, a surrogate, above U+10FFFF */
                {__LINE__, "\xc0\xaf",
                 "f:1:1: error: a byte that is not UTF-8\n"
                 "f:1:2: error: a byte that is not UTF-8\n"},
                {__LINE__, "\xed\xa0\x80",
                 "f:1:1: error: a byte that is not UTF-8\n"
                 "f:1:2: error: a byte that is not UTF-8\n"
                 "f:1:3: error: a byte that is not UTF-8\n"},
                {__LINE__,
                 "a\x01"
                 "b\xc2\x85"
                 "c\xe2\x80\xae"
                 "d\x7f\r",
                 "f:1:2: error: a control character (U+0001)\n"
                 "f:1:4: error: a control character (U+0085)\n"
                 "f:1:6: error: a control character (U+202E)\n"
                 "f:1:8: error: a control character (U+007F)\n"
                 "f:1:9: error: a control character (U+000D)\n"},
                {__LINE__,
                 "version: 1\r\nowner: me\r\npolicies: {p: {snapshot_group: g, schedule: "
                 "{every: 1h}}}\r\n",
                 "f:3:12: warning: policies.p: no target names this policy, so it does nothing\n"},
        };
        static const char nul[] = "version: 1\n\0owner: me\n";
        _cleanup_(policy_file_freep) struct policy_file *file = NULL;
        _cleanup_(diagnostics_deinit) struct diagnostics diagnostics = {};

        check_rows(rows, ARRAY_SIZE(rows));
        assert_int_equal(config_load(nul, sizeof(nul), "f", &fixture_zones, &file, &diagnostics),
                         CONFIG_E_INVALID);
        assert_int_equal(diagnostics.n, 1);
        assert_string_equal(diagnostics.items[0].message, "a NUL byte: this is not a text file");
        assert_int_equal(diagnostics.items[0].line, 2);
}

/* What YAML 1.1 reads differently, where a text, a number, a switch and a word are due. */
static void test_surprises(void **state) {
#define OWNER(text, problem)                                                                       \
        "version: 1\nowner: " text "\ndefaults: {snapshot_group: g}\n" BODY,                       \
                "f:2:8: error: owner: \"" text "\" " problem                                       \
                ": write it in quotes if it is meant as a text; expected " TEXT_OWNER "\n"
#define PARALLEL(text, problem)                                                                    \
        HEAD BODY "limits: {parallel: " text "}\n", "f:7:20: error: limits.parallel: \"" text      \
                                                    "\" " problem "; expected " WORDS_1_64 "\n"
#define WORDS_SHARE "a decimal number above 0, at most 1, with at most three digits after the point"
#define SHARE(text, problem)                                                                       \
        HEAD BODY "limits: {api_share: " text "}\n", "f:7:21: error: limits.api_share: \"" text    \
                                                     "\" " problem "; expected " WORDS_SHARE "\n"
        static const struct row rows[] = {
                {__LINE__, OWNER("on", "is a boolean in YAML 1.1")},
                {__LINE__, OWNER("No", "is a boolean in YAML 1.1")},
                {__LINE__, OWNER("y", "is a boolean in YAML 1.1")},
                {__LINE__, OWNER("~", "is no value (null) in YAML")},
                {__LINE__, OWNER("null", "is no value (null) in YAML")},
                {__LINE__, OWNER("022", "is an octal number in YAML 1.1")},
                {__LINE__, OWNER("0o22", "is an octal number in YAML 1.2")},
                {__LINE__, OWNER("0x1F", "is a hexadecimal number in YAML")},
                {__LINE__, OWNER("0b11", "is a binary number in YAML 1.1")},
                {__LINE__, OWNER("1:30", "is a number to the base of 60 in YAML 1.1")},
                {__LINE__, OWNER("1_000", "is a number with underscores in YAML 1.1")},
                {__LINE__, OWNER("12", "is a number in YAML")},
                {__LINE__, OWNER("1.5", "is a number in YAML")},
                {__LINE__, OWNER("1e3", "is a number in YAML")},
                {__LINE__, OWNER("1e-3", "is a number in YAML")},
                {__LINE__, OWNER(".inf", "is a number in YAML")},
                {__LINE__, OWNER("2026-01-01", "is a date in YAML 1.1")},
                {__LINE__, OWNER("=", "has a meaning of its own in YAML 1.1")},
                {__LINE__, "version: 1\nowner: \"on\"\ndefaults: {snapshot_group: g}\n" BODY, ""},
                {__LINE__, "version: 1\nowner: 1-2\ndefaults: {snapshot_group: g}\n" BODY, ""},
                {__LINE__, "version: 1\nowner: 2026-prod\ndefaults: {snapshot_group: g}\n" BODY,
                 ""},
                {__LINE__, "version: 1\nowner:\ndefaults: {snapshot_group: g}\n" BODY,
                 "f:2:7: error: owner: found no value; expected " TEXT_OWNER "\n"},
                {__LINE__, "version: 1\nowner: \"\"\ndefaults: {snapshot_group: g}\n" BODY,
                 "f:2:8: error: owner: \"\" is empty; expected " TEXT_OWNER "\n"},
                {__LINE__, "version: 1\nowner: [me]\ndefaults: {snapshot_group: g}\n" BODY,
                 "f:2:8: error: owner: found a list; expected " TEXT_OWNER "\n"},
                {__LINE__, "version: 1\nowner: -me\ndefaults: {snapshot_group: g}\n" BODY,
                 "f:2:8: error: owner: \"-me\" is not a name; expected " TEXT_OWNER "\n"},

                {__LINE__, PARALLEL("022", "is an octal number in YAML 1.1")},
                {__LINE__, PARALLEL("1_0", "is a number with underscores in YAML 1.1")},
                {__LINE__, PARALLEL("0x1F", "is a hexadecimal number in YAML")},
                {__LINE__, PARALLEL("1:30", "is a number to the base of 60 in YAML 1.1")},
                {__LINE__, PARALLEL("+5", "is a number in YAML")},
                {__LINE__, PARALLEL("5.0", "is a number in YAML")},
                {__LINE__, PARALLEL("yes", "is a boolean in YAML 1.1")},
                {__LINE__, PARALLEL("many", "is not a whole number")},
                {__LINE__, PARALLEL("0", "is too small")},
                {__LINE__, PARALLEL("-1", "is too small")},
                {__LINE__, PARALLEL("-0", "is too small")},
                {__LINE__, PARALLEL("-1.5", "is a number in YAML")},
                {__LINE__, PARALLEL("65", "is too large")},
                {__LINE__, PARALLEL("99999999999999999999999", "is too large")},
                {__LINE__, SHARE("0", "is too small")},
                {__LINE__, SHARE("0.000", "is too small")},
                {__LINE__, SHARE("1.001", "is too large")},
                {__LINE__, SHARE("2", "is no such number")},
                {__LINE__, SHARE("0.1234", "is no such number")},
                {__LINE__, SHARE(".5", "is no such number")},
                {__LINE__, SHARE("0.", "is no such number")},
                {__LINE__, SHARE("0.x", "is no such number")},
                {__LINE__, SHARE("-0.5", "is no such number")},
                {__LINE__, SHARE("50%", "is no such number")},
                {__LINE__, HEAD BODY "limits: {api_share: \"0.5\"}\n",
                 "f:7:21: error: limits.api_share: \"0.5\" is a text, as it has quotes; "
                 "expected " WORDS_SHARE "\n"},
                {__LINE__, HEAD BODY "limits: {api_share: [0.5]}\n",
                 "f:7:21: error: limits.api_share: found a list; expected " WORDS_SHARE "\n"},
                {__LINE__, HEAD BODY "limits: {api_share: 1}\n", ""},
                {__LINE__, HEAD BODY "limits: {api_share: 1.0}\n", ""},
                {__LINE__, HEAD BODY "limits: {api_share: 0.001}\n", ""},
                {__LINE__, HEAD BODY "limits: {parallel: \"5\"}\n",
                 "f:7:20: error: limits.parallel: \"5\" is a text, as it has quotes; "
                 "expected " WORDS_1_64 "\n"},
                {__LINE__, HEAD BODY "limits: {parallel: 64, demo: false}\n", ""},
                {__LINE__, HEAD BODY "limits: {demo: yes}\n",
                 "f:7:16: error: limits.demo: \"yes\" is not a boolean of YAML 1.2; expected true "
                 "or false\n"},
                {__LINE__, HEAD BODY "limits: {demo: \"true\"}\n",
                 "f:7:16: error: limits.demo: \"true\" is a text, as it has quotes; expected true "
                 "or false\n"},

                /* off is one of the words, so it cannot be anything else */
                {__LINE__, HEAD BODY "safety: {prune: off}\n", ""},
                {__LINE__, HEAD BODY "safety: {prune: \"off\"}\n", ""},
                {__LINE__, HEAD BODY "safety: {prune: no}\n",
                 "f:7:17: error: safety.prune: \"no\" is not one of the words; expected auto, ask "
                 "or off\n"},
                {__LINE__, HEAD BODY "safety: {prune: of}\n",
                 "f:7:17: error: safety.prune: \"of\" is not one of the words; expected auto, ask "
                 "or off; did you mean \"off\"?\n"},
        };

        check_rows(rows, ARRAY_SIZE(rows));
}

/* {private: ID} in place of a word; a policy's own takes the place of the defaults'. */
static void test_network(void **state) {
#define ACCESS                                                                                     \
        "/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/rg/providers/"         \
        "Microsoft.Compute/diskAccesses/da"
#define NETWORK(defaults, own)                                                                     \
        "version: 1\nowner: me\ndefaults: {snapshot_group: g" defaults                             \
        "}\npolicies: {p: {schedule: "                                                             \
        "{every: 1h}" own "}}\ntargets: [{policy: p, match: {subscription: " SUB "}}]\n"
        static const struct {
                int line;
                const char *text;
                enum network_access access;
                const char *id;
        } rows[] = {
                {__LINE__, NETWORK("", ""), NETWORK_DENY, NULL},
                {__LINE__, NETWORK(", network_access: allow", ""), NETWORK_ALLOW, NULL},
                {__LINE__, NETWORK(", network_access: {private: " ACCESS "}", ""), NETWORK_PRIVATE,
                 ACCESS},
                {__LINE__, NETWORK("", ", network_access: {private: " ACCESS "}"), NETWORK_PRIVATE,
                 ACCESS},
                {__LINE__,
                 NETWORK(", network_access: {private: " ACCESS "}", ", network_access: allow"),
                 NETWORK_ALLOW, NULL},
                {__LINE__,
                 NETWORK(", network_access: {private: " ACCESS "}",
                         ", network_access: {private: " ACCESS "2}"),
                 NETWORK_PRIVATE, ACCESS "2"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(policy_file_freep) struct policy_file *file = NULL;
                struct diagnostics d = {};
                const struct policy *p;
                int r = config_load(rows[i].text, strlen(rows[i].text), "f", &fixture_zones, &file,
                                    &d);

                if (r != 0) {
                        struct strbuf out = {};

                        diagnostics_format(&d, &out);
                        fail_msg("line %d: %s", rows[i].line, strbuf_str(&out));
                }
                diagnostics_deinit(&d);
                p = &file->policies[0];
                if (p->network_access != rows[i].access || !p->disk_access != !rows[i].id ||
                    (rows[i].id && strcmp(p->disk_access, rows[i].id) != 0))
                        fail_msg("line %d: %d, %s", rows[i].line, (int)p->network_access,
                                 p->disk_access ?: "none");
        }
}

static void test_notify(void **state) {
#define HEARTBEAT(text) HEAD BODY "notify: {heartbeat: {" text "}}\n"
        static const struct row rows[] = {
                {__LINE__, HEAD BODY "notify: {}\n", ""},
                {__LINE__, HEARTBEAT("url_credential: hb"), ""},
                {__LINE__, HEARTBEAT("url_credential: hb, events: [ok, fail]"), ""},
                {__LINE__, HEARTBEAT("events: [ok]"),
                 "f:7:21: error: notify.heartbeat.url_credential: is missing; expected the name of "
                 "a "
                 "systemd credential; the secret itself never stands in a policy\n"},
                {__LINE__, HEARTBEAT("url_credential: hb, events: [okay]"),
                 "f:7:51: error: notify.heartbeat.events[0]: \"okay\" is not one of the words; "
                 "expected a list, each start, ok or fail; did you mean \"ok\"?\n"},
                {__LINE__, HEARTBEAT("url_credential: hb, events: ok"),
                 "f:7:50: error: notify.heartbeat.events: found a text; expected a list, each "
                 "start, "
                 "ok or fail\n"},
                {__LINE__, HEAD BODY "metrics: {textfile: /run/snapkeep/metrics.prom}\n", ""},
                {__LINE__, HEAD BODY "metrics: {textfile: metrics.prom}\n",
                 "f:7:21: error: metrics.textfile: \"metrics.prom\" is not an absolute path; "
                 "expected an absolute path\n"},
        };

        static const struct {
                const char *text;
                unsigned events;
        } events[] = {
                {HEARTBEAT("url_credential: hb"), HEARTBEAT_START | HEARTBEAT_OK | HEARTBEAT_FAIL},
                {HEARTBEAT("url_credential: hb, events: [fail, ok]"),
                 HEARTBEAT_OK | HEARTBEAT_FAIL},
                {HEARTBEAT("url_credential: hb, events: [start]"), HEARTBEAT_START},
        };

        check_rows(rows, ARRAY_SIZE(rows));
        for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
                _cleanup_(policy_file_freep) struct policy_file *file = NULL;
                _cleanup_(diagnostics_deinit) struct diagnostics diagnostics = {};

                assert_int_equal(config_load(events[i].text, strlen(events[i].text), "f",
                                             &fixture_zones, &file, &diagnostics),
                                 0);
                assert_string_equal(file->heartbeat.credential, "hb");
                assert_int_equal(file->heartbeat.events, events[i].events);
        }
}

static void test_support(void **state) {
#define LATER(text, where) HEAD BODY text "\n", "f:7:" where ": not supported yet: leave it out\n"
        static const struct row rows[] = {
                {__LINE__, HEAD "policies: {p: {schedule: {every: 1h}, copies: [], prove: {}}}\n",
                 "f:4:47: error: policies.p.copies: not supported yet: leave it out\n"
                 "f:4:58: error: policies.p.prove: not supported yet: leave it out\n"},
                {__LINE__,
                 HEAD "policies: {p: {schedule: {every: 1h}}}\n"
                      "targets: [{policy: p, vms: [x], together: vm}]\n",
                 "f:5:28: error: targets[0].vms: not supported yet: leave it out\n"
                 "f:5:43: error: targets[0].together: not supported yet: leave it out\n"},
        };

        check_rows(rows, ARRAY_SIZE(rows));
}

static void test_safety(void **state) {
#define SAFETY(text, at, problem)                                                                  \
        HEAD BODY "safety: {" text "}\n", "f:7:" at ": error: safety." problem "\n"
#define SAFE(text) HEAD BODY "safety: {" text "}\n", ""
#define PERCENT_EXPECTED "; expected a whole number from 1 to 100"
        static const struct row rows[] = {
                {__LINE__, SAFE("prune: ask")},
                {__LINE__, SAFETY("prune: asks", "17",
                                  "prune: \"asks\" is not one of the words; expected auto, ask or "
                                  "off; did you mean \"ask\"?")},
                {__LINE__, SAFE("max_delete_percent: 1")},
                {__LINE__, SAFE("max_delete_percent: 100")},
                {__LINE__, SAFETY("max_delete_percent: 0", "30",
                                  "max_delete_percent: \"0\" is too small" PERCENT_EXPECTED)},
                {__LINE__, SAFETY("max_delete_percent: 101", "30",
                                  "max_delete_percent: \"101\" is too large" PERCENT_EXPECTED)},
                {__LINE__,
                 SAFETY("max_delete_percent: 20%", "30",
                        "max_delete_percent: \"20%\" is not a whole number" PERCENT_EXPECTED)},
                {__LINE__, SAFETY("max_delete_procent: 20", "10",
                                  "max_delete_procent: unknown key; did you mean "
                                  "\"max_delete_percent\"?")},
                {__LINE__, SAFE("stale_stop: 1")},
                {__LINE__,
                 SAFETY("stale_stop: 0", "22",
                        "stale_stop: \"0\" is too small; expected a whole number from 1 to "
                        "1000")},
                {__LINE__,
                 SAFETY("stale_stop: 2d", "22",
                        "stale_stop: \"2d\" is not a whole number; expected a whole number "
                        "from 1 to 1000")},
                {__LINE__, SAFETY("stalestop: 2", "10",
                                  "stalestop: unknown key; did you mean \"stale_stop\"?")},
                {__LINE__, SAFE("on_disk_gone: {}")},
                {__LINE__, SAFE("on_disk_gone: {then: apply}")},
                {__LINE__, SAFE("on_disk_gone: {freeze: 0s}")},
                {__LINE__, SAFETY("on_disk_gone: keep", "24",
                                  "on_disk_gone: found a text; expected a mapping of freeze and "
                                  "then")},
                {__LINE__, SAFETY("on_disk_gone: {freeze: 30}", "33",
                                  "on_disk_gone.freeze: \"30\" is a number without a unit; "
                                  "expected a duration such "
                                  "as 90m or 2d, from 0s to 3650d")},
                {__LINE__, SAFETY("on_disk_gone: {then: delete}", "31",
                                  "on_disk_gone.then: \"delete\" is not one of the words; expected "
                                  "keep or apply")},
                {__LINE__, SAFETY("on_disk_gone: {than: keep}", "25",
                                  "on_disk_gone.than: unknown key; did you mean \"then\"?")},
                /* floors are under every policy, and none has its own */
                {__LINE__,
                 HEAD "policies: {p: {schedule: {every: 1h}, stale_stop: 2}}\n"
                      "targets: [{policy: p, match: {subscription: " SUB "}}]\n",
                 "f:4:39: error: policies.p.stale_stop: unknown key\n"},
        };

        check_rows(rows, ARRAY_SIZE(rows));
}

/* A series belongs to one policy. */
static void test_formerly(void **state) {
#define TWO(p, q)                                                                                  \
        HEAD "policies:\n  p: {schedule: {every: 1h}" p "}\n  q: {schedule: {every: 1h}" q "}\n"   \
             "targets: [{policy: p, match: {subscription: " SUB "}}, {policy: q, match: "          \
             "{subscription: " SUB "}}]\n"
        static const struct row rows[] = {
                {__LINE__, TWO(", formerly: [r]", ", formerly: [s, t]"), ""},
                {__LINE__, TWO(", formerly: [P, R]", ", formerly: [r]"),
                 ""}, /* names have a case */
                {__LINE__, TWO(", formerly: [p]", ""),
                 "f:5:41: error: policies.p.formerly[0]: \"p\" is the policy's own name; expected "
                 "an "
                 "earlier name\n"},
                {__LINE__, TWO(", formerly: [q]", ""),
                 "f:5:41: error: policies.p.formerly[0]: \"q\" is the policy on line 6, whose "
                 "series "
                 "are its own; expected a name that no policy has any more\n"},
                {__LINE__, TWO("", ", formerly: [r, p]"),
                 "f:6:44: error: policies.q.formerly[1]: \"p\" is the policy on line 5, whose "
                 "series "
                 "are its own; expected a name that no policy has any more\n"},
                {__LINE__, TWO(", formerly: [r, s]", ", formerly: [t, s]"),
                 "f:6:44: error: policies.q.formerly[1]: \"s\" is a former name of policy p too, "
                 "on "
                 "line 5; expected one policy to take over its series\n"},
                {__LINE__, TWO(", formerly: [r, s, r]", ""),
                 "f:5:47: error: policies.p.formerly[2]: \"r\" is listed already, on line 5\n"},
                {__LINE__, TWO(", formerly: [p, q, p]", ", formerly: [q, p]"),
                 "f:5:41: error: policies.p.formerly[0]: \"p\" is the policy's own name; expected "
                 "an "
                 "earlier name\n"
                 "f:5:44: error: policies.p.formerly[1]: \"q\" is the policy on line 6, whose "
                 "series "
                 "are its own; expected a name that no policy has any more\n"
                 "f:5:47: error: policies.p.formerly[2]: \"p\" is the policy's own name; expected "
                 "an "
                 "earlier name\n"
                 "f:6:41: error: policies.q.formerly[0]: \"q\" is the policy's own name; expected "
                 "an "
                 "earlier name\n"
                 "f:6:44: error: policies.q.formerly[1]: \"p\" is the policy on line 5, whose "
                 "series "
                 "are its own; expected a name that no policy has any more\n"},
                {__LINE__, TWO(", formerly: r", ""),
                 "f:5:40: error: policies.p.formerly: found a text; expected a list, "
                 "each " TEXT_OWNER "\n"},
                {__LINE__, TWO(", formerly: []", ""),
                 "f:5:40: error: policies.p.formerly: the list is empty; expected at least one "
                 "item, "
                 "or no such key\n"},
                {__LINE__, TWO(", formerly: [on, \"a b\", {}, r]", ", formerly: [r]"),
                 "f:5:41: error: policies.p.formerly[0]: \"on\" is a boolean in YAML 1.1: write it "
                 "in "
                 "quotes if it is meant as a text; expected " TEXT_OWNER "\n"
                 "f:5:45: error: policies.p.formerly[1]: \"a b\" is not a name; "
                 "expected " TEXT_OWNER "\n"
                 "f:5:52: error: policies.p.formerly[2]: found a mapping; expected " TEXT_OWNER "\n"
                 "f:6:41: error: policies.q.formerly[0]: \"r\" is a former name of policy p too, "
                 "on "
                 "line 5; expected one policy to take over its series\n"},
                {__LINE__, TWO(", formaly: [r]", ""),
                 "f:5:30: error: policies.p.formaly: unknown key; did you mean \"formerly\"?\n"},
        };

        check_rows(rows, ARRAY_SIZE(rows));
}

static void test_expect(void **state) {
#define EXPECT(text)                                                                               \
        HEAD "policies: {p: {schedule: {every: 1h}}}\ntargets: [{policy: p, expect: " text         \
             ", match: {subscription: " SUB "}}]\n"
#define BOUND(text, problem) EXPECT(text), "f:5:31: error: targets[0].expect: " problem "\n"
#define BOUND_EXPECTED "; expected a bound in quotes such as \">=12\""
        static const struct row rows[] = {
                {__LINE__, EXPECT("\">=1\""), ""},
                {__LINE__, EXPECT("'>=1000000'"), ""},
                {__LINE__, EXPECT("\">=0\""), ""},
                {__LINE__, BOUND("\">=-1\"", "\">=-1\" is not a bound" BOUND_EXPECTED)},
                {__LINE__, BOUND("\">=00\"", "\">=00\" is not a bound" BOUND_EXPECTED)},
                {__LINE__, BOUND("\">=1000001\"", "\">=1000001\" is too large" BOUND_EXPECTED)},
                {__LINE__,
                 BOUND("12", "\"12\" is not a bound" BOUND_EXPECTED "; did you mean \">=12\"?")},
                {__LINE__, BOUND("\">12\"", "\">12\" is not a bound" BOUND_EXPECTED
                                            "; did you mean \">=12\"?")},
                {__LINE__, BOUND("\"=>12\"", "\"=>12\" is not a bound" BOUND_EXPECTED
                                             "; did you mean \">=12\"?")},
                {__LINE__, BOUND("\">= 12\"", "\">= 12\" is not a bound" BOUND_EXPECTED
                                              "; did you mean \">=12\"?")},
                {__LINE__, BOUND("\"<=12\"", "\"<=12\" is not a bound" BOUND_EXPECTED)},
                {__LINE__, BOUND("\">=\"", "\">=\" is not a bound" BOUND_EXPECTED)},
                {__LINE__, BOUND("\">=012\"", "\">=012\" is not a bound" BOUND_EXPECTED)},
                {__LINE__, BOUND("\">=12 \"", "\">=12 \" is not a bound" BOUND_EXPECTED)},
                {__LINE__, BOUND("\"\"", "\"\" is not a bound" BOUND_EXPECTED)},
                {__LINE__, BOUND("[1]", "found a list" BOUND_EXPECTED)},
                {__LINE__, BOUND("", "found no value" BOUND_EXPECTED)},
        };
        _cleanup_(policy_file_freep) struct policy_file *file = NULL;
        _cleanup_(diagnostics_deinit) struct diagnostics diagnostics = {};
        static const char text[] = EXPECT("\">=12\""), none[] = EXPECT("\">=0\"");

        check_rows(rows, ARRAY_SIZE(rows));
        assert_int_equal(config_load(text, strlen(text), "f", &fixture_zones, &file, &diagnostics),
                         0);
        assert_int_equal(file->targets[0].expect, 12);
        assert_false(file->targets[0].may_be_empty);
        file = policy_file_free(file);
        assert_int_equal(config_load(none, strlen(none), "f", &fixture_zones, &file, &diagnostics),
                         0);
        assert_int_equal(file->targets[0].expect, 0);
        assert_true(file->targets[0].may_be_empty);
}

static void test_azure(void **state) {
#define AZURE(text) "azure:\n  " text "\n" HEAD BODY
#define URL_EXPECTED "; expected https://HOST[:PORT], or http:// to a loopback address\n"
        static const struct row rows[] = {
                {__LINE__, AZURE("cloud: usgov"), ""},
                {__LINE__, AZURE("cloud: publik"),
                 "f:2:10: error: azure.cloud: \"publik\" is not one of the words; expected public, "
                 "usgov, china or a mapping of arm, login, imds and ca; did you mean "
                 "\"public\"?\n"},
                {__LINE__, AZURE("cloud: {arm: \"https://a.example/\", login: \"http://[::1]:8\"}"),
                 ""},
                {__LINE__, AZURE("cloud: {arm: http://a.example, login: https://b}"),
                 "f:2:16: error: azure.cloud.arm: the value is plain http to a host that is not "
                 "this machine" URL_EXPECTED},
                /* the identity service's address is for the identity service alone */
                {__LINE__,
                 AZURE("cloud: {arm: http://169.254.169.254, login: https://b, imds: "
                       "http://169.254.169.254/}"),
                 "f:2:16: error: azure.cloud.arm: the value is plain http to a host that is not "
                 "this machine" URL_EXPECTED},
                /* never shown, as a password may be in it */
                {__LINE__, AZURE("cloud: {arm: \"https://u:geheim@h\", login: https://b}"),
                 "f:2:16: error: azure.cloud.arm: the value has a user name, which does not belong "
                 "there" URL_EXPECTED},
                {__LINE__, AZURE("cloud: {arm: https://a}"), ""},
                {__LINE__, AZURE("cloud: {arm: https://a, ca: ca.pem}"),
                 "f:2:31: error: azure.cloud.ca: \"ca.pem\" is not an absolute path; expected an "
                 "absolute path\n"},
                {__LINE__, AZURE("identity: {managed: {client_id: " SUB "}}"), ""},
                {__LINE__, AZURE("identity: {managed: {client_id: 17}}"),
                 "f:2:35: error: azure.identity.managed.client_id: \"17\" is not a GUID; expected "
                 "a "
                 "GUID such as 01234567-89ab-cdef-0123-456789abcdef\n"},
                {__LINE__,
                 AZURE("identity: {service_principal: {tenant: a.example, client: " SUB
                       ", secret: name}}"),
                 ""},
                {__LINE__,
                 AZURE("identity: {service_principal: {tenant: common, client: " SUB
                       ", secret: geh~eim}}"),
                 "f:2:42: error: azure.identity.service_principal.tenant: \"common\" is neither a "
                 "GUID nor a domain; expected a directory's GUID or domain\n"
                 "f:2:104: error: azure.identity.service_principal.secret: the value is not the "
                 "name of a credential; expected the name of a systemd credential; the secret "
                 "itself never stands in a policy\n"},
                {__LINE__,
                 AZURE("identity: {service_principal: {tenant: a.example, client: " SUB
                       ", certificate: name}}"),
                 ""},
                {__LINE__,
                 AZURE("identity: {service_principal: {tenant: a.example, client: " SUB "}}"),
                 "f:2:33: error: azure.identity.service_principal: it has no secret and no "
                 "certificate; expected secret or certificate, the name of a systemd credential\n"},
                {__LINE__,
                 AZURE("identity: {service_principal: {tenant: a.example, client: " SUB
                       ", certificate: a, secret: b}}"),
                 "f:2:33: error: azure.identity.service_principal: it has a secret and a "
                 "certificate; expected secret or certificate, the name of a systemd credential\n"},
                {__LINE__,
                 AZURE("identity: {service_principal: {tenant: a.example, client: " SUB
                       ", certifcate: a}}"),
                 "f:2:33: error: azure.identity.service_principal: it has no secret and no "
                 "certificate; expected secret or certificate, the name of a systemd credential\n"
                 "f:2:99: error: azure.identity.service_principal.certifcate: unknown key; did you "
                 "mean \"certificate\"?\n"},
                {__LINE__, AZURE("identity: {managed: {object_id: " SUB "}}"), ""},
                {__LINE__,
                 AZURE("identity: {managed: {resource_id: /subscriptions/" SUB
                       "/resourcegroups/rg/providers/Microsoft.ManagedIdentity/"
                       "userAssignedIdentities/id-1}}"),
                 ""},
                {__LINE__, AZURE("identity: {managed: {resource_id: id-1}}"),
                 "f:2:37: error: azure.identity.managed.resource_id: \"id-1\" is not a resource "
                 "id; expected a resource id that begins with /subscriptions/\n"},
                {__LINE__, AZURE("identity: {managed: {resource_id: \"/subscriptions/a&x=y\"}}"),
                 "f:2:37: error: azure.identity.managed.resource_id: \"/subscriptions/a&x=y\" is "
                 "not a resource id; expected a resource id that begins with /subscriptions/\n"},
                {__LINE__, AZURE("identity: {managed: {client_id: " SUB ", object_id: " SUB "}}"),
                 "f:2:23: error: azure.identity.managed: client_id and object_id name an identity "
                 "twice; expected one of client_id, object_id and resource_id\n"},
                {__LINE__, AZURE("identity: arc"), ""},
                {__LINE__, AZURE("identity: workload"), ""},
                {__LINE__, AZURE("identity: environment"), ""},
                {__LINE__, AZURE("identity: enviroment"),
                 "f:2:13: error: azure.identity: \"enviroment\" is not one of the words; expected "
                 "managed, arc, workload, environment or a mapping of managed, service_principal, "
                 "create and prune; did you mean \"environment\"?\n"},
                {__LINE__, AZURE("identity: {arc: {}}"),
                 "f:2:14: error: azure.identity.arc: unknown key\n"},
                {__LINE__, AZURE("identity: {create: managed, prune: arc}"), ""},
                {__LINE__,
                 AZURE("identity: {create: {managed: {}}, prune: {service_principal: {tenant: a.b, "
                       "client: " SUB ", secret: s}}}"),
                 ""},
                {__LINE__, AZURE("identity: {create: managed}"),
                 "f:2:13: error: azure.identity: prune is missing; expected create and prune, an "
                 "identity each\n"},
                {__LINE__, AZURE("identity: {prune: managed}"),
                 "f:2:13: error: azure.identity: create is missing; expected create and prune, an "
                 "identity each\n"},
                {__LINE__, AZURE("identity: {create: managed, prune: arc, managed: {}}"),
                 "f:2:13: error: azure.identity: more than one identity; expected managed or "
                 "service_principal\n"},
                {__LINE__, AZURE("identity: {create: {}, prune: managd}"),
                 "f:2:22: error: azure.identity.create: no identity; expected managed or "
                 "service_principal\n"
                 "f:2:33: error: azure.identity.prune: \"managd\" is not one of the words; "
                 "expected managed, arc, workload, environment or a mapping of managed and "
                 "service_principal; did you mean \"managed\"?\n"},
                {__LINE__, AZURE("identity: {create: managed, prune: {create: managed}}"),
                 "f:2:39: error: azure.identity.prune.create: unknown key\n"},
                {__LINE__, AZURE("identity: {create: managed, prune: managed}"),
                 "f:2:13: warning: azure.identity: create and prune are the same identity, so that "
                 "whoever creates can delete\n"},
                {__LINE__, AZURE("identity: {}"),
                 "f:2:13: error: azure.identity: no identity; expected managed or "
                 "service_principal\n"},
                {__LINE__,
                 AZURE("identity: {managed: {}, service_principal: {tenant: a.b, client: " SUB
                       ", secret: s}}"),
                 "f:2:13: error: azure.identity: more than one identity; expected managed or "
                 "service_principal\n"},
        };

        check_rows(rows, ARRAY_SIZE(rows));
}

static void test_policies(void **state) {
#define POLICY(text) HEAD "policies:\n  p: {" text "}\n"
#define IDLE "f:5:3: warning: policies.p: no target names this policy, so it does nothing\n"
#define EVERY_EXPECTED "; expected a duration such as 90m or 2d, from 5m to 366d\n"
#define CALENDAR_EXPECTED "; expected a calendar event such as \"Mon..Fri 02:30\"\n"
        static const struct row rows[] = {
                {__LINE__, POLICY("schedule: {every: 1h30m, offset: 10m}, rpo: 2h"), IDLE},
                {__LINE__, POLICY("schedule: {every: 299s}"),
                 "f:5:25: error: policies.p.schedule.every: \"299s\" is too short without "
                 "limits.demo" EVERY_EXPECTED},
                {__LINE__, POLICY("schedule: {every: 299s}") "limits: {demo: true}\n", IDLE},
                {__LINE__, POLICY("schedule: {every: 0s}") "limits: {demo: true}\n",
                 "f:5:25: error: policies.p.schedule.every: \"0s\" is too short; expected a "
                 "duration such as 90m or 2d, from 1s to 366d\n"},
                {__LINE__, POLICY("schedule: {every: 90}"),
                 "f:5:25: error: policies.p.schedule.every: \"90\" is a number without a "
                 "unit" EVERY_EXPECTED},
                {__LINE__, POLICY("schedule: {every: 1M}"),
                 "f:5:25: error: policies.p.schedule.every: \"1M\" counts months or years, which "
                 "have no fixed length (30d and 365d have)" EVERY_EXPECTED},
                {__LINE__, POLICY("schedule: {every: 1:30}"),
                 "f:5:25: error: policies.p.schedule.every: \"1:30\" is a number to the base of 60 "
                 "in YAML 1.1" EVERY_EXPECTED},
                {__LINE__, POLICY("schedule: {every: 1h, offset: 1h}"),
                 "f:5:37: error: policies.p.schedule: offset is not shorter than every; expected "
                 "less than every\n"},
                {__LINE__, POLICY("schedule: 1h"),
                 "f:5:17: error: policies.p.schedule: found a text; expected a mapping of every, "
                 "offset and calendar, or a list of them\n"},
                {__LINE__, POLICY("schedule: []"),
                 "f:5:17: error: policies.p.schedule: found a list; expected a mapping of every, "
                 "offset and calendar, or a list of them\n"},
                {__LINE__, POLICY("schedule: [{}, {every: 1h, calendar: daily}]"),
                 "f:5:18: error: policies.p.schedule[0]: says no time; expected every: a duration "
                 "such as 1h\n"
                 "f:5:44: error: policies.p.schedule[1]: every and calendar exclude each other; "
                 "expected a list of two, for both\n"},
                {__LINE__,
                 POLICY("schedule: [{every: 6h}, {calendar: \"Sun 02:30 Europe/Stockholm\"}]"),
                 IDLE},
                {__LINE__, POLICY("schedule: {calendar: \"Mon 25:00\"}"),
                 "f:5:28: error: policies.p.schedule.calendar: \"Mon 25:00\" is not a calendar "
                 "event: the hour is 0 to 23" CALENDAR_EXPECTED},
                {__LINE__, POLICY("schedule: {calendar: 02:30}"),
                 "f:5:28: error: policies.p.schedule.calendar: \"02:30\" is a number to the base "
                 "of "
                 "60 in YAML 1.1: write it in quotes if it is meant as a text" CALENDAR_EXPECTED},
                {__LINE__, POLICY("schedule: {calendar: \"*-02-30\"}"),
                 "f:5:28: error: policies.p.schedule.calendar: \"*-02-30\" never comes: there is "
                 "no "
                 "such date" CALENDAR_EXPECTED},
                {__LINE__, POLICY("schedule: {calendar: \"02:30 Mars/Base\"}"),
                 "f:5:28: error: policies.p.schedule.calendar: \"02:30 Mars/Base\" has a time zone "
                 "that is not installed here" CALENDAR_EXPECTED},
                {__LINE__, POLICY("schedule: {calendar: daily, offset: 1m}"),
                 "f:5:43: error: policies.p.schedule: offset belongs to every, not to calendar\n"},
                {__LINE__, POLICY("rpo: 1h"),
                 "f:5:6: error: policies.p.schedule: is missing; expected a mapping of every, "
                 "offset and calendar, or a list of them\n"},
                {__LINE__, POLICY("schedule: {every: 5m}, jitter: 5m"),
                 "f:5:38: error: policies.p: jitter of 5m is not shorter than the interval of "
                 "5m\n"},
                {__LINE__, POLICY("schedule: {every: 1h}, keep: {}"),
                 "f:5:36: error: policies.p.keep: no rule says what to keep; expected at least one "
                 "rule; without keep nothing is ever deleted\n"},
                {__LINE__, POLICY("schedule: {every: 1h}, keep: {pick: last}"),
                 "f:5:36: error: policies.p.keep: no rule says what to keep; expected at least one "
                 "rule; without keep nothing is ever deleted\n"},
                {__LINE__, POLICY("schedule: {every: 1h}, keep: {dialy: 3, last: 0, within: 1y}"),
                 "f:5:37: error: policies.p.keep.dialy: unknown key; did you mean \"daily\"?\n"
                 "f:5:53: error: policies.p.keep.last: \"0\" is too small; expected a whole number "
                 "from 1 to 100000\n"
                 "f:5:64: error: policies.p.keep.within: \"1y\" counts months or years, which have "
                 "no fixed length (30d and 365d have); expected a duration such as 90m or 2d, from "
                 "1s to 36500d\n"},
                {__LINE__, POLICY("schedule: {every: 1h}, min_keep: 3"),
                 "f:5:30: error: policies.p.min_keep: unknown key\n"},
                {__LINE__, POLICY("schedule: {every: 1h}, timezone: utc"),
                 "f:5:40: error: policies.p.timezone: \"utc\" is not installed here; expected an "
                 "installed time zone such as Europe/Stockholm, or UTC; did you mean \"UTC\"?\n"},
                {__LINE__, POLICY("schedule: {every: 1h}, timezone: ../x"),
                 "f:5:40: error: policies.p.timezone: \"../x\" is not a time zone's name; expected "
                 "an installed time zone such as Europe/Stockholm, or UTC\n"},
                {__LINE__, POLICY("schedule: {every: 1h}, timezone: Test/Damaged"),
                 "f:5:40: error: policies.p.timezone: \"Test/Damaged\" has a file that is not a "
                 "usable time zone; expected an installed time zone such as Europe/Stockholm, or "
                 "UTC\n"},
                {__LINE__, POLICY("schedule: {every: 1h}, timezone: Test/Unreadable"),
                 "f:5:40: error: policies.p.timezone: \"Test/Unreadable\" has a file that cannot "
                 "be "
                 "read; expected an installed time zone such as Europe/Stockholm, or UTC\n"},
                {__LINE__, HEAD "policies: {on: {schedule: {every: 1h}}, \"a b\": 3}\n",
                 "f:4:12: error: policies.on: the name is a boolean in YAML 1.1; expected letters, "
                 "digits, '-', '_' and '.', a letter or digit first, at most 64; in quotes if YAML "
                 "reads it otherwise\n"
                 "f:4:41: error: policies.a b: the name is not a name; expected letters, digits, "
                 "'-', '_' and '.', a letter or digit first, at most 64; in quotes if YAML reads "
                 "it "
                 "otherwise\n"
                 "f:4:48: error: policies.a b: a policy is not a single value or a list; expected "
                 "a "
                 "mapping with schedule and keep\n"},
                {__LINE__, "version: 1\nowner: me\npolicies: {p: {schedule: {every: 1h}}}\n",
                 "f:3:12: error: policies.p: snapshot_group is missing; expected the name of an "
                 "existing resource group, in defaults or here\n"},
                /* the second one is not read, or there would be more to say */
                {__LINE__, HEAD "policies: {p: {schedule: {every: 1h}}, p: 3}\n",
                 "f:4:40: error: policies.p: duplicate key; first on line 4\n"},
                {__LINE__, "version: 1\nowner: me\npolicies: {}\n",
                 "f:3:11: error: policies: found a mapping; expected a mapping of names to a "
                 "mapping of schedule, rpo, keep and formerly\n"},
                {__LINE__, "version: 2\n",
                 "f:1:1: error: owner: is missing; expected " TEXT_OWNER "\n"
                 "f:1:1: error: policies: is missing; expected a mapping of names to a mapping of "
                 "schedule, rpo, keep and formerly\n"
                 "f:1:10: error: version: \"2\" is too large; expected 1\n"},
        };

        check_rows(rows, ARRAY_SIZE(rows));
}

static void test_tags(void **state) {
#define TAGS(text) "version: 1\nowner: me\ndefaults: {snapshot_group: g, tags: {" text "}}\n" BODY
        static const struct row rows[] = {
                {__LINE__, TAGS("a: b, c: \"\", \"5\": \"6\""), ""},
                {__LINE__, TAGS("SnapKeep-x: b"),
                 "f:3:38: error: defaults.tags.SnapKeep-x: the name begins with snapkeep-, which "
                 "is "
                 "for Snapkeep's own tags\n"},
                {__LINE__, TAGS("windowsx: b, a/b: c"),
                 "f:3:38: error: defaults.tags.windowsx: the name begins with azure, microsoft or "
                 "windows, which Azure reserves\n"
                 "f:3:51: error: defaults.tags.a/b: the name has one of the characters < > % & \\ "
                 "? "
                 "/, which tag names cannot have\n"},
                {__LINE__, TAGS("a: b, A: c"),
                 "f:3:44: error: defaults.tags.A: duplicate key; first on line 3 (case does not "
                 "count)\n"},
                {__LINE__, TAGS("a: on, b: 5, c: , d: [e], yes: f"),
                 "f:3:41: error: defaults.tags.a: the value is a boolean in YAML 1.1; expected a "
                 "text: write it in quotes\n"
                 "f:3:48: error: defaults.tags.b: the value is a number in YAML; expected a text: "
                 "write it in quotes\n"
                 "f:3:54: error: defaults.tags.c: found no value; expected a text; \"\" is the "
                 "empty one\n"
                 "f:3:59: error: defaults.tags.d: found a list; expected a text; \"\" is the empty "
                 "one\n"
                 "f:3:64: error: defaults.tags.yes: the name is a boolean in YAML 1.1; expected "
                 "quotes around the name\n"},
        };
        char text[1024], expected[512];
        const struct row longest = {__LINE__, text, ""}, longer = {__LINE__, text, expected};
        char value[300];

        check_rows(rows, ARRAY_SIZE(rows));

        memset(value, 'x', sizeof(value));
        value[256] = '\0';
        snprintf(text, sizeof(text), TAGS("a: %s"), value);
        check_rows(&longest, 1);
        value[256] = 'x';
        value[257] = '\0';
        snprintf(text, sizeof(text), TAGS("a: %s"), value);
        snprintf(expected, sizeof(expected),
                 "f:3:41: error: defaults.tags.a: the value is longer than the 256 characters of a "
                 "tag\n");
        check_rows(&longer, 1);
}

static void test_targets(void **state) {
#define TARGETS(text) HEAD "policies:\n  gold: {schedule: {every: 1h}}\ntargets:\n" text
        static const struct row rows[] = {
                {__LINE__, TARGETS("  - {policy: gold, disks: [" DISK("d") "]}\n"), ""},
                {__LINE__, TARGETS("  - {policy: golf, disks: [" DISK("d") "]}\n"),
                 "f:7:14: error: targets[0].policy: \"golf\" is not a policy of this file; "
                 "expected "
                 "the name of one of the policies; did you mean \"gold\"?\n"},
                {__LINE__,
                 TARGETS("  - {policy: gold, disks: [" DISK(
                         "d") "]}\n"
                              "  - {policy: gold, disks: [\"" DISK("e") "\", " DISK("D") "]}\n"),
                 "f:8:137: warning: targets[1].disks[1]: the disk is listed for policy gold on "
                 "line "
                 "7 already; it counts once\n"},
                {__LINE__, TARGETS("  - {policy: gold, disks: [x, 5, {}]}\n"),
                 "f:7:28: error: targets[0].disks[0]: \"x\" is not a disk's id: it is not "
                 "/subscriptions/GUID/resourceGroups/GROUP/providers/Microsoft.Compute/disks/NAME; "
                 "expected "
                 "/subscriptions/GUID/resourceGroups/GROUP/providers/Microsoft.Compute/disks/NAME\n"
                 "f:7:31: error: targets[0].disks[1]: \"5\" is not a disk's id: it is not "
                 "/subscriptions/GUID/resourceGroups/GROUP/providers/Microsoft.Compute/disks/NAME; "
                 "expected "
                 "/subscriptions/GUID/resourceGroups/GROUP/providers/Microsoft.Compute/disks/NAME\n"
                 "f:7:34: error: targets[0].disks[2]: found a mapping; expected "
                 "/subscriptions/GUID/resourceGroups/GROUP/providers/Microsoft.Compute/disks/"
                 "NAME\n"},
                {__LINE__, TARGETS("  - {policy: gold}\n"),
                 "f:7:5: error: targets[0]: names no disks; expected disks or match\n"},
                {__LINE__,
                 TARGETS("  - {policy: gold, disks: [" DISK("d") "], match: {subscription: " SUB
                                                                 "}}\n"),
                 "f:7:5: error: targets[0]: disks and match exclude each other; expected a target "
                 "of its own for each\n"},
                {__LINE__,
                 TARGETS("  - policy: gold\n    match: {groups: [], tags: {}, except_tags: {a: "
                         "off}}\n"),
                 "f:8:12: error: targets[0].match.subscription: is missing; expected a GUID such "
                 "as "
                 "01234567-89ab-cdef-0123-456789abcdef\n"
                 "f:8:21: error: targets[0].match.groups: the list is empty; expected at least one "
                 "item, or no such key\n"
                 "f:8:31: error: targets[0].match.tags: the mapping is empty; expected at least "
                 "one "
                 "tag, or no such key\n"
                 "f:8:52: error: targets[0].match.except_tags.a: the value is a boolean in YAML "
                 "1.1; expected a text: write it in quotes\n"},
                {__LINE__,
                 TARGETS("  - {policy: gold, match: {subscription: " SUB
                         ", groups: [rg-*, \"*\"]}}\n"),
                 "f:7:5: warning: targets[0]: the group of the snapshots, snaps, is that of disks "
                 "too: deleting the group would delete both\n"},
                {__LINE__,
                 TARGETS("  - {policy: gold, match: {subscription: " SUB
                         ", groups: [rg-*, \"a b\"]}}\n"),
                 "f:7:95: error: targets[0].match.groups[1]: \"a b\" cannot match a resource "
                 "group's name; expected the name of a resource group, * standing for any text\n"},
        };

        check_rows(rows, ARRAY_SIZE(rows));
}

/* All that a policy holds, and that a policy's own keys win over the defaults, whatever the order
 * of the sections in the file. */
static void test_values(void **state) {
        static const char text[] =
                "limits: {parallel: 7, api_share: 0.125, demo: true}\n"
                "targets:\n"
                "  - {policy: b, match: {subscription: 1111111A-1111-4111-8111-111111111111,\n"
                "     groups: [rg-*], tags: {x: u}, except_tags: {z: \"off\", w: v}}}\n"
                "  - {policy: a, disks: [" DISK("d1") ", " DISK("d2") ", " DISK(
                        "d1") "]}\n"
                              "policies:\n"
                              "  a: {schedule: {every: 1h, offset: 7m}}\n"
                              "  b:\n"
                              "    schedule: [{every: 4s}, {calendar: \"02:30 "
                              "Europe/Stockholm\"}]\n"
                              "    rpo: 90m\n"
                              "    keep: {last: 1, hourly: 2, daily: 3, weekly: 4, monthly: 5, "
                              "yearly: 6,\n"
                              "           within: 2d, pick: last}\n"
                              "    timezone: UTC\n"
                              "    snapshot_group: g2\n"
                              "    redundancy: lrs\n"
                              "    network_access: allow\n"
                              "    jitter: 3s\n"
                              "    catch_up: newest\n"
                              "    tags: {TEAM: two, tier: gold}\n"
                              "    formerly: [old, A]\n"
                              "safety: {prune: ask, min_keep: 2, min_age: 0s, "
                              "max_delete_percent: 100,\n"
                              "  stale_stop: 5, on_disk_gone: {freeze: 0s, then: apply}}\n"
                              "defaults: {timezone: Europe/Stockholm, snapshot_group: g1, "
                              "redundancy: zrs,\n"
                              "  network_access: deny, jitter: 1m, catch_up: none, tags: {team: "
                              "one}}\n"
                              "azure: {cloud: china, identity: {service_principal: {tenant: "
                              "a.example,\n"
                              "  client: 1111111B-1111-4111-8111-111111111111, secret: "
                              "sp-secret}}}\n"
                              "owner: me\n"
                              "version: 1\n";
        _cleanup_(policy_file_freep) struct policy_file *file = NULL;
        _cleanup_(diagnostics_deinit) struct diagnostics diagnostics = {};
        _cleanup_(strbuf_deinit) struct strbuf said = {};
        const struct policy *a, *b;
        struct utc slot;
        int r;

        /* The jitter of the defaults is longer than b's interval, so b has its own. */
        r = config_load(text, strlen(text), "f", &fixture_zones, &file, &diagnostics);
        diagnostics_format(&diagnostics, &said);
        assert_string_equal(
                strbuf_str(&said),
                "f:5:241: warning: targets[1].disks[2]: the disk is listed for policy a "
                "on line 5 already; it counts once\n");
        assert_int_equal(r, 0);
        assert_string_equal(file->owner, "me");
        assert_int_equal(file->parallel, 7);
        assert_int_equal(file->api_share_permille, 125);
        assert_true(file->demo);
        assert_int_equal(file->cloud.kind, CLOUD_CHINA);
        assert_string_equal(file->cloud.arm, "https://management.chinacloudapi.cn");
        assert_string_equal(file->cloud.login, "https://login.chinacloudapi.cn");
        assert_string_equal(file->cloud.imds, "http://169.254.169.254");
        assert_null(file->cloud.ca);
        assert_int_equal(file->identity.kind, IDENTITY_SECRET);
        assert_string_equal(file->identity.tenant, "a.example");
        assert_string_equal(file->identity.client_id, "1111111b-1111-4111-8111-111111111111");
        assert_string_equal(file->identity.credential, "sp-secret");

        assert_int_equal(file->n_policies, 2);
        assert_int_equal(file->n_zones, 1);
        a = &file->policies[0];
        assert_string_equal(a->name, "a");
        assert_int_equal(a->schedule.n, 1);
        assert_int_equal(a->schedule.items[0].kind, SCHEDULE_EVERY);
        assert_int_equal(a->schedule.items[0].period_s, 3600);
        assert_int_equal(a->schedule.items[0].offset_s, 420);
        assert_false(a->has_keep);
        assert_int_equal(a->rpo_s, 0);
        assert_string_equal(a->zone_name, "Europe/Stockholm");
        assert_ptr_equal(a->zone, file->zones[0]);
        assert_string_equal(a->snapshot_group, "g1");
        assert_int_equal(a->redundancy, REDUNDANCY_ZRS);
        assert_int_equal(a->network_access, NETWORK_DENY);
        assert_int_equal(a->jitter_s, 60);
        assert_false(a->catch_up);
        assert_int_equal(a->tags.n, 1);
        for (size_t i = 0; i < file->n_policies; i++) { /* safety is for all */
                const struct policy *policy = &file->policies[i];

                assert_int_equal(policy->prune, PRUNE_ASK);
                assert_int_equal(policy->min_keep, 2);
                assert_int_equal(policy->min_age_s, 0);
                assert_int_equal(policy->max_delete_percent, 100);
                assert_int_equal(policy->stale_stop, 5);
                assert_int_equal(policy->freeze_s, 0);
                assert_int_equal(policy->gone, GONE_APPLY);
        }
        assert_int_equal(a->n_formerly, 0);

        b = &file->policies[1];
        assert_int_equal(b->schedule.n, 2);
        assert_int_equal(b->schedule.items[0].period_s, 4);
        assert_int_equal(b->schedule.items[1].kind, SCHEDULE_CALENDAR);
        assert_string_equal(calendar_zone_name(b->schedule.items[1].calendar), "Europe/Stockholm");
        assert_true(calendar_next(b->schedule.items[1].calendar, NULL, utc_from_seconds(0), &slot));
        assert_int_equal(utc_seconds(slot), 5400); /* 02:30 in Stockholm */
        assert_int_equal(b->rpo_s, 5400);
        assert_true(b->has_keep);
        for (unsigned rule = 0; rule < _KEEP_RULE_N; rule++)
                assert_int_equal(b->keep.count[rule], rule + 1);
        assert_int_equal(b->keep.within_s, 172800);
        assert_int_equal(b->keep.pick, PICK_LAST);
        assert_int_equal(b->n_formerly, 2);
        assert_string_equal(b->formerly[0], "old");
        assert_string_equal(b->formerly[1], "A");
        assert_string_equal(b->zone_name, "UTC");
        assert_null(b->zone);
        assert_string_equal(b->snapshot_group, "g2");
        assert_int_equal(b->redundancy, REDUNDANCY_LRS);
        assert_int_equal(b->network_access, NETWORK_ALLOW);
        assert_int_equal(b->jitter_s, 3);
        assert_true(b->catch_up);
        assert_int_equal(b->tags.n, 2);
        assert_string_equal(policy_tags_get(&b->tags, "team"), "two");
        assert_string_equal(policy_tags_get(&b->tags, "tier"), "gold");

        assert_int_equal(file->n_targets, 2);
        assert_int_equal(file->targets[0].policy, 1);
        assert_string_equal(file->targets[0].subscription, "1111111a-1111-4111-8111-111111111111");
        assert_int_equal(file->targets[0].n_groups, 1);
        assert_string_equal(file->targets[0].groups[0], "rg-*");
        assert_int_equal(file->targets[0].tags.n, 1);
        assert_int_equal(file->targets[0].except_tags.n, 2);
        assert_int_equal(file->targets[1].policy, 0);
        assert_null(file->targets[1].subscription);
        assert_int_equal(file->targets[1].n_disks, 2);
        assert_string_equal(file->targets[1].disks[0].name, "d1");
        assert_string_equal(file->targets[1].disks[1].name, "d2");
}

/* What holds when the file says nothing. */
static void test_defaults(void **state) {
        _cleanup_(policy_file_freep) struct policy_file *file = NULL;
        _cleanup_(diagnostics_deinit) struct diagnostics diagnostics = {};
        const struct policy *p;

        assert_int_equal(
                config_load(HEAD BODY, strlen(HEAD BODY), "f", &fixture_zones, &file, &diagnostics),
                0);
        p = &file->policies[0];
        assert_int_equal(file->cloud.kind, CLOUD_PUBLIC);
        assert_string_equal(file->cloud.arm, "https://management.azure.com");
        assert_int_equal(file->identity.kind, IDENTITY_MANAGED);
        assert_null(file->identity.client_id);
        assert_int_equal(file->parallel, 16);
        assert_int_equal(file->api_share_permille, 500);
        assert_false(file->demo);
        assert_string_equal(p->zone_name, "UTC");
        assert_null(p->zone);
        assert_int_equal(p->redundancy, REDUNDANCY_AUTO);
        assert_int_equal(p->network_access, NETWORK_DENY);
        assert_int_equal(p->jitter_s, 0);
        assert_true(p->catch_up);
        assert_int_equal(p->prune, PRUNE_AUTO);
        assert_int_equal(p->max_delete_percent, 20);
        assert_int_equal(p->stale_stop, 2);
        assert_int_equal(p->freeze_s, 30 * SEC_PER_DAY);
        assert_int_equal(p->gone, GONE_KEEP);
        assert_int_equal(p->n_formerly, 0);
        assert_int_equal(file->targets[0].expect, 0);
        assert_int_equal(p->min_keep, 3);
        assert_int_equal(p->min_age_s, 86400);
        assert_false(p->has_keep);
        assert_int_equal(p->tags.n, 0);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_yaml),      cmocka_unit_test(test_text),
                cmocka_unit_test(test_surprises), cmocka_unit_test(test_notify),
                cmocka_unit_test(test_support),   cmocka_unit_test(test_network),
                cmocka_unit_test(test_safety),    cmocka_unit_test(test_formerly),
                cmocka_unit_test(test_expect),    cmocka_unit_test(test_azure),
                cmocka_unit_test(test_policies),  cmocka_unit_test(test_tags),
                cmocka_unit_test(test_targets),   cmocka_unit_test(test_values),
                cmocka_unit_test(test_defaults),
        };

        return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
