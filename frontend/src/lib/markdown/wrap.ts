/** Whether code wraps: what was chosen last holds for the blocks that are shown from then on. */
import { recall, remember } from '$lib/storage';

const KEY = 'hob.code.wrap';
let wraps: boolean | undefined;

export function wrapsCode(): boolean {
	return (wraps ??= recall<unknown>(KEY, 0) === 1);
}

export function rememberWrap(on: boolean): void {
	wraps = on;
	remember(KEY, on ? 1 : 0);
}
