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
/** A value that this tab keeps under a key which other tabs may write too: what they wrote is left alone. */
export class Keepsake<T> {
	#key: string;
	/** What this tab wrote or read last. */
	#mine: string | null = null;

	constructor(key: string) {
		this.#key = key;
	}

	/** Null: nothing, or nothing that can be read. */
	read(): T | null {
		const value = recall<T | null>(this.#key, null);
		if (value !== null) this.#mine = this.#there();
		return value;
	}

	/** False when it could not be kept. */
	write(value: T): boolean {
		const kept = remember(this.#key, value);
		if (kept) this.#mine = this.#there();
		return kept;
	}

	clear(): void {
		if (this.#mine !== null && this.#there() === this.#mine)
			browserStorage()?.removeItem(this.#key);
		this.#mine = null;
	}

	/** From now on under another key, where nothing is written yet. */
	rename(key: string): void {
		this.clear();
		this.#key = key;
	}

	#there(): string | null {
		return browserStorage()?.getItem(this.#key) ?? null;
	}
}
