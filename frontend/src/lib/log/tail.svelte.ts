/** The last lines of one engine's log, kept true by asking once a second while somebody can see it. */
import { api, ApiError, isAbort } from '$lib/api/client';
import type { LogLine } from '$lib/api/types';

const EVERY_MS = 1000;
/** As many as hob keeps. */
const MAX_LINES = 2000;

export class LogTail {
	lines = $state.raw<LogLine[]>([]);
	loaded = $state(false);
	error = $state<string | null>(null);
	#next = 0;
	#last = -1;
	readonly #serverId: string;

	constructor(serverId: string) {
		this.#serverId = serverId;
	}

	/** Asks until the returned function is called; rests while the tab is hidden. */
	start(): () => void {
		const control = new AbortController();
		let timer: ReturnType<typeof setTimeout> | undefined;
		const turn = async (): Promise<void> => {
			timer = undefined;
			if (document.visibilityState === 'visible') await this.poll(control.signal);
			if (!control.signal.aborted) timer = setTimeout(() => void turn(), EVERY_MS);
		};
		void turn();
		return () => {
			control.abort();
			clearTimeout(timer);
		};
	}

	/** One question. Never throws: `error` says what went wrong. */
	async poll(signal?: AbortSignal): Promise<void> {
		try {
			const { lines, next } = await api.serverLog(this.#serverId, this.#next, { signal });
			if (next < this.#next) {
				// hob has started anew and counts from the beginning.
				this.#next = 0;
				this.#last = -1;
				this.lines = [];
				await this.poll(signal);
				return;
			}
			this.#next = next;
			const fresh = lines.filter((line) => line.n > this.#last);
			this.#last = fresh.at(-1)?.n ?? this.#last;
			if (fresh.length > 0) this.lines = [...this.lines, ...fresh].slice(-MAX_LINES);
			this.loaded = true;
			this.error = null;
		} catch (e) {
			if (isAbort(e)) return;
			this.error =
				e instanceof ApiError && e.status > 0
					? e.message
					: 'The log cannot be read: hob cannot be reached. Trying again.';
		}
	}
}
