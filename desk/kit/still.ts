/** Anything a list shows. */
export type Item = { readonly id: string }

type Asked<T extends Item> = { readonly items: readonly T[]; readonly selected: string | null; /** Filter and search: another one is another list. */ readonly scope: string }
/** A list that holds still: what is shown, and how many newer items wait. */
export type Still<T extends Item> = Asked<T> & { readonly shown: readonly T[]; readonly waiting: number }

/**
 * Keeps what one reads where it is: while an item is open, items that arrive wait, and the open item stays in its place even when it no longer
 * belongs to the filter. What stays is shown in its newest form. With nothing open, or in another scope, the list is simply what was found.
 */
export function holdStill<T extends Item>(before: Still<T> | null, asked: Asked<T>): Still<T> {
  const { items, selected, scope } = asked
  if (before === null || selected === null || before.scope !== scope || before.shown.length === 0) return { ...asked, shown: items, waiting: 0 }
  const newest = new Map(items.map((item) => [item.id, item]))
  const shown = before.shown.filter(({ id }) => newest.has(id) || id === selected).map((item) => newest.get(item.id) ?? item)
  const shownIds = new Set(shown.map(({ id }) => id))
  return { ...asked, shown, waiting: items.filter(({ id }) => !shownIds.has(id)).length }
}
