// Writes what lib/hostile.mjs has: `node hostile_engine.mjs PORT`. A message "small FROM TO" or "large N" says which;
// short ones come one character an event, and the bytes of the stream in odd pieces.
import { createServer } from 'node:http';
import { LARGE, SMALL, together } from './hostile.mjs';

const event = (content) => `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`;
const END = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n';

function* pieces(text, size) {
  const chars = [...text];
  for (let at = 0; at < chars.length; at += size) yield chars.slice(at, at + size).join('');
}

async function write(res, text, size) {
  let bytes = Buffer.alloc(0);
  for (const piece of pieces(text, size)) {
    bytes = Buffer.concat([bytes, Buffer.from(event(piece))]);
    const whole = bytes.length - (bytes.length % 7);
    if (!res.write(bytes.subarray(0, whole))) await new Promise((resolve) => res.once('drain', resolve));
    bytes = bytes.subarray(whole);
  }
  res.write(bytes);
}

createServer((req, res) => {
  if (req.method === 'GET') return res.end('{"status":"ok"}');
  let body = '';
  req.setEncoding('utf8').on('data', (d) => (body += d));
  req.on('end', async () => {
    const [kind, from, to] = JSON.parse(body).messages.at(-1).content.split(' ');
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    if (kind === 'small') await write(res, together(SMALL.slice(from, to), Number(from)), 1);
    else await write(res, together([LARGE[from]], Number(from)), 40);
    res.end(END);
  });
}).listen(Number(process.argv[2]), '127.0.0.1');
