// A line between a client and hob that can be cut and unplugged.
import { connect, createServer } from 'node:net';

/** Passes on what comes to `near` to `far` and back; both as node:net has them ({path} or {host, port}). */
export async function cable(near, far) {
  const open = new Set();
  const server = createServer((client) => {
    const hob = connect(far);
    for (const [from, to] of [
      [client, hob],
      [hob, client]
    ]) {
      open.add(from);
      from.on('error', () => {}).on('close', () => (open.delete(from), to.destroy()));
      from.pipe(to);
    }
  });
  let at = near;
  const listen = () => new Promise((done) => server.listen(at, done));
  /** Breaks what runs; new connections go through. */
  const cut = () => open.forEach((s) => s.destroy());
  /** The same, and nothing goes through until `listen`. */
  const unplug = () => new Promise((done) => (server.close(done), cut()));
  await listen();
  const { port } = server.address();
  if (port) at = { ...near, port };
  return { port, cut, listen, unplug };
}
