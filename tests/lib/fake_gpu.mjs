// A GPU that is not there: an `nvidia-smi` first in PATH that tells what a test says. Engines have as much on it as the test
// gave their servers, while their process lives.
import { chmod, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const MIB = 2 ** 20;
export const TOTAL_MIB = 24000;

/* sizes: "ID MIB" a line. An engine is known by its socket, whose name is its server's id; hob's watcher has the same arguments. */
const SCRIPT = `#!/bin/sh
cd "\${0%/*}"
echo "$1" >> runs
case $(cat mode) in
  garbage) head -c 3000 /dev/urandom; exit ;;
  hang) exec sleep 600 ;;
esac
used=$(cat others)
uses=
while read -r id mib; do
  pid=
  for file in $(grep -lsa "$id[.]sock" /proc/[0-9]*/cmdline); do
    grep -qsa engine-exec "$file" && continue
    pid=\${file#/proc/} pid=\${pid%/cmdline}
    uses="$uses$pid, $mib
"
  done
  if [ -n "$pid" ] || [ -e "late-$id" ]; then used=$((used + mib)); fi
done < sizes
case $1 in
  --query-gpu=*) echo "${TOTAL_MIB}, $used, $((${TOTAL_MIB} - used)), NVIDIA GeForce RTX 4090" ;;
  --query-compute-apps=*) printf '%s' "$uses" ;;
esac
`;

export class FakeGpu {
  #sizes = new Map();

  static async make() {
    const gpu = new FakeGpu();
    gpu.dir = await mkdtemp(join(tmpdir(), 'hob-gpu-'));
    await gpu.#put('sizes', '');
    await gpu.others(0);
    await gpu.behave('well');
    await gpu.#put('nvidia-smi', SCRIPT);
    await chmod(join(gpu.dir, 'nvidia-smi'), 0o755);
    return gpu;
  }

  get env() {
    return { PATH: `${this.dir}:${process.env.PATH}` };
  }

  async #put(name, text) {
    await writeFile(join(this.dir, `${name}.new`), text);
    await rename(join(this.dir, `${name}.new`), join(this.dir, name));
  }

  /** The engine of this server has so much, from now on. */
  async give(id, mib) {
    this.#sizes.set(id, mib);
    await this.#put('sizes', [...this.#sizes].map((pair) => `${pair.join(' ')}\n`).join(''));
  }

  /** What programs other than hob's use. */
  others = (mib) => this.#put('others', String(mib));

  /** 'well', 'garbage' or 'hang'. */
  behave = (mode) => this.#put('mode', mode);

  /** After its end the memory of this server's engine stays taken, listed nowhere, until giveBack. */
  keep = (id) => this.#put(`late-${id}`, '');
  giveBack = (id) => rm(join(this.dir, `late-${id}`), { force: true });

  /** How often nvidia-smi was run. */
  async runs() {
    return (await readFile(join(this.dir, 'runs'), 'utf8').catch(() => '')).split('\n').length - 1;
  }

  remove = () => rm(this.dir, { recursive: true, force: true });
}
