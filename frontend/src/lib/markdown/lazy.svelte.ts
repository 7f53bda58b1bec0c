/**
 * The two heavy parts of Markdown, fetched from hob when first needed. Reading them inside a $derived
 * renders that block again once they are here; until then code is plain and formulas show their source.
 */
type Highlight = typeof import('./highlighter').highlightCode;
type Typeset = typeof import('./typesetter').typeset;

class Lazy<T> {
	#value = $state.raw<T | null>(null);
	#asked = false;
	readonly #load: () => Promise<T>;

	constructor(load: () => Promise<T>) {
		this.#load = load;
	}
	get value(): T | null {
		if (!this.#asked) {
			this.#asked = true;
			this.#load().then(
				(value) => {
					this.#value = value;
				},
				() => {
					// Offline, or hob was updated meanwhile: the next block asks again.
					this.#asked = false;
				}
			);
		}
		return this.#value;
	}
}

export const highlighter = new Lazy<Highlight>(
	async () => (await import('./highlighter')).highlightCode
);
export const typesetter = new Lazy<Typeset>(async () => (await import('./typesetter')).typeset);
