// An engine that says what it got, or misbehaves as its query asks: `node echo_engine.mjs PORT`. Every path but /health and
// /props takes `?act=`; what it got has the method, the path, the headers and the body's length and hash.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';

const SSE = { 'content-type': 'text/event-stream' };
const event = (value) => `data: ${JSON.stringify(value)}\n\n`;

let failures = 0;

const acts = {
  echo(res, _, got) {
    res.writeHead(200, { 'content-type': 'application/json', 'x-request-id': 'of the engine', server: 'echo' });
    res.end(JSON.stringify(got));
  },
  /** `status=404&body=...&type=text/html` */
  status(res, query) {
    const headers = { 'content-type': query.get('type') ?? 'application/json' };
    if (query.has('after')) headers['retry-after'] = query.get('after');
    res.writeHead(Number(query.get('status')), headers);
    res.end(query.get('body') ?? '');
  },
  /** Closes the connection without a word so many times, then says what it got. */
  flaky(res, query, got) {
    failures += 1;
    if (failures > Number(query.get('times'))) acts.echo(res, query, got);
    else res.socket.destroy();
  },
  /** No header ever. */
  silent() {},
  /** After so many ms what it got. */
  slow(res, query, got) {
    setTimeout(() => acts.echo(res, query, got), Number(query.get('ms')));
  },
  /** After so many ms an error. */
  late(res, query) {
    setTimeout(() => acts.status(res, query), Number(query.get('ms')));
  },
  /** One event and then nothing. */
  stalls(res) {
    res.writeHead(200, SSE);
    res.write(event({ choices: [{ index: 0, delta: { content: 'one' } }] }));
  },
  /** Half of an answer. */
  half(res) {
    res.writeHead(200, { 'content-type': 'application/json' });
    res.write('{"choices":[');
    setTimeout(() => res.socket.destroy(), 30);
  },
  /** One event, then its end. */
  dies(res) {
    res.writeHead(200, SSE);
    res.write(event({ choices: [{ index: 0, delta: { content: 'one' } }] }));
    setTimeout(() => res.socket.destroy(), 30);
  },
  /** Bytes that are no text. */
  bytes(res) {
    res.writeHead(200, { 'content-type': 'audio/mpeg' });
    res.end(Buffer.from(Array.from({ length: 256 }, (_, i) => i)));
  }
};

createServer((req, res) => {
  const url = new URL(req.url, 'http://engine');
  if (url.pathname === '/health') return res.end('{"status":"ok"}');
  if (url.pathname === '/props') return res.writeHead(404).end();
  const hash = createHash('sha256');
  let length = 0;
  let text = '';
  req.on('data', (piece) => {
    hash.update(piece);
    length += piece.length;
    if (length < 65536) text += piece.toString('latin1');
  });
  req.on('end', () => {
    const got = { method: req.method, url: req.url, headers: req.headers, length, sha256: hash.digest('hex'), text };
    acts[url.searchParams.get('act') ?? 'echo'](res, url.searchParams, got);
  });
}).listen(Number(process.argv[2]), '127.0.0.1');
