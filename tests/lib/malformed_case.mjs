// What the tables of raw requests are made with: requests in pieces, and the list that all cases go into (malformed.mjs).
export const BODY = '{"model":"sniff","case":"@NR@"}'; // as long when filled in: four digits
export const N = BODY.length;
export const HEX = N.toString(16);
export const REFUSED = '400.';

export const HOST = 'Host: localhost\r\n';
export const TE = 'Transfer-Encoding: chunked\r\n';
export const CL = `Content-Length: ${N}\r\n`;
export const CHUNKS = `${HEX}\r\n${BODY}\r\n0\r\n\r\n`;

/** A GET with this header; `line` for another request line. */
export const get = (head = '', line = 'GET /health HTTP/1.1') => `${line}\r\n${HOST}${head}\r\n`;
export const KEY = 'Authorization: Bearer @KEY@\r\nContent-Type: application/json\r\n';
export const start = (version = '1.1') => `POST /v1/chat/completions HTTP/${version}\r\n`;
/** A POST that a model's server takes, framed by `head`. */
export const post = (head, body = BODY, version = '1.1') => `${start(version)}${HOST}${KEY}${head}\r\n${body}`;
export const chunked = (body) => post(TE, body);
export const shown = (text) => JSON.stringify(text).slice(1, -1);

/** @type {{name: string, from: string, bytes: string, want: string}[]} */
export const CASES = [];

/** @param {string} from @param {[string, string, string][]} cases */
export function add(from, cases) {
  for (const [name, bytes, want] of cases) CASES.push({ name, from, bytes, want });
}

/** The same request with each of these in it, all with one end. */
export function each(from, what, values, request, want = REFUSED) {
  add(
    from,
    values.map((v) => [`${what} ${shown(v)}`, request(v), want])
  );
}
