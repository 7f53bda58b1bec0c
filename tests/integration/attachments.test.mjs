// Files that come with messages: what is taken, how it is given back, and what a message may refer to.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { Hob, readAnswer, until } from '../lib/hob.mjs';

let hob, server;
before(async () => {
  const asan = [process.env.ASAN_OPTIONS, 'quarantine_size_mb=1'].filter(Boolean).join(':'); // what is freed counts no more
  hob = await Hob.start({ env: { ASAN_OPTIONS: asan } });
  server = await hob.addDemo('fast', ['--tokens-per-second', '0']);
  await hob.startServer(server.id);
});
after(() => hob?.stop());

const PDF = Buffer.from('%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj << >> endobj\n%%EOF\n', 'latin1');

const post = (name, type, body) =>
  hob.request(`/api/attachments?name=${encodeURIComponent(name)}`, {
    method: 'POST',
    headers: { 'content-type': type },
    body
  });
async function upload(name, type, body) {
  const res = await post(name, type, body);
  assert.equal(res.status, 201);
  return (await res.json()).attachment;
}
const send = (content, more) => hob.post('/api/chat/completions', hob.message(server.id, content, more));

test('a PDF is taken for what it is, and comes back as a download that may do nothing', async () => {
  const pdf = await upload('paper.pdf', 'application/pdf', PDF);
  assert.deepEqual([pdf.name, pdf.mime, pdf.size_bytes], ['paper.pdf', 'application/pdf', PDF.length]);
  const res = await hob.request(`/api/attachments/${pdf.id}`);
  assert.deepEqual(Buffer.from(await res.arrayBuffer()), PDF);
  assert.equal(res.headers.get('content-type'), 'application/pdf');
  assert.match(res.headers.get('content-disposition'), /^attachment;/);
  assert.equal(res.headers.get('content-security-policy'), "default-src 'none'; sandbox");
  assert.equal(res.headers.get('x-content-type-options'), 'nosniff');

  const late = await post('late.pdf', 'application/pdf', Buffer.concat([Buffer.from('junk\n'), PDF]));
  assert.equal(late.status, 201, 'some programs write something before the mark');
  const wrong = await post('no.pdf', 'application/pdf', '<script>alert(1)</script>');
  assert.equal(wrong.status, 400);
  assert.match((await wrong.json()).error.message, /no PDF/);
  const hidden = await post('no.pdf', 'application/pdf', Buffer.concat([Buffer.alloc(1024, 32), PDF]));
  assert.equal(hidden.status, 400);
});

test('a type that an import would refuse is refused', async () => {
  for (const type of ['text/a b', `text/${'x'.repeat(200)}`, 'text/ä', 'application/x-msdownload'])
    assert.equal((await post('a.txt', encodeURI(type).replace('%20', ' '), 'x')).status, 415, type);
  assert.equal((await post('a.txt', 'text/x-c++src', 'x')).status, 201);
});

/** A client that reads the head and no more: its status. */
async function stalled(id, sockets) {
  const socket = net.connect(hob.port, '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => {});
  socket.write(`GET /api/attachments/${id} HTTP/1.1\r\nHost: 127.0.0.1:${hob.port}\r\nCookie: ${hob.cookie}\r\n\r\n`);
  await once(socket, 'readable');
  return Number(/^HTTP\/1\.1 (\d+)/.exec(socket.read().toString('latin1'))[1]);
}

test('large files go out as they are read, and only so many at once', async () => {
  const MB = 30;
  const bytes = Buffer.alloc(MB << 20, 'a line of text\n');
  const { id } = await upload('large.txt', 'text/plain', bytes);
  const whole = async () => {
    const res = await hob.request(`/api/attachments/${id}`);
    return { status: res.status, headers: res.headers, bytes: Buffer.from(await res.arrayBuffer()) };
  };
  const first = await whole();
  assert.equal(first.headers.get('content-length'), String(bytes.length));
  assert.equal(first.headers.get('cache-control'), 'private, max-age=31536000, immutable');
  assert.match(first.headers.get('content-disposition'), /large\.txt/);
  assert.ok(first.bytes.equals(bytes));
  const head = await hob.request(`/api/attachments/${id}`, { method: 'HEAD' });
  assert.deepEqual([head.status, head.headers.get('content-length')], [200, String(bytes.length)]);

  const [sockets, statuses] = [[], []];
  for (let i = 0; i < 10; i++) statuses.push(await stalled(id, sockets));
  assert.deepEqual(statuses, [...Array(8).fill(200), 503, 503]);
  const refused = await whole();
  assert.equal(refused.status, 503);
  assert.ok(Number(refused.headers.get('retry-after')) > 0);
  assert.equal(JSON.parse(refused.bytes).error.code, 'too_many_files');
  const small = await upload('small.txt', 'text/plain', 'small');
  assert.equal(await (await hob.request(`/api/attachments/${small.id}`)).text(), 'small');
  sockets.forEach((socket) => socket.destroy());
  const again = await until(async () => {
    const got = await whole();
    return got.status === 200 && got;
  }, 'there is room again');
  assert.ok(again.bytes.equals(bytes));
});

test('many who ask for a large file at the same moment do not fill the memory', async () => {
  const { id } = await upload('wanted.txt', 'text/plain', Buffer.alloc(30 << 20, 'wanted by all\n'));
  const peak = async () => Number(/VmHWM:\s+(\d+)/.exec(await readFile(`/proc/${hob.pid}/status`, 'utf8'))[1]) / 1024;
  const before = await peak();
  const sockets = [];
  const statuses = await Promise.all(Array.from({ length: 64 }, () => stalled(id, sockets)));
  assert.deepEqual(statuses.sort(), [...Array(8).fill(200), ...Array(56).fill(503)]);
  // eight of them, and one that is being copied twice; all 64 would be 1,920 MiB
  const most = await peak();
  assert.ok(most - before < 512, `${before} MiB grew to ${most} MiB`);
  sockets.forEach((socket) => socket.destroy());
  const size = await until(async () => {
    const res = await hob.request(`/api/attachments/${id}`);
    const { byteLength } = await res.arrayBuffer();
    return res.status === 200 && byteLength;
  }, 'there is room again');
  assert.equal(size, 30 << 20);
});

test('names are stored clean and travel whole', async () => {
  const cases = [
    ['plan.txt', 'plan.txt'],
    ['../../etc/passwd', '.._.._etc_passwd'],
    ['C:\\x\\y.txt', 'C:_x_y.txt'],
    ['a\r\nSet-Cookie: stolen=1\r\n\r\n<html>.txt', 'aSet-Cookie: stolen=1<html>.txt'],
    ['gnp\u202Eexe.txt', 'gnpexe.txt'],
    ['"; filename="evil.exe', '"; filename="evil.exe'],
    ["it's 100% ünïcode →.txt", "it's 100% ünïcode →.txt"],
    ['ملف.txt', 'ملف.txt'],
    [' \t ', 'file'],
    ['é'.repeat(127) + 'x', 'é'.repeat(127) + 'x']
  ];
  for (const [given, kept] of cases) {
    const file = await upload(given, 'text/plain', `content of ${given}`);
    assert.equal(file.name, kept);
    const res = await hob.request(`/api/attachments/${file.id}`);
    assert.equal(res.headers.get('set-cookie'), null);
    const said = /^attachment; filename="([ !#-[\]-~]*)"; filename\*=UTF-8''([\w.%-]+)$/.exec(
      res.headers.get('content-disposition')
    );
    assert.ok(said, res.headers.get('content-disposition'));
    assert.equal(decodeURIComponent(said[2]), kept);
    await res.arrayBuffer();
  }
  for (const name of ['', 'x'.repeat(256), '\0'])
    assert.equal((await post(name, 'text/plain', 'x')).status, 400, JSON.stringify(name));
});

test('a message keeps the original of its text; only the text is in the prompt', async () => {
  const pdf = await upload('paper.pdf', 'application/pdf', PDF);
  const text = await upload('paper.pdf.txt', 'text/plain', 'echo from the paper');
  const file = { id: text.id, name: 'paper.pdf', original_id: pdf.id };
  const body = hob.message(server.id, [
    { type: 'text', text: 'echo hello' },
    { type: 'file', file }
  ]);
  const res = await hob.post('/api/chat/completions', body);
  assert.equal(res.status, 200);
  assert.equal((await readAnswer(res)).done.state, 'done');
  const { messages } = await hob.get(`/api/conversations/${body.conversation_id}`);
  assert.deepEqual(messages[0].content[1].file, file);
});

test('a message may name only attachments that are there and its sender’s own', async () => {
  const text = await upload('a.txt', 'text/plain', 'some text');
  const missing = [
    [{ type: 'file', file: { id: randomUUID() } }],
    [{ type: 'file', file: { id: text.id, original_id: randomUUID() } }],
    [{ type: 'image_url', image_url: { url: `attachment:${randomUUID()}` } }]
  ];
  for (const content of missing) {
    const body = hob.message(server.id, content);
    const res = await hob.post('/api/chat/completions', body);
    assert.equal(res.status, 404);
    assert.equal((await res.json()).error.param, 'message.content');
    assert.equal((await hob.request(`/api/conversations/${body.conversation_id}`)).status, 404, 'nothing is stored');
  }
  for (const original_id of ['x', 7, ''])
    assert.equal((await send([{ type: 'file', file: { id: text.id, original_id } }])).status, 400);
});
