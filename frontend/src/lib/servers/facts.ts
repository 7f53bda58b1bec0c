/** How a server runs, in words. */
import type { Server } from '$lib/api/types';
import { formatBytes } from '$lib/format';
import { describeAdvanced } from './advanced';
import { formatArgv } from './argv';

const KINDS = { demo: 'Demo engine', 'llama-server': 'llama-server', command: 'Command' };

function startWords(onDemand: boolean, autostart: boolean): string {
	if (autostart) return onDemand ? 'with hob, and on demand' : 'with hob';
	return onDemand ? 'on demand' : 'by hand only';
}

/** Term and description; what is not set is left out. */
export function factsOf(server: Server): [string, string][] {
	const facts: [string, string][] = [
		['Engine', KINDS[server.kind]],
		['Model', server.model.path ?? server.model.name]
	];
	if (server.model.size_bytes !== null) facts.push(['Size', formatBytes(server.model.size_bytes)]);
	if (server.command?.length) facts.push(['Command', formatArgv(server.command)]);
	facts.push(['Extra options', server.args.length ? formatArgv(server.args) : 'none']);
	facts.push(['Start', startWords(server.on_demand, server.autostart)]);
	return [...facts, ...describeAdvanced(server)];
}
