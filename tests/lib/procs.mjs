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

/** CPU time of all threads of a process so far, in microseconds. */
export async function cpuTime(pid) {
  let ns = 0;
  for (const task of await readdir(`/proc/${pid}/task`)) {
    const stat = await readFile(`/proc/${pid}/task/${task}/schedstat`, 'utf8').catch(() => '0');
    ns += Number(stat.split(' ')[0]);
  }
  return ns / 1000;
}

async function memory(pid, what) {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`${what}:\\s+(\\d+)`).exec(status)[1]);
}

/** Resident memory in KiB. */
export const residentMemory = (pid) => memory(pid, 'VmRSS');
/** The most that it was. */
export const peakMemory = (pid) => memory(pid, 'VmHWM');

/** Open descriptors. */
export async function descriptors(pid) {
  return (await readdir(`/proc/${pid}/fd`)).length;
}
