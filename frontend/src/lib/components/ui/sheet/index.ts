import { Dialog as DialogPrimitive } from 'bits-ui';
import Content from './sheet-content.svelte';

const { Root, Trigger, Close } = DialogPrimitive;
export { Root, Trigger, Close, Content };
