import { describe, expect, it } from 'vitest';
import type { ApiKey } from '$lib/api/types';
import {
	allRights,
	isExpired,
	limitTexts,
	limitWords,
	NO_LIMITS,
	readLimits,
	readRights,
	rightsTexts,
	rightsWords,
	type LimitErrors,
	type RightsErrors
} from './rights';

const key: ApiKey = {
	id: 'k',
	name: 'ci',
	prefix: 'hob_ab',
	created_at: 1,
	last_used_at: null,
	expires_at: null,
	routes: null,
	models: null,
	limits: NO_LIMITS
};

describe('limits', () => {
	it('are numbers from 1 on, or nothing', () => {
		const errors: LimitErrors = {};
		const texts = { requests_per_minute: ' 1,000 ', tokens_per_minute: '', max_parallel: '3' };
		expect(readLimits(texts, errors)).toEqual({
			requests_per_minute: 1000,
			tokens_per_minute: null,
			max_parallel: 3
		});
		expect(errors).toEqual({});
		for (const text of ['0', '-1', '1.5', '1e3', 'many', '1000000001']) {
			const wrong: LimitErrors = {};
			expect(readLimits({ ...texts, tokens_per_minute: text }, wrong), text).toBeNull();
			expect(Object.keys(wrong)).toEqual(['tokens_per_minute']);
		}
	});

	it('come back as they were', () => {
		const limits = { requests_per_minute: 5, tokens_per_minute: 100000, max_parallel: null };
		expect(readLimits(limitTexts(limits), {})).toEqual(limits);
	});

	it('are said in words', () => {
		expect(limitWords(NO_LIMITS)).toBe('');
		expect(limitWords({ ...NO_LIMITS, requests_per_minute: 1 })).toBe('1 request a minute');
		expect(
			limitWords({ requests_per_minute: 60, tokens_per_minute: 100000, max_parallel: 2 })
		).toBe('60 requests a minute, 100,000 tokens a minute, 2 at once');
	});
});

describe('rights', () => {
	it('of a key for everything are none', () => {
		expect(readRights(allRights(), {})).toEqual({ models: null, routes: null, limits: NO_LIMITS });
		expect(rightsWords(key)).toEqual([]);
	});

	it('end with the last millisecond of a day, here', () => {
		const tomorrow = new Date(Date.now() + 86_400_000);
		const day = `${String(tomorrow.getFullYear())}-${String(tomorrow.getMonth() + 1).padStart(2, '0')}-${String(tomorrow.getDate()).padStart(2, '0')}`;
		const input = readRights({ ...allRights(), lastDay: day }, {});
		const end = new Date(input?.expires_at ?? 0);
		expect([end.getDate(), end.getHours(), end.getMinutes(), end.getSeconds()]).toEqual([
			tomorrow.getDate(),
			23,
			59,
			59
		]);
		const errors: RightsErrors = {};
		expect(readRights({ ...allRights(), lastDay: '2020-01-31' }, errors)).toBeNull();
		expect(Object.keys(errors)).toEqual(['expires_at']);
	});

	it('leave an end alone whose day was not touched, past or to come', () => {
		for (const expires_at of [Date.now() - 86_400_000 * 5, Date.now() + 86_400_000 * 5]) {
			const input = readRights(rightsTexts({ ...key, expires_at }), {}, expires_at);
			expect(input).not.toBeNull();
			expect(input).not.toHaveProperty('expires_at');
		}
		const cleared = { ...rightsTexts({ ...key, expires_at: 5 }), lastDay: '' };
		expect(readRights(cleared, {}, 5)?.expires_at).toBeNull();
	});

	it('refuse what hob would', () => {
		const errors: RightsErrors = {};
		const texts = allRights();
		for (const route of Object.keys(texts.routes) as (keyof typeof texts.routes)[])
			texts.routes[route] = false;
		texts.models = Array(65).fill('a').join(',');
		texts.limits.max_parallel = 'x';
		expect(readRights(texts, errors)).toBeNull();
		expect(Object.keys(errors).sort()).toEqual(['max_parallel', 'models', 'routes']);
	});

	it('are said in words', () => {
		const some: ApiKey = {
			...key,
			routes: ['chat', 'api'],
			models: ['qwen3*'],
			limits: { ...NO_LIMITS, max_parallel: 1 }
		};
		expect(rightsWords(some)).toEqual([
			'Models: qwen3*',
			'For: Chat completions, hob’s own interface',
			'1 at once'
		]);
		expect(isExpired({ ...key, expires_at: 5 }, 5)).toBe(true);
		expect(isExpired({ ...key, expires_at: 6 }, 5)).toBe(false);
		expect(isExpired(key)).toBe(false);
	});
});
