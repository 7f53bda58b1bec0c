/**
 * What happens in hob, live, from GET /api/events. All tabs of a browser share one connection
 * (browsers open six per host on HTTP/1.1): the tab that holds a lease (lease.ts) is the leader,
 * reads the stream and passes every event on through a BroadcastChannel.
 *
 *     follower --has the lease--> leader --closes or loses it--> the next tab resumes after the
 *                                                                last id that it heard
 *
 * Without channels, or where tabs have no leases, each tab reads for itself.
 */
import { ApiError, open } from './client';
import { leases, type Leases } from './lease';
import { readSse } from './stream';
import type { LiveEvents, Server } from './types';

export type LiveName = keyof LiveEvents;
/** lost: the connection broke and is being tried again. */
export type LinkState = 'connecting' | 'open' | 'lost';

const BACKOFF_MS = [500, 1000, 2000, 4000, 8000];
/** hob pings every 15 s. */
const SILENCE_MS = 40_000;
const HEADERS_MS = 10_000;
const SIGNED_OUT_MS = 10_000;
/** A page that comes back from sleep finds a connection that is dead more often than one that is this quiet. */
const QUIET_MS = 20_000;

const NAMES: ReadonlySet<string> = new Set<LiveName>([
	'server',
	'server_removed',
	'generation',
	'conversation',
	'conversation_removed',
	'message_changed',
	'message_removed',
	'folder',
	'folder_removed',
	'activity',
	'imported',
	'config',
	'reset'
]);

type Wire =
	| { kind: 'event'; id: string | null; name: LiveName; data: unknown }
	| { kind: 'link'; state: LinkState }
	| { kind: 'hello' }
	/** Somebody looks at the page again. */
	| { kind: 'wake' }
	| { kind: 'snapshot'; id: string | null; state: LinkState; servers: Server[] };

type Handler<K extends LiveName> = (data: LiveEvents[K]) => void;

/** The two parts that let tabs share, replaceable in tests; some browsers have no channels. */
export interface Sharing {
	leases: Leases;
	channel: ((name: string) => BroadcastChannel) | undefined;
}

function browserSharing(): Sharing {
	return {
		leases,
		channel:
			typeof BroadcastChannel === 'undefined' ? undefined : (name) => new BroadcastChannel(name)
	};
}

export class LiveFeed {
	readonly #handlers = new Map<LiveName, Set<(data: never) => void>>();
	readonly #linkHandlers = new Set<(state: LinkState) => void>();
	readonly #sharing: Sharing;
	readonly #servers = new Map<string, Server>();
	#channel: BroadcastChannel | undefined;
	#control: AbortController | undefined;
	#lastId: string | null = null;
	#link: LinkState = 'connecting';
	#leading = false;
	/** The connection of the moment, and the rest after it. */
	#round: AbortController | undefined;
	/** When anything came last, by Date.now(): other clocks stand still while the machine sleeps. */
	#heardAt = 0;

	constructor(sharing: Sharing = browserSharing()) {
		this.#sharing = sharing;
	}

	get link(): LinkState {
		return this.#link;
	}
	get leading(): boolean {
		return this.#leading;
	}

	/** Calls `handler` for each event of this name; returns what undoes it. */
	on<K extends LiveName>(name: K, handler: Handler<K>): () => void {
		let set = this.#handlers.get(name);
		if (!set) this.#handlers.set(name, (set = new Set()));
		set.add(handler);
		return () => set.delete(handler);
	}

	onLink(handler: (state: LinkState) => void): () => void {
		this.#linkHandlers.add(handler);
		return () => this.#linkHandlers.delete(handler);
	}

	/** Begins for this user; tabs of another user do not share. Does nothing while running. */
	start(userId: string): void {
		if (this.#control) return;
		const control = new AbortController();
		this.#control = control;
		this.#lastId = null;
		this.#servers.clear();
		this.#watchPage(control.signal);
		const name = `hob-events:${userId}`;
		const { channel } = this.#sharing;
		if (!channel) {
			void this.#lead(control.signal);
			return;
		}
		this.#channel = channel(name);
		this.#channel.onmessage = (e: MessageEvent<Wire>) => this.#hear(e.data);
		this.#post({ kind: 'hello' });
		void this.#share(name, control.signal);
	}

	/** Somebody looks at the page again, or the network is back: what was waited for may be there now. */
	#watchPage(signal: AbortSignal): void {
		const wake = (): void => {
			if (document.visibilityState !== 'visible') return;
			if (this.#leading) this.#wake();
			else this.#post({ kind: 'wake' });
		};
		document.addEventListener('visibilitychange', wake, { signal });
		window.addEventListener('online', wake, { signal });
		window.addEventListener('pageshow', wake, { signal });
	}

	/** Ends a rest, or a connection that is as good as dead. */
	#wake(): void {
		if (this.#link !== 'open' || Date.now() - this.#heardAt > QUIET_MS) this.#round?.abort();
	}

	/** Leads each time this tab has the lease, which a slowed tab may lose to another. */
	async #share(name: string, signal: AbortSignal): Promise<void> {
		for (;;) {
			const lease = await this.#sharing.leases.wait(name, signal);
			if (!lease) return;
			await this.#lead(lease.over);
			if (signal.aborted) return;
			this.#leading = false;
		}
	}

	/** Closes the connection, or hands it to another tab. */
	stop(): void {
		this.#control?.abort();
		this.#control = undefined;
		this.#channel?.close();
		this.#channel = undefined;
		this.#leading = false;
		this.#setLink('connecting');
	}

	#post(message: Wire): void {
		this.#channel?.postMessage(message);
	}

	#hear(message: Wire): void {
		switch (message.kind) {
			case 'event':
				// While a lease changes hands two may lead for a moment.
				if (this.#leading) return;
				this.#lastId = message.id ?? this.#lastId;
				this.#dispatch(message.name, message.data);
				return;
			case 'link':
				if (!this.#leading) this.#setLink(message.state);
				return;
			case 'wake':
				if (this.#leading) this.#wake();
				return;
			case 'hello':
				if (this.#leading)
					this.#post({
						kind: 'snapshot',
						id: this.#lastId,
						state: this.#link,
						servers: [...this.#servers.values()]
					});
				return;
			case 'snapshot':
				if (this.#leading) return;
				this.#lastId = message.id ?? this.#lastId;
				this.#setLink(message.state);
				for (const server of message.servers) this.#dispatch('server', server);
		}
	}

	#setLink(state: LinkState): void {
		if (this.#link === state) return;
		this.#link = state;
		for (const handler of this.#linkHandlers) handler(state);
		if (this.#leading) this.#post({ kind: 'link', state });
	}

	#dispatch(name: LiveName, data: unknown): void {
		if (name === 'server') this.#servers.set((data as Server).id, data as Server);
		else if (name === 'server_removed') this.#servers.delete((data as { id: string }).id);
		else if (name === 'reset') this.#servers.clear();
		for (const handler of this.#handlers.get(name) ?? []) handler(data as never);
	}

	/** Holds the connection until `signal` aborts. */
	async #lead(signal: AbortSignal): Promise<void> {
		if (signal.aborted) return;
		this.#leading = true;
		let failures = 0;
		while (!signal.aborted) {
			const round = new AbortController();
			const end = (): void => round.abort();
			signal.addEventListener('abort', end);
			this.#round = round;
			let rest = BACKOFF_MS[Math.min(failures, BACKOFF_MS.length - 1)] ?? 8000;
			try {
				await this.#read(round.signal);
			} catch (e) {
				// Nobody is signed in: signing in starts the feed again.
				if (e instanceof ApiError && e.status === 401) rest = SIGNED_OUT_MS;
			}
			if (this.#link === 'open') {
				failures = 0;
				rest = BACKOFF_MS[0] ?? 0;
			}
			if (!signal.aborted) {
				this.#setLink('lost');
				await until(round.signal, rest);
				failures++;
			}
			signal.removeEventListener('abort', end);
		}
	}

	/** One connection, until it ends. */
	async #read(signal: AbortSignal): Promise<void> {
		const response = await open('/api/events', {
			headers: {
				accept: 'text/event-stream',
				...(this.#lastId ? { 'last-event-id': this.#lastId } : {})
			},
			signal,
			headerTimeoutMs: HEADERS_MS
		});
		this.#heardAt = Date.now();
		this.#setLink('open');
		for await (const items of readSse(response, signal, SILENCE_MS)) {
			this.#heardAt = Date.now();
			for (const item of items)
				if (!('comment' in item)) this.#take(item.id, item.event, item.data);
		}
	}

	#take(id: string | undefined, name: string | undefined, data: string): void {
		if (id) this.#lastId = id;
		if (!name || !NAMES.has(name)) return;
		let value: unknown;
		try {
			value = JSON.parse(data);
		} catch {
			return;
		}
		this.#post({ kind: 'event', id: id ?? null, name: name as LiveName, data: value });
		this.#dispatch(name as LiveName, value);
	}
}

/** Resolves after `ms` or when `signal` aborts, whichever is first. */
function until(signal: AbortSignal, ms: number): Promise<void> {
	return new Promise((resolve) => {
		if (signal.aborted) return resolve();
		const timer = setTimeout(done, ms);
		function done(): void {
			clearTimeout(timer);
			signal.removeEventListener('abort', done);
			resolve();
		}
		signal.addEventListener('abort', done);
	});
}

export const live = new LiveFeed();
