// Is healthy, and answers whatever lib/bad_answers.mjs has: `node bad_engine.mjs PORT`. A message "no 5", "broken 5" or
// "talkative 5" says which; "good" is answered well, "hang" never, "deaf" closes the port.
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { BROKEN, NO_ANSWERS, TALKATIVE } from './bad_answers.mjs';

const tables = { no: NO_ANSWERS, broken: BROKEN, talkative: TALKATIVE };
const whole = (body) =>
  `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

async function write(socket, parts) {
  for (const part of parts) {
    if (part === 'end') socket.end();
    else if (part === 'reset') socket.resetAndDestroy();
    else if (typeof part === 'number') await sleep(part);
    else socket.write(Buffer.from(part, 'latin1'));
  }
}

function answer(socket, head, body) {
  if (head.startsWith('GET')) return socket.write(whole('{"status":"ok"}'));
  const [kind, n] = JSON.parse(body).messages.at(-1).content.split(' ');
  if (kind === 'hang') return undefined;
  if (kind === 'deaf') {
    server.close();
    setInterval(() => {}, 1000); // and stays
    for (const other of open) if (other !== socket) other.destroy();
    return socket.end(whole('{}').replace('OK\r\n', 'OK\r\nConnection: close\r\n'));
  }
  if (kind === 'good') return socket.write(whole(`{"choices":[{"message":{"content":"${n}"}}]}`));
  return write(socket, tables[kind][n][1]);
}

const open = new Set();

const server = createServer((socket) => {
  let text = '';
  open.add(socket);
  socket.on('close', () => open.delete(socket));
  socket.setEncoding('latin1').on('error', () => {});
  socket.on('data', (d) => {
    text += d;
    for (;;) {
      const end = text.indexOf('\r\n\r\n') + 4;
      const length = Number(/content-length: (\d+)/i.exec(text.slice(0, end))?.[1] ?? 0);
      if (end < 4 || text.length < end + length) return;
      const [head, body] = [text.slice(0, end), text.slice(end, end + length)];
      text = text.slice(end + length);
      void answer(socket, head, body);
    }
  });
}).listen(Number(process.argv[2]), '127.0.0.1');
