#include "runtime/credentials.h"

#include "base/str.h"
#include "runtime/file.h"
#include "runtime/file_at.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct credentials {
        struct secrets secrets;
        char *directory; /* or NULL */
        char *arc_directory;
};

static int read_variable(const char *name, char **ret_text, size_t *ret_len) {
        const char *value = getenv(name);

        if (!value || value[0] == '\0')
                return -ENOENT;
        *ret_text = strdup(value);
        if (!*ret_text)
                return -ENOMEM;
        *ret_len = strlen(*ret_text);
        return 0;
}

static int read_file(const char *path, char **ret_text, size_t *ret_len) {
        if (path[0] != '/')
                return -EINVAL;
        return file_read_at(AT_FDCWD, path, 0, SECRETS_MAX, ret_text, ret_len);
}

/* Who could write into the agent's directory could as well read its keys; the name, though, comes out
 * of a reply. */
static int read_arc_key(const char *directory, const char *name, char **ret_text, size_t *ret_len) {
        size_t len = strlen(name), len_ending = strlen(SECRETS_ARC_ENDING);
        int fd, r;

        if (len <= len_ending || strcmp(name + len - len_ending, SECRETS_ARC_ENDING) != 0 ||
            strchr(name, '/') || name[0] == '.')
                return -EINVAL;

        fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        r = file_read_at(fd, name, O_NOFOLLOW, SECRETS_ARC_MAX, ret_text, ret_len);
        close(fd);
        return r;
}

static int credentials_read(struct secrets *secrets, enum secrets_kind kind, const char *name,
                            char **ret_text) {
        struct credentials *credentials = container_of(secrets, struct credentials, secrets);
        char *text = NULL;
        size_t len = 0;
        int r = -EINVAL;

        switch (kind) {
        case SECRETS_CREDENTIAL:
                r = file_read_credential(credentials->directory, name, &text, &len);
                break;
        case SECRETS_VARIABLE:
                r = read_variable(name, &text, &len);
                break;
        case SECRETS_FILE:
                r = read_file(name, &text, &len);
                break;
        case SECRETS_ARC_KEY:
                r = read_arc_key(credentials->arc_directory, name, &text, &len);
                break;
        }
        if (r < 0)
                return r == -EISDIR ? -EBADF : r == -ENOTDIR ? -ENOENT : r;

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

int credentials_new(const struct credentials_options *options, struct secrets **ret_secrets) {
        struct credentials *credentials = calloc(1, sizeof(*credentials));

        if (!credentials)
                return -ENOMEM;
        credentials->secrets.ops = &credentials_ops;
        if (options->directory)
                credentials->directory = strdup(options->directory);
        credentials->arc_directory = strdup(options->arc_directory ?: SECRETS_ARC_DIRECTORY);
        if (!credentials->arc_directory || (options->directory && !credentials->directory)) {
                credentials_free(&credentials->secrets);
                return -ENOMEM;
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
        free(credentials->arc_directory);
        free(credentials);
        return NULL;
}
