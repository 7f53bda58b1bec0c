/* Cookie (RFC 6265), Authorization (RFC 6750), x-api-key. */
#include "auth/auth_credentials.h"
#include "auth/auth_secret.h"

static enum err refuse(struct err_text *why, const char *what)
{
    return err_set(why, ERR_UNAUTHENTICATED, "%s", what);
}

/* Sets *found to value; refuses a second one. */
static enum err take_cookie(struct span *found, struct span value, struct err_text *why)
{
    if (found->p)
        return refuse(why, "The session cookie was sent twice");
    if (!secret_is_wellformed(value))
        return refuse(why, "The session cookie is malformed");
    *found = value;
    return ERR_OK;
}

static enum err read_cookies(struct span cookies, struct span *plain, struct span *secure,
                             struct err_text *why)
{
    while (cookies.len) {
        struct span rest, value, pair = span_trim(span_cut(cookies, ';', &rest));
        struct span name = span_cut(pair, '=', &value);
        enum err e = ERR_OK;
        if (span_is(name, COOKIE_NAME))
            e = take_cookie(plain, value, why);
        else if (span_is(name, COOKIE_NAME_SECURE))
            e = take_cookie(secure, value, why);
        if (e != ERR_OK)
            return e;
        cookies = rest;
    }
    return ERR_OK;
}

/* Sets *found to value; refuses a second one. */
static enum err take_key(struct span *found, struct span value, struct err_text *why)
{
    if (found->p)
        return refuse(why, "The API key was sent twice");
    *found = value;
    return ERR_OK;
}

static enum err read_bearer(struct span authorization, struct span *out_key, struct err_text *why)
{
    struct span rest, scheme = span_cut(span_trim(authorization), ' ', &rest);
    if (!span_is_ci(scheme, "Bearer"))
        return refuse(why, "Authorization must be: Bearer hob_...");
    *out_key = span_trim(rest);
    return ERR_OK;
}

enum err credentials_read(const struct http_fields *fields, struct credentials *out, struct err_text *why)
{
    struct span plain = {0}, secure = {0}, authorization = {0}, x_api_key = {0};
    struct span bearer = {0}, api_key;
    enum err e = ERR_OK;
    for (size_t i = 0; i < fields->n; i++) {
        struct span value = http_fields_value(fields, i);
        switch ((unsigned)fields->lines[i].field) {
        case HTTP_FIELD_COOKIE: e = read_cookies(value, &plain, &secure, why); break;
        case HTTP_FIELD_AUTHORIZATION: e = take_key(&authorization, value, why); break;
        case HTTP_FIELD_X_API_KEY: e = take_key(&x_api_key, value, why); break;
        default: break;
        }
        if (e != ERR_OK)
            return e;
    }
    if (authorization.p && (e = read_bearer(authorization, &bearer, why)) != ERR_OK)
        return e;
    api_key = span_trim(x_api_key);
    if (authorization.p && x_api_key.p && !span_eq(bearer, api_key))
        return refuse(why, "Authorization and x-api-key name different keys");
    *out = (struct credentials){.session = secure.p ? secure : plain,
                                .has_key = authorization.p || x_api_key.p,
                                .key = authorization.p ? bearer : api_key};
    return ERR_OK;
}
