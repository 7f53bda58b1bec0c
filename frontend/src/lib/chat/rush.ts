/** Tells when a box is scrolled so fast that nothing in it can be read: it is not worth filling in. */

/** Of the box's height, in each of two frames one after the other. */
const SHARE = 0.5;
/** After so long without a step it stands. A jump is one step after a rest, and is no rush. */
const STANDS_MS = 100;

export class Rush {
	#top = 0;
	#at = -Infinity;
	#steps = 0;

	/** The box was scrolled to `top`, at `now` ms. Called once a frame. */
	step(top: number, height: number, now: number): void {
		const far = Math.abs(top - this.#top) > height * SHARE;
		this.#steps = far && now - this.#at < STANDS_MS ? this.#steps + 1 : 0;
		this.#top = top;
		this.#at = now;
	}

	isOn(now: number): boolean {
		return this.#steps >= 2 && now - this.#at < STANDS_MS;
	}
}
