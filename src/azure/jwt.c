#include "azure/jwt.h"

#include "base/json_writer.h"
#include "base/macros.h"
#include "base/str.h"
#include "base/strbuf.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#define SHA256_LEN 32
/* RFC 7518 section 3.5. */
#define KEY_BITS_MIN 2048
/* Chosen: of an RSA key of 16384 bits. */
#define SIGNATURE_MAX 2048

static void bio_freep(BIO **p) {
        BIO_free(*p);
}

static void x509_freep(X509 **p) {
        X509_free(*p);
}

static void evp_pkey_freep(EVP_PKEY **p) {
        EVP_PKEY_free(*p);
}

static void evp_md_ctx_freep(EVP_MD_CTX **p) {
        EVP_MD_CTX_free(*p);
}

const char *jwt_problem(int e) {
        switch (e) {
        case JWT_E_CERTIFICATE:
                return "holds no certificate in PEM (-----BEGIN CERTIFICATE-----)";
        case JWT_E_KEY:
                return "holds no private key in PEM that can be read (-----BEGIN PRIVATE "
                       "KEY-----), or "
                       "one behind another passphrase";
        case JWT_E_KIND:
                return "holds a key that is not RSA of 2048 bits or more";
        case JWT_E_PAIR:
                return "holds a key and a certificate that do not belong together";
        case JWT_E_EXPIRED:
                return "holds a certificate that is not valid today";
        }
        return "is good";
}

/* RFC 4648 section 5, without padding: 1 to 3 bytes give 2 to 4 characters. Returns the end. */
static char *base64url_group(const unsigned char *bytes, size_t n, char *out) {
        static const char digits[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        unsigned group = (unsigned)bytes[0] << 16;

        group |= n > 1 ? (unsigned)bytes[1] << 8 : 0;
        group |= n > 2 ? (unsigned)bytes[2] : 0;
        for (unsigned digit = 0; digit <= n; digit++)
                *out++ = digits[group >> (18 - 6 * digit) & 63];
        return out;
}

static char *base64url(const void *bytes, size_t len, char *out) {
        for (size_t i = 0; i < len; i += 3)
                out = base64url_group((const unsigned char *)bytes + i, MIN(len - i, (size_t)3),
                                      out);
        return out;
}

static void append_base64url(struct strbuf *out, const void *bytes, size_t len) {
        char group[4];

        for (size_t i = 0; i < len; i += 3) {
                const unsigned char *at = (const unsigned char *)bytes + i;
                char *end = base64url_group(at, MIN(len - i, (size_t)3), group);

                strbuf_append(out, group, (size_t)(end - group));
        }
}

/* Without a passphrase nothing is asked of anybody: libcrypto's own answer is the terminal. */
static int give_passphrase(char *buffer, int size, int writing, void *data) {
        const char *passphrase = data;
        size_t len = passphrase ? strlen(passphrase) : 0;

        if (len == 0 || len > (size_t)size)
                return -1;
        memcpy(buffer, passphrase, len);
        return (int)len;
}

static int read_key(const char *pem, const char *passphrase, EVP_PKEY **ret_key) {
        _cleanup_(bio_freep) BIO *bio = BIO_new_mem_buf(pem, -1);
        _cleanup_(evp_pkey_freep) EVP_PKEY *key = NULL;

        if (!bio)
                return -ENOMEM;
        key = PEM_read_bio_PrivateKey(bio, NULL, give_passphrase, (void *)(uintptr_t)passphrase);
        if (!key)
                return JWT_E_KEY;
        if (!EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_get_bits(key) < KEY_BITS_MIN ||
            EVP_PKEY_get_size(key) > SIGNATURE_MAX)
                return JWT_E_KIND;
        *ret_key = take_ptr(key);
        return 0;
}

/* The certificate of the key, among those of its chain. */
static int read_certificate(const char *pem, EVP_PKEY *key, X509 **ret_certificate) {
        _cleanup_(bio_freep) BIO *bio = BIO_new_mem_buf(pem, -1);
        int r = JWT_E_CERTIFICATE;

        if (!bio)
                return -ENOMEM;
        for (;;) {
                _cleanup_(x509_freep) X509 *one =
                        PEM_read_bio_X509(bio, NULL, give_passphrase, NULL);

                if (!one)
                        return r;
                r = JWT_E_PAIR;
                if (X509_check_private_key(one, key) == 1) {
                        *ret_certificate = take_ptr(one);
                        return 0;
                }
        }
}

static bool is_valid_at(const X509 *certificate, struct utc now) {
        time_t at = (time_t)utc_seconds(now);

        return X509_cmp_time(X509_get0_notAfter(certificate), &at) > 0 &&
               X509_cmp_time(X509_get0_notBefore(certificate), &at) < 0;
}

/* x5t#S256, RFC 7515 section 4.1.8. */
static int append_header(const X509 *certificate, struct strbuf *out) {
        _cleanup_(strbuf_deinit) struct strbuf json = {}, thumbprint = {};
        struct json_writer w = {.out = &json};
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned len = 0;

        if (X509_digest(certificate, EVP_sha256(), digest, &len) != 1)
                return -ENOMEM;
        append_base64url(&thumbprint, digest, len);
        json_open(&w, NULL, '{');
        json_write_string(&w, "alg", "PS256");
        json_write_string(&w, "typ", "JWT");
        json_write_string(&w, "x5t#S256", strbuf_str(&thumbprint));
        json_close(&w);
        append_base64url(out, strbuf_str(&json), json.len);
        return thumbprint.error ?: json.error;
}

static int append_claims(const struct jwt_claims *claims, struct strbuf *out) {
        _cleanup_(strbuf_deinit) struct strbuf json = {};
        struct json_writer w = {.out = &json};
        int64_t now_s = utc_seconds(claims->now);
        char id[GUID_TEXT_SIZE];

        json_open(&w, NULL, '{');
        json_write_string(&w, "aud", claims->audience);
        json_write_string(&w, "iss", claims->client);
        json_write_string(&w, "sub", claims->client);
        json_write_string(&w, "jti", guid_format(&claims->id, id));
        json_write_int(&w, "nbf", now_s - JWT_BEFORE_S);
        json_write_int(&w, "iat", now_s);
        json_write_int(&w, "exp", now_s + JWT_LIFE_S - JWT_BEFORE_S);
        json_close(&w);
        append_base64url(out, strbuf_str(&json), json.len);
        return json.error;
}

/* PS256: RSASSA-PSS with SHA-256, MGF1 with SHA-256, and a salt as long as the digest. */
static int sign(EVP_PKEY *key, const struct strbuf *text, unsigned char *signature, size_t *len) {
        _cleanup_(evp_md_ctx_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();
        EVP_PKEY_CTX *padding = NULL; /* the context's */

        /* All that is left to go wrong in libcrypto is memory. */
        if (!context || EVP_DigestSignInit(context, &padding, EVP_sha256(), NULL, key) != 1 ||
            EVP_PKEY_CTX_set_rsa_padding(padding, RSA_PKCS1_PSS_PADDING) != 1 ||
            EVP_PKEY_CTX_set_rsa_pss_saltlen(padding, SHA256_LEN) != 1 ||
            EVP_PKEY_CTX_set_rsa_mgf1_md(padding, EVP_sha256()) != 1 ||
            EVP_DigestSign(context, signature, len, (const unsigned char *)strbuf_str(text),
                           text->len) != 1)
                return -ENOMEM;
        return 0;
}

/* The whole is written once into memory of its final size: a string that grows leaves copies behind,
 * and with its signature this one is good for minutes. */
static int seal(EVP_PKEY *key, const struct strbuf *text, char **ret_jwt) {
        unsigned char signature[SIGNATURE_MAX];
        size_t len = sizeof(signature);
        char *jwt, *end;
        int r;

        r = sign(key, text, signature, &len);
        if (r < 0)
                return r;
        jwt = malloc(text->len + 1 + (len + 2) / 3 * 4 + 1);
        if (!jwt)
                return -ENOMEM;
        end = stpcpy(jwt, strbuf_str(text));
        *end++ = '.';
        *base64url(signature, len, end) = '\0';
        memory_wipe(signature, len);
        *ret_jwt = jwt;
        return 0;
}

static int make(const char *pem, const char *passphrase, const struct jwt_claims *claims,
                char **ret_jwt) {
        _cleanup_(strbuf_deinit) struct strbuf text = {};
        _cleanup_(evp_pkey_freep) EVP_PKEY *key = NULL;
        _cleanup_(x509_freep) X509 *certificate = NULL;
        int r;

        r = read_key(pem, passphrase, &key);
        r = r ?: read_certificate(pem, key, &certificate);
        if (r != 0)
                return r;
        if (!is_valid_at(certificate, claims->now))
                return JWT_E_EXPIRED;

        r = append_header(certificate, &text);
        strbuf_append_char(&text, '.');
        r = r ?: append_claims(claims, &text);
        r = r ?: text.error;
        return r ?: seal(key, &text, ret_jwt);
}

int jwt_sign(const char *pem, const char *passphrase, const struct jwt_claims *claims,
             char **ret_jwt) {
        int r = make(pem, passphrase, claims, ret_jwt);

        ERR_clear_error(); /* all that is to be said of it is in @r */
        return r;
}
