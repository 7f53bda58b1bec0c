/** The last minutes of each engine's meters, for sparklines; samples come with the live events. */
import { SvelteMap } from 'svelte/reactivity';
import { live } from '$lib/api/events';
import type { Server } from '$lib/api/types';

/** hob sends meters every 2 s, so this is three minutes. */
const SAMPLES = 90;
const EVERY_MS = 1500;

export interface Sample {
	at: number;
	rss_bytes: number;
	gpu_bytes: number;
	cpu_percent: number;
	tokens_per_s: number;
}

const samples = new SvelteMap<string, Sample[]>();

export function meterHistory(serverId: string): Sample[] {
	return samples.get(serverId) ?? [];
}

export function take(server: Server, now = Date.now()): void {
	const { engine, id } = server;
	if (engine.state !== 'ready') {
		samples.delete(id);
		return;
	}
	const before = samples.get(id) ?? [];
	const last = before.at(-1);
	if (last && now - last.at < EVERY_MS) return;
	const sample = {
		at: now,
		rss_bytes: engine.rss_bytes ?? 0,
		gpu_bytes: engine.gpu_bytes ?? 0,
		cpu_percent: engine.cpu_percent ?? 0,
		tokens_per_s: engine.tokens_per_s ?? 0
	};
	samples.set(id, [...before.slice(1 - SAMPLES), sample]);
}

live.on('server', (server) => take(server));
live.on('server_removed', ({ id }) => samples.delete(id));
