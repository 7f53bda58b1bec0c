// Answers that no engine should give: [what is wrong, bytes, then]. Bytes are a string, or parts with what is done between
// them: a number waits so many ms, 'end' shuts the connection, 'reset' breaks it. Without either it stays open.
const OK = 'HTTP/1.1 200 OK\r\n';
const JSON_TYPE = 'Content-Type: application/json\r\n';
const BODY = '{"choices":[]}';
const CL = `Content-Length: ${BODY.length}\r\n`;
const TE = 'Transfer-Encoding: chunked\r\n';
const EVENTS = 'Content-Type: text/event-stream\r\n';
const CHUNKS = `e\r\n${BODY}\r\n0\r\n\r\n`;

/** A good answer but for one line of its header. */
const withLine = (line) => `${OK}${JSON_TYPE}${line}${CL}\r\n${BODY}`;
/** One that is framed by `head` alone. */
const framed = (head, body = BODY) => `${OK}${JSON_TYPE}${head}\r\n${body}`;
const firstLine = (line) => `${line}${JSON_TYPE}${CL}\r\n${BODY}`;
const shown = (text) => JSON.stringify(text).slice(1, -1);

const lines = [
  'garbage\r\n',
  '\r\n',
  '\r\n\r\n\r\n',
  '{"choices":[]}\r\n',
  'HTTP/1.1\r\n',
  'HTTP/1.1 \r\n',
  'HTTP/1.1 OK\r\n',
  'HTTP/1.1 2\r\n',
  'HTTP/1.1 20 OK\r\n',
  'HTTP/1.1 2000 OK\r\n',
  'HTTP/1.1 20x OK\r\n',
  'HTTP/1.1 -200 OK\r\n',
  'HTTP/1.1 0x200 OK\r\n',
  'HTTP/1.1 099 OK\r\n',
  'HTTP/1.1 000 OK\r\n',
  'HTTP/1.1 600 OK\r\n',
  'HTTP/1.1 999 OK\r\n',
  'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n',
  'HTTP/1.1  200 OK\r\n',
  'HTTP/1.1\t200\tOK\r\n',
  'HTTP/1.1200 OK\r\n',
  ' HTTP/1.1 200 OK\r\n',
  'http/1.1 200 OK\r\n',
  'HTTP/2 200\r\n',
  'HTTP/2.0 200 OK\r\n',
  'HTTP/3.0 200 OK\r\n',
  'HTTP/0.9 200 OK\r\n',
  'HTTP/1.10 200 OK\r\n',
  'HTTP/1 200 OK\r\n',
  'HTTP/11 200 OK\r\n',
  'HTTP 200 OK\r\n',
  'HTTPS/1.1 200 OK\r\n',
  'ICY 200 OK\r\n',
  'RTSP/1.0 200 OK\r\n',
  'GET / HTTP/1.1\r\n',
  'SSH-2.0-OpenSSH_9.2\r\n',
  '\x15\x03\x01\x00\x02\x02\x28\r\n',
  '\x00\x00\x00\x00\r\n',
  '\xef\xbb\xbfHTTP/1.1 200 OK\r\n',
  'HTTP/1.1 200 OK\n',
  'HTTP/1.1 200 OK\r',
  'HTTP/1.1 200 OK\r\r\n'
];

const fields = [
  'X-A\r\n',
  ': 1\r\n',
  ':\r\n',
  'X A: 1\r\n',
  'X-A : 1\r\n',
  'X-A\t: 1\r\n',
  'X(A): 1\r\n',
  '"X": 1\r\n',
  'X\x00A: 1\r\n',
  'X\x7fA: 1\r\n',
  'X-\xe9: 1\r\n',
  'X-A: 1\x00\r\n',
  'X-A: \x01\r\n',
  'X-A: \x1b[2J\r\n',
  'X-A: \x7f\r\n',
  'X-A: 1\n',
  'X-A: 1\rX-B: 2\r\n',
  'X-A: 1\r\r\n',
  'X-A: 1\r\n folded\r\n',
  'X-A: 1\r\n\tfolded\r\n',
  '  \r\n',
  'HTTP/1.1 200 OK\r\n',
  'Content-Length : 5\r\n',
  'Content-Length: 5\r\n',
  'Content-Length: 14\r\n',
  'Content-Length:\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: identity\r\n',
  'Transfer-Encoding: xchunked\r\n',
  'Transfer-Encoding : chunked\r\n',
  'Transfer-Encoding:\r\n'
];

const framings = [
  ['Content-Length: -1\r\n'],
  ['Content-Length: +14\r\n'],
  ['Content-Length: 0x0e\r\n'],
  ['Content-Length: 14.0\r\n'],
  ['Content-Length: 14x\r\n'],
  ['Content-Length: 14 14\r\n'],
  ['Content-Length: 14, 14\r\n'],
  ['Content-Length: 14, 5\r\n'],
  ['Content-Length: "14"\r\n'],
  ['Content-Length: 18446744073709551630\r\n'],
  ['Content-Length: 99999999999999999999999\r\n'],
  ['Content-Length: many\r\n'],
  [`${TE}${TE}`, CHUNKS],
  ['Transfer-Encoding: chunked, chunked\r\n', CHUNKS],
  ['Transfer-Encoding: chunked, identity\r\n', CHUNKS],
  ['Transfer-Encoding: identity, chunked\r\n', CHUNKS],
  ['Transfer-Encoding: gzip, chunked\r\n', CHUNKS],
  ['Transfer-Encoding: "chunked"\r\n', CHUNKS],
  ['Transfer-Encoding: chunked;a=b\r\n', CHUNKS],
  ['Transfer-Encoding: \x0bchunked\r\n', CHUNKS],
  ['Transfer-Encoding: deflate\r\n', CHUNKS],
  [`Transfer-Encoding: identity\r\n${TE}`, CHUNKS]
];

/** Of these not one byte may be taken for an answer: 502. */
export const NO_ANSWERS = [
  ...lines.map((l) => [`first line ${shown(l)}`, firstLine(l)]),
  ...fields.map((f) => [`field ${shown(f)}`, withLine(f)]),
  ...framings.map(([head, body]) => [`framed by ${shown(head)}`, framed(head, body)]),
  ['chunked from HTTP/1.0', `HTTP/1.0 200 OK\r\n${TE}\r\n${CHUNKS}`],
  ['a header of 100 KB', withLine(`X-A: ${'a'.repeat(100_000)}\r\n`)],
  ['a name of 100 KB', withLine(`${'a'.repeat(100_000)}: 1\r\n`)],
  ['a first line of 100 KB', firstLine(`HTTP/1.1 200 ${'a'.repeat(100_000)}\r\n`)],
  ['10,000 fields', withLine('X: 1\r\n'.repeat(10_000))],
  ['a first line without end', 'a'.repeat(1_000_000)],
  ['zeros without end', '\x00'.repeat(1_000_000)],
  ['line ends without end', '\r\n'.repeat(100_000)],
  ['1,000 interim answers', 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(1000) + withLine('')],
  [
    'interim answers of all kinds',
    Array.from({ length: 90 }, (_, n) => `HTTP/1.1 1${10 + n} X\r\n\r\n`).join('') + withLine('')
  ],
  ['an interim answer with a bad field', `HTTP/1.1 103 Early Hints\r\nX : 1\r\n\r\n${withLine('')}`],
  ['an interim answer with both lengths', `HTTP/1.1 103 Early Hints\r\n${TE}${CL}\r\n${withLine('')}`],
  ['the end at once', ['end']],
  ['a reset at once', ['reset']],
  ['the end in the first line', ['HTTP/1.1 20', 'end']],
  ['a reset in the first line', ['HTTP/1.1 20', 'reset']],
  ['the end after the first line', [OK, 'end']],
  ['the end in a field', [`${OK}Content-`, 'end']],
  ['the end before the empty line', [`${OK}${JSON_TYPE}${CL}`, 'end']],
  ['the end after an interim answer', ['HTTP/1.1 102 Processing\r\n\r\n', 'end']],
  ['a reset after an interim answer', ['HTTP/1.1 100 Continue\r\n\r\n', 'reset']],
  ['a body without a header', [BODY, 'end']],
  ['an HTTP/0.9 page', ['<html></html>', 'end']]
].map(([what, bytes]) => [what, typeof bytes === 'string' ? [bytes] : bytes]);

/** These begin well: the client gets an error event or a broken connection, never a clean end. */
export const BROKEN = [
  ['a body that is too short', [`${framed('Content-Length: 100\r\n')}`, 'end']],
  ['a reset in the body', [`${framed('Content-Length: 100\r\n')}`, 20, 'reset']],
  ['the end in a chunk', [framed(TE, '20\r\n{"choi'), 'end']],
  ['the end in a chunk size', [framed(TE, '2'), 'end']],
  ['the end before the last chunk', [framed(TE, `e\r\n${BODY}\r\n`), 'end']],
  ['the end in the trailers', [framed(TE, `e\r\n${BODY}\r\n0\r\nX-A: 1`), 'end']],
  ...['g', '0x10', '-1', '+e', '', ' e', 'e ', '1'.repeat(40), 'e\x00', '"e"'].map((size) => [
    `chunk size ${shown(size)}`,
    [framed(TE, `${size}\r\n${BODY}\r\n0\r\n\r\n`)]
  ]),
  ['a bare LF after a chunk size', [framed(TE, `e\n${BODY}\r\n0\r\n\r\n`)]],
  ['junk after a chunk', [framed(TE, `e\r\n${BODY}XX0\r\n\r\n`)]],
  ['a chunk that is too long', [framed(TE, `5\r\n${BODY}\r\n0\r\n\r\n`)]],
  ['an extension of 100 KB', [framed(TE, `e;${'a'.repeat(100_000)}\r\n${BODY}\r\n0\r\n\r\n`)]],
  ['2 MB of trailers', [framed(TE, `e\r\n${BODY}\r\n0\r\n${'X: 1\r\n'.repeat(300_000)}\r\n`)]],
  ['a bad trailer', [framed(TE, `e\r\n${BODY}\r\n0\r\nX A\r\n\r\n`)]],
  ['a stream whose chunk is none', [`${OK}${EVENTS}${TE}\r\n6\r\ndata: \r\nzz\r\n`]],
  ['a stream that ends in an event', [`${OK}${EVENTS}${TE}\r\n`, '9\r\ndata: {"c\r\n', 20, 'end']],
  ['a stream that is reset', [`${OK}${EVENTS}${TE}\r\n`, '9\r\ndata: {"c\r\n', 20, 'reset']],
  ['a stream with a length that is too short', [`${OK}${EVENTS}Content-Length: 500\r\n\r\ndata: 1\n\n`, 'end']]
];

/** Good answers with something behind them, which must reach nobody. */
export const TALKATIVE = [
  ['a second answer', [withLine('') + withLine('')]],
  ['junk', [withLine('') + 'junk']],
  ['junk after the last chunk', [framed(TE, CHUNKS) + 'junk']],
  ['more than its length', [framed(CL, BODY + BODY)]],
  ['a body behind 204', [`HTTP/1.1 204 No Content\r\n\r\n${BODY}`]],
  ['a body behind 304', [`HTTP/1.1 304 Not Modified\r\n${CL}\r\n${BODY}`]],
  ['the end', [withLine(''), 'end']],
  ['a reset', [withLine(''), 20, 'reset']]
];
