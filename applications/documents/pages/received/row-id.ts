/**
 * A message may reach two organs of one person: both make the row's id, in addresses too. The message stands last, as an address that ends like a
 * file's name (`….party`) would be looked for as a file.
 */
export const rowId = ({ organ, message }: { readonly organ: string; readonly message: string }): string => `${organ}~${message}`

export function parseRowId(id: string): { organ: string; message: string } {
  const [organ = '', message = ''] = id.split('~')
  return { organ, message }
}
