import {useEffect, useState} from 'preact/hooks';
import {hexOf} from '../../model/hexgrid';
import {visibleText} from '../../base/text';
import type {PageField} from '../../model/hexpages';

/** How long the cursor must rest before its field is spoken, so that a key held down is not a stream of words. */
const REST = 450;

/** Says the field under the cursor to a screen reader once the cursor rests. */
export function SpokenField({field, cursor}: {field: PageField | null; cursor: bigint}) {
  const [words, setWords] = useState('');
  useEffect(() => {
    if (field === null) {
      return;
    }
    const {name, value, meaning} = field.field;
    const text = visibleText(`${name}${value === '' ? '' : `, ${value}`}. ${meaning}`);
    const timer = setTimeout(() => setWords(`${hexOf(cursor)}: ${text}`), REST);
    return () => clearTimeout(timer);
  }, [field, cursor]);
  return (
    <p class="hidden" aria-live="polite">
      {words}
    </p>
  );
}
