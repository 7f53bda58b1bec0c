// An engine that does whatever the last message says: `node fake_engine.mjs PORT [PROPS]`. The first word is a key of
// `acts`; PROPS is what GET /props answers.
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const SSE = {
  'content-type': 'text/event-stream; charset=utf-8',
  'access-control-allow-origin': '*',
  'set-cookie': 'engine=1',
  server: 'fake',
  'x-engine': 'yes'
};
const chunk = (delta, finish_reason = null) => JSON.stringify({ choices: [{ index: 0, delta, finish_reason }] });
const data = (text) => `data: ${text}\n\n`;
const STARTED = Date.now();
const END = data(chunk({}, 'stop')) + data('[DONE]');

const acts = {
  /** Gives back the request that it got. */
  prompt(res, _, body) {
    res.writeHead(200, SSE);
    res.end(data(chunk({ content: JSON.stringify(body) })) + END);
  },
  /** Calls tools, in pieces: the rest of the message is a list of deltas, each a list of OpenAI's tool calls. */
  tools(res, text) {
    res.writeHead(200, SSE);
    for (const tool_calls of JSON.parse(text)) res.write(data(chunk({ tool_calls })));
    res.end(data(chunk({}, 'tool_calls')) + data('[DONE]'));
  },
  /** The rest of the message is a list of what is written, as base64; a number waits so many ms. */
  async writes(res, text) {
    res.writeHead(200, SSE);
    for (const write of JSON.parse(text)) {
      if (typeof write === 'number') await sleep(write);
      else if (!res.write(Buffer.from(write, 'base64'))) await once(res, 'drain');
    }
    res.end();
  },
  /** The rest of the message is a list of deltas; a number waits so many ms, an error is said, null ends without a word. */
  async deltas(res, text) {
    res.writeHead(200, SSE);
    for (const delta of JSON.parse(text)) {
      if (delta === null) return res.end();
      if (typeof delta === 'number') await sleep(delta);
      else if (delta.error) return res.end(data(JSON.stringify(delta)));
      else res.write(data(chunk(delta)));
    }
    res.end(END);
  },
  /** The same, byte by byte. */
  async bytes(res, text) {
    res.writeHead(200, SSE);
    for (const byte of Buffer.from(
      JSON.parse(text)
        .map((d) => data(chunk(d)))
        .join('') + END
    )) {
      if (!res.write(Buffer.from([byte]))) await once(res, 'drain');
      if (byte === 10) await sleep(1);
    }
    res.end();
  },
  /** `note FILE WORD`: puts the word into a line of the file, behind a name of this process's; says it in a few pieces. */
  async note(res, text) {
    const [file, word] = text.split(' ');
    appendFileSync(file, `${process.pid}-${STARTED} ${word}\n`);
    await sleep(5);
    res.writeHead(200, SSE);
    res.write(data(chunk({ role: 'assistant', content: null })));
    for (const piece of ['You said ', word, '.', ' Good', ' bye.']) {
      await sleep(10);
      res.write(data(chunk({ content: piece })));
    }
    res.end(END);
  },
  /** `busy FILE WORD`: no header, no end. The file gets a line `WORD begun`, and `WORD gone AT` when its client has gone. */
  busy(res, text) {
    const [file, word] = text.split(' ');
    appendFileSync(file, `${word} begun\n`);
    res.on('close', () => appendFileSync(file, `${word} gone ${Date.now()}\n`));
  },
  /** `quick FILE WORD`: the same, but answered at once, without a stream. */
  quick(res, text) {
    const [file, word] = text.split(' ');
    appendFileSync(file, `${word} begun ${Date.now()}\n`);
    acts.json(res);
  },
  /** Knows no streams. */
  json(res) {
    res.writeHead(200, { 'content-type': 'application/json' });
    res.end(
      JSON.stringify(
        { choices: [{ index: 0, message: { role: 'assistant', content: 'all\nat once' }, finish_reason: 'stop' }] },
        null,
        2
      )
    );
  },
  /** Raw bytes instead of HTTP. */
  raw(res, text) {
    res.socket.end(JSON.parse(`"${text}"`));
  },
  /** Any status with any body. */
  status(res, text) {
    const [code, ...rest] = text.split(' ');
    res.writeHead(Number(code), { 'content-type': 'application/json' });
    res.end(rest.join(' '));
  },
  /** The same after so many ms. */
  late(res, text) {
    const [ms, ...rest] = text.split(' ');
    setTimeout(() => acts.status(res, rest.join(' ')), Number(ms));
  },
  /** Every oddity that an event stream may have, in pieces of three bytes. */
  async odd(res) {
    res.writeHead(200, SSE);
    const text =
      '\uFEFF: hello\r\n\r\nevent: message\r\nid: x\r\ndata: ' +
      chunk({ content: 'grün ' }) +
      '\r\n\r\nretry: 5\rdata:' +
      chunk({ content: '→' }) +
      '\r\rdata: {"choices":[{"delta":\ndata: {"content":" two lines"}}]}\n\nunknown\n\n' +
      END;
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += 3) {
      res.write(bytes.subarray(at, at + 3));
      if (at % 30 === 0) await sleep(1);
    }
    res.end();
  },
  badutf8(res) {
    res.writeHead(200, SSE);
    res.write('data: {"choices":[{"delta":{"content":"a');
    res.write(Buffer.from([0xff, 0xc3]));
    res.end('b\\u0000c"}}]}\n\n' + END);
  },
  /** Says an error in the stream; the rest of the message comes before it as text. */
  error(res, text) {
    res.writeHead(200, SSE);
    if (text) res.write(data(chunk({ content: text })));
    res.end(data('{"error":{"message":"out of memory","type":"server_error","code":503}}'));
  },
  /** Ends cleanly, but too early. */
  early(res, text) {
    res.writeHead(200, SSE);
    if (text) res.write(data(chunk({ content: text })));
    res.end();
  },
  /** Breaks off inside an event. */
  cut(res) {
    res.writeHead(200, SSE);
    res.write(data(chunk({ content: 'one ' })));
    res.write('data: {"choi');
    setTimeout(() => res.socket.destroy(), 50);
  },
  endless(res) {
    res.writeHead(200, SSE);
    res.write('data: ');
    const block = 'x'.repeat(65536);
    const more = () => {
      while (!res.destroyed && res.write(block));
    };
    res.on('drain', more);
    more();
  },
  /** So many events as fast as they are taken. */
  flood(res, text) {
    res.writeHead(200, SSE);
    let n = 0;
    const more = () => {
      while (n < Number(text)) {
        if (!res.write(data(chunk({ content: `${n++} ` })))) return res.once('drain', more);
      }
      res.end(END);
    };
    more();
  },
  /** Answers in a word. Asked for a title then, the engine does what the rest of the message says. */
  titled(res) {
    res.writeHead(200, SSE);
    res.end(data(chunk({ content: 'fine' })) + END);
  },
  /** hob asks for a title. */
  Write(res, _, body) {
    console.error(`asked for a title: ${JSON.stringify(body)}`);
    const first = body.messages.find((m) => m.role === 'user').content;
    const [, act, ...rest] = (typeof first === 'string' ? first : first[0].text).split(' ');
    if (act === 'hang') return acts.hang(res);
    if (act === 'status') return acts.status(res, rest.join(' '));
    if (act === 'long') {
      res.writeHead(200, SSE);
      return res.end(data(chunk({ content: rest.join(' ') })) + data(chunk({}, 'length')) + data('[DONE]'));
    }
    res.writeHead(200, SSE);
    res.end(data(chunk({ content: rest.join(' ') })) + END);
  },
  /** 200 and then nothing; says on stderr when the client has gone. */
  hang(res) {
    res.writeHead(200, SSE);
    res.write(data(chunk({ content: 'now ' })));
    res.on('close', () => console.error('hang: client gone'));
  }
};

createServer((req, res) => {
  if (req.url === '/props') {
    res.writeHead(process.argv[3] ? 200 : 404, { 'content-type': 'application/json' });
    return res.end(process.argv[3] ?? '{"error":{"message":"not here"}}');
  }
  if (req.method === 'GET') return res.end('{"status":"ok"}');
  let text = '';
  req.setEncoding('utf8').on('data', (d) => (text += d));
  req.on('end', () => {
    const body = JSON.parse(text);
    const last = body.messages.findLast((m) => m.role === 'user').content;
    const said = typeof last === 'string' ? last : last.find((p) => p.type === 'text').text;
    const [act, ...rest] = said.split('\n')[0].split(' ');
    acts[act](res, rest.join(' '), body);
  });
}).listen(Number(process.argv[2]), '127.0.0.1');
