export { default as Button } from './button.svelte';
export { buttonVariants, type ButtonProps, type ButtonSize, type ButtonVariant } from './variants';
