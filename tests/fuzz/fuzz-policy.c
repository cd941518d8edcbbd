/*
 * Fuzz target: any bytes as a policy file. What must hold is asserted: an answer that fits the
 * diagnostics, diagnostics fit for a terminal, and a policy that keeps the promises of policy.h.
 */
#include "../unit/policies/fixture.h"

#include "config/policy_reader.h"

#include "base/macros.h"
#include "base/strbuf.h"
#include "core/policy.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_policy(const struct policy_file *file, const struct policy *policy) {
        assert(policy->name && policy->name[0] && strlen(policy->name) <= POLICY_NAME_MAX);
        assert(policy->zone_name && policy->snapshot_group);
        assert(policy->schedule.n > 0);
        for (size_t i = 0; i < policy->schedule.n; i++) {
                const struct schedule_item *item = &policy->schedule.items[i];

                if (item->kind == SCHEDULE_CALENDAR) {
                        assert(item->calendar);
                        continue;
                }
                assert(item->period_s >= (file->demo ? 1 : 300));
                assert(item->offset_s >= 0 && item->offset_s < item->period_s);
                assert(policy->jitter_s < item->period_s);
        }
        assert(policy->tags.n <= POLICY_TAGS_MAX);
        assert(policy->min_keep >= 1 && policy->min_age_s >= 0 && policy->rpo_s >= 0);
}

static void check_file(const struct policy_file *file) {
        assert(file->owner && file->owner[0]);
        assert(file->cloud.arm && file->cloud.login && file->cloud.imds);
        assert(file->identity.kind != IDENTITY_SECRET ||
               (file->identity.client_id && file->identity.tenant && file->identity.credential));
        assert(file->parallel >= 1 && file->parallel <= 64);
        assert(file->n_policies > 0);
        for (size_t i = 0; i < file->n_policies; i++)
                check_policy(file, &file->policies[i]);
        for (size_t i = 0; i < file->n_targets; i++) {
                const struct target *target = &file->targets[i];

                assert(target->policy < file->n_policies);
                assert((target->n_disks > 0) == (target->subscription == NULL));
                for (size_t at = 0; at < target->n_disks; at++)
                        assert(target->disks[at].name[0]);
                for (size_t at = 0; at < target->n_groups; at++)
                        assert(target->groups[at]);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(policy_file_freep) struct policy_file *file = NULL;
        _cleanup_(diagnostics_deinit) struct diagnostics diagnostics = {};
        _cleanup_(strbuf_deinit) struct strbuf said = {};
        int r;

        r = config_load((const char *)data, size, "policy.yaml", &fixture_zones, &file,
                        &diagnostics);
        assert(r == 0 || r == CONFIG_E_INVALID);
        assert((r == 0) == (diagnostics.n_errors == 0));
        assert((r == 0) == (file != NULL));
        assert(diagnostics.n <= DIAGNOSTICS_MAX);

        diagnostics_format(&diagnostics, &said);
        assert(said.error == 0);
        for (size_t i = 0; i < said.len; i++)
                assert((unsigned char)said.data[i] >= 0x20 || said.data[i] == '\n');
        if (file)
                check_file(file);
        return 0;
}
