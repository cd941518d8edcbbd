/*
 * Whole policy files: each is read with exactly the diagnostics of the file beside it that ends in
 * .expected, and with none where there is no such file.
 */
#include "policies/fixture.h"

#include "config/policy_reader.h"

#include "base/macros.h"
#include "base/strbuf.h"
#include "core/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void read_whole(const char *path, struct strbuf *out) {
        char bytes[4096];
        FILE *f = fopen(path, "re");
        size_t n;

        if (!f)
                return;
        while ((n = fread(bytes, 1, sizeof(bytes), f)) > 0)
                strbuf_append(out, bytes, n);
        fclose(f);
}

/* Below SNAPKEEP_SOURCE_ROOT. */
static const char *const names[] = {
        "tests/unit/policies/bad.yaml",
        "tests/unit/policies/syntax.yaml",
        "tests/unit/policies/warnings.yaml",
        "conf/demo.yaml",
        "conf/policy.yaml",
        "conf/small-hourly.yaml",
        "conf/small-keep-all.yaml",
        "conf/small-nightly.yaml",
};

static void check_file(const char *root, const char *name) {
        _cleanup_(strbuf_deinit) struct strbuf path = {}, text = {}, expected = {}, said = {};
        _cleanup_(policy_file_freep) struct policy_file *file = NULL;
        _cleanup_(diagnostics_deinit) struct diagnostics diagnostics = {};
        int r;

        strbuf_appendf(&path, "%s/%s", root, name);
        read_whole(strbuf_str(&path), &text);
        if (text.len == 0)
                fail_msg("%s cannot be read", strbuf_str(&path));
        path.len -= strlen(".yaml");
        strbuf_append_str(&path, ".expected");
        read_whole(strbuf_str(&path), &expected);

        r = config_load(strbuf_str(&text), text.len, strrchr(name, '/') + 1, &fixture_zones, &file,
                        &diagnostics);
        diagnostics_format(&diagnostics, &said);
        assert_string_equal(strbuf_str(&said), strbuf_str(&expected));
        assert_int_equal(r, diagnostics.n_errors > 0 ? CONFIG_E_INVALID : 0);
}

static void test_files(void **state) {
        const char *root = getenv("SNAPKEEP_SOURCE_ROOT");

        if (!root)
                fail_msg("SNAPKEEP_SOURCE_ROOT is not set");
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                check_file(root, names[i]);
}

int main(void) {
        static const struct CMUnitTest tests[] = {cmocka_unit_test(test_files)};

        return cmocka_run_group_tests_name("config-files", tests, NULL, NULL);
}
