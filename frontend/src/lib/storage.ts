/** What this browser keeps: localStorage, which may be full or forbidden, and which all tabs write. */

/** Undefined where it is forbidden. */
export function browserStorage(): Storage | undefined {
	try {
		return globalThis.localStorage;
	} catch {
		return undefined;
	}
}

/** `otherwise` where nothing that can be read is kept. */
export function recall<T>(key: string, otherwise: T): T {
	try {
		const text = browserStorage()?.getItem(key) ?? null;
		return text === null ? otherwise : (JSON.parse(text) as T);
	} catch {
		return otherwise;
	}
}

/** False when it could not be kept: it holds for this visit only. */
export function remember(key: string, value: unknown): boolean {
	try {
		browserStorage()?.setItem(key, JSON.stringify(value));
		return browserStorage() !== undefined;
	} catch {
		return false;
	}
}
