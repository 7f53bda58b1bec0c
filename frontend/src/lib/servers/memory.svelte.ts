/** GET /api/memory for the Servers page: read when it is shown, and again soon after an engine's change. */
import { api } from '$lib/api/client';
import type { Memory, MemorySettings } from '$lib/api/types';
import { servers } from '$lib/state/servers.svelte';

const AGAIN_MS = 1000;

class MemoryState {
	now = $state.raw<Memory | null>(null);
	#timer: ReturnType<typeof setTimeout> | undefined;

	/** Until the function that it gives is called. */
	watch(): () => void {
		void this.read();
		const off = servers.onEngine(() => {
			this.#timer ??= setTimeout(() => {
				this.#timer = undefined;
				void this.read();
			}, AGAIN_MS);
		});
		return () => {
			off();
			clearTimeout(this.#timer);
			this.#timer = undefined;
		};
	}

	/** Never throws: without an answer the bar shows what was known, or nothing. */
	async read(): Promise<void> {
		try {
			this.now = (await api.memory()).memory;
		} catch {
			// the page says elsewhere that hob cannot be reached
		}
	}

	async change(input: Partial<MemorySettings>): Promise<void> {
		this.now = (await api.changeMemory(input)).memory;
	}
}

export const memory = new MemoryState();
