import { DropdownMenu as MenuPrimitive } from 'bits-ui';
import CheckboxItem from './dropdown-menu-checkbox-item.svelte';
import Content from './dropdown-menu-content.svelte';
import Item from './dropdown-menu-item.svelte';
import RadioItem from './dropdown-menu-radio-item.svelte';
import Sub from './dropdown-menu-sub.svelte';

const { Root, Trigger, Group, RadioGroup } = MenuPrimitive;
export { Root, Trigger, Group, RadioGroup, Content, Item, RadioItem, CheckboxItem, Sub };
