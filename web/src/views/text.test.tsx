// @vitest-environment happy-dom
import {render} from 'preact';
import type {ComponentChildren} from 'preact';
import {expect, it} from 'vitest';
import {ImageText, Prose} from './text';

function shown(children: ComponentChildren): HTMLElement {
  const place = document.createElement('div');
  render(children, place);
  return place;
}

/** The elements that were made, by their names. */
function made(place: HTMLElement): string[] {
  return [...place.querySelectorAll('*')].map((element) => element.localName);
}

const MARKUP = '<img src=x onerror="owned=1"><script>owned=2</script>"><svg onload=owned=3>&lt;b&gt;';

it('shows markup as it is written, and makes nothing of it', () => {
  const place = shown(<ImageText text={MARKUP} />);
  expect(made(place)).toEqual(['bdi']);
  expect(place.textContent).toBe(MARKUP);
});

it('keeps text apart from the direction of the text around it, and names what turns it', () => {
  const place = shown(<ImageText text={'a\u202Etxt.exe\u2066b'} />);
  expect(made(place)).toEqual(['bdi', 'span', 'span']);
  expect([...place.querySelectorAll('.control')].map((span) => span.textContent)).toEqual(['\u27e8U+202E\u27e9', '\u27e8U+2066\u27e9']);
});

it('shows every character that cannot be seen', () => {
  const hidden = '\u0000\u0007\u001b\u007f\u0085\u00ad\u200b\u200f\u2028\u2029\u2060\ufeff\ue000\ud800\u{e0041}';
  const place = shown(<ImageText text={hidden} />);
  expect(place.querySelectorAll('.control')).toHaveLength(Array.from(hidden).length);
  expect(place.textContent).not.toMatch(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]/u);
});

it('does the same within our own words', () => {
  const place = shown(<Prose text={`run \`${MARKUP}\` or \u202E${MARKUP}`} />);
  expect(new Set(made(place))).toEqual(new Set(['bdi', 'code', 'span']));
  expect(place.querySelector('code')?.textContent).toBe(MARKUP);
  expect(place.textContent).not.toContain('\u202E');
});
