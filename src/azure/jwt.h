/*
 * jwt: the client assertion, by which an application proves with a certificate's key who it is
 * (FACTS section 8, "Certificate"; RFC 7523 section 3).
 *
 * Header {"alg":"PS256","typ":"JWT","x5t#S256"}, as the current page wants it and MSAL sends it to
 * Entra; the older RS256 with x5t is for authorities without SHA-256, which none of ours is.
 */
#pragma once

#include "base/guid.h"
#include "base/time.h"

enum {
        JWT_E_CERTIFICATE = 1, /* there is no certificate, or none that can be read */
        JWT_E_KEY,             /* there is no private key, or none that can be read: encrypted with
                                  another passphrase, perhaps */
        JWT_E_KIND,            /* the key is no RSA key, or one of less than 2048 bits */
        JWT_E_PAIR,            /* no certificate is of this key */
        JWT_E_EXPIRED,         /* the certificate is not valid any more, or not yet */
};

/* Chosen: 5 to 10 minutes are wanted. It may begin a little before now, since clocks differ. */
#define JWT_LIFE_S 600
#define JWT_BEFORE_S 60

struct jwt_claims {
        const char *audience; /* the token endpoint's URL */
        const char *client;   /* the application: issuer and subject */
        struct guid id;       /* random: an assertion is good once */
        struct utc now;
};

/*
 * Signs with the key in @pem, whose certificate lies beside it, in any order and with others of its
 * chain; @passphrase is the key's, or NULL. The caller owns *ret_jwt and frees it with
 * str_wipe_free(). The padding's salt is drawn by libcrypto, so no two results are equal.
 *
 * Returns 0, JWT_E_*, or -ENOMEM.
 */
int jwt_sign(const char *pem, const char *passphrase, const struct jwt_claims *claims,
             char **ret_jwt);

/* What JWT_E_* says of the PEM text, to follow its name: "holds no private key ...". */
const char *jwt_problem(int e);
