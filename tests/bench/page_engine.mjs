// The engine behind script/bench --page: `node page_engine.mjs PORT`. The last message says what it writes:
//   turn N         a short answer with what answers have: prose, a list, code, a table, a formula
//   stream CHARS CHUNKS PER_SECOND   a long one
import { createServer } from 'node:http';

const CODE = `import asyncio

async def relay(reader, writer, limit=65536):
    """Hands on what comes, in pieces, until the end."""
    total = 0
    while chunk := await reader.read(limit):
        writer.write(chunk)
        await writer.drain()  # waits while the other side is slow
        total += len(chunk)
    return total
`;

/** One answer of many; `n` makes each of them another text. */
function turnText(n) {
  const parts = [
    `## Part ${n}\n\nA stream is **read** as it comes and *handed on* in pieces, see [the notes](https://example.org/${n}). ` +
      `The inline name \`relay_${n}\` stands for the whole way. ${'Nothing of it is kept in memory longer than needed. '.repeat(3)}`,
    '1. First the head is read, and decided upon.\n2. Then the body, in pieces:\n   - small ones at once\n   - large ones with a limit\n3. At the end one line says how it went.'
  ];
  if (n % 2 === 0) parts.push('```python\n' + CODE.repeat(1 + (n % 3)) + '```');
  if (n % 3 === 0)
    parts.push(
      '| what | before | after |\n| --- | ---: | ---: |\n' +
        Array.from({ length: 5 + (n % 4) }, (_, i) => `| row ${i} of ${n} | ${i * 17} ms | ${i * 3} ms |`).join('\n')
    );
  if (n % 5 === 0)
    parts.push(`The cost is $c(n) = \\frac{n^2 + ${n}}{2}$, so\n\n$$\n\\sum_{i=1}^{${n}} i = c(${n})\n$$`);
  parts.push(`> What was measured once may be different on the next machine.\n\nThat is the end of part ${n}.`);
  return parts.join('\n\n');
}

/** `chars` characters of such parts, with a long fence among them. */
function longText(chars) {
  let text = '';
  for (let n = 1; text.length < chars; n++) {
    text += turnText(n) + '\n\n';
    if (n === 12) text += '```python\n' + CODE.repeat(60) + '```\n\n';
  }
  return text.slice(0, chars);
}

function begin(res) {
  res.writeHead(200, { 'content-type': 'text/event-stream' });
}
const event = (content) => `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`;
const END = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n';

const acts = {
  turn(res, n) {
    begin(res);
    res.end(event(turnText(n)) + END);
  },
  stream(res, chars, chunks, perSecond) {
    begin(res);
    const text = longText(chars);
    const size = Math.ceil(chars / chunks);
    const begun = performance.now();
    let at = 0;
    const timer = setInterval(() => {
      const due = Math.min(text.length, Math.ceil(((performance.now() - begun) / 1000) * perSecond) * size);
      for (; at < due; at += size) res.write(event(text.slice(at, at + size)));
      if (at < text.length) return;
      clearInterval(timer);
      res.end(END);
    }, 2);
    res.on('close', () => clearInterval(timer));
  }
};

createServer((req, res) => {
  if (req.method === 'GET') return res.end('{"status":"ok"}');
  let body = '';
  req.setEncoding('utf8').on('data', (d) => (body += d));
  req.on('end', () => {
    const said = JSON.parse(body).messages.at(-1).content;
    const [act, ...numbers] = said.split('\n')[0].split(' ');
    acts[act](res, ...numbers.map(Number));
  });
}).listen(Number(process.argv[2]), '127.0.0.1');
