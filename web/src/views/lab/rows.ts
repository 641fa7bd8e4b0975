/** Where things are in the picture of a structure, from the top, in pixels. */
export const ROWS = {
  oldName: 14,
  old: 26,
  oldEnd: 64,
  /** What the old refcounts say. */
  stored: 122,
  storedEnd: 133,
  /** What was counted. */
  counted: 138,
  countedEnd: 149,
  ticks: 165,
  new: 216,
  newEnd: 254,
  newName: 275,
  height: 284,
} as const;
