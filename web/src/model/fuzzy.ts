/** How well words fit a text, and which of its characters they hit. */
interface Fit {
  /** The larger the better. */
  score: number;
  hits: ReadonlySet<number>;
}

/**
 * Whether every word of a query is found in a name: as it stands, or its letters in their order; or as it stands in
 * other words for the same. Better is what stands at the start of a word, and what is found in one piece.
 */
export function fitOf(query: string, name: string, synonyms = ''): Fit | null {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const text = name.toLowerCase();
  const hits = new Set<number>();
  // Of texts that fit alike the shortest is meant.
  let score = -text.length / 1000;
  for (const word of words) {
    const fit = pieceFit(word, text) ?? elsewhere(pieceFit(word, synonyms.toLowerCase())) ?? letterFit(word, text);
    if (fit === null) {
      return null;
    }
    score += fit.score;
    fit.hits.forEach((hit) => hits.add(hit));
  }
  return {score, hits};
}

/** The same fit, with nothing to mark in the name. */
function elsewhere(fit: Fit | null): Fit | null {
  return fit === null ? null : {score: fit.score / 2, hits: new Set()};
}

/** The word in one piece, at the start of a word of the text if there is such a place. */
function pieceFit(word: string, text: string): Fit | null {
  let best: Fit | null = null;
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    const whole = /^[a-z0-9]/.test(text.slice(at + word.length)) ? 0 : 10;
    const score = (startsWord(text, at) ? 200 + whole : 100) + word.length;
    if (best === null || score > best.score) {
      best = {score, hits: new Set(Array.from(word, (_, i) => at + i))};
    }
  }
  return best;
}

/** The word's letters in their order, each as early as can be; but a start of a word is preferred. */
function letterFit(word: string, text: string): Fit | null {
  const hits = new Set<number>();
  let score = 0;
  let from = 0;
  for (const letter of word) {
    const next = text.indexOf(letter, from);
    if (next < 0) {
      return null;
    }
    const start = nextStart(text, letter, from);
    const at = start >= 0 && canGoOn(word.slice(hits.size + 1), text, start + 1) ? start : next;
    score += startsWord(text, at) ? 8 : at === from && from > 0 ? 4 : 1;
    hits.add(at);
    from = at + 1;
  }
  return {score, hits};
}

function nextStart(text: string, letter: string, from: number): number {
  for (let at = text.indexOf(letter, from); at >= 0; at = text.indexOf(letter, at + 1)) {
    if (startsWord(text, at)) {
      return at;
    }
  }
  return -1;
}

/** Whether the letters are still to be found in their order. */
function canGoOn(letters: string, text: string, from: number): boolean {
  let at = from;
  for (const letter of letters) {
    at = text.indexOf(letter, at) + 1;
    if (at === 0) {
      return false;
    }
  }
  return true;
}

function startsWord(text: string, at: number): boolean {
  return at === 0 || !/[a-z0-9]/.test(text[at - 1] ?? '');
}

/** What fits, the best first; what fits alike stays in its order. An empty query leaves all as it is. */
export function fitting<T>(query: string, items: readonly T[], textOf: (item: T) => {name: string; words: string}): {item: T; hits: ReadonlySet<number>}[] {
  if (query.trim() === '') {
    return items.map((item) => ({item, hits: new Set()}));
  }
  return items
    .flatMap((item) => {
      const {name, words} = textOf(item);
      const fit = fitOf(query, name, words);
      return fit === null ? [] : [{item, ...fit}];
    })
    .toSorted((a, b) => b.score - a.score)
    .map(({item, hits}) => ({item, hits}));
}
