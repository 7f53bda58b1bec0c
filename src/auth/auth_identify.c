/* From a request's header to a principal; and whether that still holds. */
#include "auth/auth_credentials.h"
#include "auth/auth_state.h"

/* A session's end moves on when it is used, but the disk hears of it once a day; of a key's use once a minute. */
#define SESSION_RENEW_MS ((int64_t)24 * 3600 * 1000)
#define KEY_USED_MS      60000

static void fill(struct principal *p, enum principal_kind kind, const struct user *u,
                 const char *credential_id)
{
    *p = (struct principal){.kind = kind, .is_admin = u->is_admin};
    str_put(p->user_id, sizeof(p->user_id), u->id);
    str_put(p->name, sizeof(p->name), u->name);
    str_put(p->credential_id, sizeof(p->credential_id), credential_id);
    p->user_at = u->at;
}

static void identify_session(struct auth *a, struct span secret, struct principal *out)
{
    char hash[HASH_HEX_LEN + 1];
    secret_hash(secret, hash);
    struct session *s = map_get_str(a->sessions, hash);
    int64_t now = clock_wall_ms();
    if (!s)
        return;
    if (now >= s->expires_at) {
        store_session_remove(a->store, s->id_hash, NULL, NULL);
        session_drop(a, s);
        return;
    }
    if (s->expires_at - now < AUTH_SESSION_LIFE_MS - SESSION_RENEW_MS) {
        s->expires_at = now + AUTH_SESSION_LIFE_MS;
        store_session_add(a->store,
                          &(struct session_row){.id_hash = s->id_hash,
                                                .user_id = s->user->id,
                                                .created_at = s->created_at,
                                                .expires_at = s->expires_at},
                          NULL, NULL);
    }
    fill(out, PRINCIPAL_SESSION, s->user, s->id_hash);
}

/* NULL: nobody's. */
static struct key *find_key(struct auth *a, struct span token)
{
    /* What is compared are hashes of 256 random bits: how far two of them agree tells nothing about a key. */
    char hash[HASH_HEX_LEN + 1];
    secret_hash(token, hash);
    struct key *k = map_get_str(a->keys_by_hash, hash);
    if (k)
        known_add(&a->known, token, k);
    return k;
}

static enum err identify_key(struct auth *a, struct span token, struct principal *out, struct err_text *why)
{
    struct key *k = known_find(&a->known, token);
    if (!k && !secret_is_wellformed_key(token))
        return err_set(why, ERR_UNAUTHENTICATED, "This is no API key of hob");
    if (!k)
        k = find_key(a, token);
    if (!k || !user_is_active(k->user))
        return err_set(why, ERR_UNAUTHENTICATED, "The API key is not valid");
    int64_t now = clock_wall_ms();
    if (key_is_expired(k, now))
        return err_set(why, ERR_UNAUTHENTICATED, "The API key has expired");
    if (now - k->last_used_at >= KEY_USED_MS || now < k->last_used_at) {
        k->last_used_at = now;
        store_key_used(a->store, k->id, now, NULL, NULL);
    }
    fill(out, PRINCIPAL_KEY, k->user, k->id);
    out->key_at = k->at;
    out->key_serial = k->serial;
    return ERR_OK;
}

static void identify_local(const struct auth *a, struct principal *out)
{
    *out = (struct principal){.kind = PRINCIPAL_LOCAL, .is_admin = true, .name = "local"};
    for (size_t i = 0; i < a->n_users; i++) {
        if (a->users[i]->is_admin && user_is_active(a->users[i])) {
            fill(out, PRINCIPAL_LOCAL, a->users[i], "");
            return;
        }
    }
}

enum err auth_identify(struct auth *a, const struct http_fields *fields, bool is_control,
                       struct principal *out, struct err_text *why)
{
    struct credentials given;
    *out = (struct principal){.kind = PRINCIPAL_NOBODY};
    enum err e = credentials_read(fields, &given, why);
    if (e != ERR_OK)
        return e;
    if (given.has_key)
        return identify_key(a, given.key, out, why);
    if (given.session.p)
        identify_session(a, given.session, out);
    else if (is_control)
        identify_local(a, out);
    return ERR_OK;
}

bool auth_is_valid(const struct auth *a, const struct principal *p)
{
    const struct user *u = NULL;
    if (p->kind == PRINCIPAL_NOBODY || p->kind == PRINCIPAL_LOCAL)
        return true;
    if (p->kind == PRINCIPAL_SESSION) {
        const struct session *s = map_get_str(a->sessions, p->credential_id);
        u = s && clock_wall_ms() < s->expires_at ? s->user : NULL;
    } else {
        const struct key *k = key_of(a, p);
        u = k && !key_is_expired(k, clock_wall_ms()) ? k->user : NULL;
    }
    return u && user_is_active(u) && u->is_admin == p->is_admin;
}

/* The browser keeps the cookie for as long as browsers allow (400 days); the session ends by our clock. */
void auth_cookie_set(struct buf *out, const char *secret, bool secure)
{
    buf_addf(out, "%s=%s; Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax%s",
             secure ? COOKIE_NAME_SECURE : COOKIE_NAME, secret, secure ? "; Secure" : "");
}

void auth_cookie_clear(struct buf *out, bool secure)
{
    buf_addf(out, "%s=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax%s",
             secure ? COOKIE_NAME_SECURE : COOKIE_NAME, secure ? "; Secure" : "");
}
