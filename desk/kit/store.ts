/** What this browser keeps for itself: device keys (not extractable), drafts, and large dispatches that were begun. Nothing here leaves the device. */
export type StoreName = 'deviceKeys' | 'drafts' | 'packings'
const STORES: readonly StoreName[] = ['deviceKeys', 'drafts', 'packings']

let opened: Promise<IDBDatabase> | null = null

function database(): Promise<IDBDatabase> {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open('postroad', 2)
    request.onupgradeneeded = () => {
      for (const name of STORES) if (!request.result.objectStoreNames.contains(name)) request.result.createObjectStore(name)
    }
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error ?? new Error('indexedDB'))
  })
  return opened
}

async function run<T>(store: StoreName, mode: IDBTransactionMode, work: (objects: IDBObjectStore) => T): Promise<T> {
  const transaction = (await database()).transaction(store, mode)
  const answer = work(transaction.objectStore(store))
  transaction.commit() // at once: the page may be on its way out
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(answer)
    transaction.onabort = () => reject(transaction.error ?? new Error('indexedDB'))
  })
}

const under = (prefix: string) => IDBKeyRange.bound(prefix, `${prefix}\uffff`)

/** The stored value, or undefined. The caller knows what it put there. */
export const readStored = async (store: StoreName, key: string): Promise<unknown> => (await run(store, 'readonly', (objects) => objects.get(key) as IDBRequest<unknown>)).result
export const writeStored = async (store: StoreName, key: string, value: unknown): Promise<void> => void (await run(store, 'readwrite', (objects) => objects.put(value, key)))

/** All values whose keys begin with the prefix, by the rest of their keys. */
export async function readAllStored(store: StoreName, prefix: string): Promise<Map<string, unknown>> {
  const [keys, values] = await run(store, 'readonly', (objects) => [objects.getAllKeys(under(prefix)), objects.getAll(under(prefix)) as IDBRequest<unknown[]>] as const)
  return new Map(keys.result.map((key, index) => [String(key).slice(prefix.length), values.result[index]]))
}
export const writeAllStored = (store: StoreName, prefix: string, values: ReadonlyMap<string, unknown>): Promise<void> =>
  run(store, 'readwrite', (objects) => values.forEach((value, key) => objects.put(value, prefix + key)))
export const removeAllStored = async (store: StoreName, prefix: string): Promise<void> => void (await run(store, 'readwrite', (objects) => objects.delete(under(prefix))))
