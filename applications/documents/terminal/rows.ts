import { type ReceivedDetail, receivedDetail, type SentDetail, sentDetail } from '../model.ts'
import type { Post } from './post.ts'

/** `?a=1&b=2` of what is given; nothing of what is undefined. */
export const query = (parameters: Readonly<Record<string, string | number | undefined>>): string => {
  const given = Object.entries(parameters).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]))
  return given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`
}

/** One delivery as the node keeps it. @throws documents.notFound */
export const fetchReceived = (post: Post, message: string, organ: string | undefined): Promise<ReceivedDetail> =>
  post.client.get(`/api/documents/received/${encodeURIComponent(message)}${query({ organ })}`, receivedDetail)

/** One message this organ sent. @throws documents.notFound */
export const fetchSent = (post: Post, message: string): Promise<SentDetail> => post.client.get(`/api/documents/sent/${encodeURIComponent(message)}`, sentDetail)
