import { expect, it } from 'vitest';
import { serverName } from './names';

it.each([
	['Qwen3-8B-Q4_K_M.gguf', [], 'Qwen3-8B-Q4_K_M'],
	['/models/big-00001-of-00003.gguf', [], 'big'],
	['demo', ['Demo'], 'demo-2'],
	['demo', ['demo', 'demo-2'], 'demo-3'],
	['.gguf', [], 'model']
])('%s with %j taken becomes %s', (model, taken, name) => {
	expect(serverName(model, taken)).toBe(name);
});
