// Who may do what: every route against every identity, and the guards that stand before all of them.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';
import { parse } from 'yaml';
import { ADMIN, Hob } from '../lib/hob.mjs';

const ID = randomUUID();
const ROUTES = [
  ['GET', '/api/session', 'public'],
  ['POST', '/api/setup', 'public'],
  ['POST', '/api/login', 'public'],
  ['POST', '/api/signup', 'public'],
  ['GET', '/health', 'public'],
  ['GET', '/ready', 'public'],
  ['GET', '/api/users', 'admin'],
  ['PATCH', `/api/users/${ID}`, 'admin'],
  ['POST', `/api/users/${ID}/approve`, 'admin'],
  ['POST', `/api/users/${ID}/disable`, 'admin'],
  ['GET', '/api/keys', 'user'],
  ['POST', '/api/keys', 'user'],
  ['PATCH', `/api/keys/${ID}`, 'user but no key'],
  ['DELETE', `/api/keys/${ID}`, 'user'],
  ['GET', '/api/servers', 'user'],
  ['POST', '/api/servers', 'admin'],
  ['GET', `/api/servers/${ID}`, 'user'],
  ['PATCH', `/api/servers/${ID}`, 'admin'],
  ['DELETE', `/api/servers/${ID}`, 'admin'],
  ['POST', `/api/servers/${ID}/start`, 'user'],
  ['POST', `/api/servers/${ID}/stop`, 'admin'],
  ['POST', `/api/servers/${ID}/restart`, 'admin'],
  ['GET', `/api/servers/${ID}/log`, 'admin'],
  ['GET', '/api/config', 'admin'],
  ['GET', '/api/memory', 'user'],
  ['PATCH', '/api/memory', 'admin'],
  ['GET', '/api/models', 'user'],
  ['GET', '/api/conversations', 'user'],
  ['GET', '/api/search?q=x', 'user'],
  ['GET', `/api/conversations/${ID}/export`, 'user'],
  ['GET', '/api/export', 'user'],
  ['POST', '/api/conversations/bulk', 'user'],
  ['GET', `/api/conversations/${ID}`, 'user'],
  ['PATCH', `/api/conversations/${ID}`, 'user'],
  ['DELETE', `/api/conversations/${ID}`, 'user'],
  ['GET', '/api/folders', 'user'],
  ['POST', '/api/folders', 'user'],
  ['PATCH', `/api/folders/${ID}`, 'user'],
  ['DELETE', `/api/folders/${ID}`, 'user'],
  ['POST', '/api/import', 'user'],
  ['PUT', `/api/messages/${ID}`, 'user'],
  ['DELETE', `/api/messages/${ID}`, 'user'],
  ['POST', `/api/messages/${ID}/edit`, 'user'],
  ['POST', '/api/attachments', 'user'],
  ['GET', `/api/attachments/${ID}`, 'user'],
  ['POST', '/api/chat/completions', 'user'],
  ['GET', `/api/generations/${ID}`, 'user'],
  ['GET', `/api/generations/${ID}/events`, 'user'],
  ['POST', `/api/generations/${ID}/stop`, 'user'],
  ['GET', '/api/events', 'user'],
  ['GET', '/api/activity', 'user'],
  ['GET', '/api/activity.csv', 'user'],
  ['GET', '/api/activity/series', 'user'],
  ['GET', '/metrics', 'admin or key'],
  ['GET', '/v1/models', 'key'],
  ['GET', '/v1/models/a/b', 'key'],
  ['POST', '/v1/chat/completions', 'key'],
  ...['completions', 'responses', 'embeddings', 'rerank', 'audio/speech', 'audio/transcriptions', 'images/generations']
    .concat('messages', 'messages/count_tokens')
    .map((path) => ['POST', `/v1/${path}`, 'key']),
  ...['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].map((method) => [method, '/upstream/a/b/c', 'key']),
  ['GET', '/upstream/a', 'key']
];

let hob;
const who = {};

/** An account that an admin has approved; gives its cookie, a key, and one that is for little. */
async function account(name) {
  const login = { name, password: `password of ${name}` };
  assert.equal((await hob.post('/api/signup', login)).status, 202);
  const { users } = await hob.get('/api/users');
  const { id } = users.find((u) => u.name === name);
  assert.equal((await hob.post(`/api/users/${id}/approve`)).status, 200);
  const res = await fetch(`${hob.url}/api/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(login)
  });
  const cookie = res.headers.getSetCookie()[0].split(';')[0];
  const make = async (body) => {
    const headers = { 'content-type': 'application/json', cookie };
    const made = await fetch(`${hob.url}/api/keys`, { method: 'POST', headers, body: JSON.stringify(body) });
    return made.json();
  };
  const { key, secret } = await make({ name: 'k' });
  const { secret: scoped } = await make({ name: 'scoped', routes: ['chat'], models: ['demo'] });
  return { id, cookie, key: secret, keyId: key.id, scoped };
}

before(async () => {
  hob = await Hob.start();
  const a = await account('A');
  const b = await account('B');
  const gone = await account('gone');
  const revoked = await account('revoked');
  await hob.post('/api/signup', { name: 'waiting', password: 'still waiting' });
  assert.equal((await hob.post(`/api/users/${gone.id}/disable`)).status, 200);
  const dropped = await fetch(`${hob.url}/api/keys/${revoked.keyId}`, {
    method: 'DELETE',
    headers: { cookie: revoked.cookie }
  });
  assert.equal(dropped.status, 204);
  Object.assign(who, {
    nobody: {},
    A: { cookie: a.cookie },
    B: { cookie: b.cookie },
    admin: { cookie: hob.cookie },
    'key of the admin': { authorization: `Bearer ${await hob.addKey()}` },
    'key of A': { authorization: `Bearer ${a.key}` },
    'x-api-key of A': { 'x-api-key': a.key },
    'scoped key of A': { authorization: `Bearer ${a.scoped}` },
    'session of a disabled user': { cookie: gone.cookie },
    'key of a disabled user': { authorization: `Bearer ${gone.key}` },
    'revoked key': { authorization: `Bearer ${revoked.key}` },
    'malformed key': { authorization: 'Bearer hob_nonsense' },
    'two keys': { authorization: `Bearer ${a.key}`, 'x-api-key': b.key }
  });
});
after(() => hob?.stop());

const SIGNED_IN = ['A', 'B', 'admin'];
const KEYS = ['key of A', 'x-api-key of A', 'key of the admin'];
const SCOPED = 'scoped key of A';
const OF_SCOPED = ['/v1/models', '/v1/models/a/b', '/v1/chat/completions'];

/** 'in', or the status with which this identity must be refused. */
function expected(policy, name, path) {
  if (policy === 'public') return 'in';
  if (name === SCOPED) return OF_SCOPED.includes(path) ? 'in' : 403;
  if (policy === 'user but no key' && KEYS.includes(name)) return 403;
  if (policy === 'user but no key') return SIGNED_IN.includes(name) ? 'in' : 401;
  if (policy === 'key') return KEYS.includes(name) ? 'in' : 401;
  if (policy === 'user') return SIGNED_IN.includes(name) || KEYS.includes(name) ? 'in' : 401;
  if (name === 'admin' || (policy === 'admin or key' && name === 'key of the admin')) return 'in';
  return SIGNED_IN.includes(name) || KEYS.includes(name) ? 403 : 401;
}

async function statusOf(method, path, headers) {
  const abort = new AbortController();
  const res = await fetch(hob.url + path, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    body: ['GET', 'DELETE'].includes(method) ? undefined : '{}',
    signal: abort.signal
  });
  const body = res.headers.get('content-type') === 'text/event-stream' ? null : await res.text();
  abort.abort();
  return { status: res.status, body, headers: res.headers };
}

/** How the document names a path. */
const template = (path) =>
  path
    .replace(ID, '{id}')
    .replace(/upstream\/a$/, 'upstream/{server}')
    .replace('models/a/b', 'models/{model}')
    .replace('/a/b/c', '/{server}/{path}')
    .split('?')[0];

test('every operation of the contract is in the table', () => {
  const { paths } = parse(readFileSync(new URL('../../docs/openapi.yaml', import.meta.url), 'utf8'));
  const known = ROUTES.map(([method, path]) => `${method} ${template(path)}`);
  // Its trial would end the sessions; it has a test of its own below.
  known.push('POST /api/logout');
  const all = Object.entries(paths).flatMap(([path, item]) =>
    Object.keys(item)
      .filter((key) => ['get', 'put', 'post', 'patch', 'delete'].includes(key))
      .map((method) => `${method.toUpperCase()} ${path}`)
  );
  assert.deepEqual(
    all.filter((operation) => !known.includes(operation)),
    []
  );
});

describe('routes and identities', () => {
  for (const [method, path, policy] of ROUTES) {
    test(`${method} ${path.replace(ID, '{id}')} is for ${policy}`, async () => {
      for (const [name, headers] of Object.entries(who)) {
        const { status, body } = await statusOf(method, path, headers);
        const want = expected(policy, name, path);
        if (want === 'in')
          assert.ok(
            ![401, 403].includes(status) || /bad_(setup_token|credentials)/.test(body),
            `${name}: ${status} ${body}`
          );
        else assert.equal(status, want, `${name}: ${body}`);
        if (status >= 400) {
          const { error } = JSON.parse(body);
          const form = path.startsWith('/v1/messages') ? ['type', 'message'] : ['message', 'type', 'param', 'code'];
          assert.deepEqual(Object.keys(error).slice(0, form.length), form, `${name}: ${body}`);
        }
      }
    });
  }

  test("another user's conversations, messages, generations and attachments are not there", async () => {
    const demo = await hob.server('demo');
    await hob.startServer(demo.id);
    const asA = (method, path, body) =>
      fetch(hob.url + path, {
        method,
        headers: { 'content-type': 'application/json', ...who.A },
        body: body && JSON.stringify(body)
      });
    const message = hob.message(demo.id, 'echo mine');
    const res = await asA('POST', '/api/chat/completions', message);
    assert.equal(res.status, 200);
    const generation = res.headers.get('x-generation-id');
    await res.text();
    const file = await fetch(`${hob.url}/api/attachments?name=a.txt`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain', ...who.A },
      body: 'secret of A'
    });
    const { attachment } = await file.json();
    const conversation = message.conversation_id;
    const { folder } = await (await asA('POST', '/api/folders', { name: 'of A' })).json();
    const [ids, folder_id] = [[conversation], folder.id];
    for (const [method, path, body] of [
      ['GET', `/api/conversations/${conversation}`],
      ['PATCH', `/api/conversations/${conversation}`, { title: 'taken' }],
      ['DELETE', `/api/conversations/${conversation}`],
      ['PATCH', `/api/folders/${folder_id}`, { name: 'taken' }],
      ['DELETE', `/api/folders/${folder_id}`],
      ['GET', `/api/generations/${generation}`],
      ['GET', `/api/generations/${generation}/events`],
      ['POST', `/api/generations/${generation}/stop`, {}],
      ['GET', `/api/attachments/${attachment.id}`],
      ['DELETE', `/api/messages/${message.message.id}`],
      ['DELETE', `/api/messages/${message.message.id}?branch=true`],
      ['POST', `/api/messages/${res.headers.get('x-answer-id')}/edit`, { id: randomUUID(), content: 'not so' }],
      ['POST', '/api/chat/completions', hob.message(demo.id, 'echo x', { conversation_id: conversation })],
      ['POST', '/api/chat/completions', hob.message(demo.id, [{ type: 'file', file: { id: attachment.id } }])]
    ]) {
      for (const name of ['B', 'admin']) {
        const res = await fetch(hob.url + path, {
          method,
          headers: { 'content-type': 'application/json', ...who[name] },
          body: body && JSON.stringify(body)
        });
        assert.equal(res.status, 404, `${name} ${method} ${path}: ${await res.text()}`);
      }
    }
    const asB = (path, body) =>
      fetch(hob.url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...who.B },
        body: JSON.stringify(body)
      });
    for (const body of [
      { ids, delete: true },
      { ids, set: { archived: true } }
    ])
      assert.deepEqual(await (await asB('/api/conversations/bulk', body)).json(), { n: 0 });
    assert.equal((await asB('/api/conversations/bulk', { ids, set: { folder_id } })).status, 400);
    const { conversation: kept } = await (await asA('GET', `/api/conversations/${conversation}`)).json();
    assert.equal(kept.archived, false);
  });
});

test('what names something of another user finds nothing, and no list has it', async () => {
  const { id: server } = await hob.addDemo('shared', ['--tokens-per-second', '0']);
  await hob.startServer(server);
  const as = (name, method, path, body) =>
    fetch(hob.url + path, {
      method,
      headers: { 'content-type': 'application/json', ...who[name] },
      body: body && JSON.stringify(body)
    });
  /** A conversation with a folder, an attachment and an answer. */
  async function talk(name, word) {
    const headers = { 'content-type': 'text/plain', ...who[name] };
    const file = await fetch(`${hob.url}/api/attachments?name=${word}.txt`, { method: 'POST', headers, body: word });
    const { attachment } = await file.json();
    const { folder } = await (await as(name, 'POST', '/api/folders', { name: word })).json();
    const body = hob.message(server, `echo ${word}`);
    const res = await as(name, 'POST', '/api/chat/completions', body);
    assert.equal(res.status, 200);
    await res.text();
    return {
      body,
      conversation: body.conversation_id,
      message: body.message.id,
      answer: res.headers.get('x-answer-id'),
      generation: res.headers.get('x-generation-id'),
      attachment: attachment.id,
      folder: folder.id
    };
  }
  const a = await talk('A', 'gooseberry');
  for (const name of ['B', 'admin']) {
    const own = await talk(name, `own${name}`);
    const put = { conversation_id: own.conversation, content: 'x', server };
    const send = (more) => ({ ...hob.message(server, 'x'), ...more });
    const withPart = (p) => hob.message(server, [{ type: 'text', text: 'x' }, p]);
    for (const [status, method, path, body] of [
      [404, 'GET', `/api/conversations/${a.conversation}/export`],
      [404, 'GET', `/api/conversations/${a.conversation}/export?format=markdown`],
      [404, 'PUT', `/api/messages/${randomUUID()}`, { ...put, conversation_id: a.conversation }],
      [404, 'PUT', `/api/messages/${randomUUID()}`, { ...put, parent_id: a.answer }],
      [409, 'PUT', `/api/messages/${a.message}`, put],
      [409, 'POST', `/api/messages/${own.answer}/edit`, { id: a.answer, content: 'not so' }],
      [400, 'PATCH', `/api/conversations/${own.conversation}`, { leaf_id: a.answer }],
      [400, 'PATCH', `/api/conversations/${own.conversation}`, { folder_id: a.folder }],
      [404, 'POST', '/api/chat/completions', { ...a.body, mode: 'retry', instead_of: a.generation }],
      [404, 'POST', '/api/chat/completions', { ...a.body, mode: 'continue' }],
      [404, 'POST', '/api/chat/completions', { ...a.body, mode: 'when_ready' }],
      [404, 'POST', '/api/chat/completions', hob.message(server, 'x', { parent_id: a.answer })],
      [409, 'POST', '/api/chat/completions', send({ message: { ...a.body.message, parent_id: null } })],
      [404, 'POST', '/api/chat/completions', withPart({ type: 'file', file: { id: a.attachment } })],
      [
        404,
        'POST',
        '/api/chat/completions',
        withPart({ type: 'file', file: { id: own.attachment, original_id: a.attachment } })
      ],
      [
        404,
        'POST',
        '/api/chat/completions',
        withPart({ type: 'image_url', image_url: { url: `attachment:${a.attachment}` } })
      ]
    ]) {
      const res = await as(name, method, path, body);
      const text = await res.text();
      assert.equal(res.status, status, `${name} ${method} ${path} ${JSON.stringify(body)}: ${text}`);
      assert.ok(!text.includes('gooseberry'), text);
    }
    for (const path of [
      '/api/conversations',
      '/api/folders',
      '/api/search?q=gooseberry',
      `/api/search?q=gooseberry&conversation_id=${a.conversation}`,
      '/api/export',
      '/api/export?format=markdown',
      `/api/conversations/${own.conversation}`
    ]) {
      const res = await as(name, 'GET', path);
      const text = await res.text();
      assert.equal(res.status, 200, path);
      for (const secret of ['gooseberry', a.conversation, a.message, a.answer, a.folder])
        assert.ok(!text.includes(secret), `${name} ${path} has ${secret}`);
    }
  }
  const read = async (path) => (await as('key of A', 'GET', path)).json();
  const { conversation, messages } = await read(`/api/conversations/${a.conversation}`);
  assert.deepEqual(
    messages.map((m) => [m.id, m.state, m.content]),
    [
      [a.message, 'answered', 'echo gooseberry'],
      [a.answer, 'done', 'gooseberry']
    ]
  );
  assert.deepEqual([conversation.leaf_id, conversation.folder_id], [a.answer, null]);
  const { hits } = await read(`/api/search?q=gooseberry&conversation_id=${a.conversation}`);
  assert.equal(hits.length, 2, 'a key of its user finds them');
});

/** A request with headers that fetch would not send. */
function raw(path, headers, method = 'GET', body) {
  return new Promise((resolve, reject) => {
    const req = http.request({ host: '127.0.0.1', port: hob.port, path, method, headers }, (res) => {
      let text = '';
      res
        .on('data', (d) => (text += d))
        .on('end', () => resolve({ status: res.statusCode, text, headers: res.headers }));
    });
    req.on('error', reject).end(body);
  });
}

describe('guards', () => {
  test('an unknown Host is 421, on the page as on the interface', async () => {
    for (const path of ['/', '/api/session', '/health'])
      assert.equal((await raw(path, { host: 'evil.example' })).status, 421, path);
    assert.equal((await raw('/health', { host: `localhost:${hob.port}` })).status, 200);
  });

  test('changes from another site are refused, whatever the cookie', async () => {
    const json = { 'content-type': 'application/json', cookie: hob.cookie };
    const demo = await hob.server('demo');
    const path = `/api/servers/${demo.id}/stop`;
    for (const headers of [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: 'http://evil.example' },
      { origin: 'null' }
    ])
      assert.equal((await raw(path, { ...json, ...headers }, 'POST', '{}')).status, 403, JSON.stringify(headers));
    assert.equal((await raw(path, { ...json, origin: hob.url }, 'POST', '{}')).status, 202);
  });

  test('a body must be JSON in form and in type', async () => {
    const path = '/api/login';
    assert.equal((await raw(path, { 'content-type': 'text/plain' }, 'POST', '{}')).status, 415);
    for (const body of [
      '',
      'x',
      '[]',
      '{"name":1,"password":"x"}',
      '{"name":"a"}',
      `${'['.repeat(100)}${']'.repeat(100)}`
    ]) {
      const res = await raw(path, { 'content-type': 'application/json' }, 'POST', body);
      assert.equal(res.status, 400, body);
    }
    const res = await raw(path, { 'content-type': 'application/json' }, 'POST', '{"name":null,"password":"x"}');
    assert.equal(JSON.parse(res.text).error.param, 'name');
  });

  test('unknown addresses and methods are said to be so', async () => {
    assert.equal((await raw('/api/nothing', {})).status, 404);
    assert.equal((await raw('/api/session', {}, 'DELETE')).status, 405);
    assert.equal((await raw('/_app/nothing.js', {})).status, 404);
    assert.equal((await raw('/chat/anything', {})).status, 200);
  });
});

describe('accounts', () => {
  test('of 200 parallel set-ups one makes an admin', async () => {
    const fresh = await Hob.start({ setup: false });
    const results = await Promise.all(
      Array.from({ length: 200 }, (_, i) =>
        fresh
          .post('/api/setup', { token: fresh.setupToken, name: `admin${i}`, password: 'long enough' })
          .then((r) => r.status)
      )
    );
    assert.equal(results.filter((s) => s === 201).length, 1);
    assert.deepEqual(
      [...new Set(results)].filter((s) => ![201, 409, 429, 403].includes(s)),
      []
    );
    await fresh.stop();
  });

  test('a wrong set-up token makes nobody', async () => {
    const fresh = await Hob.start({ setup: false });
    const res = await fresh.post('/api/setup', { token: 'guess', name: 'eve', password: 'long enough' });
    assert.equal(res.status, 403);
    assert.equal((await fresh.get('/api/session')).setup_needed, true);
    await fresh.stop();
  });

  test('guessing a password is slowed down, also with the right one at last', async () => {
    let status;
    for (let i = 0; i < 11; i++) {
      const res = await hob.post('/api/login', { name: 'B', password: `guess ${i}` });
      status = res.status;
      if (status === 429) assert.ok(Number(res.headers.get('retry-after')) > 0);
    }
    assert.equal(status, 429);
    assert.equal((await hob.post('/api/login', { name: 'B', password: 'password of B' })).status, 429);
    assert.equal((await hob.post('/api/login', ADMIN)).status, 200, 'others are not locked out');
  });

  test('the session ends with log-out, and open streams with it', async () => {
    const res = await hob.post('/api/login', ADMIN);
    const cookie = res.headers.getSetCookie()[0];
    assert.match(cookie, /HttpOnly/);
    assert.match(cookie, /SameSite=Lax/);
    const headers = { cookie: cookie.split(';')[0], 'content-type': 'application/json' };
    const feed = await fetch(`${hob.url}/api/events`, { headers });
    const reader = feed.body.getReader();
    await reader.read();
    await fetch(`${hob.url}/api/logout`, { method: 'POST', headers, body: '{}' });
    assert.equal((await fetch(`${hob.url}/api/servers`, { headers })).status, 401);
    const ended = (async () => {
      while (!(await reader.read()).done);
    })().catch(() => undefined);
    await Promise.race([
      ended,
      new Promise((_, reject) => setTimeout(() => reject(new Error('the stream goes on')), 2000).unref())
    ]);
  });
});
