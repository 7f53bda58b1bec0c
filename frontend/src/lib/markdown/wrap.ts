/** Whether code wraps: what was chosen last holds for the blocks that are shown from then on. */
const KEY = 'hob.code.wrap';
let wraps: boolean | undefined;

export function wrapsCode(): boolean {
	if (wraps === undefined) {
		try {
			wraps = localStorage.getItem(KEY) === '1';
		} catch {
			wraps = false;
		}
	}
	return wraps;
}

export function rememberWrap(on: boolean): void {
	wraps = on;
	try {
		localStorage.setItem(KEY, on ? '1' : '0');
	} catch {
		// Storage is closed: it holds until the page is.
	}
}
