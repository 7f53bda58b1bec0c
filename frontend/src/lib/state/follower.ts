/**
 * Reads one generation's events into an answer until it ends. A stream that breaks is opened
 * again after the last event seen, so nothing is missing and nothing comes twice.
 */
import { api, ApiError, isAbort } from '$lib/api/client';
import { openGeneration, type EventSteps, type GenerationEvent } from '$lib/api/stream';
import type { AnswerMeta, MessageError } from '$lib/api/types';
import { pause } from './patience';
import { slots, type Slot } from './slots';
import { isActive, type Answer } from './turn.svelte';

const BACKOFF_MS = [300, 1000, 2000, 4000, 8000];
/** How often a tab without a stream of its own asks for what was written. */
const POLL_MS = 500;
/** In the outbox nothing is written; news of the generation come by the live events. */
const OUTBOX_POLL_MS = 3000;
/** After so many polls without news hob is asked whether there will be any: it may have lost the end in a crash. */
const SILENT_POLLS = 20;
/** After Stop, hob's own end of the stream is awaited this long. */
const STOP_GRACE_MS = 1500;
const STOP_TRIES = 5;

export interface FollowHooks {
	onToken(): void;
	/** The generation failed before its first token; the answer is untouched. */
	onFailedEarly(error: MessageError): void;
	/** The answer has its final state. */
	onEnd(): void;
}

class Gap extends Error {}

export class Follower {
	readonly #answer: Answer;
	readonly #hooks: FollowHooks;
	/** Ends the request that the first stream came with. */
	readonly #endRequest: () => void;
	readonly #control = new AbortController();
	/** The connection of the moment. */
	#link = new AbortController();
	#parked = false;
	#unpark: (() => void) | undefined;
	#slot: Slot | null = null;
	#silentPolls = 0;
	#sawToken = false;
	#over = false;
	#allowGap = false;

	constructor(answer: Answer, hooks: FollowHooks, endRequest: () => void = () => undefined) {
		this.#answer = answer;
		this.#hooks = hooks;
		this.#endRequest = endRequest;
	}

	/** `steps`: a stream that is open already; null opens the generation's own. Never throws. */
	async run(steps: EventSteps | null): Promise<void> {
		document.addEventListener('visibilitychange', this.#onVisibility);
		window.addEventListener('online', this.#reopen);
		this.#onVisibility();
		let failures = 0;
		while (!this.#over) {
			try {
				if (!(await this.#hasSlot())) {
					if (steps) this.#endRequest();
					steps = null;
					await this.#poll();
					failures = 0;
					continue;
				}
				if (this.#over) return;
				steps ??= await openGeneration(
					this.#answer.generationId,
					this.#answer.lastId,
					this.#link.signal
				);
				this.#answer.lost = false;
				let nothing = true;
				for await (const batch of steps) {
					this.#answer.lost = false;
					failures = 0;
					nothing &&= batch.length === 0;
					for (const event of batch) {
						this.#take(event);
						if (this.#over) return;
					}
				}
				if (nothing) this.#answer.rewind();
			} catch (e) {
				if (this.#over) return;
				if (isAbort(e)) {
					if (this.#parked) await new Promise<void>((resolve) => (this.#unpark = resolve));
					this.#link = new AbortController();
					steps = null;
					continue;
				}
				if (e instanceof Gap) this.#allowGap = true;
				else if (e instanceof ApiError && [403, 404, 410].includes(e.status)) {
					this.#finishLost();
					return;
				}
			}
			steps = null;
			if (this.#over) return;
			this.#answer.lost = true;
			await pause(
				BACKOFF_MS[Math.min(failures, BACKOFF_MS.length - 1)] ?? 8000,
				this.#control.signal
			);
			failures++;
		}
	}

	/** Ends the generation in hob. The text so far stays. */
	stop(): void {
		const { generationId } = this.#answer;
		setTimeout(() => {
			if (this.#over) return;
			this.#close();
			this.#answer.end('stopped', null, null);
			this.#hooks.onEnd();
		}, STOP_GRACE_MS);
		void stopGeneration(generationId);
	}

	/** Stops reading; the generation goes on in hob. */
	detach(): void {
		this.#close();
	}

	/** The generation is over: a parked reader fetches the rest. */
	wake(): void {
		if (!this.#parked) return;
		this.#parked = false;
		this.#unpark?.();
	}

	readonly #onVisibility = (): void => {
		if (document.visibilityState === 'visible') this.wake();
		else this.#park();
	};

	/** An answer that waits in the outbox needs no stream yet. */
	async #hasSlot(): Promise<boolean> {
		if (this.#answer.state === 'queued') return false;
		const slot = this.#slot ?? (await slots.take());
		if (this.#over || this.#parked) slot?.release();
		else if (slot && slot !== this.#slot) {
			this.#slot = slot;
			slot.over.addEventListener('abort', () => this.#loseSlot(slot));
		}
		return slot !== null;
	}

	/** Another tab has it now: the connection goes at once. */
	#loseSlot(slot: Slot): void {
		if (this.#slot !== slot) return;
		this.#slot = null;
		this.#reopen();
	}

	/** Ends the connection; the next one goes on after the last event. Another network is back: the old one is dead. */
	readonly #reopen = (): void => {
		this.#link.abort();
		this.#endRequest();
	};

	#giveSlotBack(): void {
		const slot = this.#slot;
		this.#slot = null;
		slot?.release();
	}

	/** Takes what is there now, then waits a little. */
	async #poll(): Promise<void> {
		// What a request hangs on its signal goes with it.
		if (!this.#link.signal.aborted) this.#link = new AbortController();
		const steps = await openGeneration(
			this.#answer.generationId,
			this.#answer.lastId,
			this.#link.signal,
			false
		);
		this.#silentPolls++;
		for await (const batch of steps) {
			this.#silentPolls = 0;
			for (const event of batch) {
				this.#take(event);
				if (this.#over) return;
			}
		}
		this.#answer.lost = false;
		if (this.#silentPolls >= SILENT_POLLS) {
			this.#silentPolls = 0;
			const { generation } = await api.generation(this.#answer.generationId);
			if (!isActive(generation.state)) this.#answer.rewind();
		}
		await pause(this.#answer.state === 'queued' ? OUTBOX_POLL_MS : POLL_MS, this.#control.signal);
	}

	/** A tab that nobody looks at gives its connection back; hob goes on writing without a reader. */
	#park(): void {
		if (this.#parked || this.#over) return;
		this.#parked = true;
		this.#giveSlotBack();
		this.#reopen();
	}

	#close(): void {
		this.#over = true;
		this.#giveSlotBack();
		document.removeEventListener('visibilitychange', this.#onVisibility);
		window.removeEventListener('online', this.#reopen);
		this.#link.abort();
		this.#control.abort();
		this.#unpark?.();
	}

	#take(event: GenerationEvent): void {
		if (event.kind === 'waiting') {
			if (!this.#sawToken) this.#answer.note = event.text;
			return;
		}
		if (event.id !== null) {
			const last = this.#answer.lastId;
			if (event.id <= last) return;
			if (event.id > last + 1 && !this.#allowGap) throw new Gap();
			this.#answer.lastId = event.id;
			this.#allowGap = false;
		}
		if (event.kind === 'text') {
			if (!event.content && !event.reasoning && event.tools.length === 0) return;
			this.#answer.append(event.content, event.reasoning, event.tools);
			if (!this.#sawToken) {
				this.#sawToken = true;
				this.#hooks.onToken();
			}
			return;
		}
		if (event.kind === 'done') this.#finish(event.state, null, event.meta);
		else if (!this.#sawToken && event.state === 'failed') {
			this.#close();
			this.#hooks.onFailedEarly(event.error);
		} else this.#finish(event.state, event.error, null);
	}

	#finish(
		state: 'done' | 'stopped' | 'failed' | 'interrupted',
		error: MessageError | null,
		meta: AnswerMeta | null
	): void {
		this.#close();
		// A failure with text is an answer that broke off: it can be continued.
		this.#answer.end(state === 'failed' ? 'interrupted' : state, error, meta);
		this.#hooks.onEnd();
	}

	#finishLost(): void {
		this.#finish(
			'interrupted',
			{
				message: 'hob no longer has the rest of this answer',
				type: 'server_error',
				code: 'generation_gone',
				retryable: false
			},
			null
		);
	}
}

/** Tells hob to stop a generation; tries again while hob cannot be reached. */
export async function stopGeneration(generationId: string): Promise<void> {
	if (!generationId) return;
	for (let n = 0; n < STOP_TRIES; n++) {
		try {
			await api.stopGeneration(generationId);
			return;
		} catch (e) {
			if (e instanceof ApiError && e.status !== 0 && e.status < 500) return;
			await new Promise((resolve) => setTimeout(resolve, 500 * 2 ** n));
		}
	}
}
