// The way of a request to an engine and back: routes, bodies of any size, rewriting, errors in the client's form, limits.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';
import OpenAI from 'openai';
import { Hob, until } from '../lib/hob.mjs';

const ENGINE = new URL('../lib/echo_engine.mjs', import.meta.url).pathname;
const command = [process.execPath, ENGINE, '${PORT}'];

let hob, key;
before(async () => {
  const env = { ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:quarantine_size_mb=8` };
  hob = await Hob.start({ env });
  key = await hob.addKey();
  const { id } = await hob.addCommand('echo', command);
  await change(id, { aliases: ['org/echo', 'gpt-4o'] });
});
after(() => hob?.stop());

async function change(id, settings) {
  const res = await hob.send('PATCH', `/api/servers/${id}`, settings);
  assert.equal(res.status, 200, await res.clone().text());
}

/** A server with settings, running. */
async function add(name, settings) {
  const { id } = await hob.addCommand(name, command);
  await change(id, settings);
}

const headers = (more) => ({ authorization: `Bearer ${key}`, 'content-type': 'application/json', ...more });
const post = (path, body, more = {}, init = {}) =>
  fetch(hob.url + path, {
    method: 'POST',
    headers: headers(more),
    body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
    ...init
  });
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const query = (act, more) => `?${new URLSearchParams({ act, ...more })}`;

describe('routes', () => {
  const JSON_ROUTES =
    'chat/completions completions responses embeddings rerank audio/speech images/generations messages messages/count_tokens';

  test('each goes to the engine byte for byte, with its query', async () => {
    for (const route of JSON_ROUTES.split(' ')) {
      const body = ` {"model" :"echo","x":[1,2.50,"\\u00e9"],\n "stream":false} `;
      const res = await post(`/v1/${route}?a=b%20c`, body);
      assert.equal(res.status, 200, route);
      const got = await res.json();
      assert.equal(`${got.method} ${got.url}`, `POST /v1/${route}?a=b%20c`);
      assert.equal(got.text, body);
      assert.equal(got.headers['content-length'], String(body.length));
      assert.match(res.headers.get('x-request-id'), /^[0-9a-f]{16}$/);
      assert.equal(got.headers['x-request-id'], res.headers.get('x-request-id'));
    }
  });

  test('a form with a file goes as it is; its model is a field', async () => {
    const form = new FormData();
    form.set('file', new Blob([new Uint8Array(300000).fill(13)]), 'a "b".wav');
    form.set('model', 'org/echo');
    const { boundary, bytes } = await encode(form);
    const res = await post('/v1/audio/transcriptions', bytes, { 'content-type': boundary });
    const got = await res.json();
    assert.equal(res.status, 200);
    assert.equal(got.sha256, sha256(bytes));
    assert.equal(got.headers['content-type'], boundary);
  });

  const encode = async (form) => {
    const res = new Response(form);
    return { boundary: res.headers.get('content-type'), bytes: new Uint8Array(await res.arrayBuffer()) };
  };

  test('bytes that are no text come as they are', async () => {
    const res = await post(`/v1/audio/speech${query('bytes')}`, { model: 'echo', input: 'x' });
    assert.equal(res.headers.get('content-type'), 'audio/mpeg');
    assert.deepEqual([...new Uint8Array(await res.arrayBuffer())], [...Array(256).keys()]);
  });

  test('headers that matter go along; credentials, cookies and those of the connection do not', async () => {
    const res = await fetch(`${hob.url}/v1/messages`, {
      method: 'POST',
      body: '{"model":"echo"}',
      headers: {
        'x-api-key': key,
        'content-type': 'application/json',
        'anthropic-version': '2023-06-01',
        'anthropic-beta': 'tools',
        accept: 'application/json',
        cookie: 'a=b',
        'x-forwarded-for': '1.2.3.4',
        'accept-encoding': 'gzip'
      }
    });
    const got = (await res.json()).headers;
    delete got.host;
    assert.deepEqual(Object.keys(got).sort(), [
      'accept',
      'accept-language',
      'anthropic-beta',
      'anthropic-version',
      'content-length',
      'content-type',
      'x-request-id'
    ]);
  });

  test('models are found by name, alias and with a slash; Anthropic clients get their own list', async () => {
    const client = new OpenAI({ baseURL: `${hob.url}/v1`, apiKey: key });
    const names = (await client.models.list()).data.map((m) => m.id);
    for (const name of ['demo', 'echo', 'org/echo', 'gpt-4o']) assert.ok(names.includes(name), name);
    assert.equal((await client.models.retrieve('org/echo')).id, 'org/echo');
    const raw = await fetch(`${hob.url}/v1/models/org/echo`, { headers: headers() });
    assert.equal((await raw.json()).id, 'org/echo');
    await assert.rejects(
      client.models.retrieve('ecoh'),
      (e) => e.status === 404 && /Did you mean "echo"/.test(e.message)
    );
    const res = await fetch(`${hob.url}/v1/models`, { headers: headers({ 'anthropic-version': '2023-06-01' }) });
    const list = await res.json();
    assert.equal(list.has_more, false);
    assert.equal(list.data[0].type, 'model');
    assert.ok(!Number.isNaN(Date.parse(list.data[0].created_at)));
    for (const model of ['echo', 'org/echo', 'GPT-4o'])
      assert.equal((await post('/v1/chat/completions', { model })).status, 200, model);
  });

  test("an engine's own interface, by any method and path", async () => {
    const at = (path, init = {}) => fetch(`${hob.url}/upstream/${path}`, { ...init, headers: headers(init.headers) });
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
      const body = method === 'GET' ? undefined : 'not = json';
      const got = await (
        await at('org%2Fecho/a/b%20c?d=e', { method, body, headers: { 'content-type': 'text/x' } })
      ).json();
      assert.equal(`${got.method} ${got.url}`, `${method} /a/b%20c?d=e`);
      assert.equal(got.text, body ?? '');
      assert.equal(got.headers.authorization, undefined);
    }
    const page = await at(`echo/${query('status', { status: 418, body: '<p>tea</p>', type: 'text/html' })}`);
    assert.equal(page.status, 418);
    assert.equal(await page.text(), '<p>tea</p>');
    assert.match(page.headers.get('content-security-policy'), /^sandbox/);
    assert.equal((await at('nobody/x')).status, 404);
    const bare = await at('org%2Fecho?d=e', { redirect: 'manual' });
    assert.deepEqual([bare.status, bare.headers.get('location')], [308, '/upstream/org%2Fecho/?d=e']);
    assert.equal((await (await at('echo')).json()).url, '/');
    for (const nowhere of [`${hob.url}/upstream`, `${hob.url}/upstream/`, `${hob.url}/upstream//x`]) {
      const res = await fetch(nowhere, { headers: headers() });
      assert.equal(res.status, 404);
      assert.ok((await res.json()).error.message);
    }
    assert.equal((await fetch(`${hob.url}/upstream/echo/`, { headers: { cookie: hob.cookie } })).status, 401);
  });
});

describe('bodies', () => {
  test('what cannot be read is refused, and says where', async () => {
    for (const [body, status, message] of [
      ['', 400, /empty/],
      ['{"model":"echo"', 400, /position 15/],
      ['{"model":"echo",}', 400, /position 16/],
      ['{"messages":[]}', 400, /"model" is required/],
      ['{"model":7}', 400, /"model" must be a string/],
      ['{"model":"echo","model":"demo"}', 400, /given twice/],
      ['{"model":"echo","m\\u006fdel":"demo"}', 400, /given twice/],
      ['{"model":"echo","stream":"no"}', 400, /"stream"/],
      ['[]', 400, /object/],
      ['{"model":"echo","n":129}', 400, /^"n" must be a number from 0 to 128$/],
      ['{"n" : 1e9 ,"model":"echo"}', 400, /^"n" must/],
      ['{"model":"echo","n":"2"}', 400, /^"n" must be a number/],
      ['{"model":"echo","best_of":1000}', 400, /^"best_of" must/],
      ['{"model":"echo","n_discard":-1}', 400, /^"n_discard" must/],
      ['{"model":"echo","N_DISCARD":-1}', 400, /^"n_discard" must/],
      [`{"model":"echo","n":${'0'.padStart(40, '1')}}`, 400, /^"n"/]
    ]) {
      const res = await post('/v1/chat/completions', body);
      assert.equal(res.status, status, body);
      assert.match((await res.json()).error.message, message);
    }
    const fair = '{"model":"echo","n":2,"n_discard":null,"n_keep":-1,"options":{"n":1000}}';
    assert.equal((await (await post('/v1/completions', fair)).json()).text, fair);
    const text = await post('/v1/completions', '{"model":"echo"}', { 'content-type': 'text/plain' });
    assert.equal(text.status, 415);
    for (const type of ['application/x-www-form-urlencoded', '']) {
      const plain = await post('/v1/completions', '{"model":"echo"}', { 'content-type': type });
      assert.equal(plain.status, 200, `curl -d, "${type}"`);
      assert.equal((await plain.json()).headers['content-type'], 'application/json');
    }
    const packed = await post('/v1/completions', '{"model":"echo"}', { 'content-encoding': 'gzip' });
    assert.equal(packed.status, 415);
    const escaped = await post('/v1/completions', '{"mod\\u0065l":"e\\u0063ho"}', {
      'content-type': 'application/json; charset=utf-8'
    });
    assert.equal((await escaped.json()).text, '{"mod\\u0065l":"e\\u0063ho"}');
  });

  /** A body of n bytes whose model stands at its end. */
  function large(n, model = 'echo') {
    const end = `","model":"${model}"}`;
    return Buffer.concat([Buffer.from('{"x":"'), Buffer.alloc(n - 6 - end.length, 'abcdefghij'), Buffer.from(end)]);
  }

  test('of 20 MB and with the model at the end they arrive whole; over 32 MiB they are refused', async () => {
    for (const n of [65536, 65537, 200000, 20_000_000]) {
      const body = large(n);
      const got = await (await post('/v1/embeddings', body)).json();
      assert.equal(got.length, n);
      assert.equal(got.sha256, sha256(body));
    }
    const res = await post('/v1/embeddings', large(33 << 20));
    assert.equal(res.status, 413);
  });

  test('that find no room on the disk are a 507, and the next one is taken when there is some', async () => {
    const body = large(20_000_000);
    const limit = (bytes) => execFileSync('prlimit', ['--pid', `${hob.pid}`, `--fsize=${bytes}:unlimited`]);
    limit(16 << 20);
    try {
      const openai = await post('/v1/embeddings', body);
      assert.equal(openai.status, 507);
      assert.deepEqual(await openai.json(), {
        error: { message: 'The disk is full, the body cannot be kept', type: 'server_error', param: null, code: null }
      });
      const anthropic = await post('/v1/messages', body);
      assert.equal(anthropic.status, 507);
      const { type, error } = await anthropic.json();
      assert.deepEqual([type, error.type], ['error', 'api_error']);
      assert.equal((await post('/v1/embeddings', large(200000))).status, 200, 'a smaller one has room');
    } finally {
      limit('unlimited');
    }
    assert.equal((await post('/v1/embeddings', body)).status, 200);
  });

  test('in chunks, and after 100 Continue', async () => {
    const body = large(300000);
    for (const more of [
      { 'transfer-encoding': 'chunked' },
      { 'content-length': body.length, expect: '100-continue' }
    ]) {
      const got = await new Promise((resolve, reject) => {
        const req = http.request(`${hob.url}/v1/embeddings`, { method: 'POST', headers: headers(more) }, (res) => {
          let text = '';
          res.on('data', (d) => (text += d)).on('end', () => resolve(JSON.parse(text)));
        });
        req.on('error', reject);
        if (more.expect) req.on('continue', () => req.end(body)).flushHeaders();
        else req.end(body);
      });
      assert.equal(got.sha256, sha256(body));
    }
  });

  const rss = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${hob.pid}/status`, 'utf8'))[1]) / 1024;

  test('forty of 20 MB at once need a few dozen MB of memory', async () => {
    const body = large(20_000_000);
    const hash = sha256(body);
    await (await post('/v1/embeddings', body)).json();
    const first = rss();
    let most = first;
    const watch = setInterval(() => (most = Math.max(most, rss())), 20);
    const all = await Promise.all(
      Array.from({ length: 40 }, async () => (await (await post('/v1/embeddings', body)).json()).sha256)
    );
    clearInterval(watch);
    assert.ok(all.every((h) => h === hash));
    assert.ok(most - first < 96, `${first.toFixed()} MB, then ${most.toFixed()} MB`);
  });

  test('a client that leaves in the middle of its body leaves nothing behind', async () => {
    const files = () => hob.get('/health').then(() => countFiles());
    const countFiles = async () => {
      const { readdirSync, readlinkSync } = await import('node:fs');
      return readdirSync(`/proc/${hob.pid}/fd`).filter((fd) => {
        try {
          return /deleted|#\d+/.test(readlinkSync(`/proc/${hob.pid}/fd/${fd}`));
        } catch {
          return false;
        }
      }).length;
    };
    const req = http.request(`${hob.url}/v1/embeddings`, {
      method: 'POST',
      headers: headers({ 'content-length': 9e6 })
    });
    req.on('error', () => {});
    req.write(large(4_000_000));
    await until(async () => (await files()) === 1, 'the body is on the disk');
    req.destroy();
    await until(async () => (await files()) === 0, 'it is not any more');
  });
});

test('a server rewrites its bodies, small and large, and only where it is told to', async () => {
  await add('ruled', {
    rewrite: { model: 'up/stream', set: { temperature: 0 }, defaults: { top_p: 0.5, n: 1 }, strip: ['logprobs'] }
  });
  const got = await (
    await post('/v1/completions', '{"n": 2, "logprobs":5, "model" : "ruled", "prompt":"a\\u00e9"}')
  ).json();
  assert.equal(got.text, '{"n": 2, "model" : "up/stream", "prompt":"a\\u00e9","temperature":0,"top_p":0.5}');
  const filler = 'x'.repeat(300000);
  const big = await (await post('/v1/completions', `{"model":"ruled","prompt":"${filler}","logprobs":1}`)).json();
  const want = `{"model":"up/stream","prompt":"${filler}","temperature":0,"top_p":0.5,"n":1}`;
  assert.equal(big.sha256, sha256(want));
});

describe("errors have the client's form", () => {
  /* OpenAI's fields are all there; Anthropic's on its routes, also on those that are none. */
  test('what hob itself refuses, on every kind of route', async () => {
    const limited = (await (await hob.post('/api/keys', { name: 'l', limits: { requests_per_minute: 1 } })).json())
      .secret;
    const scoped = (await (await hob.post('/api/keys', { name: 's', routes: ['audio'] })).json()).secret;
    const as = (secret) => ({ authorization: `Bearer ${secret}` });
    const json = { method: 'POST', body: '{"model":"echo"}' };
    const huge = { method: 'POST', body: new Uint8Array(33 << 20) };
    await (await post('/v1/embeddings', '{"model":"echo"}', as(limited))).text();
    for (const [status, path, init, more, types] of [
      [401, '', json, as('hob_nonsense'), ['authentication_error', 'authentication_error']],
      [401, '', json, { authorization: '' }, ['authentication_error', 'authentication_error']],
      [403, '', json, as(scoped), ['permission_error', 'permission_error']],
      [403, '', json, { origin: 'http://elsewhere.example' }, ['permission_error', 'permission_error']],
      [404, '/no/such/route', json, {}, ['not_found_error', 'not_found_error']],
      [404, '', { method: 'POST', body: '{"model":"none"}' }, {}, ['not_found_error', 'not_found_error']],
      [405, '', { method: 'PUT', body: '{}' }, {}, ['invalid_request_error', 'invalid_request_error']],
      [405, '', { method: 'GET' }, {}, ['invalid_request_error', 'invalid_request_error']],
      [413, '', huge, {}, ['invalid_request_error', 'request_too_large']],
      [415, '', json, { 'content-type': 'text/plain' }, ['invalid_request_error', 'invalid_request_error']],
      [429, '', json, as(limited), ['rate_limit_exceeded', 'rate_limit_error']]
    ]) {
      for (const [n, route] of ['/v1/chat/completions', '/v1/messages', '/v1/messages/count_tokens'].entries()) {
        const res = await fetch(hob.url + route + path, { ...init, headers: headers(more) });
        const what = `${init.method} ${route}${path}: ${status}`;
        const text = await res.text();
        assert.equal(res.status, status, `${what}: ${text}`);
        const { type, error, request_id } = JSON.parse(text);
        assert.equal(error.type, types[n ? 1 : 0], what);
        assert.ok(error.message, what);
        if (n) assert.deepEqual([type, request_id], ['error', res.headers.get('x-request-id')], what);
        else assert.deepEqual(Object.keys(error), ['message', 'type', 'param', 'code'], what);
      }
    }
  });

  const openai = async (res) => (await res.json()).error;
  const fail = (status, body, more) =>
    post(`/v1/chat/completions${query('status', { status, body, ...more })}`, { model: 'echo' });

  test("an engine's own, in whatever form it says them, keep status and text", async () => {
    const long = 'y'.repeat(3000);
    for (const [status, body, message, type, code] of [
      [
        400,
        '{"error":{"message":"too long","type":"exceed_context_size_error","code":400}}',
        'too long',
        'exceed_context_size_error',
        null
      ],
      [400, '{"error":{"code":17,"message":"x","type":"t"}}', 'x', 't', '17'],
      [500, '{"error":"model crashed"}', 'model crashed', 'server_error', null],
      [422, '{"detail":[{"msg":"field required"}]}', 'field required', 'invalid_request_error', null],
      [429, '{"object":"error","message":"slow down"}', 'slow down', 'rate_limit_exceeded', null],
      [502, '<html><title>Bad</title> gateway</html>', 'Bad gateway', 'server_error', null],
      [500, '', 'The engine answered with status 500', 'server_error', null],
      [400, long, long, 'invalid_request_error', null],
      [
        404,
        '{"error":{"message":"The model `m` does not exist."}}',
        'The model `m` does not exist.',
        'not_found_error',
        null
      ]
    ]) {
      const res = await fail(status, body);
      assert.equal(res.status, status, body);
      assert.deepEqual(await openai(res), { message, type, param: null, code });
      assert.match(res.headers.get('x-request-id'), /^[0-9a-f]{16}$/);
    }
    assert.equal((await fail(429, 'x', { after: 7 })).headers.get('retry-after'), '7');
    assert.ok(Number((await fail(503, '{"error":{"message":"Loading model"}}')).headers.get('retry-after')) > 0);
    assert.equal((await fail(501, '{"error":{"message":"no embeddings"}}')).headers.get('x-should-retry'), 'false');
  });

  test('a route that the engine lacks names route and server', async () => {
    for (const body of [
      '{"error":{"code":404,"message":"File Not Found","type":"not_found_error"}}',
      '{"detail":"Not Found"}',
      ''
    ]) {
      const res = await fail(404, body);
      assert.equal(res.status, 404);
      assert.equal(res.headers.get('x-should-retry'), 'false');
      const error = await openai(res);
      assert.equal(error.code, 'route_not_supported');
      assert.match(error.message, /echo does not serve \/v1\/chat\/completions/);
    }
  });

  test("Anthropic's, on its routes, for every kind of failure", async () => {
    const ask = (act, more, body = { model: 'echo' }, h = {}) => post(`/v1/messages${query(act, more)}`, body, h);
    for (const [res, status, type] of [
      [await ask('status', { status: 400, body: '{"error":"x"}' }), 400, 'invalid_request_error'],
      [await ask('status', { status: 503, body: 'x' }), 503, 'overloaded_error'],
      [await ask('status', { status: 404, body: 'Not Found' }), 404, 'not_found_error'],
      [await ask('echo', {}, { model: 'nothing' }), 404, 'not_found_error'],
      [await ask('echo', {}, '{'), 400, 'invalid_request_error'],
      [await ask('echo', {}, { model: 'echo' }, { authorization: 'Bearer x' }), 401, 'authentication_error'],
      [await ask('echo', {}, { model: 'echo' }, { 'content-type': 'text/plain' }), 415, 'invalid_request_error']
    ]) {
      const body = await res.json();
      assert.equal(res.status, status);
      assert.equal(body.type, 'error');
      assert.equal(body.error.type, type);
      assert.ok(body.error.message);
      assert.equal(body.request_id, res.headers.get('x-request-id'));
    }
  });

  test('in a stream they are events, and the connection breaks', async () => {
    for (const [route, want] of [
      [
        'chat/completions',
        /\n\ndata: \{"error":\{"message":"[^"]+","type":"server_error","param":null,"code":"engine_died"\}\}\n\n$/
      ],
      [
        'messages',
        /\n\nevent: error\ndata: \{"type":"error","error":\{"type":"api_error","message":"[^"]+","code":"engine_died"\}\}\n\n$/
      ]
    ]) {
      const res = await post(`/v1/${route}${query('dies')}`, { model: 'echo', stream: true });
      assert.equal(res.status, 200);
      const { text, broke } = await readAll(res);
      assert.match(text, want);
      assert.ok(broke, 'no clean end');
    }
  });

  test('half an answer is never a clean end', async () => {
    const res = await post(`/v1/chat/completions${query('half')}`, { model: 'echo' });
    assert.equal((await readAll(res)).broke, true);
  });
});

async function readAll(res) {
  let text = '';
  try {
    for await (const piece of res.body.pipeThrough(new TextDecoderStream())) text += piece;
  } catch {
    return { text, broke: true };
  }
  return { text, broke: false };
}

describe('an engine that says nothing', () => {
  before(() => add('brief', { answer_s: 1, silence_s: 1 }));

  test('before its header is a 504', async () => {
    const res = await post(`/v1/chat/completions${query('silent')}`, { model: 'brief' });
    assert.equal(res.status, 504);
    assert.equal((await res.json()).error.code, 'engine_timeout');
  });

  /* Its health is fine all the while, as the registry shows it (GET /health of the engine is 200). */
  test('and says that it is well is shown for what it is, until it answers', async () => {
    const trouble = async () => (await hob.server('brief')).engine.trouble;
    const silent = () => post(`/v1/chat/completions${query('silent')}`, { model: 'brief' }).then((res) => res.text());
    assert.match(await silent(), /did not answer in time/);
    assert.match(await trouble(), /left the last (\d+ requests|request) without an answer/);
    await Promise.all([silent(), silent()]);
    assert.match(await trouble(), /left the last \d+ requests without an answer/);
    const { engine } = await hob.server('brief');
    assert.deepEqual([engine.state, engine.active], ['ready', 0], 'it may be busy: nobody ends it');
    assert.equal((await post('/v1/chat/completions', { model: 'brief' })).status, 200);
    assert.equal(await trouble(), null);
  });

  test('in the middle of a stream for a while is bridged by comments', async () => {
    const bridged = async (route) => {
      const abort = new AbortController();
      const body = { model: 'echo', stream: true };
      const res = await post(`/v1/${route}${query('stalls')}`, body, {}, { signal: abort.signal });
      let text = '';
      for await (const piece of res.body.pipeThrough(new TextDecoderStream())) {
        text += piece;
        if (/\n:\n$/.test(text)) break;
      }
      assert.match(text, /^data: .*"content":"one".*\n\n:\n$/);
      abort.abort();
    };
    await Promise.all(['chat/completions', 'messages'].map(bridged));
  });

  test('in the middle of a stream is an error event', async () => {
    const res = await post(`/v1/chat/completions${query('stalls')}`, { model: 'brief', stream: true });
    const { text, broke } = await readAll(res);
    assert.match(text, /"content":"one"[^]*"code":"engine_timeout"/);
    assert.ok(broke);
  });
});

test('what hob tries again by itself is one request, for limits and records', async () => {
  const made = await hob.post('/api/keys', { name: 'counted', limits: { requests_per_minute: 2 } });
  const as = { authorization: `Bearer ${(await made.json()).secret}` };
  const res = await post(`/v1/chat/completions${query('flaky', { times: 2 })}`, { model: 'echo' }, as);
  assert.equal(res.status, 200);
  assert.equal((await res.json()).method, 'POST');
  assert.equal(res.headers.get('x-ratelimit-remaining-requests'), '1');
  assert.equal((await post('/v1/chat/completions', { model: 'echo' }, as)).status, 200);
  assert.equal((await post('/v1/chat/completions', { model: 'echo' }, as)).status, 429);
  const records = await until(async () => {
    const all = (await hob.get('/api/activity?key=counted')).records;
    return all.length >= 3 && all;
  }, 'the records');
  assert.deepEqual(
    records.map((r) => r.status),
    [429, 200, 200]
  );
});

describe('whole JSON that takes long', () => {
  before(() => add('long', { early_header_s: 1, answer_s: 4 }));

  test('has its header early, and blanks before the value', async () => {
    const res = await post(`/v1/chat/completions${query('slow', { ms: 2500 })}`, { model: 'long' });
    assert.equal(res.status, 200);
    assert.equal(res.headers.get('content-type'), 'application/json');
    const { text, broke } = await readAll(res);
    assert.match(text, /^ +\{/);
    assert.equal(JSON.parse(text).method, 'POST');
    assert.equal(broke, false);
  });

  test('a failure after that says what it was, and breaks off', async () => {
    for (const [act, more, message, code] of [
      ['late', { ms: 2500, status: 500, body: '{"error":"out of memory"}' }, /out of memory/, 'engine_error'],
      ['silent', {}, /in time/, 'engine_timeout']
    ]) {
      const res = await post(`/v1/chat/completions${query(act, more)}`, { model: 'long' });
      assert.equal(res.status, 200);
      const { text, broke } = await readAll(res);
      assert.match(JSON.parse(text).error.message, message);
      assert.ok(broke);
      const record = await until(
        async () => (await hob.get(`/api/activity?q=${res.headers.get('x-request-id')}`)).records[0],
        'its record'
      );
      assert.deepEqual([record.status, record.code], [200, code]);
    }
  });
});
