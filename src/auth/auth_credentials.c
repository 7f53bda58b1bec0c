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

/* scheme: what stands before the key, or NULL. */
static enum err read_key(struct span value, const char *scheme, struct span *out_key, struct err_text *why)
{
    if (!value.p)
        return ERR_OK;
    value = span_trim(value);
    if (scheme) {
        struct span rest, given = span_cut(value, ' ', &rest);
        if (!span_is_ci(given, scheme))
            return refuse(why, "Authorization must be: Bearer hob_...");
        value = span_trim(rest);
    }
    if (!secret_is_wellformed_key(value))
        return refuse(why, "This is no API key of hob");
    *out_key = value;
    return ERR_OK;
}

enum err credentials_read(const struct http_fields *fields, struct credentials *out, struct err_text *why)
{
    struct span plain = {0}, secure = {0}, authorization = {0}, x_api_key = {0};
    struct span bearer = {0}, api_key = {0};
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
    if ((e = read_key(authorization, "Bearer", &bearer, why)) != ERR_OK ||
        (e = read_key(x_api_key, NULL, &api_key, why)) != ERR_OK)
        return e;
    if (bearer.p && api_key.p && !secret_is_equal(bearer, api_key))
        return refuse(why, "Authorization and x-api-key name different keys");
    *out = (struct credentials){.session = secure.p ? secure : plain, .key = bearer.p ? bearer : api_key};
    return ERR_OK;
}
