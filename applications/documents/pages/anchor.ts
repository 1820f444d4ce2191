const KEY = 'postroad.anchor'

/** The root fingerprint this browser has met before; the terminal refuses another, and 「验真」 starts from it. */
export const rememberedAnchor = (): string | null => localStorage.getItem(KEY)
export const rememberAnchor = (anchor: string): void => localStorage.setItem(KEY, anchor)

/** A root fingerprint known before any evidence is looked at, and where from. */
export type Pinned = { readonly fingerprint: string; readonly source: 'carried' | 'remembered' }

/**
 * What this page was served with (`<meta name="postroad-anchor">`, put there by whoever publishes the page), else what this browser
 * met and kept when its person opened the organ's keys. A fingerprint inside the evidence is never looked at: it would prove itself.
 */
export function pinnedAnchor(): Pinned | null {
  const carried = document.querySelector<HTMLMetaElement>('meta[name="postroad-anchor"]')?.content ?? ''
  if (/^[0-9a-f]{64}$/.test(carried)) return { fingerprint: carried, source: 'carried' }
  const remembered = rememberedAnchor()
  return remembered === null || !/^[0-9a-f]{64}$/.test(remembered) ? null : { fingerprint: remembered, source: 'remembered' }
}
