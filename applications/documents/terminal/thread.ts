import { threadAnswer } from '../model.ts'
import type { Client } from './client.ts'

/** The number of this organ's next message in a thread: order is promised within a thread, per sender. */
export async function nextOrdinal(client: Client, thread: string): Promise<number> {
  return (await client.get(`/api/documents/threads/${encodeURIComponent(thread)}`, threadAnswer)).nextOrdinal
}
