import {useState} from 'preact/hooks';
import type {Panel} from '../model/keys';
import {useController, useStore} from './app-context';
import {Icon} from './signs';

/** Puts the address of the place that is shown in a part of the page on the clipboard. */
export function CopyLink({panel}: {panel: Panel}) {
  const {links, view, hex} = useController();
  // What the address is made of: with another place the button is as before.
  useStore(view);
  useStore(hex);
  const [copied, setCopied] = useState('');
  const copy = async () => {
    const link = links.current(panel);
    setCopied((await links.copy(panel)) ? link : '');
  };
  const done = copied !== '' && copied === links.current(panel);
  return (
    <button type="button" class="copy-link" title="The link names this place, never the image" onClick={() => void copy()}>
      <Icon name="link" />
      <span aria-live="polite">{done ? 'Link copied' : 'Copy link'}</span>
    </button>
  );
}
