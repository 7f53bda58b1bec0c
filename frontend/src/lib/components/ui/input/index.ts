export { default as Input, inputClass } from './input.svelte';
