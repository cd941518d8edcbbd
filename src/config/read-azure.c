/*
 * The section azure: where Azure is and as whom we speak to it.
 */
#include "config/readers.h"

#include "config/diagnostics.h"
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

/* The identity that the row is of: in the file itself, or in create or prune. */
static struct policy_identity *identity_of(const struct key *key, void *object) {
        return (struct policy_identity *)((char *)object + key->offset);
}

/* The first that is there of the mapping's keys but @first; NULL for none. */
static const char *another(const struct node *map, const char *const *names, size_t n,
                           const char **ret_first) {
        *ret_first = NULL;
        for (size_t i = 0; i < n; i++) {
                if (!node_get(map, names[i]))
                        continue;
                if (*ret_first)
                        return names[i];
                *ret_first = names[i];
        }
        return NULL;
}

int read_managed(struct reader *reader, const struct key *key, const struct node *node,
                 void *object) {
        static const char *const names[] = {"client_id", "object_id", "resource_id"};
        struct policy_identity *identity = identity_of(key, object);
        const char *first, *second;
        int r;

        identity->kind = IDENTITY_MANAGED;
        r = read_map(reader, key, node, identity);
        second = another(node, names, ARRAY_SIZE(names), &first);
        if (r < 0 || !second)
                return r;
        return reader_complain(reader, node, "one of client_id, object_id and resource_id", NULL,
                               "%s and %s name an identity twice", first, second);
}

int read_service_principal(struct reader *reader, const struct key *key, const struct node *node,
                           void *object) {
        static const char *const names[] = {"secret", "certificate"};
        struct policy_identity *identity = identity_of(key, object);
        const char *first, *second;
        int r;

        second = another(node, names, ARRAY_SIZE(names), &first);
        identity->kind =
                first && strcmp(first, "certificate") == 0 ? IDENTITY_CERTIFICATE : IDENTITY_SECRET;
        r = read_map(reader, key, node, identity);
        if (r < 0 || node->kind != NODE_MAP || (first && !second))
                return r;
        return reader_complain(reader, node,
                               "secret or certificate, the name of a systemd credential", NULL,
                               first ? "it has a secret and a certificate"
                                     : "it has no secret and no certificate");
}

/* One identity, as the file's only one or below create or prune: a word, or a mapping of one key. */
static int read_one(struct reader *reader, const struct key *key, const struct node *node,
                    void *object, struct policy_identity *identity) {
        int kind = -1, r;

        if (node->kind == NODE_SCALAR) {
                r = read_word(reader, key, node, &kind);
                if (r == 0 && kind >= 0)
                        identity->kind = (enum identity_kind)kind;
                return r;
        }
        return read_map(reader, key, node, object);
}

static int complain_count(struct reader *reader, const struct node *node) {
        return reader_complain(reader, node, "managed or service_principal", NULL,
                               node->n == 0 ? "no identity" : "more than one identity");
}

int read_role(struct reader *reader, const struct key *key, const struct node *node, void *object) {
        struct policy_identity *identity = identity_of(key, object);
        int r = read_one(reader, key, node, identity, identity);

        if (r < 0 || node->kind != NODE_MAP || node->n == 2)
                return r;
        return complain_count(reader, node);
}

static bool text_is_same(const char *a, const char *b) {
        return (!a && !b) || (a && b && strcmp(a, b) == 0);
}

static bool is_same(const struct policy_identity *a, const struct policy_identity *b) {
        return a->kind == b->kind && text_is_same(a->client_id, b->client_id) &&
               text_is_same(a->object_id, b->object_id) &&
               text_is_same(a->resource_id, b->resource_id);
}

int read_identity(struct reader *reader, const struct key *key, const struct node *node,
                  void *object) {
        struct policy_file *file = object;
        bool create = node_get(node, "create"), prune = node_get(node, "prune");
        size_t errors = reader->diagnostics->n_errors;
        int r = read_one(reader, key, node, file, &file->identity);

        if (r < 0 || node->kind != NODE_MAP)
                return r;
        file->two_identities = create && prune;
        if (create != prune)
                return reader_complain(reader, node, "create and prune, an identity each", NULL,
                                       "%s is missing", create ? "prune" : "create");
        if (node->n != (create ? 4 : 2))
                return complain_count(reader, node);
        if (create && reader->diagnostics->n_errors == errors &&
            is_same(&file->identity, &file->pruner))
                return reader_warn(reader, node,
                                   "create and prune are the same identity, so that whoever "
                                   "creates can delete");
        return 0;
}
