export { default as Tip } from './tip.svelte';
