// What runs on this machine, read from /proc.
import { readdir, readFile } from 'node:fs/promises';

/** All processes: {pid, ppid, state, cmdline}. */
export async function processes() {
  const found = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = await readFile(`/proc/${name}/stat`, 'utf8');
      const cmdline = (await readFile(`/proc/${name}/cmdline`, 'utf8')).replaceAll('\0', ' ').trim();
      const [, state, ppid] = /^\d+ \(.*\) (\S) (\d+)/s.exec(stat);
      found.push({ pid: Number(name), ppid: Number(ppid), state, cmdline });
    } catch {
      // ended meanwhile
    }
  }
  return found;
}

/** The children of pid, and theirs, and so on. */
export async function descendants(pid) {
  const all = await processes();
  const found = [];
  for (const wanted = [pid]; wanted.length;) {
    const parent = wanted.pop();
    for (const p of all) {
      if (p.ppid !== parent) continue;
      found.push(p);
      wanted.push(p.pid);
    }
  }
  return found;
}
