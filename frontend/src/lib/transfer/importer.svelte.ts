/** The import that is under way, or how the last one ended. It goes on when its dialog is closed. */
import { isAbort } from '$lib/api/client';
import { importFile } from '$lib/api/upload';
import { notices } from '$lib/notices/notices.svelte';
import { session } from '$lib/state/session.svelte';
import { importedLine } from './words';

/** sending: the file goes out. storing: hob has all of it. */
export type ImportState = 'idle' | 'sending' | 'storing' | 'done' | 'failed' | 'cancelled';

const LATE =
	'Cancelled, but hob had all of it: look whether it is there. It is there as a whole or not at all.';

export class Importer {
	state = $state<ImportState>('idle');
	/** The file's name. */
	name = $state('');
	/** Bytes. */
	sent = $state(0);
	total = $state(0);
	/** How it ended, in words. */
	text = $state('');
	/** A dialog shows it; else a notice says how it ended. */
	watched = false;
	#control: AbortController | undefined;

	constructor() {
		session.onSignedOut(() => this.cancel());
	}

	get busy(): boolean {
		return this.state === 'sending' || this.state === 'storing';
	}

	/** Does nothing while one is under way. Never throws; `text` says how it ended. */
	async take(file: File): Promise<void> {
		if (this.busy) return;
		const control = new AbortController();
		this.#control = control;
		this.name = file.name;
		this.sent = 0;
		this.total = file.size;
		this.text = '';
		this.state = 'sending';
		try {
			const done = await importFile(file, {
				signal: control.signal,
				onprogress: (sent) => {
					this.sent = sent;
					if (sent >= file.size) this.state = 'storing';
				}
			});
			this.#end('done', importedLine(done));
		} catch (e) {
			if (isAbort(e))
				this.#end('cancelled', this.sent < this.total ? 'Cancelled. Nothing was imported.' : LATE);
			else this.#end('failed', e instanceof Error ? e.message : String(e));
		}
	}

	cancel(): void {
		this.#control?.abort();
	}

	/** Forgets how the last one ended. */
	clear(): void {
		if (!this.busy) this.state = 'idle';
	}

	#end(state: ImportState, text: string): void {
		this.state = state;
		this.text = text;
		if (!this.watched && state !== 'cancelled') notices.say(`${this.name}: ${text}`);
	}
}

export const importer = new Importer();
