/**
 * Keeps a scroll box at its end while the reader is there, and leaves the reader alone elsewhere.
 * Every growth of the content is followed; one step upwards by the reader ends that, and so does
 * unfolding something (a button with data-unfolds): it is read from where it was cut.
 */
const NEAR_PX = 40;

export class StickToEnd {
	/** The reader is at the end (or was put there). */
	stuck = $state(true);
	#box: HTMLElement | undefined;
	#lastTop = 0;

	/** Attachment for the scroll box; `content` inside it is what grows. */
	attach = (box: HTMLElement): (() => void) => {
		this.#box = box;
		const grown = new ResizeObserver(() => {
			if (this.stuck) this.toEnd();
		});
		// With its padding, which makes room for what stands below the box.
		if (box.firstElementChild) grown.observe(box.firstElementChild, { box: 'border-box' });
		grown.observe(box);
		const onscroll = (): void => this.#onScroll(box);
		const onclick = (event: Event): void => {
			const { target } = event;
			if (target instanceof Element && target.closest('[data-unfolds][aria-expanded=false]'))
				this.release();
		};
		box.addEventListener('scroll', onscroll, { passive: true });
		// Before the button itself hears of it.
		box.addEventListener('click', onclick, { capture: true });
		this.toEnd();
		return () => {
			grown.disconnect();
			box.removeEventListener('scroll', onscroll);
			box.removeEventListener('click', onclick, { capture: true });
		};
	};

	toEnd(): void {
		this.stuck = true;
		if (this.#box) {
			this.#box.scrollTop = this.#box.scrollHeight;
			this.#lastTop = this.#box.scrollTop;
		}
	}

	/** The reader goes somewhere else: the end is not followed. */
	release(): void {
		this.stuck = false;
	}

	/** What stands above the reader grew by so much. */
	shift(px: number): void {
		if (!this.#box) return;
		this.#box.scrollTop += px;
		this.#lastTop = this.#box.scrollTop;
	}

	#onScroll(box: HTMLElement): void {
		const left = box.scrollHeight - box.scrollTop - box.clientHeight;
		const upwards = box.scrollTop < this.#lastTop - 1;
		this.#lastTop = box.scrollTop;
		if (left < (upwards ? 4 : NEAR_PX)) this.stuck = true;
		else if (upwards) this.stuck = false;
	}
}
