import {expect, it} from 'vitest';
import {hexLines} from './guestbytes';

it('shows offset, bytes and text', () => {
  expect(hexLines('4546492050415254' + '00'.repeat(9), 0x200)).toEqual([
    '000000000200  45 46 49 20 50 41 52 54 00 00 00 00 00 00 00 00  EFI PART\u00b7\u00b7\u00b7\u00b7\u00b7\u00b7\u00b7\u00b7',
    `000000000210  00${' '.repeat(45)}  \u00b7`,
  ]);
  expect(hexLines('', 0)).toEqual([]);
});
