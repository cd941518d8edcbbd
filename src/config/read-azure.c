/*
 * The section azure: where Azure is and as whom we speak to it.
 */
#include "config/readers.h"

#include "config/tree.h"
#include "config/values.h"
#include "config/walk.h"

#include "core/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define IMDS_URL "http://169.254.169.254"

/* FACTS section 8, "Clouds". */
static const struct {
        const char *arm, *login;
} hosts[] = {
        [CLOUD_PUBLIC] = {"https://management.azure.com", "https://login.microsoftonline.com"},
        [CLOUD_USGOV] = {"https://management.usgovcloudapi.net",
                         "https://login.microsoftonline.us"},
        [CLOUD_CHINA] = {"https://management.chinacloudapi.cn", "https://login.chinacloudapi.cn"},
};

int read_cloud(struct reader *reader, const struct key *key, const struct node *node,
               void *object) {
        struct policy_cloud *cloud = &((struct policy_file *)object)->cloud;
        int kind = CLOUD_CUSTOM, r;

        if (node->kind != NODE_SCALAR) {
                cloud->kind = CLOUD_CUSTOM;
                return read_map(reader, key, node, cloud);
        }

        r = read_word(reader, key, node, &kind);
        if (r < 0 || kind == CLOUD_CUSTOM)
                return r;
        cloud->kind = (enum cloud_kind)kind;
        cloud->arm = strdup(hosts[kind].arm);
        cloud->login = strdup(hosts[kind].login);
        cloud->imds = strdup(IMDS_URL);
        return cloud->arm && cloud->login && cloud->imds ? 0 : -ENOMEM;
}

int read_managed(struct reader *reader, const struct key *key, const struct node *node,
                 void *object) {
        struct policy_identity *identity = object;

        identity->kind = IDENTITY_MANAGED;
        return read_map(reader, key, node, identity);
}

int read_service_principal(struct reader *reader, const struct key *key, const struct node *node,
                           void *object) {
        struct policy_identity *identity = object;

        identity->kind = IDENTITY_SERVICE_PRINCIPAL_SECRET;
        return read_map(reader, key, node, identity);
}

int read_identity(struct reader *reader, const struct key *key, const struct node *node,
                  void *object) {
        struct policy_identity *identity = &((struct policy_file *)object)->identity;
        bool both = node_get(node, "create") || node_get(node, "prune");
        int kind = -1, r;

        if (node->kind == NODE_SCALAR) {
                r = read_word(reader, key, node, &kind);
                if (r == 0 && kind >= 0)
                        identity->kind = (enum identity_kind)kind;
                return r;
        }

        r = read_map(reader, key, node, identity);
        if (r < 0 || node->kind != NODE_MAP)
                return r;
        if (node->n == 0 || (node->n > 2 && !both))
                return reader_complain(reader, node, "managed or service_principal", NULL,
                                       node->n == 0 ? "no identity" : "more than one identity");
        return 0;
}
