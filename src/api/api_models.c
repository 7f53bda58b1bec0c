/* Model files on this machine. */
#include "api/api_req.h"
#include "catalog/catalog.h"

/* The id of the server that runs this file, or NULL. */
static const char *server_of_file(const struct gateway *g, const char *path)
{
    for (size_t i = 0; i < gateway_n_servers(g); i++) {
        const struct server_row *row = server_config(gateway_server_at(g, i));
        if (row->model_path && strcmp(row->model_path, path) == 0)
            return row->id;
    }
    return NULL;
}

static void write_model(struct json_writer *w, const struct api *a, const struct catalog_model *m)
{
    jw_begin_obj(w);
    jwf_str(w, "path", m->path);
    jwf_str(w, "name", m->name);
    jwf_int(w, "size_bytes", m->size_bytes);
    jwf_str(w, "architecture", m->architecture);
    jwf_str(w, "quantization", m->quantization);
    jwf_int(w, "context_length", m->context_length);
    jwf_str(w, "server_id", server_of_file(a->o.gateway, m->path));
    jw_end_obj(w);
}

static void on_scanned(const struct catalog_models *models, void *arg)
{
    struct api_req *r = arg;
    if (r->api->is_closed) {
        api_req_free(r);
        return;
    }
    const struct api_options *o = &r->api->o;
    AUTO(buf) struct buf *out = buf_new();
    struct json_writer w;
    jw_init(&w, out);
    jw_begin_obj(&w);
    jw_key(&w, "models");
    jw_begin_arr(&w);
    for (size_t i = 0; i < models->n; i++)
        write_model(&w, r->api, &models->v[i]);
    jw_end_arr(&w);
    jw_key(&w, "llama_server");
    if (o->llama_server) {
        jw_begin_obj(&w);
        jwf_str(&w, "path", o->llama_server);
        jw_end_obj(&w);
    } else {
        jw_null(&w);
    }
    jw_key(&w, "folders");
    jw_begin_arr(&w);
    for (size_t i = 0; i < o->model_folders->n; i++)
        jw_str(&w, o->model_folders->v[i]);
    jw_end_arr(&w);
    jw_end_obj(&w);
    api_reply_json(r, 200, buf_span(out));
}

static void list_models(struct api_req *r)
{
    (void)catalog_scan_start(r->api->o.loop, r->api->o.model_folders, on_scanned, r);
}

static const struct api_route models_table[] = {
    ROUTE(GET, "/api/models", API_USER, API_NO_BODY, 0, list_models),
};
API_ROUTES(api_models_routes, models_table);
