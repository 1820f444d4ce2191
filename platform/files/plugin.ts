import { definePlugin } from '@postroad/kernel/plugin'
import { filesRoutes } from './http.ts'
import { openStorage, storage } from './storage.ts'
import { expireUploads } from './uploads.ts'
import { filesTitle } from './words.ts'

export const files = definePlugin({
  id: 'files',
  title: filesTitle,
  migrations: new URL('./migrations/', import.meta.url),
  routes: filesRoutes,
  jobs: [{ name: 'expireUploads', every: '*/10 * * * *', run: async (_payload, node) => void (await expireUploads(node)) }],
  async start(node) {
    node.slots.set(storage, await openStorage(node.config))
    return { stop: async () => undefined }
  },
})
