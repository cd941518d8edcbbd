/*
 * The policy reader while memory runs out: every allocation fails once, alone and with all after
 * it. Each time the reader says -ENOMEM and nothing leaks.
 *
 * libyaml's two functions that allocate have others in their place too, which then report
 * YAML_MEMORY_ERROR.
 */
#include "alloc-fixture.h"
#include "policies/fixture.h"

#include "config/diagnostics.h"
#include "config/policy_reader.h"

#include "base/strbuf.h"
#include "core/policy.h"

#include <yaml.h>

int __real_yaml_parser_initialize(yaml_parser_t *parser);
int __wrap_yaml_parser_initialize(yaml_parser_t *parser);
int __wrap_yaml_parser_initialize(yaml_parser_t *parser) {
        return must_fail() ? 0 : __real_yaml_parser_initialize(parser);
}

int __real_yaml_parser_parse(yaml_parser_t *parser, yaml_event_t *event);
int __wrap_yaml_parser_parse(yaml_parser_t *parser, yaml_event_t *event);
int __wrap_yaml_parser_parse(yaml_parser_t *parser, yaml_event_t *event) {
        if (!must_fail())
                return __real_yaml_parser_parse(parser, event);
        parser->error = YAML_MEMORY_ERROR;
        return 0;
}

#define DISK(name)                                                                                 \
        "/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/snaps/providers/"      \
        "Microsoft.Compute/disks/" name

/* A text that needs a block of memory for itself. */
static char long_text[20000];

/* Between them they reach every function that allocates. */
static const char *const documents[] = {
        "version: 1\n"
        "owner: me\n"
        "azure: {cloud: {arm: https://a, login: https://b, ca: /c}, identity: {service_principal:\n"
        "  {tenant: a.b, client: 11111111-1111-4111-8111-111111111111, secret: s}}}\n"
        "defaults: {snapshot_group: snaps, timezone: Europe/Stockholm, tags: {a: b, c: d}}\n"
        "policies:\n"
        "  p: {schedule: [{every: 1h}, {calendar: \"Mon,Tue 02:30 Europe/Stockholm\"}],\n"
        "      keep: {last: 3}, tags: {A: x, e: f}, timezone: UTC, formerly: [o, m]}\n"
        "  q: {schedule: {calendar: \"daily\"}}\n"
        "targets:\n"
        "  - {policy: p, expect: \">=2\", disks: [" DISK("d") ", " DISK("e") ", " DISK(
                "d") "]}\n"
                     "  - {policy: p, match: {subscription: 11111111-1111-4111-8111-111111111111,\n"
                     "     groups: [rg-*], tags: {g: h}, except_tags: {i: j}}}\n",
        "owner: [\nme, *x, !t &y z]\n<<: 1\n? [a]\n: b\n\"\\0\": 1\n",
        "version: 022\nowner: on\nowner: me\nunknown: {a: b}\nazure: {cloud: {arm: http://x},\n"
        "  identity: {managed: {}, service_principal: {}}}\n"
        "defaults: {jiter: 3, jitter: 2h, redundancy: zsr, tags: {a: on, azurex: b, q: [], A: c}}\n"
        "policies:\n  on: {schedule: 3}\n  p: {schedule: [{}, {every: 1h, calendar: daily},\n"
        "  {calendar: 1:30}, {calendar: \"x y\"}, {calendar: \"daily Mars/X\"}], keep: {},\n"
        "  timezone: No/Where, copies: []}\n  r: {schedule: {every: 1h}, formerly: [r, p, x, x]}\n"
        "  s: 3\n  t: {schedule: {every: 1h}, formerly: [x, a b]}\n"
        "targets: [{policy: pq, disks: [x, " DISK(
                "d") "]}, {policy: p}, 3, {policy: r, expect: 5, match: {}},\n"
                     "  {policy: p, disks: [], match: {groups: [\"a b\"]}}]\n"
                     "limits: {parallel: 1000, demo: maybe}\n",
        "a: {\n",
        "a: \xff\x01\n",
        "",
        long_text,
};

static int load(const char *text, bool *ret_has_file) {
        _cleanup_(policy_file_freep) struct policy_file *file = NULL;
        _cleanup_(diagnostics_deinit) struct diagnostics diagnostics = {};
        int r;

        r = config_load(text, strlen(text), "f", &fixture_zones, &file, &diagnostics);
        *ret_has_file = file;
        return r;
}

static int arm(const char *text, unsigned fail_at, bool go_on, bool *ret_has_file) {
        int r;

        heap = (typeof(heap)){.armed = true, .fail_at = fail_at, .go_on = go_on};
        r = load(text, ret_has_file);
        heap.armed = false;
        return r;
}

static void test_load(void **state) {
        unsigned all = 0;

        memset(long_text, 'x', sizeof(long_text) - 1);
        memcpy(long_text, "owner: ", 7);
        for (size_t i = 0; i < ARRAY_SIZE(documents); i++) {
                bool has_file;
                int good = arm(documents[i], 0, false, &has_file);
                unsigned total = heap.n;

                assert_int_equal(good, i == 0 ? 0 : CONFIG_E_INVALID);
                assert_int_equal(heap.alive, 0);
                for (unsigned n = 1; n <= total; n++)
                        for (int go_on = 0; go_on < 2; go_on++) {
                                int r = arm(documents[i], n, go_on, &has_file);

                                if (r != -ENOMEM || has_file || heap.alive != 0)
                                        fail_msg("document %zu, allocation %u of %u: r %d, file "
                                                 "%d, %ld alive",
                                                 i, n, total, r, has_file, heap.alive);
                        }
                all += total;
        }
        /* That the linker did put ours in place. */
        assert_true(all > 500);
}

static int schema(void) {
        _cleanup_(strbuf_deinit) struct strbuf out = {};

        config_schema(&out);
        return out.error;
}

static void test_schema(void **state) {
        sweep(schema, 10);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_load),
                cmocka_unit_test(test_schema),
        };

        return cmocka_run_group_tests_name("config-alloc", tests, NULL, NULL);
}
