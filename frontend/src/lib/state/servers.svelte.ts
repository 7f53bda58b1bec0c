/**
 * All servers with what their engines are doing now. Filled by GET /api/servers, kept true by
 * `server` events. Tells others when an engine changes state (`onEngine`).
 */
import { api } from '$lib/api/client';
import { live } from '$lib/api/events';
import type { EngineState, Server, ServerInput } from '$lib/api/types';
import { session } from './session.svelte';

export type EngineListener = (server: Server, before: EngineState | null) => void;

class Servers {
	list = $state.raw<Server[]>([]);
	loaded = $state(false);
	/** Why the list could not be read, in words; null when it is fine. */
	error = $state<string | null>(null);

	readonly #listeners = new Set<EngineListener>();
	/** Counts events, so that an older GET answer does not undo a newer event. */
	#version = 0;
	/** Events heard of each server, for the same reason (see #applied). */
	readonly #heard = new Map<string, number>();

	constructor() {
		live.on('server', (server) => {
			this.#heard.set(server.id, (this.#heard.get(server.id) ?? 0) + 1);
			this.apply(server);
		});
		live.on('server_removed', ({ id }) => this.#drop(id));
		live.on('reset', () => void this.load());
		session.onSignedOut(() => {
			this.list = [];
			this.loaded = false;
			this.error = null;
		});
		session.onSignedIn(() => void this.load());
	}

	/** Reads the list; never throws, `error` says what went wrong. */
	async load(): Promise<void> {
		const version = this.#version;
		try {
			const { servers } = await api.servers();
			if (version === this.#version) this.#replace(servers);
			else {
				const newer = new Map(this.list.map((s) => [s.id, s]));
				this.#replace(servers.map((s) => newer.get(s.id) ?? s));
			}
			this.loaded = true;
			this.error = null;
		} catch (e) {
			this.error = e instanceof Error ? e.message : String(e);
		}
	}

	get(id: string | null | undefined): Server | undefined {
		return id ? this.list.find((s) => s.id === id) : undefined;
	}

	/** Runs when an engine's state changes or is seen for the first time (`before` null). */
	onEngine(fn: EngineListener): () => void {
		this.#listeners.add(fn);
		return () => this.#listeners.delete(fn);
	}

	/** Takes one server's newest description. */
	apply(server: Server): void {
		this.#version++;
		const before = this.get(server.id);
		this.list = before
			? this.list.map((s) => (s.id === server.id ? server : s))
			: [...this.list, server];
		this.#tell(server, before);
	}

	async create(input: ServerInput): Promise<Server> {
		const { server } = await api.createServer(input);
		if (!this.get(server.id)) this.apply(server);
		return server;
	}
	update(id: string, input: ServerInput): Promise<Server> {
		return this.#applied(id, () => api.updateServer(id, input));
	}
	async remove(id: string): Promise<void> {
		await api.deleteServer(id);
		this.#drop(id);
	}
	start(id: string): Promise<Server> {
		return this.#applied(id, () => api.startServer(id));
	}
	stop(id: string): Promise<Server> {
		return this.#applied(id, () => api.stopServer(id));
	}
	restart(id: string): Promise<Server> {
		return this.#applied(id, () => api.restartServer(id));
	}

	/**
	 * Takes the answer of a call. Events come in order and a call's answer does not: an engine that
	 * stopped at once may be heard of before the answer that calls it stopping, so what was heard
	 * during the call counts.
	 */
	async #applied(id: string, call: () => Promise<{ server: Server }>): Promise<Server> {
		const before = this.#heard.get(id);
		const { server } = await call();
		const now = this.get(id);
		const newest =
			now && this.#heard.get(id) !== before ? { ...server, engine: now.engine } : server;
		this.apply(newest);
		return newest;
	}

	#drop(id: string): void {
		this.#version++;
		this.list = this.list.filter((s) => s.id !== id);
	}

	#replace(servers: Server[]): void {
		const before = new Map(this.list.map((s) => [s.id, s]));
		this.list = servers;
		for (const server of servers) this.#tell(server, before.get(server.id));
	}

	#tell(server: Server, before: Server | undefined): void {
		const restarted = before && before.engine.attempt !== server.engine.attempt;
		if (before?.engine.state === server.engine.state && !restarted) return;
		for (const fn of this.#listeners) fn(server, before?.engine.state ?? null);
	}
}

export const servers = new Servers();
