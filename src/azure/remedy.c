#include "azure/remedy.h"

#include "base/macros.h"
#include "base/str.h"

#include <stdbool.h>
#include <string.h>

/* FACTS section 10. A right that ends in a slash stands for all below it. */
static const struct {
        const char *right;
        const char *role;
} roles[] = {
        {"Microsoft.Compute/snapshots/", "Disk Snapshot Contributor"},
        {"Microsoft.Compute/disks/beginGetAccess/action", "Disk Snapshot Contributor"},
        {"Microsoft.Compute/disks/read", "Disk Backup Reader"},
        {"Microsoft.Compute/diskEncryptionSets/read", "Reader"},
        {"Microsoft.Compute/diskAccesses/read", "Reader"},
        {"Microsoft.Compute/locations/", "Reader"},
        {"Microsoft.Resources/subscriptions/resourceGroups/read", "Disk Snapshot Contributor"},
        {"Microsoft.Resources/tags/", "Tag Contributor"},
};

static const struct {
        const char *code;
        const char *text;
        bool begins; /* fits all codes that begin so */
} remedies[] = {
        {"MissingSubscriptionRegistration",
         "register the resource provider Microsoft.Compute with the subscription"},
        {"RequestDisallowedByPolicy",
         "an Azure Policy forbids it: exempt the snapshot group, or do as the policy says"},
        {"ResourceGroupNotFound",
         "create the resource group, or name another; none is made by itself"},
        {"SubscriptionNotFound",
         "the subscription id is wrong, or the identity has no right in it at all"},
        {"ScopeLocked", "it is done once the lock is removed"},
        {"SnapshotsLimitReached",
         "the disk's chain is full: what the policy no longer keeps goes first"},
        {"QuotaExceeded", "ask Azure for a higher quota, or keep fewer snapshots"},
        {"ResourceQuotaExceeded", "ask Azure for a higher quota, or keep fewer snapshots"},
        {"ReadOnlyDisabledSubscription", "the subscription is disabled: enable it"},
        {"LinkedInvalidPropertyId",
         "an id in the policy file names no resource: look at network_access"},
        /* KeyVaultKeyNotEnabled, KeyVaultAccessForbidden and others: people's reports, no recording. */
        {"KeyVault",
         "the disk's encryption set cannot use its key: enable the key, and let the set's identity "
         "get, wrap and unwrap it",
         true},
        {"DiskEncryptionSet", "look at the disk's encryption set, and at its key", true},
};

static bool right_is_below(const char *right, const char *row) {
        size_t len = strlen(row);

        return row[len - 1] == '/' ? str_starts_with_nocase(right, row)
                                   : str_equal_nocase(right, row);
}

/* The last text in quotes behind @words: of a linked refusal the first action is one that is allowed.
 * Returns its length, 0 when there is none. */
static size_t find_quoted(const char *message, const char *words, const char **ret_text) {
        const char *at = message, *last = NULL;

        while ((at = strstr(at, words))) {
                at += strlen(words);
                last = at;
        }
        if (!last || !strchr(last, '\''))
                return 0;
        *ret_text = last;
        return strcspn(last, "'");
}

/* "... does not have authorization to perform action 'RIGHT' over scope 'SCOPE' or the scope is
 * invalid." */
static bool append_right(const struct arm_error *error, struct strbuf *out) {
        const char *text, *scope;
        size_t len = find_quoted(error->message, "perform action '", &text), scope_len;
        char right[128];

        if (len == 0 || len >= sizeof(right))
                return false;
        memcpy(right, text, len);
        right[len] = '\0';

        strbuf_appendf(out, "; the identity needs the right %s", right);
        scope_len = find_quoted(error->message, "scope '", &scope);
        if (scope_len > 0)
                strbuf_appendf(out, " on %.*s", (int)scope_len, scope);
        for (size_t i = 0; i < ARRAY_SIZE(roles); i++)
                if (right_is_below(right, roles[i].right)) {
                        strbuf_appendf(out, ", which the role %s has", roles[i].role);
                        break;
                }
        strbuf_append_str(out, "; an assignment takes minutes to spread");
        return true;
}

void arm_remedy_append(const struct arm_error *error, struct strbuf *out) {
        if (error->class == ARM_FORBIDDEN && append_right(error, out))
                return;
        for (size_t i = 0; i < ARRAY_SIZE(remedies); i++)
                if (remedies[i].begins ? str_starts_with_nocase(error->code, remedies[i].code)
                                       : str_equal_nocase(error->code, remedies[i].code)) {
                        strbuf_appendf(out, "; %s", remedies[i].text);
                        return;
                }
}
