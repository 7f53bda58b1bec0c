/** The records and sums that the page shows, for its filters; new ones come by themselves. */
import { api, isAbort, queryOf } from '$lib/api/client';
import { live } from '$lib/api/events';
import type { ActivityFilter, ActivityRecord, ActivitySeries } from '$lib/api/types';
import { RANGES, type RangeId } from './words';

const PAGE = 100;
/** News come up to once a second; so often they are looked at. */
const REFRESH_MS = 2000;
/** Of typing, before it is searched for. */
const TYPING_MS = 250;

export class ActivityView {
	range = $state<RangeId>('24h');
	server = $state('');
	user = $state('');
	outcome = $state('');
	q = $state('');

	records = $state.raw<ActivityRecord[] | null>(null);
	series = $state.raw<ActivitySeries | null>(null);
	error = $state<string | null>(null);
	/** There are more records below. */
	hasMore = $state(false);
	loadingMore = $state(false);

	#next: number | null = null;
	#control: AbortController | undefined;
	#timer: ReturnType<typeof setTimeout> | undefined;
	#refreshedAt = 0;

	readonly filter: ActivityFilter = $derived({
		server: this.server,
		user: this.user,
		outcome: this.outcome,
		q: this.q.trim()
	});
	readonly filtered = $derived(Object.values(this.filter).some(Boolean));

	get #range(): (typeof RANGES)[number] {
		return RANGES.find((r) => r.id === this.range) ?? RANGES[1];
	}
	/** The table of the same records, all of them; another one each time that the page has read. */
	csvHref(now = Date.now()): string {
		void this.series;
		return `/api/activity.csv${queryOf({ ...this.filter, from: now - this.#range.ms })}`;
	}

	/** Reads all again; what is shown stays until then. */
	async load(): Promise<void> {
		this.#control?.abort();
		const control = (this.#control = new AbortController());
		clearTimeout(this.#timer);
		this.#timer = undefined;
		this.#refreshedAt = Date.now();
		const to = Date.now() + 1;
		const range = this.#range;
		const filter = { ...this.filter, from: to - range.ms };
		try {
			const [page, series] = await Promise.all([
				api.activity({ ...filter, limit: PAGE }, control.signal),
				api.activitySeries({ ...filter, to, buckets: range.buckets }, control.signal)
			]);
			this.#take(page.records, page.next);
			this.series = series;
			this.error = null;
		} catch (e) {
			if (isAbort(e)) return;
			this.error = e instanceof Error ? e.message : String(e);
		}
	}

	/** What was read further down stays, if the new page reaches down to it. */
	#take(records: ActivityRecord[], next: number | null): void {
		const last = records.at(-1)?.id ?? 0;
		const known = this.records?.some((r) => r.id === last) ? this.records : [];
		const older = next === null ? [] : known.filter((r) => r.id < last);
		if (older.length === 0) this.#next = next;
		this.records = [...records, ...older];
		this.hasMore = this.#next !== null;
	}

	async more(): Promise<void> {
		if (this.#next === null || this.loadingMore) return;
		this.loadingMore = true;
		const { filter } = this;
		try {
			const page = await api.activity({
				...filter,
				from: Date.now() - this.#range.ms,
				before: this.#next,
				limit: PAGE
			});
			if (filter !== this.filter) return;
			this.records = [...(this.records ?? []), ...page.records];
			this.#next = page.next;
			this.hasMore = page.next !== null;
		} catch (e) {
			this.error = e instanceof Error ? e.message : String(e);
		} finally {
			this.loadingMore = false;
		}
	}

	/** The filters changed: other records, from the top. */
	reset(typing = false): void {
		this.#control?.abort();
		clearTimeout(this.#timer);
		this.#timer = setTimeout(
			() => {
				this.records = null;
				this.#next = null;
				void this.load();
			},
			typing ? TYPING_MS : 0
		);
	}

	/** Follows the news until the returned function is called. */
	watch(): () => void {
		const refresh = (): void => {
			if (document.visibilityState !== 'visible') return;
			const wait = Math.max(0, this.#refreshedAt + REFRESH_MS - Date.now());
			this.#timer ??= setTimeout(() => void this.load(), wait);
		};
		const undo = [live.on('activity', refresh), live.on('reset', refresh)];
		document.addEventListener('visibilitychange', refresh);
		return () => {
			undo.forEach((fn) => fn());
			document.removeEventListener('visibilitychange', refresh);
			clearTimeout(this.#timer);
			this.#timer = undefined;
			this.#control?.abort();
		};
	}
}
