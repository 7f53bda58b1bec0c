// Files that come with messages: what is taken, how it is given back, and what a message may refer to.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Hob, readAnswer } from '../lib/hob.mjs';

let hob, server;
before(async () => {
  hob = await Hob.start();
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
