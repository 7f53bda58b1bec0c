/** What this browser remembers; without storage (it may be forbidden) for this visit only. */
export function recall<T>(key: string, otherwise: T): T {
	try {
		const text = localStorage.getItem(key);
		return text === null ? otherwise : (JSON.parse(text) as T);
	} catch {
		return otherwise;
	}
}

export function remember(key: string, value: unknown): void {
	try {
		localStorage.setItem(key, JSON.stringify(value));
	} catch {
		// For this visit only.
	}
}
