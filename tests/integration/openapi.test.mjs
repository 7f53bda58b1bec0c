// docs/openapi.yaml: valid, complete against the route tables, and true for what the program answers.
import { Validator } from '@seriousme/openapi-schema-validator';
import Ajv2020 from 'ajv/dist/2020.js';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { parse } from 'yaml';
import { events, Hob, until } from '../lib/hob.mjs';

const root = new URL('../../', import.meta.url);
const text = readFileSync(new URL('docs/openapi.yaml', root), 'utf8');
const doc = parse(text);
const METHODS = ['get', 'put', 'post', 'patch', 'delete'];

/** [{method, path, op, item}] of the document. */
const operations = Object.entries(doc.paths).flatMap(([path, item]) =>
  METHODS.filter((m) => item[m]).map((method) => ({ method, path, op: item[method], item }))
);

const ajv = new Ajv2020({ strict: false, allErrors: true, formats: {} });
ajv.addSchema({ $id: 'doc:', ...doc });
const pointer = (...parts) =>
  parts.map((p) => `/${encodeURIComponent(p.replaceAll('~', '~0').replaceAll('/', '~1'))}`).join('');

/** Follows a $ref of the document; gives [value, JSON pointer parts]. */
function resolve(value, at) {
  if (!value?.$ref) return [value, at];
  const parts = value.$ref.slice(2).split('/');
  return [parts.reduce((v, p) => v[p], doc), parts];
}

function assertValid(at, data, what) {
  const validate = ajv.getSchema(`doc:#${pointer(...at)}`);
  assert.ok(validate, `no schema at ${at.join('/')}`);
  assert.ok(validate(data), `${what}: ${ajv.errorsText(validate.errors)}\n${JSON.stringify(data)?.slice(0, 600)}`);
}

const assertIs = (name, data) => assertValid(['components', 'schemas', name], data, name);

describe('the document', () => {
  test('is OpenAPI 3.1', async () => {
    const { valid, errors } = await new Validator().validate(parse(text));
    assert.ok(valid, JSON.stringify(errors, null, 1));
    assert.match(doc.openapi, /^3\.1\./);
  });

  test('has every route of the program with its policy, and no other', () => {
    const api = new URL('src/api/', root);
    const routes = readdirSync(api)
      .filter((f) => f.endsWith('.c'))
      .flatMap((f) => [
        ...readFileSync(new URL(f, api), 'utf8').matchAll(/\bROUTE\((\w+), "([^"]+)", API_(\w+), API_(\w+)/g)
      ])
      .map(([, method, path, policy, body]) => ({ key: `${method} ${path}`, policy, body }));
    assert.ok(routes.length > 30);
    assert.deepEqual(
      operations.map(({ method, path }) => `${method.toUpperCase()} ${path}`).sort(),
      routes.map((r) => r.key).sort()
    );
    const schemes = (op) =>
      (op.security ?? doc.security)
        .map((s) => Object.keys(s)[0])
        .sort()
        .join();
    // the two things that the table does not say: who may make and change keys, and that logging out is for whoever asks
    const wanted = {
      PUBLIC: '',
      USER: 'apiKey,bearer,cookie',
      ADMIN: 'cookie',
      ADMIN_OR_KEY: 'apiKey,bearer,cookie',
      KEY: 'apiKey,bearer'
    };
    for (const { method, path, op } of operations) {
      const key = `${method.toUpperCase()} ${path}`;
      const { policy, body } = routes.find((r) => r.key === key);
      assert.equal(schemes(op), /^(POST|PATCH) .api.keys/.test(key) ? 'cookie' : wanted[policy], key);
      if (body !== 'ANY')
        assert.equal(
          Boolean(op.requestBody),
          ['JSON', 'RAW', 'JSON_STREAM', 'PASSED'].includes(body),
          `body of ${key}`
        );
    }
  });

  test('says what each operation answers when it fails', () => {
    for (const { method, path, op } of operations) {
      assert.ok(op.responses.default, `${method} ${path} has no default`);
      if (op.security?.length !== 0) assert.ok(op.responses[401], `${method} ${path} has no 401`);
    }
  });

  test('names every code that the program gives', () => {
    const codes = new Set();
    for (const room of ['api', 'auth', 'chat', 'gateway'])
      for (const f of readdirSync(new URL(`src/${room}/`, root)).filter((f) => f.endsWith('.c')))
        for (const [, code] of readFileSync(new URL(`src/${room}/${f}`, root), 'utf8').matchAll(/code = "([a-z_]+)"/g))
          codes.add(code);
    assert.ok(codes.size > 5);
    const missing = [...codes].filter((c) => !text.includes(c));
    assert.deepEqual(missing, []);
  });

  test('has examples that fit their schemas', () => {
    let n = 0;
    const visit = (value, at) => {
      if (!value || typeof value !== 'object') return;
      if (value.schema && value.example !== undefined) {
        assertValid([...at, 'schema'], value.example, at.join('/'));
        n++;
      }
      for (const key of Object.keys(value)) visit(value[key], [...at, key]);
    };
    visit(doc, []);
    assert.ok(n >= 10);
  });
});

describe('the program answers as the document says', () => {
  let hob;
  const seen = new Set();

  /** Sends a request, checks the status, the type and the body against the document; gives the parsed body. */
  async function call(method, path, body, { status, template = path, ...init } = {}) {
    const res = await hob.request(path, {
      method,
      ...init,
      headers: body === undefined ? init.headers : { 'content-type': 'application/json', ...init.headers },
      body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
    });
    const what = `${method} ${path} ${res.status}`;
    if (status) assert.equal(res.status, status, `${what}: ${res.ok ? '' : await res.clone().text()}`);
    const pattern = template.split('?')[0];
    const item = doc.paths[pattern];
    const op = item?.[method.toLowerCase()];
    assert.ok(op, `${method} ${pattern} is not in the document`);
    const key = op.responses[res.status] ? String(res.status) : 'default';
    if (key === 'default') assert.ok(res.status >= 400, what);
    seen.add(`${method} ${pattern}`);
    const [response, at] = resolve(op.responses[key], ['paths', pattern, method.toLowerCase(), 'responses', key]);
    assert.match(res.headers.get('x-request-id') ?? '', /^[0-9a-f]{16}$/, what);
    if (!response.content) {
      assert.equal(await res.text(), '', what);
      return null;
    }
    const type = res.headers.get('content-type').split(';')[0];
    if (response.content['*/*']) return res.text();
    assert.ok(response.content[type] ?? response.content[type.replace(/\/.*/, '/*')], `${what}: ${type}`);
    if (type === 'text/event-stream') return res;
    if (type !== 'application/json') return res.text();
    const data = await res.json();
    assertValid([...at, 'content', type, 'schema'], data, what);
    return data;
  }

  before(async () => {
    hob = await Hob.start({ setup: false });
  });
  after(() => hob?.stop());

  test('accounts and keys', async () => {
    assert.equal((await call('GET', '/api/session', undefined, { status: 200 })).setup_needed, true);
    await call('GET', '/api/users', undefined, { status: 401 });
    await call('POST', '/api/setup', { token: 'wrong', name: 'ada', password: 'correct horse' }, { status: 403 });
    await call('POST', '/api/setup', { token: hob.setupToken, name: 'ada', password: 'short' }, { status: 400 });
    await call(
      'POST',
      '/api/setup',
      { token: hob.setupToken, name: 'ada', password: 'correct horse' },
      { status: 201 }
    );
    await hob.logIn({ name: 'ada', password: 'correct horse' });
    await call('POST', '/api/setup', { token: 'x', name: 'eve', password: 'correct horse' }, { status: 409 });
    await call('GET', '/api/session', undefined, { status: 200 });
    await call('POST', '/api/signup', { name: 'bob', password: 'correct horse' }, { status: 202 });
    await call('POST', '/api/signup', { name: 'bob', password: 'correct horse' }, { status: 409 });
    await call('POST', '/api/login', { name: 'bob', password: 'correct horse' }, { status: 403 });
    await call('POST', '/api/login', { name: 'bob', password: 'wrong wrong' }, { status: 401 });
    await call('POST', '/api/login', { name: 'ada', password: 'correct horse' }, { status: 200 });
    const { users } = await call('GET', '/api/users', undefined, { status: 200 });
    const bob = users.find((u) => u.name === 'bob').id;
    const user = (what) => ({ status: 200, template: `/api/users/{id}/${what}` });
    await call('POST', `/api/users/${bob}/approve`, {}, user('approve'));
    await call('POST', `/api/users/${bob}/disable`, {}, user('disable'));
    await call('POST', `/api/users/${randomUUID()}/approve`, {}, { status: 404, template: '/api/users/{id}/approve' });
    const one = { template: '/api/users/{id}' };
    await call('PATCH', `/api/users/${bob}`, { limits: { max_parallel: 2 } }, { status: 200, ...one });
    await call('PATCH', `/api/users/${bob}`, { limits: { max_parallel: 0 } }, { status: 400, ...one });
    await call('PATCH', `/api/users/${randomUUID()}`, { limits: null }, { status: 404, ...one });
    const scope = {
      routes: ['chat'],
      models: ['a*'],
      expires_at: Date.now() + 60000,
      limits: { tokens_per_minute: 9 }
    };
    const { key } = await call('POST', '/api/keys', { name: 'laptop', ...scope }, { status: 201 });
    await call('POST', '/api/keys', { name: '' }, { status: 400 });
    await call('GET', '/api/keys', undefined, { status: 200 });
    const change = (id, body, status) => call('PATCH', `/api/keys/${id}`, body, { status, template: '/api/keys/{id}' });
    await change(key.id, { routes: null, models: null, expires_at: null, limits: null }, 200);
    await change(key.id, { routes: [] }, 400);
    await change(randomUUID(), {}, 404);
    await call('DELETE', `/api/keys/${key.id}`, undefined, { status: 204, template: '/api/keys/{id}' });
    await call('DELETE', `/api/keys/${key.id}`, undefined, { status: 404, template: '/api/keys/{id}' });
    await call('POST', '/api/logout', {}, { status: 204, headers: { cookie: '' } });
    await call('GET', '/health', undefined, { status: 200 });
    await call('GET', '/ready', undefined, { status: 200 });
  });

  const one = { template: '/api/servers/{id}' };
  test('servers', async () => {
    await call('GET', '/api/config', undefined, { status: 200 });
    await call('GET', '/api/models', undefined, { status: 200 });
    await call('GET', '/api/servers', undefined, { status: 200 });
    await call('POST', '/api/servers', { name: 'x', kind: 'toaster' }, { status: 400 });
    const input = { name: 'fast', kind: 'demo', args: ['--tokens-per-second', '500'] };
    const { server } = await call('POST', '/api/servers', input, { status: 201 });
    await call('POST', '/api/servers', input, { status: 409 });
    const at = `/api/servers/${server.id}`;
    await call('GET', at, undefined, { status: 200, ...one });
    await call('GET', `/api/servers/${randomUUID()}`, undefined, { status: 404, ...one });
    await call('PATCH', at, { on_demand: 'yes' }, { status: 400, ...one });
    await call('PATCH', at, { autostart: false }, { status: 200, ...one });
    await call('POST', `${at}/start`, {}, { status: 202, template: '/api/servers/{id}/start' });
    await hob.untilState(server.id, 'ready');
    await call('POST', `${at}/restart`, {}, { status: 202, template: '/api/servers/{id}/restart' });
    await hob.untilState(server.id, 'ready');
    await call('GET', at, undefined, { status: 200, ...one });
    const { lines } = await call('GET', `${at}/log`, undefined, { status: 200, template: '/api/servers/{id}/log' });
    assert.ok(lines.length > 0);
    await call('GET', `${at}/log?after=x`, undefined, { status: 400, template: '/api/servers/{id}/log' });
  });

  test('a failed engine', async () => {
    const server = await hob.addDemo('broken', ['--load-seconds', '0.2', '--die-while-loading']);
    await hob.startServer(server.id, 'failed');
    const { server: now } = await call('GET', `/api/servers/${server.id}`, undefined, { status: 200, ...one });
    assert.ok(now.engine.failure.log.length > 0);
    const body = hob.message('broken', 'hello');
    const { error } = await call('POST', '/api/chat/completions', body, { status: 409 });
    assert.equal(error.code, 'engine_failed');
    await call('DELETE', `/api/servers/${server.id}`, undefined, { status: 204, ...one });
  });

  test('who sits in memory', async () => {
    await call('GET', '/api/memory', undefined, { status: 200 });
    await call('PATCH', '/api/memory', { turn_s: 0 }, { status: 400 });
    const groups = { large: 'together' };
    const { memory } = await call('PATCH', '/api/memory', { budget_bytes: 8e9, groups }, { status: 200 });
    assert.deepEqual([memory.ram.budget_bytes, memory.settings.groups], [8e9, groups]);
    await call('PATCH', '/api/memory', { budget_bytes: null, groups: { large: null } }, { status: 200 });
  });

  test('messages, answers and what is kept of them', async () => {
    await call('POST', '/api/chat/completions', { message: {} }, { status: 400 });
    await call('POST', '/api/chat/completions', hob.message('nowhere', 'hello'), { status: 404 });
    const slow = await hob.addDemo('slow', ['--load-seconds', '30']);
    const { error } = await call('POST', '/api/chat/completions', hob.message('slow', 'hello'), { status: 503 });
    assert.match(error.code, /^engine_(starting|loading)$/);
    const later = hob.message('slow', 'hello', { mode: 'when_ready' });
    const { generation } = await call('POST', '/api/chat/completions', later, { status: 202 });
    assert.equal(generation.state, 'queued');
    await call(
      'POST',
      `/api/generations/${generation.id}/stop`,
      {},
      {
        status: 200,
        template: '/api/generations/{id}/stop'
      }
    );
    await call('POST', `/api/servers/${slow.id}/stop`, {}, { status: 202, template: '/api/servers/{id}/stop' });

    const { attachment } = await call('POST', '/api/attachments?name=a.txt', 'some text', {
      status: 201,
      headers: { 'content-type': 'text/plain' }
    });
    await call('POST', '/api/attachments?name=a.zip', 'PK', {
      status: 415,
      headers: { 'content-type': 'application/zip' }
    });
    await call('GET', `/api/attachments/${attachment.id}`, undefined, {
      status: 200,
      template: '/api/attachments/{id}'
    });
    const parts = [
      { type: 'text', text: 'echo three words here' },
      { type: 'file', file: { id: attachment.id, name: 'a.txt' } }
    ];
    const body = hob.message('fast', parts);
    const res = await call('POST', '/api/chat/completions', body, { status: 200 });
    assertIs('Uuid', res.headers.get('x-answer-id'));
    await checkGeneration(res);
    const id = res.headers.get('x-generation-id');
    const generations = { status: 200, template: '/api/generations/{id}' };
    await call('GET', `/api/generations/${id}`, undefined, generations);
    await checkGeneration(
      await call('GET', `/api/generations/${id}/events?after=1`, undefined, {
        status: 200,
        template: '/api/generations/{id}/events'
      })
    );
    await call('GET', `/api/generations/${randomUUID()}`, undefined, { ...generations, status: 404 });

    await call('GET', '/api/conversations', undefined, { status: 200 });
    const at = `/api/conversations/${body.conversation_id}`;
    const conversation = { template: '/api/conversations/{id}' };
    const { messages } = await call('GET', at, undefined, { status: 200, ...conversation });
    assert.equal(messages.length, 2);
    await call('PATCH', at, { title: 'Words' }, { status: 200, ...conversation });
    const search = { template: '/api/search' };
    const { hits } = await call('GET', '/api/search?q=wor', undefined, { status: 200, ...search });
    assert.ok(hits.length > 0);
    await call('GET', '/api/search?q=wor&limit=0', undefined, { status: 400, ...search });
    const activity = { template: '/api/activity' };
    await until(async () => (await hob.get('/api/activity')).records.length > 0, 'a record');
    await call('GET', '/api/activity?limit=1', undefined, { status: 200, ...activity });
    await call('GET', '/api/activity?outcome=x', undefined, { status: 400, ...activity });
    await call('GET', '/api/activity.csv', undefined, { status: 200 });
    await call('GET', '/api/activity/series?buckets=3', undefined, { status: 200, template: '/api/activity/series' });
    await call('GET', '/metrics', undefined, { status: 200 });
    await call('PATCH', at, { title: ' ' }, { status: 400, ...conversation });
    const exported = { template: '/api/conversations/{id}/export' };
    const file = await call('GET', `${at}/export`, undefined, { status: 200, ...exported });
    assert.ok(file.items.length > 3);
    await call('GET', `${at}/export?format=markdown`, undefined, { status: 200, ...exported });
    await call('GET', `${at}/export?format=pdf`, undefined, { status: 400, ...exported });
    await call('GET', `/api/conversations/${randomUUID()}/export`, undefined, { status: 404, ...exported });
    const all = await call('GET', '/api/export', undefined, { status: 200 });
    await call('POST', '/api/import', all, { status: 200 });
    await call('POST', '/api/import', { items: [7] }, { status: 400 });

    const message = { template: '/api/messages/{id}' };
    const queued = { conversation_id: body.conversation_id, content: 'later', server: 'fast', state: 'queued' };
    const m = `/api/messages/${randomUUID()}`;
    await call('PUT', m, queued, { status: 201, ...message });
    await call('PUT', m, { ...queued, content: 'later still' }, { status: 200, ...message });
    await call('DELETE', m, undefined, { status: 204, ...message });
    await call('DELETE', `/api/messages/${body.message.id}`, undefined, { status: 409, ...message });
    const edit = { template: '/api/messages/{id}/edit' };
    const better = { id: randomUUID(), content: 'better' };
    const answer = `/api/messages/${messages[1].id}/edit`;
    await call('POST', answer, better, { status: 201, ...edit });
    await call('POST', answer, better, { status: 200, ...edit });
    await call('POST', answer, { ...better, content: '' }, { status: 400, ...edit });
    await call(
      'POST',
      `/api/messages/${body.message.id}/edit`,
      { ...better, id: randomUUID() },
      { status: 409, ...edit }
    );
    const branch = { template: '/api/messages/{id}?branch=true' };
    await call('DELETE', `/api/messages/${better.id}?branch=true`, undefined, { status: 204, ...branch });
    await call('DELETE', `/api/messages/${better.id}?branch=true`, undefined, { status: 404, ...branch });
    const folders = { template: '/api/folders/{id}' };
    const { folder } = await call('POST', '/api/folders', { name: 'Work' }, { status: 201 });
    await call('POST', '/api/folders', { name: 'Work' }, { status: 409 });
    await call('POST', '/api/folders', { name: '' }, { status: 400 });
    await call('GET', '/api/folders', undefined, { status: 200 });
    await call('PATCH', `/api/folders/${folder.id}`, { name: 'Play' }, { status: 200, ...folders });
    const ids = [body.conversation_id];
    await call('POST', '/api/conversations/bulk', { ids, set: { folder_id: folder.id } }, { status: 200 });
    await call('POST', '/api/conversations/bulk', { ids }, { status: 400 });
    await call('DELETE', `/api/folders/${folder.id}`, undefined, { status: 204, ...folders });
    await call('DELETE', `/api/folders/${folder.id}`, undefined, { status: 404, ...folders });
    await call('DELETE', at, undefined, { status: 204, ...conversation });
    await call('GET', at, undefined, { status: 404, ...conversation });
  });

  /** Every event of an answer's stream is what the document says. */
  async function checkGeneration(res) {
    let last = null;
    for await (const ev of events(res)) {
      if (ev.data === null || ev.data === '[DONE]') continue;
      const data = JSON.parse(ev.data);
      if (ev.event === 'message') assertIs('Chunk', data);
      else if (ev.event === 'done') assertIs('Meta', data.meta);
      else if (ev.event === 'error') assertIs('GenerationError', data.error);
      else assert.fail(ev.event);
      last = ev.event;
    }
    assert.equal(last, 'done');
  }

  test('the live stream', async () => {
    const leave = new AbortController();
    const res = await call('GET', '/api/events', undefined, { status: 200, signal: leave.signal });
    let servers = 0;
    for await (const ev of events(res)) {
      if (ev.event !== 'server') continue;
      assertIs('Server', JSON.parse(ev.data));
      if (++servers === 3) break;
    }
    leave.abort();
    assert.equal(servers, 3);
  });

  test('the OpenAI side', async () => {
    const secret = await hob.addKey('docs');
    const headers = { authorization: `Bearer ${secret}`, cookie: '' };
    await call('GET', '/v1/models', undefined, { status: 401 });
    await call('GET', '/v1/models', undefined, { status: 200, headers });
    const body = { model: 'fast', messages: [{ role: 'user', content: 'echo hello' }] };
    await call('POST', '/v1/chat/completions', body, { status: 200, headers });
    await call('POST', '/v1/chat/completions', { ...body, model: 'none' }, { status: 404, headers });
    await call('POST', '/v1/chat/completions', { messages: [] }, { status: 400, headers });
    const res = await call('POST', '/v1/chat/completions', { ...body, stream: true }, { status: 200, headers });
    for await (const ev of events(res)) if (ev.data && ev.data !== '[DONE]') assertIs('Chunk', JSON.parse(ev.data));
    const model = { headers, template: '/v1/models/{model}' };
    await call('GET', '/v1/models/fast', undefined, { ...model, status: 200 });
    await call('GET', '/v1/models/org%2Fnone', undefined, { ...model, status: 404 });
    await call('POST', '/v1/completions', { model: 'fast', prompt: 'echo a' }, { status: 200, headers });
    await call('POST', '/v1/responses', { model: 'fast', input: 'echo a' }, { status: 200, headers });
    await call('POST', '/v1/embeddings', { model: 'fast', input: 'a' }, { status: 200, headers });
    await call('POST', '/v1/rerank', { model: 'fast', query: 'a', documents: ['a'] }, { status: 200, headers });
    const message = { model: 'fast', max_tokens: 9, messages: body.messages };
    await call('POST', '/v1/messages', message, { status: 200, headers });
    await call('POST', '/v1/messages/count_tokens', message, { status: 200, headers });
    await call('POST', '/v1/messages', { ...message, model: 'none' }, { status: 404, headers });
    await call('POST', '/v1/messages', { messages: [] }, { status: 400, headers });
    await call('POST', '/v1/messages', message, { status: 401, headers: { cookie: '' } });
    await call('POST', '/v1/audio/speech', { model: 'fast' }, { status: 404, headers });
    await call('POST', '/v1/images/generations', { model: 'fast' }, { status: 404, headers });
    const form = '--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nfast\r\n--b--\r\n';
    const parts = { ...headers, 'content-type': 'multipart/form-data; boundary=b' };
    await call('POST', '/v1/audio/transcriptions', form, { status: 404, headers: parts });
    const root = { headers, template: '/upstream/{server}', redirect: 'manual' };
    await call('GET', '/upstream/fast', undefined, { ...root, status: 308 });
    const upstream = { headers, template: '/upstream/{server}/{path}' };
    await call('GET', '/upstream/fast/health?x=1', undefined, { ...upstream, status: 200 });
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'])
      await call(method, '/upstream/none/x', method === 'DELETE' ? undefined : {}, { ...upstream, status: 404 });
  });

  test('every operation was tried', () => {
    const all = operations.map(({ method, path }) => `${method.toUpperCase()} ${path}`);
    assert.deepEqual(
      all.filter((key) => !seen.has(key)),
      []
    );
  });
});
