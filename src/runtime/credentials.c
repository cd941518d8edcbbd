#include "runtime/credentials.h"

#include "base/str.h"
#include "runtime/file.h"

#include <errno.h>
#include <string.h>

struct credentials {
        struct secrets secrets;
        char *directory; /* or NULL */
};

static int credentials_read(struct secrets *secrets, const char *name, char **ret_text) {
        struct credentials *credentials = container_of(secrets, struct credentials, secrets);
        char *text;
        size_t len;
        int r;

        r = file_read_credential(credentials->directory, name, &text, &len);
        if (r < 0)
                return r;

        if (len > SECRETS_MAX)
                r = -E2BIG;
        else if (memchr(text, '\0', len))
                r = -EINVAL;
        if (r < 0) {
                memory_wipe(text, len);
                free(text);
                return r;
        }

        /* Editors and echo(1) end a file with one; no secret of Azure's ends so. */
        if (len > 0 && text[len - 1] == '\n')
                text[len - 1] = '\0';
        *ret_text = text;
        return 0;
}

static const struct secrets_ops credentials_ops = {
        .read = credentials_read,
};

int credentials_new(const char *directory, struct secrets **ret_secrets) {
        struct credentials *credentials = calloc(1, sizeof(*credentials));

        if (!credentials)
                return -ENOMEM;
        credentials->secrets.ops = &credentials_ops;
        if (directory) {
                credentials->directory = strdup(directory);
                if (!credentials->directory) {
                        free(credentials);
                        return -ENOMEM;
                }
        }
        *ret_secrets = &credentials->secrets;
        return 0;
}

struct secrets *credentials_free(struct secrets *secrets) {
        struct credentials *credentials;

        if (!secrets)
                return NULL;
        credentials = container_of(secrets, struct credentials, secrets);
        free(credentials->directory);
        free(credentials);
        return NULL;
}
