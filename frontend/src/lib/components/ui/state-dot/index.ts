export { default as StateDot } from './state-dot.svelte';
