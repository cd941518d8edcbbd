#include "base/sha256.h"

#include "base/macros.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

static void digest_freep(EVP_MD_CTX **context) {
        EVP_MD_CTX_free(*context);
}

/* A digest of nothing yet, or NULL. */
static EVP_MD_CTX *digest_begin(void) {
        /* Fetched once for the life of the process: looking it up costs more than a name's hash. */
        static EVP_MD *sha256;
        EVP_MD_CTX *context = EVP_MD_CTX_new();

        if (!sha256)
                sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
        if (context && sha256 && EVP_DigestInit_ex(context, sha256, NULL) == 1)
                return context;
        EVP_MD_CTX_free(context);
        return NULL;
}

int sha256_fields(const char *const *fields, size_t n, uint8_t ret_digest[static SHA256_SIZE]) {
        _cleanup_(digest_freep) EVP_MD_CTX *context = digest_begin();

        if (!context)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                if (EVP_DigestUpdate(context, fields[i], strlen(fields[i]) + 1) != 1)
                        return -ENOMEM;
        if (EVP_DigestFinal_ex(context, ret_digest, NULL) != 1)
                return -ENOMEM;
        return 0;
}

int sha256_bytes(const void *bytes, size_t len, uint8_t ret_digest[static SHA256_SIZE]) {
        _cleanup_(digest_freep) EVP_MD_CTX *context = digest_begin();

        if (!context || EVP_DigestUpdate(context, bytes, len) != 1 ||
            EVP_DigestFinal_ex(context, ret_digest, NULL) != 1)
                return -ENOMEM;
        return 0;
}
