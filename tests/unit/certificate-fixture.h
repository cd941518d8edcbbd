/*
 * A key, and a certificate of it that signs itself, as PEM text. Included by one test program each.
 */
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Behind what it holds; freed by the caller. */
static inline char *bio_text(BIO *bio) {
        char *bytes, *text;
        long len = BIO_get_mem_data(bio, &bytes);

        text = strndup(bytes, (size_t)len);
        assert_non_null(text);
        BIO_free(bio);
        return text;
}

/* Encrypted when there is a passphrase. */
static inline char *key_pem(EVP_PKEY *key, const char *passphrase) {
        BIO *bio = BIO_new(BIO_s_mem());

        assert_int_equal(PEM_write_bio_PrivateKey(bio, key, passphrase ? EVP_aes_128_cbc() : NULL,
                                                  NULL, 0, NULL, (void *)(uintptr_t)passphrase),
                         1);
        return bio_text(bio);
}

/* Valid between these seconds since 1970. */
static inline X509 *certificate_new(EVP_PKEY *key, int64_t from_s, int64_t until_s) {
        X509 *certificate = X509_new();
        X509_NAME *name = X509_get_subject_name(certificate);

        X509_set_version(certificate, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
        ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)from_s);
        ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)until_s);
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"snapkeep", -1,
                                   -1, 0);
        X509_set_issuer_name(certificate, name);
        X509_set_pubkey(certificate, key);
        assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
        return certificate;
}

static inline char *certificate_pem(X509 *certificate) {
        BIO *bio = BIO_new(BIO_s_mem());

        assert_int_equal(PEM_write_bio_X509(bio, certificate), 1);
        return bio_text(bio);
}

/* The two of them one behind the other. */
static inline char *pem_join(const char *a, const char *b) {
        char *text = malloc(strlen(a) + strlen(b) + 1);

        assert_non_null(text);
        strcpy(stpcpy(text, a), b);
        return text;
}

/* A key and its certificate. */
static inline char *pem_new(int64_t from_s, int64_t until_s) {
        EVP_PKEY *key = EVP_RSA_gen(2048);
        X509 *certificate = certificate_new(key, from_s, until_s);
        char *a = key_pem(key, NULL), *b = certificate_pem(certificate), *text = pem_join(a, b);

        free(a);
        free(b);
        X509_free(certificate);
        EVP_PKEY_free(key);
        return text;
}
