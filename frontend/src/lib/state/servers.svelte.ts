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

	constructor() {
		live.on('server', (server) => this.apply(server));
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
		return this.#applied(await api.createServer(input));
	}
	async update(id: string, input: ServerInput): Promise<Server> {
		return this.#applied(await api.updateServer(id, input));
	}
	async remove(id: string): Promise<void> {
		await api.deleteServer(id);
		this.#drop(id);
	}
	async start(id: string): Promise<Server> {
		return this.#applied(await api.startServer(id));
	}
	async stop(id: string): Promise<Server> {
		return this.#applied(await api.stopServer(id));
	}
	async restart(id: string): Promise<Server> {
		return this.#applied(await api.restartServer(id));
	}

	#applied({ server }: { server: Server }): Server {
		this.apply(server);
		return server;
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
