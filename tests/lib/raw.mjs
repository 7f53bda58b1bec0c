// HTTP/1.1 as bytes: sends what it is given and takes apart what comes back.
import { connect } from 'node:net';

/**
 * Sends bytes over a connection of its own and reads until the other side ends it: {bytes, late}. `half` shuts our side
 * after the last byte. A peer that has not ended it after `ms` is left, and late.
 */
export function talk(port, bytes, { half = false, ms = 15000 } = {}) {
  return new Promise((resolve) => {
    const got = [];
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const done = (late) => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ bytes: Buffer.concat(got), late });
    };
    const timer = setTimeout(() => done(true), ms);
    // a peer that refuses may not read all: what it said before counts
    socket.on('data', (d) => got.push(d)).on('error', () => {});
    socket.on('end', () => done(false)).on('close', () => done(false));
    socket.write(bytes);
    if (half) socket.end();
  });
}

const HEAD_END = Buffer.from('\r\n\r\n');

/** The chunked body that starts at `at`: {body, end}; null when it is not whole. */
function readChunks(bytes, at) {
  const parts = [];
  for (;;) {
    const line = bytes.indexOf('\r\n', at);
    if (line < 0) return null;
    const size = parseInt(bytes.toString('latin1', at, line), 16);
    if (bytes.length < line + 2 + size + 2) return null;
    parts.push(bytes.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
    if (size === 0) return { body: Buffer.concat(parts), end: at };
  }
}

/** One response at `at`: {status, headers, body, end}; null when it is not whole. */
function readResponse(bytes, at, mayBeHead) {
  const end = bytes.indexOf(HEAD_END, at);
  if (end < 0) return null;
  const [first, ...lines] = bytes.toString('latin1', at, end).split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1] ?? NaN);
  const headers = Object.fromEntries(
    lines.map((l) => [l.slice(0, l.indexOf(':')).toLowerCase(), l.slice(l.indexOf(':') + 1).trim()])
  );
  at = end + HEAD_END.length;
  // an answer to HEAD has a length and no body: nothing or the next answer follows
  const isBare = (mayBeHead && at === bytes.length) || bytes.toString('latin1', at, at + 9) === 'HTTP/1.1 ';
  if (status < 200 || status === 204 || status === 304 || isBare) return { status, headers, body: '', end: at };
  let body = null;
  if (headers['transfer-encoding'] === 'chunked') {
    const chunks = readChunks(bytes, at);
    if (!chunks) return null;
    return { status, headers, body: chunks.body.toString('latin1'), end: chunks.end };
  }
  const length = headers['content-length'] === undefined ? bytes.length - at : Number(headers['content-length']);
  if (bytes.length < at + length) return null;
  body = bytes.toString('latin1', at, at + length);
  return { status, headers, body, end: at + length };
}

/**
 * All whole responses in order, and how many bytes are behind them: {responses, interim, rest}. With `mayBeHead` a header
 * alone at the end is whole too.
 */
export function takeApart(bytes, mayBeHead = false) {
  const responses = [];
  let interim = 0;
  let at = 0;
  for (let r; at < bytes.length && (r = readResponse(bytes, at, mayBeHead)); at = r.end) {
    if (r.status < 200) interim++;
    else responses.push(r);
  }
  return { responses, interim, rest: bytes.length - at };
}
