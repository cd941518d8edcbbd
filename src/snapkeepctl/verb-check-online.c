#include "snapkeepctl/verb-check-online.h"

#include "snapkeepctl/output.h"

#include <errno.h>
#include <string.h>

static void group_free(struct online_group *group) {
        for (size_t i = 0; i < _ONLINE_WHO_N; i++) {
                strbuf_deinit(&group->rights[i].next);
                strbuf_deinit(&group->rights[i].problem);
        }
        strbuf_deinit(&group->problem);
        free(group->name);
        free(group);
}

static void set_free(struct online_set *set) {
        strbuf_deinit(&set->problem);
        free(set->text);
        free(set);
}

void online_close(struct online *online) {
        online->direct.file = NULL;    /* borrowed */
        direct_close(&online->direct); /* first, since answers would come to what follows */
        for (size_t i = 0; i < _ONLINE_WHO_N; i++) {
                strbuf_deinit(&online->identities[i].as);
                strbuf_deinit(&online->identities[i].problem);
        }
        for (size_t i = 0; i < online->n_subscriptions; i++)
                strbuf_deinit(&online->subscriptions[i].problem);
        free(online->subscriptions);
        for (size_t i = 0; i < online->n_groups; i++)
                group_free(online->groups[i]);
        free(online->groups);
        for (size_t i = 0; i < online->n_sets; i++)
                set_free(online->sets[i]);
        free(online->sets);
        free(online->policies);
        free(online->targets);
        diagnostics_deinit(&online->findings);
}

enum status online_open(struct policy_file *file, const char *path, struct online *online) {
        enum status status;
        int r;

        *online = (struct online){.file = file};
        online->direct.file = file;
        online->identities[ONLINE_CREATOR].identity = &file->identity;
        if (file->two_identities)
                online->identities[ONLINE_PRUNER].identity = &file->pruner;
        online->policies = calloc(file->n_policies + 1, sizeof(*online->policies));
        online->targets = calloc(file->n_targets + 1, sizeof(*online->targets));
        online->findings.file_name = strdup(path);
        if (!online->policies || !online->targets || !online->findings.file_name)
                return say_errno("ask Azure", -ENOMEM);

        if (host_open("snapkeepctl", &online->direct.host) < 0)
                return STATUS_TROUBLE; /* said by the host */
        status = online_ask(online);
        if (status != STATUS_DONE)
                return status;
        r = online_judge(online);
        return r < 0 ? say_errno("judge what Azure said", r) : STATUS_DONE;
}
