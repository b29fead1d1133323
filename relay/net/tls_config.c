#include "relay/net/tls_config.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "relay/net/loop_uv.h"
#include "relay/net/tls_config_inner.h"

/* A certificate for names of its own. */
struct named {
    struct named *next;
    SSL_CTX *ssl; /* owned */
    char **names; /* owned, and each of them */
    size_t count;
};

struct tls_context {
    atomic_uint references;
    bool server;
    struct named *named; /* owned; in the order of their adding */
    SSL_CTX *ssl;        /* owned */
    BIO_METHOD *bio;     /* owned */
};

struct tls_roots {
    X509_STORE *store; /* a reference */
};

/* The oldest reason of OpenSSL's list, in its words; the list is empty afterwards. */
static const char *reason(void)
{
    unsigned long code = ERR_get_error();
    const char *words = code == 0 ? NULL : ERR_reason_error_string(code);
    ERR_clear_error();
    return words == NULL ? "no reason given" : words;
}

/* A key with a password must be an error, not a question on the terminal. */
static int no_password(char *buffer, int size, int writing, void *data)
{
    (void)writing;
    (void)data;
    if (size > 0) {
        buffer[0] = '\0';
    }
    return -1;
}

static BIO_METHOD *make_bio(void)
{
    BIO_METHOD *bio = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "mesura");
    if (bio == NULL || BIO_meth_set_read(bio, tls_bio_read) != 1 ||
        BIO_meth_set_write(bio, tls_bio_write) != 1 ||
        BIO_meth_set_ctrl(bio, tls_bio_ctrl) != 1) {
        abort();
    }
    return bio;
}

static struct tls_context *context_new(bool server)
{
    struct tls_context *context = loop_alloc(sizeof *context);
    atomic_init(&context->references, 1);
    context->server = server;
    context->ssl = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
    if (context->ssl == NULL) {
        abort();
    }
    context->bio = make_bio();
    (void)SSL_CTX_set_min_proto_version(context->ssl, TLS1_2_VERSION);
    (void)SSL_CTX_set_options(context->ssl,
                              SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    (void)SSL_CTX_set_mode(context->ssl, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_default_passwd_cb(context->ssl, no_password);
    return context;
}

/* 0, or why the process cannot read the file. */
static int check_readable(const char *path, struct errmsg *err)
{
    if (access(path, R_OK) != 0) {
        int rc = -errno;
        errmsg_errno(err, rc, "read %s", path);
        return rc;
    }
    return 0;
}

static int load_server(SSL_CTX *ssl, const char *certificate, const char *key,
                       struct errmsg *err)
{
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(ssl, certificate) != 1) {
        errmsg_set(err, "%s holds no usable PEM certificate: %s", certificate, reason());
        return -EINVAL;
    }
    if (SSL_CTX_use_PrivateKey_file(ssl, key, SSL_FILETYPE_PEM) != 1) {
        errmsg_set(err, "%s holds no usable PEM key without a password: %s", key,
                   reason());
        return -EINVAL;
    }
    if (SSL_CTX_check_private_key(ssl) != 1) {
        errmsg_set(err, "the key %s does not belong to %s: %s", key, certificate,
                   reason());
        return -EINVAL;
    }
    return 0;
}

int tls_config_server(struct tls_context **out, const char *certificate, const char *key,
                      const char *name, struct errmsg *err)
{
    int rc = check_readable(certificate, err);
    if (rc == 0) {
        rc = check_readable(key, err);
    }
    if (rc != 0) {
        return rc;
    }
    struct tls_context *context = context_new(true);
    rc = load_server(context->ssl, certificate, key, err);
    if (rc != 0) {
        tls_config_unref(context);
        return rc;
    }
    size_t size = strnlen(name, SSL_MAX_SID_CTX_LENGTH);
    (void)SSL_CTX_set_session_id_context(context->ssl, (const unsigned char *)name,
                                         (unsigned)size);
    (void)SSL_CTX_set_session_cache_mode(context->ssl, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_num_tickets(context->ssl, 1);
    (void)SSL_CTX_set_options(context->ssl, SSL_OP_CIPHER_SERVER_PREFERENCE);
    *out = context;
    return 0;
}

/* Does the pattern name the host: itself, or with "*." in front one label below it. */
static bool name_matches(const char *pattern, const char *host)
{
    if (strncmp(pattern, "*.", 2) != 0) {
        return strcasecmp(pattern, host) == 0;
    }
    const char *dot = strchr(host, '.');
    return dot != NULL && dot != host && strcasecmp(pattern + 1, dot) == 0;
}

/* OpenSSL's callback: which certificate for the name that the client asks for? */
static int choose_certificate(
    SSL *ssl, int *alert, /* NOLINT(readability-non-const-parameter): its type */
    void *arg)
{
    const struct tls_context *context = arg;
    const char *host = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    (void)alert;
    for (const struct named *named = context->named; host != NULL && named != NULL;
         named = named->next) {
        for (size_t i = 0; i < named->count; i++) {
            if (name_matches(named->names[i], host)) {
                (void)SSL_set_SSL_CTX(ssl, named->ssl);
                return SSL_TLSEXT_ERR_OK;
            }
        }
    }
    return SSL_TLSEXT_ERR_OK;
}

static void named_free(struct named *named)
{
    while (named != NULL) {
        struct named *next = named->next;
        for (size_t i = 0; i < named->count; i++) {
            free(named->names[i]);
        }
        free(named->names);
        SSL_CTX_free(named->ssl);
        free(named);
        named = next;
    }
}

int tls_config_add_names(struct tls_context *context, const char *const *names,
                         size_t count, const char *certificate, const char *key,
                         struct errmsg *err)
{
    assert(context->server);
    int rc = check_readable(certificate, err);
    if (rc == 0) {
        rc = check_readable(key, err);
    }
    if (rc != 0) {
        return rc;
    }
    struct named *named = loop_alloc(sizeof *named);
    named->ssl = SSL_CTX_new(TLS_server_method());
    named->names = loop_alloc(count * sizeof *named->names + 1);
    if (named->ssl == NULL) {
        abort();
    }
    SSL_CTX_set_default_passwd_cb(named->ssl, no_password);
    for (size_t i = 0; i < count; i++) {
        named->names[i] = strdup(names[i]);
        if (named->names[i] == NULL) {
            abort();
        }
        named->count++;
    }
    rc = load_server(named->ssl, certificate, key, err);
    if (rc != 0) {
        named_free(named);
        return rc;
    }
    struct named **last = &context->named;
    while (*last != NULL) {
        last = &(*last)->next;
    }
    *last = named;
    (void)SSL_CTX_set_tlsext_servername_callback(context->ssl, choose_certificate);
    (void)SSL_CTX_set_tlsext_servername_arg(context->ssl, context);
    return 0;
}

/* The chain proves nothing here: who it is says the table of users, by the fingerprint.
 */
static int take_any(int is_good, X509_STORE_CTX *store)
{
    (void)is_good;
    (void)store;
    return 1;
}

void tls_config_ask_clients(struct tls_context *context)
{
    assert(context->server);
    SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, take_any);
}

bool tls_roots_places(const char **out_file, const char **out_folder)
{
    *out_file = secure_getenv(X509_get_default_cert_file_env());
    *out_folder = secure_getenv(X509_get_default_cert_dir_env());
    if (*out_file == NULL) {
        *out_file = X509_get_default_cert_file();
    }
    if (*out_folder == NULL) {
        *out_folder = X509_get_default_cert_dir();
    }
    return access(*out_file, R_OK) == 0 || access(*out_folder, R_OK) == 0;
}

static int load_roots(X509_STORE *store, const char *trust, struct errmsg *err)
{
    ERR_clear_error();
    if (trust[0] != '\0') {
        int rc = check_readable(trust, err);
        if (rc == 0 && X509_STORE_load_file(store, trust) != 1) {
            errmsg_set(err, "%s holds no usable PEM certificates: %s", trust, reason());
            rc = -EINVAL;
        }
        return rc;
    }
    const char *file;
    const char *folder;
    if (!tls_roots_places(&file, &folder) || X509_STORE_set_default_paths(store) != 1) {
        errmsg_set(err, "no trusted certificates at %s or %s (package ca-certificates)",
                   folder, file);
        ERR_clear_error();
        return -ENOENT;
    }
    return 0;
}

int tls_roots_load(struct tls_roots **out, const char *trust, struct errmsg *err)
{
    struct tls_roots *roots = loop_alloc(sizeof *roots);
    roots->store = X509_STORE_new();
    if (roots->store == NULL) {
        abort();
    }
    int rc = load_roots(roots->store, trust, err);
    if (rc != 0) {
        tls_roots_free(roots);
        return rc;
    }
    *out = roots;
    return 0;
}

void tls_roots_free(struct tls_roots *roots)
{
    if (roots != NULL) {
        X509_STORE_free(roots->store);
        free(roots);
    }
}

struct tls_context *tls_config_client(enum tls_level level, const struct tls_roots *roots)
{
    struct tls_context *context = context_new(false);
    if (roots != NULL) {
        SSL_CTX_set1_cert_store(context->ssl, roots->store);
    }
    if (level == TLS_VERIFY) {
        SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, NULL);
    } else if (level == TLS_DANE) {
        SSL_CTX_set_security_level(context->ssl, 1); /* the receiver has vouched for it */
        SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, NULL);
        if (SSL_CTX_dane_enable(context->ssl) != 1) {
            abort();
        }
        (void)SSL_CTX_dane_set_flags(context->ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
    } else {
        SSL_CTX_set_security_level(context->ssl, 1);
        SSL_CTX_set_verify(context->ssl, SSL_VERIFY_NONE, NULL);
    }
    (void)SSL_CTX_set_session_cache_mode(context->ssl, SSL_SESS_CACHE_CLIENT |
                                                           SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context->ssl, tls_on_session);
    return context;
}

struct tls_context *tls_config_ref(struct tls_context *context)
{
    (void)atomic_fetch_add_explicit(&context->references, 1, memory_order_relaxed);
    return context;
}

void tls_config_unref(struct tls_context *context)
{
    if (context == NULL) {
        return;
    }
    unsigned before =
        atomic_fetch_sub_explicit(&context->references, 1, memory_order_acq_rel);
    assert(before > 0);
    if (before == 1) {
        SSL_CTX_free(context->ssl);
        named_free(context->named);
        BIO_meth_free(context->bio);
        free(context);
    }
}

bool tls_config_is_server(const struct tls_context *context)
{
    return context->server;
}

SSL_CTX *tls_config_ssl(const struct tls_context *context)
{
    return context->ssl;
}

BIO_METHOD *tls_config_bio(const struct tls_context *context)
{
    return context->bio;
}
