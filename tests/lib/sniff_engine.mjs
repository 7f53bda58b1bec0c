// An engine that remembers what it was sent: `node sniff_engine.mjs PORT SECOND`. Its answers carry the `case` of the body
// in X-Sniff; GET on the second port gives all requests so far, [method, target, body].
import { createServer } from 'node:http';

const seen = [];

createServer((req, res) => {
  let body = '';
  req.setEncoding('latin1').on('data', (d) => (body += d));
  req.on('end', () => {
    if (req.method === 'GET') return res.end('{"status":"ok"}');
    seen.push([req.method, req.url, body]);
    res.writeHead(200, { 'content-type': 'application/json', 'x-sniff': /"case":"(\w+)"/.exec(body)?.[1] ?? '?' });
    return res.end('{"choices":[]}');
  });
}).listen(Number(process.argv[2]), '127.0.0.1');

createServer((req, res) => res.end(JSON.stringify(seen))).listen(Number(process.argv[3]), '127.0.0.1');
