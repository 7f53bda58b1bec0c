/** What somebody may do with a server now; the first entry is the one main action of its tile. */
import type { EngineState } from '$lib/api/types';

export type Action = 'start' | 'stop' | 'restart' | 'chat';

export function actionsFor(
	state: EngineState,
	isAdmin: boolean,
	onDemand: boolean,
	waits = false
): Action[] {
	const admin = (...actions: Action[]): Action[] => (isAdmin ? actions : []);
	// it will start by itself when there is memory for it
	if (waits) return ['chat', ...admin('stop')];
	switch (state) {
		case 'stopped':
			return onDemand ? ['start', 'chat'] : ['start'];
		case 'failed':
			return ['start'];
		case 'starting':
		case 'loading':
			return ['chat', ...admin('stop', 'restart')];
		case 'ready':
			return ['chat', ...admin('stop', 'restart')];
		case 'stopping':
			return [];
	}
}
