import type {Locator, Page} from 'playwright-core';

/** A button by its whole name, or by what the name matches. */
export function button(where: Locator | Page, name: string | RegExp): Locator {
  return where.getByRole('button', typeof name === 'string' ? {name, exact: true} : {name});
}

/** The part of the page where changes are tried out. */
export function labOf(page: Page): Locator {
  return page.getByRole('region', {name: 'Lab', exact: true});
}
