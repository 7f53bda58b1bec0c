/**
 * Every turn of a conversation has its place in the column, but only what the reader is near to is filled
 * in: the others are empty boxes of about the right height. So the scroll bar, Home and a jump to any
 * message work at once, however long the conversation is. What rushes past stays empty until it slows.
 */
import { untrack } from 'svelte';
import { SvelteSet } from 'svelte/reactivity';
import { paced } from '$lib/pace';
import type { Turn } from '$lib/state/turn.svelte';
import { Rush } from './rush';
import type { StickToEnd } from './scroll.svelte';

/** Filled this far beyond the visible part, in its heights. */
const MARGIN = '150% 0px';
const CHAR_PX = 7.4;
const LINE_PX = 25;
const MAX_COLUMN_PX = 736;
/** Actions, gaps, paddings. */
const FRAME_PX = 130;

/** About how high a text stands in a column of this width. */
export function textHeight(text: string, widthPx: number): number {
	const perLine = Math.max(20, widthPx / CHAR_PX);
	let lines = 0;
	let from = 0;
	for (;;) {
		const to = text.indexOf('\n', from);
		lines += Math.ceil(((to < 0 ? text.length : to) - from) / perLine);
		if (to < 0) return lines * LINE_PX;
		from = to + 1;
	}
}

export class Slots {
	readonly #filled = new SvelteSet<string>();
	/** Filled in, but still hidden: they are laid out and painted in a frame of their own. */
	readonly #fresh = new SvelteSet<string>();
	// eslint-disable-next-line svelte/prefer-svelte-reactivity -- asked for once by each slot
	readonly #heights = new Map<string, number>();
	// eslint-disable-next-line svelte/prefer-svelte-reactivity -- bookkeeping that no screen shows
	readonly #waiting = new Map<Element, () => void>();
	readonly #ids = new WeakMap<Element, string>();
	readonly #sizes = new WeakMap<Element, number>();
	readonly #rush = new Rush();
	readonly #scroll: StickToEnd;
	#box: HTMLElement | undefined;
	#near: IntersectionObserver | undefined;
	#sized: ResizeObserver | undefined;

	constructor(scroll: StickToEnd) {
		this.#scroll = scroll;
	}

	isFilled(id: string): boolean {
		return this.#filled.has(id);
	}
	isFresh(id: string): boolean {
		return this.#fresh.has(id);
	}
	/** At once. */
	fill(id: string): void {
		this.#filled.add(id);
		this.#fresh.delete(id);
	}

	/** The height in px that is kept for a turn before it is filled in. */
	height(turn: Turn): number {
		let height = this.#heights.get(turn.id);
		if (height === undefined) {
			height = untrack(() => {
				const width = Math.min(MAX_COLUMN_PX, window.innerWidth - 32);
				const answer = turn.answer?.text ?? '';
				return FRAME_PX + textHeight(turn.text, width * 0.8) + textHeight(answer, width) * 1.15;
			});
			this.#heights.set(turn.id, height);
		}
		return height;
	}

	/** Attachment for the scroll box. */
	attachBox = (box: HTMLElement): (() => void) => {
		this.#box = box;
		this.#near = new IntersectionObserver(this.#onNear, { root: box, rootMargin: MARGIN });
		// Where the browser does not keep the reader's place, changes of height above it are made up for here.
		if (!('overflowAnchor' in box.style)) this.#sized = new ResizeObserver(this.#onSized);
		for (const slot of box.querySelectorAll('[data-slot]')) this.#observe(slot);
		const onscroll = (): void => {
			this.#rush.step(box.scrollTop, box.clientHeight, performance.now());
		};
		box.addEventListener('scroll', onscroll, { passive: true });
		return () => {
			box.removeEventListener('scroll', onscroll);
			this.#near?.disconnect();
			this.#sized?.disconnect();
			for (const cancel of this.#waiting.values()) cancel();
			this.#waiting.clear();
		};
	};

	/** Attachment for the slot of one turn. */
	attachSlot(id: string): (slot: HTMLElement) => () => void {
		return (slot) => {
			this.#ids.set(slot, id);
			this.#observe(slot);
			return () => {
				this.#near?.unobserve(slot);
				this.#sized?.unobserve(slot);
				this.#drop(slot);
			};
		};
	}

	#observe(slot: Element): void {
		this.#near?.observe(slot);
		this.#sized?.observe(slot);
	}

	readonly #onNear = (entries: IntersectionObserverEntry[]): void => {
		for (const { target, isIntersecting } of entries) {
			const id = this.#ids.get(target);
			if (id === undefined) continue;
			if (!isIntersecting) this.#drop(target);
			else if (!untrack(() => this.#filled.has(id)) && !this.#waiting.has(target)) {
				const work = (): void => {
					this.#waiting.delete(target);
					this.#fresh.add(id);
					this.#filled.add(id);
					// Also when the reader has gone on: it must not stay hidden.
					paced(
						() => this.#fresh.delete(id),
						() => this.#distance(target)
					);
				};
				this.#waiting.set(
					target,
					paced(work, () => (this.#isRushing() ? Infinity : this.#distance(target)))
				);
			}
		}
	};

	#drop(slot: Element): void {
		this.#waiting.get(slot)?.();
		this.#waiting.delete(slot);
	}

	#isRushing(): boolean {
		return !untrack(() => this.#scroll.stuck) && this.#rush.isOn(performance.now());
	}

	/** From the middle of the visible part, in px. */
	#distance(slot: Element): number {
		if (!this.#box) return 0;
		const box = this.#box.getBoundingClientRect();
		const { top, bottom } = slot.getBoundingClientRect();
		const middle = (box.top + box.bottom) / 2;
		return top > middle ? top - middle : bottom < middle ? middle - bottom : 0;
	}

	readonly #onSized = (entries: ResizeObserverEntry[]): void => {
		let moved = 0;
		const top = this.#box?.getBoundingClientRect().top ?? 0;
		for (const { target } of entries) {
			const rect = target.getBoundingClientRect();
			const before = this.#sizes.get(target);
			this.#sizes.set(target, rect.height);
			if (before !== undefined && rect.top < top) moved += rect.height - before;
		}
		if (moved !== 0 && !this.#scroll.stuck) this.#scroll.shift(moved);
	};
}
